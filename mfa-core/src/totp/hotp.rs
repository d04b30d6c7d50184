//! HMAC-based one-time passwords, RFC 4226.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

use super::{Digits, HashAlgorithm, OtpCode};
use crate::secret::SecretBytes;

/// The code for counter C under shared secret K, RFC 4226 §5.3; with the hashes of RFC 6238 §1.2.
///
/// ```
/// use mfa_core::secret::SecretBytes;
/// use mfa_core::totp::{Digits, HashAlgorithm, hotp};
///
/// let secret = SecretBytes::new(b"12345678901234567890".to_vec());
/// let code = hotp(&secret, 0, HashAlgorithm::Sha1, Digits::Six);
/// assert_eq!(code, "755224".parse()?);
/// assert_ne!(code, "755225".parse()?);
/// # Ok::<(), mfa_core::totp::InvalidOtpCode>(())
/// ```
#[expect(clippy::expect_used, reason = "infallible: HMAC takes a key of any length, RFC 2104 §2")]
pub fn hotp(secret: &SecretBytes, counter: u64, algorithm: HashAlgorithm, digits: Digits) -> OtpCode {
    let (key, counter) = (secret.expose(), counter.to_be_bytes());
    let truncated = match algorithm {
        HashAlgorithm::Sha1 => {
            let mac = Hmac::<Sha1>::new_from_slice(key).expect("any key length").chain_update(counter);
            truncate(&mac.finalize().into_bytes())
        }
        HashAlgorithm::Sha256 => {
            let mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length").chain_update(counter);
            truncate(&mac.finalize().into_bytes())
        }
        HashAlgorithm::Sha512 => {
            let mac = Hmac::<Sha512>::new_from_slice(key).expect("any key length").chain_update(counter);
            truncate(&mac.finalize().into_bytes())
        }
    };
    OtpCode::from_truncated(truncated, digits)
}

/// Dynamic truncation, RFC 4226 §5.3 step 2: the low four bits of the last byte say where to read.
fn truncate(hs: &[u8]) -> u32 {
    let offset = usize::from(hs[hs.len() - 1] & 0x0f);
    u32::from_be_bytes([hs[offset] & 0x7f, hs[offset + 1], hs[offset + 2], hs[offset + 3]])
}
