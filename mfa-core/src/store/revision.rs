//! Optimistic concurrency: no write is blind.

use crate::random::{RandomError, SecureRandom};

/// Identifies one write of a record. The store gives it out, and callers hand it back unchanged. A store
/// never gives out one revision twice for an id, even if the record was deleted and made again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Revision(u64);

impl Revision {
    /// Wraps a number that a backend read from its own storage.
    pub const fn from_stored(number: u64) -> Self {
        Self(number)
    }

    /// A revision that was never used, below 2^62, for backends that cannot make one themselves.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed.
    pub fn random(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let mut bytes = [0; 8];
        random.fill(&mut bytes)?;
        Ok(Self(u64::from_be_bytes(bytes) >> 2))
    }

    /// The number to store.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The revision after one more write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.wrapping_add(1))
    }
}

/// What must be true of the stored record for a write to succeed.
#[expect(clippy::exhaustive_enums, reason = "a write creates or replaces; there is no third case")]
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expect {
    /// No record has this id; otherwise the write is [`StoreError::AlreadyExists`](super::StoreError::AlreadyExists).
    Absent,
    /// The record is still at this revision and owned by the same consumer; otherwise the write is
    /// [`StoreError::Conflict`](super::StoreError::Conflict).
    At(Revision),
}

/// A record as it was read, with the revision that the next write must expect.
#[expect(clippy::exhaustive_structs, reason = "a record and its revision; there is nothing else to it")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stored<T> {
    /// The record.
    pub record: T,
    /// Its revision.
    pub revision: Revision,
}
