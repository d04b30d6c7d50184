//! A one-time password.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::Digits;

/// The text is not a one-time password.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a one-time password is 6 or 8 digits")]
pub struct InvalidOtpCode;

/// A one-time password: exactly six or eight ASCII digits and nothing else.
///
/// Masked when printed, compared in constant time.
///
/// ```
/// use mfa_core::totp::{InvalidOtpCode, OtpCode};
///
/// let code: OtpCode = "059228".parse()?;
/// assert_eq!(format!("{code:?}"), "OtpCode(..)");
/// for text in ["59228", "59228x", "59228.", " 59228", "+59228", "٠٥٩٢٢٨", "0592281"] {
///     assert_eq!(text.parse::<OtpCode>(), Err(InvalidOtpCode));
/// }
/// # Ok::<(), InvalidOtpCode>(())
/// ```
#[derive(Clone, Copy)]
pub struct OtpCode {
    digits: Digits,
    value: u32,
}

impl OtpCode {
    /// The code that totp-rs made.
    #[expect(
        clippy::expect_used,
        reason = "a token is written as the six or eight digits that were asked for"
    )]
    pub(super) fn of_token(token: &totp_rs::Token) -> Self {
        Zeroizing::new(token.to_string()).parse().expect("six or eight digits")
    }

    /// The code as its user types it. Grep for this name to audit every use.
    pub fn expose_text(&self) -> String {
        let width = usize::from(self.digits.count());
        format!("{:0width$}", self.value)
    }
}

impl FromStr for OtpCode {
    type Err = InvalidOtpCode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = match text.len() {
            6 => Digits::Six,
            8 => Digits::Eight,
            _ => return Err(InvalidOtpCode),
        };
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(InvalidOtpCode);
        }
        let value = text.parse().map_err(|_| InvalidOtpCode)?;
        Ok(Self { digits, value })
    }
}

impl Eq for OtpCode {}

impl PartialEq for OtpCode {
    fn eq(&self, other: &Self) -> bool {
        let same_length = self.digits.count().ct_eq(&other.digits.count());
        (same_length & self.value.ct_eq(&other.value)).into()
    }
}

impl fmt::Debug for OtpCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpCode(..)")
    }
}
