//! The secret half of an API key.

use std::fmt;
use std::str::FromStr;

use data_encoding::BASE64;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::random::{RandomError, SecureRandom, random_bytes};
use crate::secret::SecretBytes;

/// The text is not an API secret.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("an API secret is 16 to 71 printable ASCII characters without spaces")]
pub struct InvalidApiSecret;

/// The secret half of an API key. Its owner sees it once; we keep only a hash of it.
///
/// Ours are 32 random bytes in standard base64. A predecessor also accepted raw text of 16, 24 or 32 bytes.
/// So the type accepts any printable text that bcrypt reads whole (72 bytes with the NUL at the end).
///
/// ```
/// use mfa_core::api_key::{ApiSecret, InvalidApiSecret};
///
/// let secret: ApiSecret = "y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM=".parse()?;
/// assert_eq!(format!("{secret:?}"), "ApiSecret(..)");
/// assert_eq!("too short".parse::<ApiSecret>(), Err(InvalidApiSecret));
/// # Ok::<(), InvalidApiSecret>(())
/// ```
pub struct ApiSecret(Zeroizing<String>);

impl ApiSecret {
    /// 256 bits of entropy.
    pub const LEN: usize = 32;

    /// A new secret.
    pub(crate) fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        let bytes = random_bytes::<{ Self::LEN }>(random)?;
        Ok(Self(Zeroizing::new(BASE64.encode(bytes.as_slice()))))
    }

    /// The secret as its owner sends it. Grep for this name to audit every use.
    pub fn expose_text(&self) -> &str {
        &self.0
    }

    /// A copy for work that outlives the caller's. The type is not `Clone`, so that each copy is deliberate.
    pub(crate) fn copy(&self) -> Self {
        Self(Zeroizing::new(self.0.as_str().to_owned()))
    }

    /// The AES key that a predecessor derived from this secret: its decoded base64 if that has 16, 24 or 32
    /// bytes, otherwise its raw bytes if they have one of these lengths.
    pub(crate) fn legacy_key(&self) -> Option<SecretBytes> {
        let is_aes_key = |len: usize| matches!(len, 16 | 24 | 32);
        let decoded = BASE64.decode(self.0.as_bytes()).ok().map(SecretBytes::new);
        match decoded {
            Some(key) if is_aes_key(key.expose().len()) => Some(key),
            Some(_) => None,
            None => is_aes_key(self.0.len()).then(|| SecretBytes::new(self.0.as_bytes().to_vec())),
        }
    }
}

impl FromStr for ApiSecret {
    type Err = InvalidApiSecret;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let length_fits = (16..=71).contains(&text.len());
        if !length_fits || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidApiSecret);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl Eq for ApiSecret {}

impl PartialEq for ApiSecret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for ApiSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legacy_key_is_the_decoded_secret_or_its_raw_bytes() {
        let legacy = |text: &str| text.parse::<ApiSecret>().unwrap().legacy_key();

        let decoded = legacy("y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM=").unwrap();
        assert_eq!(decoded.expose()[..4], [0xcb, 0x93, 0x40, 0x01]);
        assert_eq!(decoded.expose().len(), 32);
        // Hyphens are outside the standard alphabet, so the text itself is the key.
        let raw = legacy("11345678-1234-1234-1234-12345678").unwrap();
        assert_eq!(raw.expose(), b"11345678-1234-1234-1234-12345678");
        // Neither 20 raw bytes nor 21 decoded ones are an AES key.
        assert_eq!(legacy("11345678-1234-1234-1"), None);
        assert_eq!(legacy("AAAAAAAAAAAAAAAAAAAAAAAAAAAA"), None);
    }
}
