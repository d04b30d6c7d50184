//! The port for WebAuthn users.

use std::fmt::{self, Debug, Display};
use std::str::FromStr;

use async_trait::async_trait;
use uuid::Uuid;

use super::{Cursor, Expect, Listing, Page, Revision, StoreError, Stored};
use crate::consumer::ConsumerId;
use crate::envelope::Sealed;
use crate::id::{InvalidId, canonical_uuid};

/// Names a WebAuthn user.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UserId(pub Uuid);

impl Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl FromStr for UserId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        canonical_uuid(text).map(Self)
    }
}

/// A WebAuthn user as it is stored. Each secret part is sealed by itself, as the seeds' rows have them.
#[expect(clippy::exhaustive_structs, reason = "adapters build records")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserRecord {
    /// The user's id.
    pub id: UserId,
    /// Whose user it is.
    pub consumer: ConsumerId,
    /// The list of credential records.
    pub credentials: Option<Sealed<Vec<u8>>>,
    /// AppID of the legacy U2F key.
    pub u2f_app_id: Option<Sealed<Vec<u8>>>,
    /// Key handle of the legacy U2F key.
    pub u2f_key_handle: Option<Sealed<Vec<u8>>>,
    /// Public key of the legacy U2F key.
    pub u2f_public_key: Option<Sealed<Vec<u8>>>,
    /// The highest counter of the legacy U2F key; the seed did not keep it.
    pub u2f_sign_count: Option<u32>,
}

/// Keeps WebAuthn users, one record each.
///
/// # Contract
///
/// The same six rules as [`TotpStore`](super::TotpStore).
#[async_trait]
pub trait UserStore: Debug + Send + Sync + 'static {
    /// The record, read with strong consistency.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn get(&self, consumer: &ConsumerId, id: UserId) -> Result<Option<Stored<UserRecord>>, StoreError>;

    /// Writes `record` if the stored one is as expected; returns its new revision.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`], [`StoreError::Conflict`], [`StoreError::Unavailable`].
    async fn save(&self, record: &UserRecord, expect: Expect) -> Result<Revision, StoreError>;

    /// Deletes the record; says whether there was one.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn delete(&self, consumer: &ConsumerId, id: UserId) -> Result<bool, StoreError>;

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
    ) -> Result<Page<UserRecord>, StoreError>;
}
