//! Authentication response messages, Raw Message Formats v1.2 §5.4.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use sha2::{Digest, Sha256};

use super::client_data::GET_ASSERTION;
use super::{AppId, LegacyU2fKey, U2fClientData, U2fRefusal};
use crate::webauthn::{Challenge, PublicKey, decode_any_base64};

/// A key's response to an authentication request. Nothing in it is verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct U2fAuthenticationResponse {
    client_data: Vec<u8>,
    signature_data: Vec<u8>,
    key_handle: Option<Vec<u8>>,
}

impl U2fAuthenticationResponse {
    /// Takes the fields as clients send them, in any base64.
    ///
    /// # Errors
    ///
    /// [`U2fRefusal::Malformed`] if one is not base64.
    pub fn new(
        client_data: &str,
        signature_data: &str,
        key_handle: Option<&str>,
    ) -> Result<Self, U2fRefusal> {
        let decode = |text| decode_any_base64(text).ok_or(U2fRefusal::Malformed);
        Ok(Self {
            client_data: decode(client_data)?,
            signature_data: decode(signature_data)?,
            key_handle: key_handle.map(decode).transpose()?,
        })
    }

    pub(super) fn challenge(&self) -> Result<Challenge, U2fRefusal> {
        U2fClientData::parse(&self.client_data)?.challenge()
    }
}

/// Verifies the `response` of `key` to the request with `challenge`, and returns the new counter.
///
/// # Errors
///
/// The first check that fails.
pub fn verify_u2f_authentication(
    response: &U2fAuthenticationResponse,
    challenge: &Challenge,
    app_id: &AppId,
    key: &LegacyU2fKey,
    stored_counter: Option<u32>,
) -> Result<u32, U2fRefusal> {
    let client_data = U2fClientData::parse(&response.client_data)?;
    client_data.check(GET_ASSERTION, challenge, app_id)?;
    if response.key_handle.as_ref().is_some_and(|handle| *handle != key.key_handle) {
        return Err(U2fRefusal::KeyHandle);
    }
    let (flags, rest) = response.signature_data.split_first().ok_or(U2fRefusal::Malformed)?;
    let (counter, signature) = rest.split_first_chunk::<4>().ok_or(U2fRefusal::Malformed)?;
    if flags & 0x01 == 0 {
        return Err(U2fRefusal::UserPresence);
    }
    let signed = [
        Sha256::digest(key.app_id.as_bytes()).as_slice(),
        &[*flags],
        counter,
        Sha256::digest(&response.client_data).as_slice(),
    ]
    .concat();
    let public_key = PublicKey::parse(&key.public_key).map_err(|_| U2fRefusal::Signature)?;
    public_key.verify(&signed, signature).map_err(|_| U2fRefusal::Signature)?;
    let counter = u32::from_be_bytes(*counter);
    if stored_counter.is_some_and(|stored| counter <= stored) {
        return Err(U2fRefusal::Counter);
    }
    Ok(counter)
}
