//! Envelope encryption: an API secret opens a keyring, and the keyring's data keys open the records.
//!
//! ```text
//! API secret ──HKDF──▶ KEK ──AES-256-GCM──▶ keyring { data key 1, data key 2, … }
//! data key ──HKDF(consumer, kind, record id, field)──▶ record key ──AES-256-GCM──▶ sealed field
//! ```

mod context;
mod format;
mod kdf;
mod keyring;
mod legacy;
mod reencrypted;
mod seal;
#[cfg(test)]
mod tests;

pub use context::{Context, RecordKind};
pub use format::{Format, LegacyForm};
pub use keyring::{DataKeyId, Keyring};
pub use seal::{DoesNotOpen, Sealed};

pub(crate) use kdf::{check, verifier};
pub(crate) use keyring::KeyEncryptionKey;
pub(crate) use reencrypted::Reencrypted;
