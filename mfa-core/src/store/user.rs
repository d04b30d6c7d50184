//! WebAuthn users as stores hold them.

use super::{Holds, Record, Row, Shape, UnreadableField};
use crate::envelope::{RecordKind, Sealed};
use crate::id::{ConsumerId, UserId};

/// A WebAuthn user as it is stored. Each secret part is sealed separately, as in the predecessors' rows.
#[expect(clippy::exhaustive_structs, reason = "tests and migrations build records")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserRecord {
    /// The user's id.
    pub id: UserId,
    /// The consumer that owns it.
    pub consumer: ConsumerId,
    /// The list of credential records.
    pub credentials: Option<Sealed<Vec<u8>>>,
    /// AppID of the legacy U2F key.
    pub u2f_app_id: Option<Sealed<Vec<u8>>>,
    /// Key handle of the legacy U2F key.
    pub u2f_key_handle: Option<Sealed<Vec<u8>>>,
    /// Public key of the legacy U2F key.
    pub u2f_public_key: Option<Sealed<Vec<u8>>>,
    /// The highest counter of the legacy U2F key; the Node predecessor did not keep it.
    pub u2f_sign_count: Option<u32>,
}

impl Record for UserRecord {
    type Id = UserId;

    const SHAPE: &'static Shape = &Shape {
        kind: RecordKind::User,
        sealed: &["credentials", "u2f_app_id", "u2f_key_handle", "u2f_public_key"],
        open: &[("u2f_sign_count", Holds::Integer)],
    };

    fn id(&self) -> UserId {
        self.id
    }

    fn consumer(&self) -> &ConsumerId {
        &self.consumer
    }

    fn to_row(&self) -> Row {
        Row::new(self.id.0, self.consumer.clone())
            .with_sealed("credentials", self.credentials.as_ref())
            .with_sealed("u2f_app_id", self.u2f_app_id.as_ref())
            .with_sealed("u2f_key_handle", self.u2f_key_handle.as_ref())
            .with_sealed("u2f_public_key", self.u2f_public_key.as_ref())
            .with_integer("u2f_sign_count", self.u2f_sign_count.map(u64::from))
    }

    fn from_row(row: &Row) -> Result<Self, UnreadableField> {
        Ok(Self {
            id: UserId(row.id),
            consumer: row.consumer.clone(),
            credentials: row.sealed_as("credentials"),
            u2f_app_id: row.sealed_as("u2f_app_id"),
            u2f_key_handle: row.sealed_as("u2f_key_handle"),
            u2f_public_key: row.sealed_as("u2f_public_key"),
            u2f_sign_count: row.integer("u2f_sign_count")?,
        })
    }
}
