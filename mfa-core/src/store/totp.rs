//! The port for TOTP authenticators.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored};
use crate::clock::UnixTime;
use crate::consumer::ConsumerId;
use crate::envelope::Sealed;
use crate::totp::{SharedSecret, TimeStep, TotpId};

/// A TOTP authenticator as it is stored. What must be compared or counted atomically is outside the seal.
#[expect(clippy::exhaustive_structs, reason = "adapters build records")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TotpRecord {
    /// Its id.
    pub id: TotpId,
    /// Whose it is.
    pub consumer: ConsumerId,
    /// The shared secret and its parameters.
    pub secret: Sealed<SharedSecret>,
    /// When it was enrolled; the seeds did not say.
    pub created_at: Option<UnixTime>,
    /// The last time step a code was accepted for.
    pub last_accepted_step: Option<TimeStep>,
    /// Consecutive failures.
    pub failures: u32,
    /// When the last of them was.
    pub failed_at: Option<UnixTime>,
}

/// Keeps TOTP authenticators.
///
/// # Contract
///
/// 1. `save` with [`Expect::Absent`] creates; if any consumer has that id it is [`StoreError::AlreadyExists`].
/// 2. `save` with [`Expect::At`] replaces; if the record is gone, at another revision or another consumer's
///    it is [`StoreError::Conflict`]. Of any number of concurrent saves at one revision exactly one wins.
/// 3. Another consumer's record is answered as one that does not exist, by `get` and by `delete`.
/// 4. A successful write is seen by every later `get`, in this process and others.
/// 5. `page_by_consumer` returns every record that exists throughout exactly once, and nobody else's.
/// 6. What is read is what was saved, byte for byte.
#[async_trait]
pub trait TotpStore: Debug + Send + Sync + 'static {
    /// The record, read with strong consistency.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn get(&self, consumer: &ConsumerId, id: TotpId) -> Result<Option<Stored<TotpRecord>>, StoreError>;

    /// Writes `record` if the stored one is as expected; returns its new revision.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`], [`StoreError::Conflict`], [`StoreError::Unavailable`].
    async fn save(&self, record: &TotpRecord, expect: Expect) -> Result<Revision, StoreError>;

    /// Deletes the record; says whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn delete(&self, consumer: &ConsumerId, id: TotpId) -> Result<bool, StoreError>;

    /// Up to `limit` records of one consumer, behind `after`.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
        listing: Listing,
    ) -> Result<Page<TotpRecord>, StoreError>;
}
