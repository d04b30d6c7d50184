//! Binds a sealed field to its place. Moved anywhere else, it does not open.

use crate::id::ConsumerId;

/// The kind of record a sealed field belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum RecordKind {
    /// An API key, which seals its keyring.
    ApiKey,
    /// A TOTP authenticator.
    Totp,
    /// A WebAuthn user.
    User,
    /// A ceremony between its two halves.
    Ceremony,
}

impl RecordKind {
    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api-key",
            Self::Totp => "totp",
            Self::User => "user",
            Self::Ceremony => "ceremony",
        }
    }
}

/// The place of a sealed field. It goes into the record key (HKDF info) and into the associated data.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "a place without one of these would not be a place")]
pub struct Context<'a> {
    /// Whose record it is.
    pub consumer: &'a ConsumerId,
    /// What kind of record.
    pub kind: RecordKind,
    /// The record's id within its kind.
    pub record_id: &'a str,
    /// The field within the record.
    pub field: &'a str,
}

impl Context<'_> {
    /// Appends each part with its length in front, so that no two places give the same bytes.
    pub(super) fn encode_to(&self, bytes: &mut Vec<u8>) {
        for part in [self.consumer.as_str(), self.kind.as_str(), self.record_id, self.field] {
            bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
    }
}
