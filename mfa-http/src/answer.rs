//! The status and message of each code.

use axum::http::StatusCode;
use mfa_core::code::Code;

const CHECK_OF_WEBAUTHN: &str = "refused";
const CHECK_OF_U2F: &str = "Invalid response from U2F token.";

/// The HTTP status of a code, and its message unless a route has its own. If a predecessor had a message,
/// this is the same.
pub(crate) const fn answer(code: Code) -> (StatusCode, &'static str) {
    use StatusCode as Status;
    match code {
        Code::InvalidJson => (Status::BAD_REQUEST, "invalid request: the body is not valid JSON"),
        Code::Incomplete => (Status::BAD_REQUEST, "The body ended early"),
        Code::InvalidQuery => (Status::BAD_REQUEST, "the query is ?after=KEY"),
        Code::NoSuchRoute => (Status::NOT_FOUND, "There is no such route"),
        Code::NoSuchMethod => (Status::METHOD_NOT_ALLOWED, "The route does not support this method"),
        Code::Timeout => (Status::REQUEST_TIMEOUT, "The body took too long to arrive"),
        Code::TooLarge => (Status::PAYLOAD_TOO_LARGE, "The body is over 64 KiB"),

        Code::Unauthorized => (Status::UNAUTHORIZED, "Unauthorized"),
        Code::Forbidden => (Status::FORBIDDEN, "Forbidden"),
        Code::Throttled => (Status::TOO_MANY_REQUESTS, "Too many failed attempts, try again later"),

        Code::Internal => (Status::INTERNAL_SERVER_ERROR, "Internal Server Error"),
        Code::Unavailable => (Status::SERVICE_UNAVAILABLE, "Try again later"),

        Code::EmailRequired => (Status::BAD_REQUEST, "email is required"),
        Code::InvalidExpiry => (Status::BAD_REQUEST, "expiresAt must be milliseconds since 1970"),
        Code::ApiKeyRequired => (Status::BAD_REQUEST, "apiKey is required"),
        Code::ApiKeyNotFound => (Status::NOT_FOUND, "No matching API Key record was found"),
        Code::ApiKeyAlreadyActivated => {
            (Status::BAD_REQUEST, "failed to activate key: key already activated")
        }
        Code::RotationUnderWay => (Status::CONFLICT, "A rotation is under way; finish it first"),
        Code::InvalidRequest => (Status::BAD_REQUEST, "invalid request"),
        Code::OldKeyNotValid => (Status::NOT_FOUND, "old key is not valid"),
        Code::NewKeyNotValid => (Status::NOT_FOUND, "new key is not valid"),
        Code::SameKey | Code::NewKeyInUse | Code::ThirdKey => (Status::CONFLICT, "conflict"),

        Code::LabelRequired => (Status::BAD_REQUEST, "label is required"),
        Code::LabelTooLong => (Status::BAD_REQUEST, "issuer and label are too long for a QR code"),
        Code::InvalidText => (Status::BAD_REQUEST, "issuer and label must be strings"),
        Code::InvalidAlgorithm => (Status::BAD_REQUEST, "algorithm must be SHA1, SHA256 or SHA512"),
        Code::InvalidDigits => (Status::BAD_REQUEST, "digits must be 6 or 8"),
        Code::InvalidPeriod => (Status::BAD_REQUEST, "period must be 15 to 300 seconds"),
        Code::CodeRequired => (Status::BAD_REQUEST, "code (as a string) is required"),
        Code::CodeNotAccepted => (Status::UNAUTHORIZED, "Invalid"),
        Code::TotpNotFound => (Status::NOT_FOUND, "No TOTP entry found with that uuid for that API Key."),
        Code::TotpDisabled => {
            (Status::FORBIDDEN, "Disabled after too many failed attempts; reset it or enrol again")
        }

        Code::MissingHeader => (Status::UNAUTHORIZED, "missing required header"),
        Code::InvalidHeader => (Status::BAD_REQUEST, "x-mfa- headers must be UTF-8"),
        Code::InvalidRelyingParty => {
            (Status::BAD_REQUEST, "x-mfa-RPOrigin must be an origin within x-mfa-RPID")
        }
        Code::InvalidUserUuid => {
            (Status::BAD_REQUEST, "x-mfa-UserUUID must be a UUID in lower case with hyphens")
        }
        Code::UserUuidRequired => (Status::BAD_REQUEST, "x-mfa-UserUUID is required"),

        Code::MalformedResponse => (Status::BAD_REQUEST, "malformed response"),
        Code::NoCredentials => (Status::BAD_REQUEST, "Found no credentials for user"),
        Code::InvalidLabel => {
            (Status::BAD_REQUEST, "label must be a string of 100 characters at most, or null")
        }
        Code::CredentialNotFound => (Status::NOT_FOUND, "no such credential"),

        Code::Challenge
        | Code::User
        | Code::RelyingParty
        | Code::ClientDataType
        | Code::Origin
        | Code::CrossOrigin
        | Code::TopOrigin
        | Code::AuthenticatorData
        | Code::RpIdHash
        | Code::UserPresence
        | Code::UserVerification
        | Code::BackupState
        | Code::BackupEligibility
        | Code::Algorithm
        | Code::PublicKey
        | Code::AttestationFormat
        | Code::Attestation
        | Code::CredentialIdLength
        | Code::DuplicateCredential
        | Code::TooManyCredentials
        | Code::CredentialId
        | Code::CredentialNotAllowed
        | Code::UserHandle
        | Code::Signature
        | Code::SignCount => (Status::BAD_REQUEST, CHECK_OF_WEBAUTHN),

        Code::AppIdRequired => (Status::BAD_REQUEST, "appId is required"),
        Code::InvalidAppId => (Status::BAD_REQUEST, "appId must be an https URL of a named host"),
        Code::U2fNotFound => (Status::NOT_FOUND, "No U2F record found with that uuid for that API Key."),
        Code::NotRegistered => (Status::BAD_REQUEST, "No U2F key is registered"),
        Code::TokenError => (Status::BAD_REQUEST, "Error getting signature from U2F token."),

        Code::Malformed | Code::ClientData | Code::Facet | Code::KeyHandle | Code::Counter => {
            (Status::BAD_REQUEST, CHECK_OF_U2F)
        }
    }
}
