//! Audit events: who did what to which factor, and how it ended. They never hold a secret.

use std::fmt::Debug;

use uuid::Uuid;

use crate::api_key::ApiKey;
use crate::clock::UnixTime;
use crate::id::ConsumerId;

/// What happened.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// An API key was created.
    ApiKeyCreated,
    /// An API key got its secret.
    ApiKeyActivated,
    /// An API key was revoked.
    ApiKeyRevoked,
    /// An API key joined a consumer that had one already.
    ApiKeyJoined,
    /// A consumer's records are all under its newest data key, and the older ones are dropped.
    ApiKeyRotated,
    /// A legacy key got a keyring and an Argon2id hash.
    ApiKeyUpgraded,
    /// A caller presented a key that is unknown or inactive, or a wrong secret.
    AuthenticationRefused,
    /// A caller was turned away after too many failures.
    AuthenticationThrottled,
    /// A TOTP authenticator was enrolled.
    TotpEnrolled,
    /// A one-time password was accepted.
    TotpAccepted,
    /// A one-time password was wrong, or had been used.
    TotpRefused,
    /// An attempt came too soon after failed ones.
    TotpThrottled,
    /// An authenticator was disabled after too many failures.
    TotpDisabled,
    /// A consumer cleared an authenticator's failures.
    TotpReset,
    /// An authenticator was deleted.
    TotpDeleted,
    /// A credential, or a legacy U2F key, was registered.
    CredentialRegistered,
    /// A user authenticated with a credential.
    CredentialAccepted,
    /// An assertion failed a check.
    CredentialRefused,
    /// A signature counter did not grow: there may be a second copy of the key.
    CredentialCloned,
    /// A credential was deleted.
    CredentialDeleted,
    /// A user was deleted with all its credentials.
    UserDeleted,
}

impl Action {
    /// The stable name of the action, for logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKeyCreated => "api_key.created",
            Self::ApiKeyActivated => "api_key.activated",
            Self::ApiKeyRevoked => "api_key.revoked",
            Self::ApiKeyJoined => "api_key.joined",
            Self::ApiKeyRotated => "api_key.rotated",
            Self::ApiKeyUpgraded => "api_key.upgraded",
            Self::AuthenticationRefused => "authentication.refused",
            Self::AuthenticationThrottled => "authentication.throttled",
            Self::TotpEnrolled => "totp.enrolled",
            Self::TotpAccepted => "totp.accepted",
            Self::TotpRefused => "totp.refused",
            Self::TotpThrottled => "totp.throttled",
            Self::TotpDisabled => "totp.disabled",
            Self::TotpReset => "totp.reset",
            Self::TotpDeleted => "totp.deleted",
            Self::CredentialRegistered => "credential.registered",
            Self::CredentialAccepted => "credential.accepted",
            Self::CredentialRefused => "credential.refused",
            Self::CredentialCloned => "credential.cloned",
            Self::CredentialDeleted => "credential.deleted",
            Self::UserDeleted => "user.deleted",
        }
    }
}

/// One audit event.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Event {
    /// When it happened.
    pub at: UnixTime,
    /// What happened.
    pub action: Action,
    /// The API key that was presented or changed, if the event concerns a key.
    pub api_key: Option<ApiKey>,
    /// The consumer whose factor it concerns.
    pub consumer: Option<ConsumerId>,
    /// The TOTP or user it concerns.
    pub factor: Option<Uuid>,
}

impl Event {
    pub(crate) const fn of_key(at: UnixTime, action: Action, api_key: ApiKey) -> Self {
        Self { at, action, api_key: Some(api_key), consumer: None, factor: None }
    }

    pub(crate) const fn of_factor(at: UnixTime, action: Action, consumer: ConsumerId, factor: Uuid) -> Self {
        Self { at, action, api_key: None, consumer: Some(consumer), factor: Some(factor) }
    }
}

/// Where audit events go. It must not block and cannot fail a request.
pub trait EventSink: Debug + Send + Sync + 'static {
    /// Records `event`.
    fn record(&self, event: &Event);
}

/// Drops every event.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoEvents;

impl EventSink for NoEvents {
    fn record(&self, _event: &Event) {}
}
