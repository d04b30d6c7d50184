//! The stable codes of errors: what programs decide by.

use std::fmt;

use crate::store::StoreError;

/// Makes [`Code`] from one list: the meaning of each code, its variant and the name that clients see.
macro_rules! codes {
    ($(#[doc = $about:literal] $name:ident = $slug:literal,)+) => {
        /// Why a request failed, as programs read it. A code never changes its meaning.
        ///
        /// ```
        /// use mfa_core::code::Code;
        /// use mfa_core::totp::TotpError;
        ///
        /// assert_eq!(TotpError::Disabled.code(), Code::TotpDisabled);
        /// assert_eq!(Code::TotpDisabled.as_str(), "totp-disabled");
        /// ```
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[expect(clippy::exhaustive_enums, reason = "each surface must handle a new code")]
        pub enum Code {
            $(#[doc = $about] $name,)+
        }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name that clients see.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $slug,)+
                }
            }

            /// What the code means, in one sentence.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$name => $about.trim_ascii(),)+
                }
            }
        }
    };
}

codes! {
    // Requests

    /// The body is not a JSON object, repeats a member, or has more than 64.
    InvalidJson = "invalid-json",
    /// The body ended early.
    Incomplete = "incomplete",
    /// The query is malformed.
    InvalidQuery = "invalid-query",
    /// The path is unknown.
    NoSuchRoute = "no-such-route",
    /// The path does not support this method.
    NoSuchMethod = "no-such-method",
    /// The body took more than 10 seconds to arrive.
    Timeout = "timeout",
    /// The body is larger than 64 KiB.
    TooLarge = "too-large",

    // Callers

    /// The API key is missing, malformed, unknown or inactive, or its secret is wrong.
    Unauthorized = "unauthorized",
    /// The admin key is missing or wrong.
    Forbidden = "forbidden",
    /// There were too many failed attempts: wait for the seconds in Retry-After.
    Throttled = "throttled",

    // The service

    /// A stored record is damaged, or the service has a bug.
    Internal = "internal",
    /// The store does not respond, or the service is busy: try again.
    Unavailable = "unavailable",

    // API keys

    /// The e-mail address is missing or blank.
    EmailRequired = "email-required",
    /// The expiry is not a time in milliseconds since 1970.
    InvalidExpiry = "invalid-expiry",
    /// The API key to activate is missing.
    ApiKeyRequired = "api-key-required",
    /// The API key does not exist, or belongs to another e-mail address.
    ApiKeyNotFound = "api-key-not-found",
    /// The API key is active already.
    ApiKeyAlreadyActivated = "api-key-already-activated",
    /// A rotation of this consumer is under way: finish it first.
    RotationUnderWay = "rotation-under-way",
    /// A member is missing or has the wrong type: the message names it.
    InvalidRequest = "invalid-request",
    /// The old API key is unknown or inactive, or its secret is wrong.
    OldKeyNotValid = "old-key-not-valid",
    /// The new API key is unknown or inactive, or its secret is wrong.
    NewKeyNotValid = "new-key-not-valid",
    /// The old and the new API key are the same.
    SameKey = "same-key",
    /// The new API key belongs to another consumer, or has records of its own.
    NewKeyInUse = "new-key-in-use",
    /// The consumer has a third active API key, which could not open the re-encrypted records.
    ThirdKey = "third-key",

    // TOTP

    /// The label is blank and there is no issuer.
    LabelRequired = "label-required",
    /// Issuer and label do not fit into a QR code.
    LabelTooLong = "label-too-long",
    /// Issuer or label is not text.
    InvalidText = "invalid-text",
    /// The algorithm is not SHA1, SHA256 or SHA512.
    InvalidAlgorithm = "invalid-algorithm",
    /// The number of digits is not 6 or 8.
    InvalidDigits = "invalid-digits",
    /// The period is not a whole number of seconds from 15 to 300.
    InvalidPeriod = "invalid-period",
    /// The code is missing, empty or not a string.
    CodeRequired = "code-required",
    /// The code is wrong, malformed, too old or used already, or the TOTP does not exist.
    CodeNotAccepted = "code-not-accepted",
    /// The consumer has no TOTP with this id.
    TotpNotFound = "totp-not-found",
    /// The TOTP is disabled after too many failed attempts: reset it or enrol again.
    TotpDisabled = "totp-disabled",

    // Headers of WebAuthn requests

    /// A header that describes the relying party or its user is missing: the message names it.
    MissingHeader = "missing-header",
    /// An x-mfa- header is not UTF-8.
    InvalidHeader = "invalid-header",
    /// The origin is not within the RP ID.
    InvalidRelyingParty = "invalid-relying-party",
    /// The user id is not a UUID in lower case with hyphens.
    InvalidUserUuid = "invalid-user-uuid",
    /// The user id is missing.
    UserUuidRequired = "user-uuid-required",

    // Credentials

    /// The body is not a response of the WebAuthn API.
    MalformedResponse = "malformed-response",
    /// The user has no credentials, or does not exist.
    NoCredentials = "no-credentials",
    /// The label is not null or a string of at most 100 characters.
    InvalidLabel = "invalid-label",
    /// The user has no such credential, or does not exist.
    CredentialNotFound = "credential-not-found",

    // Checks of WebAuthn

    /// No ceremony awaits this challenge: none was begun here, it expired, or it was answered already.
    Challenge = "challenge",
    /// The ceremony was begun for another user, or the user belongs to another consumer.
    User = "user",
    /// The ceremony was begun for another relying party.
    RelyingParty = "relying-party",
    /// The client data is of another type of ceremony.
    ClientDataType = "client-data-type",
    /// The origin is not one of the relying party's.
    Origin = "origin",
    /// The ceremony ran in a frame of another origin.
    CrossOrigin = "cross-origin",
    /// The top-level origin is not allowed.
    TopOrigin = "top-origin",
    /// The authenticator data is malformed.
    AuthenticatorData = "authenticator-data",
    /// The authenticator signed for another RP ID.
    RpIdHash = "rp-id-hash",
    /// Nobody touched the authenticator.
    UserPresence = "user-presence",
    /// The authenticator did not verify its user, which the relying party requires.
    UserVerification = "user-verification",
    /// The credential is backed up although it is not eligible for backup.
    BackupState = "backup-state",
    /// The credential's eligibility for backup changed since its registration.
    BackupEligibility = "backup-eligibility",
    /// The algorithm of the key was not offered, or is not supported.
    Algorithm = "algorithm",
    /// The public key is malformed.
    PublicKey = "public-key",
    /// The attestation format is not supported.
    AttestationFormat = "attestation-format",
    /// The attestation statement does not verify.
    Attestation = "attestation",
    /// The credential ID is empty or longer than 1023 bytes.
    CredentialIdLength = "credential-id-length",
    /// The user has registered this credential already.
    DuplicateCredential = "duplicate-credential",
    /// The user has as many credentials as allowed.
    TooManyCredentials = "too-many-credentials",
    /// The members id and rawId differ, or name another credential.
    CredentialId = "credential-id",
    /// The ceremony does not allow this credential.
    CredentialNotAllowed = "credential-not-allowed",
    /// The authenticator names another user.
    UserHandle = "user-handle",
    /// The signature does not verify.
    Signature = "signature",
    /// The signature counter did not grow: there may be a copy of the key.
    SignCount = "sign-count",

    // U2F

    /// The AppID is missing or empty.
    AppIdRequired = "app-id-required",
    /// The AppID is not an https URL of a named host.
    InvalidAppId = "invalid-app-id",
    /// The consumer has no U2F record with this id.
    U2fNotFound = "u2f-not-found",
    /// The record has no U2F key.
    NotRegistered = "not-registered",
    /// The key or the browser reports an error: the message repeats it.
    TokenError = "token-error",

    // Checks of U2F

    /// The message is malformed.
    Malformed = "malformed",
    /// The client data is malformed.
    ClientData = "client-data",
    /// The origin is not a facet of the AppID.
    Facet = "facet",
    /// The key handle belongs to another key.
    KeyHandle = "key-handle",
    /// The counter did not grow: there may be a copy of the key.
    Counter = "counter",
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl StoreError {
    /// The stable code.
    pub const fn code(&self) -> Code {
        match self {
            // The service retries conflicts. One that remains means contention, which passes.
            Self::Unavailable { .. } | Self::Conflict => Code::Unavailable,
            Self::AlreadyExists | Self::Damaged { .. } => Code::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_are_unique_and_meanings_are_sentences() {
        let names: BTreeSet<&str> = Code::ALL.iter().map(|code| code.as_str()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            assert!(code.as_str().bytes().all(plain), "{code}");
            assert!(code.about().ends_with('.') && !code.about().starts_with(' '), "{code}");
        }
    }
}
