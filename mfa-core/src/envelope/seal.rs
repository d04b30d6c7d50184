//! Sealing one field with AES-256-GCM (SP 800-38D).
//!
//! A sealed field is `version (1) ‖ data key id (4) ‖ nonce (12) ‖ ciphertext ‖ tag (16)`. The associated data
//! repeats version and data key id, followed by the place of the field.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt;
use std::marker::PhantomData;

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use zeroize::Zeroizing;

use super::{Context, DataKeyId};
use crate::random::{RandomError, SecureRandom};

pub(super) const VERSION: u8 = 1;
const NONCE_LEN: usize = 12;
const HEADER_LEN: usize = 5;
/// The length of an empty sealed value: header, nonce and tag.
pub(super) const SEALED_OVERHEAD: usize = HEADER_LEN + NONCE_LEN + 16;

/// The bytes do not open: they were changed, moved, cut short, sealed under another key or not sealed here.
/// One opaque error, so that nobody learns which.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("stored data does not open")]
pub struct DoesNotOpen;

/// Ciphertext of a `T`: the only form in which a secret crosses a storage port.
pub struct Sealed<T> {
    bytes: Vec<u8>,
    plaintext: PhantomData<fn() -> T>,
}

impl<T> Sealed<T> {
    /// Wraps bytes that a backend read from its own storage.
    pub const fn from_stored(bytes: Vec<u8>) -> Self {
        Self { bytes, plaintext: PhantomData }
    }

    /// The bytes to store.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes to store, for a backend that needs to own them.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The data key that sealed this; `None` if it is not in our format, usually a legacy ciphertext.
    pub fn data_key_id(&self) -> Option<DataKeyId> {
        DataKeyId::of_sealed(&self.bytes)
    }
}

impl<T> Clone for Sealed<T> {
    fn clone(&self) -> Self {
        Self::from_stored(self.bytes.clone())
    }
}

impl<T> Eq for Sealed<T> {}

impl<T> PartialEq for Sealed<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl<T> fmt::Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.bytes.len())
    }
}

/// Seals `plaintext` for one place, under a key used for nothing else.
pub(super) fn seal<T>(
    key: &[u8; 32],
    id: DataKeyId,
    context: &Context<'_>,
    plaintext: &[u8],
    random: &dyn SecureRandom,
) -> Result<Sealed<T>, RandomError> {
    let mut nonce = [0; NONCE_LEN];
    random.fill(&mut nonce)?;
    let payload = Payload { msg: plaintext, aad: &associated_data(id, context) };
    #[expect(
        clippy::expect_used,
        reason = "infallible: a field is far shorter than 2^36 bytes, SP 800-38D §5.2.1.1"
    )]
    let ciphertext = Aes256Gcm::new(key.into()).encrypt(&Nonce::from(nonce), payload).expect("a short field");

    let mut bytes = Vec::with_capacity(HEADER_LEN.saturating_add(NONCE_LEN).saturating_add(ciphertext.len()));
    bytes.push(VERSION);
    bytes.extend_from_slice(&id.0.to_be_bytes());
    bytes.extend_from_slice(&nonce);
    bytes.extend_from_slice(&ciphertext);
    Ok(Sealed::from_stored(bytes))
}

/// Opens what [`seal`] sealed for the same place under the same key.
pub(super) fn open<T>(
    key: &[u8; 32],
    id: DataKeyId,
    context: &Context<'_>,
    sealed: &Sealed<T>,
) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    if sealed.data_key_id() != Some(id) {
        return Err(DoesNotOpen);
    }
    let (_, rest) = sealed.bytes.split_at_checked(HEADER_LEN).ok_or(DoesNotOpen)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_LEN>().ok_or(DoesNotOpen)?;
    let payload = Payload { msg: ciphertext, aad: &associated_data(id, context) };
    let plaintext = Aes256Gcm::new(key.into()).decrypt(&Nonce::from(*nonce), payload);
    plaintext.map(Zeroizing::new).map_err(|_| DoesNotOpen)
}

fn associated_data(id: DataKeyId, context: &Context<'_>) -> Vec<u8> {
    // Room for the place, so that the vector need not grow.
    let mut data = Vec::with_capacity(192);
    data.push(VERSION);
    data.extend_from_slice(&id.0.to_be_bytes());
    context.encode_to(&mut data);
    data
}
