//! The predecessors' cryptography: read, never written. `legacy_off.rs` stands in without the feature `legacy`.

use aes::cipher::{KeyIvInit, StreamCipher};
use aes::{Aes128, Aes192, Aes256};
use ctr::Ctr128BE;

use crate::api_key::HashError;
use crate::envelope::DoesNotOpen;

/// Decrypts AES-CTR in place.
pub(crate) fn decrypt(key: &[u8], iv: &[u8; 16], data: &mut [u8]) -> Result<(), DoesNotOpen> {
    match key.len() {
        16 => Ctr128BE::<Aes128>::new_from_slices(key, iv).map(|mut cipher| cipher.apply_keystream(data)),
        24 => Ctr128BE::<Aes192>::new_from_slices(key, iv).map(|mut cipher| cipher.apply_keystream(data)),
        _ => Ctr128BE::<Aes256>::new_from_slices(key, iv).map(|mut cipher| cipher.apply_keystream(data)),
    }
    .map_err(|_| DoesNotOpen)
}

/// Whether `input` has this bcrypt hash.
pub(crate) fn verify_bcrypt(input: &[u8], hash: &str) -> Result<bool, HashError> {
    bcrypt::non_truncating_verify(input, hash).map_err(|_| HashError::Unreadable)
}
