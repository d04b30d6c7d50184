//! The port for ceremonies.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;

use super::StoreError;
use crate::clock::UnixTime;
use crate::envelope::Sealed;

/// The longest life of a ceremony. A backend without a clock can use it: when it gets a new ceremony, it may
/// delete those that ended this long before the new one's end.
pub const MAX_LIFETIME: Duration = Duration::from_secs(300);

/// Names a ceremony: a SHA-256 of its consumer and challenge.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct CeremonyId(pub [u8; 32]);

/// What the server remembers between the two halves of a ceremony. Stores only see it sealed.
#[derive(Debug)]
#[non_exhaustive]
pub struct CeremonyState;

/// Keeps the relying party's half of a ceremony between its two HTTP requests.
///
/// # Contract
///
/// 1. Of any number of concurrent `take` calls for one id, at most one gets the state.
/// 2. `take` never returns state at or after `expires_at`, even if it is not deleted yet.
/// 3. State is ciphertext: a backend does not parse, index or log it. `take` returns what was put.
/// 4. `put` under an id in use is [`StoreError::AlreadyExists`] and leaves the existing state.
#[async_trait]
pub trait CeremonyStore: Debug + Send + Sync + 'static {
    /// Stores `state` under a fresh `id`.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`] if `id` is in use, [`StoreError::Unavailable`].
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError>;

    /// Removes the state under `id` and returns it, or `None` if it is unknown, expired or already taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the backend did not answer; the state may be gone.
    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError>;
}
