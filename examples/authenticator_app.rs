//! What the user's authenticator app does, so that an example can log in by itself.

use anyhow::{Context as _, Result};
use data_encoding::BASE32_NOPAD;
use mfa_core::clock::UnixTime;
use mfa_core::secret::SecretBytes;
use mfa_core::totp::{Digits, HashAlgorithm, hotp};

/// The code that an app with this key shows at `now`, RFC 6238 §4.
pub(crate) fn code_at(secret_base32: &str, now: UnixTime) -> Result<String> {
    let key = BASE32_NOPAD.decode(secret_base32.as_bytes()).context("the key is no base32")?;
    let time_step = now.as_secs() / 30;
    Ok(hotp(&SecretBytes::new(key), time_step, HashAlgorithm::Sha1, Digits::Six).expose_text())
}
