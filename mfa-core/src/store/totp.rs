//! TOTP authenticators as stores hold them.

use super::{Holds, Record, Row, Shape, UnreadableField};
use crate::clock::UnixTime;
use crate::envelope::{RecordKind, Sealed};
use crate::id::{ConsumerId, TotpId};
use crate::totp::{SharedSecret, TimeStep};

/// A TOTP authenticator as it is stored. Fields that stores compare or count atomically are not sealed.
#[expect(clippy::exhaustive_structs, reason = "tests and migrations build records")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TotpRecord {
    /// Its id.
    pub id: TotpId,
    /// The consumer that owns it.
    pub consumer: ConsumerId,
    /// The shared secret and its parameters.
    pub secret: Sealed<SharedSecret>,
    /// When it was enrolled; the predecessors did not record it.
    pub created_at: Option<UnixTime>,
    /// The last time step a code was accepted for.
    pub last_accepted_step: Option<TimeStep>,
    /// Consecutive failures. The predecessors did not count them.
    pub failures: u32,
    /// When the last of them was.
    pub failed_at: Option<UnixTime>,
}

impl Record for TotpRecord {
    type Id = TotpId;

    const SHAPE: &'static Shape = &Shape {
        kind: RecordKind::Totp,
        sealed: &["secret"],
        open: &[
            ("created_at", Holds::Integer),
            ("last_accepted_step", Holds::Integer),
            ("failures", Holds::Integer),
            ("failed_at", Holds::Integer),
        ],
    };

    fn id(&self) -> TotpId {
        self.id
    }

    fn consumer(&self) -> &ConsumerId {
        &self.consumer
    }

    fn to_row(&self) -> Row {
        Row::new(self.id.0, self.consumer.clone())
            .with_sealed("secret", Some(&self.secret))
            .with_integer("created_at", self.created_at.map(UnixTime::as_millis))
            .with_integer("last_accepted_step", self.last_accepted_step.map(TimeStep::number))
            .with_integer("failures", Some(self.failures.into()))
            .with_integer("failed_at", self.failed_at.map(UnixTime::as_millis))
    }

    fn from_row(row: &Row) -> Result<Self, UnreadableField> {
        Ok(Self {
            id: TotpId(row.id),
            consumer: row.consumer.clone(),
            secret: row.sealed_as("secret").ok_or(UnreadableField("secret"))?,
            created_at: row.integer("created_at")?.map(UnixTime::from_millis),
            last_accepted_step: row.integer("last_accepted_step")?.map(TimeStep::from_stored),
            failures: row.integer("failures")?.unwrap_or(0),
            failed_at: row.integer("failed_at")?.map(UnixTime::from_millis),
        })
    }
}
