//! Randomness is a port: a failing generator is an error, never a guessable value.

use std::fmt::Debug;

use uuid::{Builder, Uuid};
use zeroize::Zeroizing;

/// The generator failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the system's random generator failed")]
pub struct RandomError;

/// A cryptographically secure generator.
pub trait SecureRandom: Debug + Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the generator failed. Do not use `bytes` then.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError>;
}

/// The operating system's generator.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsRandom;

impl SecureRandom for OsRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        getrandom::fill(bytes).map_err(|_| RandomError)
    }
}

/// `N` random bytes that are wiped after use.
pub(crate) fn random_bytes<const N: usize>(
    random: &dyn SecureRandom,
) -> Result<Zeroizing<[u8; N]>, RandomError> {
    let mut bytes = Zeroizing::new([0; N]);
    random.fill(bytes.as_mut_slice())?;
    Ok(bytes)
}

/// A version 4 UUID, RFC 9562 §5.4.
pub(crate) fn random_uuid(random: &dyn SecureRandom) -> Result<Uuid, RandomError> {
    Ok(Builder::from_random_bytes(*random_bytes::<16>(random)?).into_uuid())
}
