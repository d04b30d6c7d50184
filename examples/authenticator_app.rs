//! The user's authenticator app, so that an example can log in by itself.

use anyhow::{Context as _, Result};
use data_encoding::BASE32_NOPAD;
use mfa_core::clock::UnixTime;
use mfa_core::secret::SecretBytes;
use mfa_core::totp::{SharedSecret, TimeStep};

/// The code that an app with this key shows at `now`, RFC 6238 §4.
pub(crate) fn code_at(secret_base32: &str, now: UnixTime) -> Result<String> {
    let key = BASE32_NOPAD.decode(secret_base32.as_bytes()).context("the key is not base32")?;
    let secret = SharedSecret::from_key(SecretBytes::new(key));
    Ok(secret.code_at(TimeStep::at(now, 30)).expose_text())
}
