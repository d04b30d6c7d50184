//! The secret that authenticator and verifier share, and the codes computed from it.

use std::fmt;
use std::time::Duration;

use data_encoding::BASE32_NOPAD;
use zeroize::Zeroizing;

use super::{OtpCode, TimeStep, TotpError};
use crate::envelope::DoesNotOpen;
use crate::random::{SecureRandom, random_bytes};
use crate::secret::SecretBytes;

/// The hash that the HMAC uses, RFC 6238 §1.2.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "RFC 6238 names these three")]
pub enum HashAlgorithm {
    /// HMAC-SHA-1, which every authenticator app supports.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl HashAlgorithm {
    /// The name in a key URI.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }
}

/// How long a code is, RFC 4226 §5.3.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "authenticator apps show six digits or eight")]
pub enum Digits {
    /// Six digits.
    #[default]
    Six,
    /// Eight digits.
    Eight,
}

impl Digits {
    /// The number of digits.
    pub const fn count(self) -> u8 {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }
}

/// A period that no authenticator app uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a time step lasts 15 to 300 s")]
pub struct InvalidParameters;

/// The shared secret K of RFC 6238, with hash, length and time step of its codes. Wiped when dropped.
pub struct SharedSecret {
    pub(super) key: SecretBytes,
    pub(super) algorithm: HashAlgorithm,
    pub(super) digits: Digits,
    pub(super) period: u16,
}

impl SharedSecret {
    /// 160 bits, as RFC 4226 §4 R6 recommends.
    pub const LEN: usize = 20;

    /// A new secret.
    ///
    /// # Errors
    ///
    /// [`TotpError::InvalidParameters`], [`TotpError::Random`].
    pub(super) fn generate(
        algorithm: HashAlgorithm,
        digits: Digits,
        period: Duration,
        random: &dyn SecureRandom,
    ) -> Result<Self, TotpError> {
        if !(15..=300).contains(&period.as_secs()) || period.subsec_nanos() != 0 {
            return Err(InvalidParameters.into());
        }
        let period = u16::try_from(period.as_secs()).unwrap_or(30);
        let key = SecretBytes::new(random_bytes::<{ Self::LEN }>(random)?.to_vec());
        Ok(Self { key, algorithm, digits, period })
    }

    /// A secret with the given key and the predecessors' parameters: HMAC-SHA-1, six digits, 30 s.
    pub const fn from_key(key: SecretBytes) -> Self {
        Self { key, algorithm: HashAlgorithm::Sha1, digits: Digits::Six, period: 30 }
    }

    /// The same key with other parameters; `period` in seconds.
    #[must_use]
    pub fn with_parameters(self, algorithm: HashAlgorithm, digits: Digits, period: u16) -> Self {
        Self { algorithm, digits, period: period.max(1), ..self }
    }

    /// The key for an authenticator app: base32 without padding (RFC 4648 §6).
    pub fn expose_base32(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(self.key.expose()))
    }

    /// The code of a time step, RFC 6238 §4: the code for the counter C = T of RFC 4226 §5.3.
    ///
    /// ```
    /// use mfa_core::secret::SecretBytes;
    /// use mfa_core::totp::{SharedSecret, TimeStep};
    ///
    /// let secret = SharedSecret::from_key(SecretBytes::new(b"12345678901234567890".to_vec()));
    /// let code = secret.code_at(TimeStep::from_stored(0));
    /// assert_eq!(code, "755224".parse()?);
    /// assert_ne!(code, "755225".parse()?);
    /// # Ok::<(), mfa_core::totp::InvalidOtpCode>(())
    /// ```
    pub fn code_at(&self, step: TimeStep) -> OtpCode {
        OtpCode::of_token(&self.generator().generate(step.number()))
    }

    /// The newest time step that `code` is right for: the one before `now`, the current one or the one after
    /// (RFC 6238 §5.2). All three are always computed and compared. A code that happens to be right for two
    /// steps uses up both, because the newest is returned.
    pub fn matching_step(&self, code: &OtpCode, now: TimeStep) -> Option<TimeStep> {
        let (generator, code) = (self.generator(), Zeroizing::new(code.expose_text()));
        now.window().into_iter().fold(None, |matched, step| {
            // Check one step at a time. A token compares in constant time.
            if generator.check(&code, step.number()).is_some() { Some(step) } else { matched }
        })
    }

    /// A generator whose steps last one second, so that we can pass the number of a time step and no product
    /// overflows. It accepts the predecessors' ten-byte keys, which are shorter than RFC 4226 §4 R6 requires.
    fn generator(&self) -> totp_rs::Totp {
        let algorithm = match self.algorithm {
            HashAlgorithm::Sha1 => totp_rs::Algorithm::SHA1,
            HashAlgorithm::Sha256 => totp_rs::Algorithm::SHA256,
            HashAlgorithm::Sha512 => totp_rs::Algorithm::SHA512,
        };
        totp_rs::Builder::new()
            .with_algorithm(algorithm)
            .with_digits(self.digits.count())
            .with_step_duration(1)
            .with_skew(0)
            .with_secret(totp_rs::Secret::new(self.key.expose().into()))
            .build_noncompliant()
    }

    /// `version (1) ‖ algorithm (1) ‖ digits (1) ‖ period in s (2) ‖ key`.
    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let algorithm = match self.algorithm {
            HashAlgorithm::Sha1 => 1,
            HashAlgorithm::Sha256 => 2,
            HashAlgorithm::Sha512 => 3,
        };
        let [high, low] = self.period.to_be_bytes();
        let mut bytes = Zeroizing::new(vec![1, algorithm, self.digits.count(), high, low]);
        bytes.extend_from_slice(self.key.expose());
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, DoesNotOpen> {
        let Some(([1, algorithm, digits, high, low], key)) = bytes.split_first_chunk::<5>() else {
            return Err(DoesNotOpen);
        };
        let algorithm = match algorithm {
            1 => HashAlgorithm::Sha1,
            2 => HashAlgorithm::Sha256,
            3 => HashAlgorithm::Sha512,
            _ => return Err(DoesNotOpen),
        };
        let digits = match digits {
            6 => Digits::Six,
            8 => Digits::Eight,
            _ => return Err(DoesNotOpen),
        };
        let period = u16::from_be_bytes([*high, *low]);
        if key.is_empty() || period == 0 {
            return Err(DoesNotOpen);
        }
        Ok(Self { key: SecretBytes::new(key.to_vec()), algorithm, digits, period })
    }

    /// Reads a legacy plaintext: base32 of at least ten bytes. The legacy cipher has no authentication, so
    /// this checks that the right key opened it. Garbage passes once in 2^48.
    pub(super) fn decode_legacy(plaintext: &[u8]) -> Result<Self, DoesNotOpen> {
        let symbols = match plaintext.iter().position(|byte| *byte == b'=') {
            Some(padding) => plaintext.split_at_checked(padding).ok_or(DoesNotOpen)?.0,
            None => plaintext,
        };
        let upper = Zeroizing::new(symbols.to_ascii_uppercase());
        let key = BASE32_NOPAD.decode(&upper).map_err(|_| DoesNotOpen).map(SecretBytes::new)?;
        if key.expose().len() < 10 {
            return Err(DoesNotOpen);
        }
        Ok(Self::from_key(key))
    }
}

impl fmt::Debug for SharedSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedSecret(..)")
    }
}
