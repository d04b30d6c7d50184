//! Credential records, WebAuthn L3 §4.

use std::fmt::{self, Display};
use std::str::FromStr;

use data_encoding::BASE64URL_NOPAD;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::clock::UnixTime;

/// The id of a credential: 1 to 1023 bytes that the authenticator chose.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct CredentialId(pub Vec<u8>);

impl CredentialId {
    /// Its name in this service and its predecessors.
    pub fn key_handle_hash(&self) -> KeyHandleHash {
        KeyHandleHash(Sha256::digest(&self.0).into())
    }
}

/// Names a credential to consumers: the SHA-256 of its id, in 43 characters of base64url.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct KeyHandleHash(pub [u8; 32]);

impl Display for KeyHandleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl FromStr for KeyHandleHash {
    type Err = crate::id::InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or(crate::id::InvalidId)
    }
}

/// A stored credential.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CredentialRecord {
    /// Its id.
    pub id: CredentialId,
    /// Its public key: a COSE key, or the bare point of one predecessor's `fido-u2f` credentials.
    pub public_key: Vec<u8>,
    /// The highest signature counter seen.
    pub sign_count: u32,
    /// How the browser may reach the authenticator.
    pub transports: Vec<String>,
    /// Whether the user was verified at registration, or since.
    pub user_verified: bool,
    /// Whether the key may be backed up; `None` if unknown. The first login records it.
    pub backup_eligible: Option<bool>,
    /// Whether it is backed up.
    pub backup_state: bool,
    /// The model of the authenticator.
    pub aaguid: [u8; 16],
    /// The attestation statement format.
    pub attestation_format: String,
    /// The RP ID it was registered for; the predecessors did not record it.
    pub rp_id: Option<String>,
    /// What its user calls it.
    pub label: Option<String>,
    /// When it was registered; the predecessors did not record it.
    pub created_at: Option<UnixTime>,
    /// When it was last used here.
    pub last_used_at: Option<UnixTime>,
    /// How the authenticator is attached, as one predecessor recorded it.
    pub(crate) attachment: String,
    /// One predecessor's attestation of the registration, kept unchanged.
    pub(crate) attestation: Option<Value>,
}

impl CredentialRecord {
    /// A record of which only the id and the public key are known.
    pub fn new(id: Vec<u8>, public_key: Vec<u8>) -> Self {
        Self {
            id: CredentialId(id),
            public_key,
            sign_count: 0,
            transports: Vec::new(),
            user_verified: false,
            backup_eligible: None,
            backup_state: false,
            aaguid: [0; 16],
            attestation_format: String::new(),
            rp_id: None,
            label: None,
            created_at: None,
            last_used_at: None,
            attachment: String::new(),
            attestation: None,
        }
    }
}
