//! Check tags recognise almost every wrong secret without a password hash.

use data_encoding::BASE64;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

use super::{ApiKey, ApiSecret};
use crate::envelope;

/// Thirty-two bits derived from an API secret, stored beside its hash.
///
/// A secret with another tag is wrong, and is refused at once. A guess matches once in 2³², so a flood of
/// wrong secrets costs no hashes and cannot keep the owner out. 32 of 256 random bits are worth nothing to a
/// thief.
#[derive(Clone, Copy)]
pub struct CheckTag(u32);

impl CheckTag {
    /// The tag of a secret that is the base64 of 32 bytes, otherwise `None`. A shorter secret or a text might
    /// be guessed from its tag.
    pub(crate) fn of(key: &ApiKey, secret: &ApiSecret) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64.decode(secret.expose_text().as_bytes()).ok()?);
        (bytes.len() == ApiSecret::LEN).then(|| Self(u32::from_be_bytes(envelope::check(key, secret))))
    }

    /// Wraps a number that a backend read from its own storage.
    pub const fn from_stored(number: u32) -> Self {
        Self(number)
    }

    /// The number to store.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl Eq for CheckTag {}

impl PartialEq for CheckTag {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl std::fmt::Debug for CheckTag {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("CheckTag(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_32_decoded_bytes_have_a_tag() {
        let key: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse().unwrap();
        let tag = |secret: &str| CheckTag::of(&key, &secret.parse().unwrap());
        let ours = "y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM=";
        assert!(tag(ours).is_some() && tag(ours) == tag(ours));
        assert_ne!(tag(ours), tag("A5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM="));
        assert_ne!(tag(ours), CheckTag::of(&"another".parse().unwrap(), &ours.parse().unwrap()));
        // Raw text, 24 and 33 decoded bytes, and base64 without its padding.
        for guessable in [
            "11345678-1234-1234-1234-12345678",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
            ours.trim_end_matches('='),
        ] {
            assert_eq!(tag(guessable), None, "{guessable}");
        }
    }
}
