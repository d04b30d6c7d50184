//! The `otpauth:` URI that an authenticator app scans, in the predecessor's exact bytes.

use std::fmt;
use std::time::Duration;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use super::{Digits, HashAlgorithm, SharedSecret, TotpError};

/// The characters that JavaScript's `encodeURIComponent` escapes.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Who enrols, and how codes are computed. Every authenticator app supports the defaults (SHA-1, six digits,
/// 30 s). Some silently ignore other values.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TotpOptions {
    pub(super) issuer: Option<String>,
    pub(super) label: String,
    pub(super) algorithm: HashAlgorithm,
    pub(super) digits: Digits,
    pub(super) period: Duration,
}

impl TotpOptions {
    /// An authenticator for the account `label` at `issuer`.
    pub fn new(issuer: impl Into<String>, label: impl Into<String>) -> Self {
        Self { issuer: Some(issuer.into()), ..Self::without_issuer(label) }
    }

    /// An authenticator that the app shows with its label only.
    pub fn without_issuer(label: impl Into<String>) -> Self {
        Self {
            issuer: None,
            label: label.into(),
            algorithm: HashAlgorithm::default(),
            digits: Digits::default(),
            period: Duration::from_secs(30),
        }
    }

    /// Uses another hash.
    #[must_use]
    pub fn algorithm(self, algorithm: HashAlgorithm) -> Self {
        Self { algorithm, ..self }
    }

    /// Uses longer codes.
    #[must_use]
    pub fn digits(self, digits: Digits) -> Self {
        Self { digits, ..self }
    }

    /// Uses another time step, 15 to 300 whole seconds.
    #[must_use]
    pub fn period(self, period: Duration) -> Self {
        Self { period, ..self }
    }
}

/// An `otpauth:` URI. It holds the shared secret, so it is masked when printed and wiped when dropped.
#[derive(Eq, PartialEq)]
pub struct KeyUri(Zeroizing<String>);

impl KeyUri {
    /// Bytes that fit in a QR code with error correction level M (ISO/IEC 18004, version 40).
    const MAX_LEN: usize = 2331;

    /// The URI for `secret`, without default parameters.
    ///
    /// # Errors
    ///
    /// [`TotpError::LabelTooLong`] if it does not fit in a QR code, [`TotpError::LabelRequired`] if issuer
    /// and label are both empty.
    pub fn new(options: &TotpOptions, secret: &SharedSecret) -> Result<Self, TotpError> {
        let encode = |text| utf8_percent_encode(text, COMPONENT);
        let issuer = options.issuer.as_deref().filter(|issuer| !issuer.is_empty());
        if issuer.is_none() && options.label.is_empty() {
            return Err(TotpError::LabelRequired);
        }

        let mut uri = Zeroizing::new(String::with_capacity(256));
        uri.push_str("otpauth://totp/");
        if let Some(issuer) = issuer {
            uri.extend(encode(issuer));
            uri.push(':');
        }
        uri.extend(encode(&options.label));
        uri.push_str("?secret=");
        uri.push_str(&secret.expose_base32());
        if let Some(issuer) = issuer {
            uri.push_str("&issuer=");
            uri.extend(encode(issuer));
        }
        if secret.algorithm != HashAlgorithm::default() {
            uri.push_str("&algorithm=");
            uri.push_str(secret.algorithm.as_str());
        }
        if secret.digits != Digits::default() {
            uri.push_str(&format!("&digits={}", secret.digits.count()));
        }
        if secret.period != 30 {
            uri.push_str(&format!("&period={}", secret.period));
        }
        if uri.len() > Self::MAX_LEN {
            return Err(TotpError::LabelTooLong);
        }
        Ok(Self(uri))
    }

    /// The URI. Grep for this name to audit every use.
    pub fn expose_text(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for KeyUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyUri(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::SecretBytes;

    fn tail(options: &TotpOptions) -> String {
        let secret = SharedSecret::from_key(SecretBytes::new(b"12345678901234567890".to_vec()));
        let uri = KeyUri::new(options, &secret).unwrap();
        uri.expose_text()["otpauth://".len()..].replace("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "K")
    }

    #[test]
    fn is_what_the_predecessor_wrote() {
        assert_eq!(tail(&TotpOptions::without_issuer("SecretKey")), "totp/SecretKey?secret=K");
        assert_eq!(
            tail(&TotpOptions::new("ACME Inc.", "john_smith@example.com")),
            "totp/ACME%20Inc.:john_smith%40example.com?secret=K&issuer=ACME%20Inc."
        );
        assert_eq!(
            tail(&TotpOptions::without_issuer("x y+z/é:&?#'()*!~")),
            "totp/x%20y%2Bz%2F%C3%A9%3A%26%3F%23'()*!~?secret=K"
        );
        assert_eq!(tail(&TotpOptions::new("A", "")), "totp/A:?secret=K&issuer=A");
    }

    #[test]
    fn a_label_must_be_there_and_fit_a_qr_code() {
        let secret = SharedSecret::from_key(SecretBytes::new(vec![0; 20]));
        let refused = |options| KeyUri::new(&options, &secret).unwrap_err();

        assert!(matches!(refused(TotpOptions::without_issuer("")), TotpError::LabelRequired));
        assert!(matches!(refused(TotpOptions::new("", "")), TotpError::LabelRequired));
        assert!(matches!(refused(TotpOptions::without_issuer("x".repeat(2300))), TotpError::LabelTooLong));
    }
}
