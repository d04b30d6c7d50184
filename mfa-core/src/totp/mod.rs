//! Time-based one-time passwords, RFC 6238.

mod error;
mod key_uri;
mod otp_code;
mod service;
mod shared_secret;
mod throttle;
mod time_step;

pub use error::TotpError;
pub use key_uri::{KeyUri, TotpOptions};
pub use otp_code::{InvalidOtpCode, OtpCode};
pub use service::{EnrolledTotp, TotpService, TotpStatus};
pub use shared_secret::{Digits, HashAlgorithm, InvalidParameters, SharedSecret};
pub use throttle::MAX_FAILURES;
pub use time_step::TimeStep;

pub use crate::id::TotpId;
