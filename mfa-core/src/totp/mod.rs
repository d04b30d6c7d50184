//! Time-based one-time passwords, RFC 6238.

mod error;
mod hotp;
mod key_uri;
mod otp_code;
mod service;
mod shared_secret;
mod throttle;
mod time_step;

use std::fmt::{self, Display};
use std::str::FromStr;

use uuid::Uuid;

pub use error::TotpError;
pub use hotp::hotp;
pub use key_uri::{KeyUri, TotpOptions};
pub use otp_code::{InvalidOtpCode, OtpCode};
pub use service::{EnrolledTotp, TotpService, TotpStatus};
pub use shared_secret::{Digits, HashAlgorithm, InvalidParameters, SharedSecret};
pub use throttle::MAX_FAILURES;
pub use time_step::TimeStep;

use crate::id::{InvalidId, canonical_uuid};

/// Names a TOTP authenticator.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TotpId(pub Uuid);

impl Display for TotpId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl FromStr for TotpId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        canonical_uuid(text).map(Self)
    }
}
