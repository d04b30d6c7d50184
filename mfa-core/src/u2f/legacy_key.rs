//! A registered U2F key, and its use as a WebAuthn credential.

use crate::webauthn::{CredentialRecord, decode_any_base64};

/// A registered U2F key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LegacyU2fKey {
    /// The AppID it was registered for.
    pub app_id: String,
    /// Its key handle: its credential ID in WebAuthn.
    pub key_handle: Vec<u8>,
    /// Its public key, an uncompressed P-256 point of 65 bytes.
    pub public_key: Vec<u8>,
}

impl LegacyU2fKey {
    /// Reads the parts as the Node predecessor stored them; `None` if one of them is unsound (R32).
    pub fn parse(app_id: &[u8], key_handle: &[u8], public_key: &[u8]) -> Option<Self> {
        let text = |bytes| std::str::from_utf8(bytes).ok();
        let key_handle = decode_any_base64(text(key_handle)?)?;
        let public_key = decode_any_base64(text(public_key)?)?;
        let sound = !key_handle.is_empty() && public_key.len() == 65 && public_key.first() == Some(&0x04);
        sound.then_some(Self { app_id: text(app_id)?.to_owned(), key_handle, public_key })
    }

    /// The key as a WebAuthn credential. A U2F key cannot be backed up.
    pub fn to_credential(&self, sign_count: Option<u32>) -> CredentialRecord {
        CredentialRecord {
            sign_count: sign_count.unwrap_or(0),
            attestation_format: "public-key".to_owned(),
            ..CredentialRecord::new(self.key_handle.clone(), self.public_key.clone())
        }
    }
}
