//! The names of all keys.
//!
//! | key | type | holds |
//! |---|---|---|
//! | `PREFIX:api-key:VALUE` | hash | an API key |
//! | `PREFIX:KIND:ID` | hash | a record; the kinds are `totp` and `user` |
//! | `PREFIX:api-keys`, `PREFIX:api-keys-of:CONSUMER` | sorted set | values of API keys |
//! | `PREFIX:KIND-of:CONSUMER` | sorted set | `ID:INCARNATION` of records; an empty member marks it as split |
//! | `PREFIX:KIND-in:XX:CONSUMER` | sorted set | the same, of ids that begin with `XX` |
//! | `PREFIX:deleted:{PREFIX:KIND:ID}` | string | which call deleted the record, for a minute; in the record's slot |
//! | `PREFIX:ceremony:ID` | string | 8 bytes of expiry, then the sealed state |
//!
//! Each record has its own slot, so a Cluster spreads records evenly, and a script that changes one touches
//! no other key. An index entry is written before its record and removed after it. At worst it names nothing,
//! and readers skip it. The incarnation distinguishes a record from an earlier one with the same id.

use data_encoding::HEXLOWER;
use mfa_core::api_key::ApiKey;
use mfa_core::envelope::RecordKind;
use mfa_core::store::CeremonyId;

/// The prefix of all of a store's keys.
#[derive(Clone, Debug)]
pub(crate) struct Keys(pub(crate) String);

impl Keys {
    pub(crate) fn api_key(&self, value: &ApiKey) -> String {
        format!("{}:api-key:{}", self.0, value.as_str())
    }

    pub(crate) fn all_api_keys(&self) -> String {
        format!("{}:api-keys", self.0)
    }

    pub(crate) fn api_keys_of(&self, consumer: &str) -> String {
        format!("{}:api-keys-of:{consumer}", self.0)
    }

    pub(crate) fn record(&self, kind: RecordKind, id: &str) -> String {
        format!("{}:{}:{id}", self.0, kind.as_str())
    }

    /// The note of a record's deletion. The braces put it into the record's slot.
    pub(crate) fn deleted(&self, record: &str) -> String {
        format!("{}:deleted:{{{record}}}", self.0)
    }

    pub(crate) fn index(&self, kind: RecordKind, consumer: &str) -> String {
        format!("{}:{}-of:{consumer}", self.0, kind.as_str())
    }

    /// What the names of all parts of indexes begin with.
    pub(crate) fn index_parts(&self, kind: RecordKind) -> String {
        format!("{}:{}-in:", self.0, kind.as_str())
    }

    pub(crate) fn index_part(&self, kind: RecordKind, part: u16, consumer: &str) -> String {
        format!("{}{part:02x}:{consumer}", self.index_parts(kind))
    }

    pub(crate) fn ceremony(&self, id: CeremonyId) -> String {
        format!("{}:ceremony:{}", self.0, HEXLOWER.encode(&id.0))
    }
}
