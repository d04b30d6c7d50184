//! The relying party and its user, from request headers.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use mfa_core::code::Code;
use mfa_core::store::UserId;
use mfa_core::webauthn::{NewUser, RelyingParty};

use crate::error::ApiError;

/// The codes of a route that reads [`Meta`].
pub(crate) const RELYING_PARTY: &[Code] =
    &[Code::MissingHeader, Code::InvalidHeader, Code::InvalidRelyingParty, Code::InvalidUserUuid];
/// The codes of a route that reads [`User`].
pub(crate) const USER: &[Code] = &[Code::InvalidHeader, Code::InvalidUserUuid, Code::UserUuidRequired];

/// The `x-mfa-…` headers of a WebAuthn request. Values are UTF-8, which HTTP does not guarantee.
pub(crate) struct Meta {
    pub(crate) relying_party: RelyingParty,
    pub(crate) user: NewUser,
}

impl Meta {
    /// The user, for a request about an existing one.
    pub(crate) fn known_user(&self) -> Result<UserId, ApiError> {
        self.user.id.ok_or_else(no_user)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Meta {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // The predecessor reports them in this order.
        let display_name = required(parts, "RPDisplayName")?;
        let id = required(parts, "RPID")?;
        let name = required(parts, "Username")?;
        let user_display_name = required(parts, "UserDisplayName")?;
        let origin = text(parts, "RPOrigin")?.unwrap_or_default();
        let relying_party = RelyingParty::from_headers(&id, &display_name, &origin)
            .map_err(|_| ApiError::of(Code::InvalidRelyingParty))?;
        let user = NewUser { id: user_id(parts)?, name, display_name: user_display_name };
        Ok(Self { relying_party, user })
    }
}

/// Only the user, for routes that need no relying party.
pub(crate) struct User(pub(crate) UserId);

impl<S: Send + Sync> FromRequestParts<S> for User {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        user_id(parts)?.map(Self).ok_or_else(no_user)
    }
}

fn user_id(parts: &Parts) -> Result<Option<UserId>, ApiError> {
    let Some(text) = text(parts, "UserUUID")? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| ApiError::of(Code::InvalidUserUuid))
}

fn no_user() -> ApiError {
    ApiError::of(Code::UserUuidRequired)
}

fn required(parts: &Parts, name: &str) -> Result<String, ApiError> {
    text(parts, name)?.ok_or_else(|| {
        ApiError::of(Code::MissingHeader).saying(format!(
            "unable to retrieve API meta information from request: missing required header: x-mfa-{name}"
        ))
    })
}

fn text(parts: &Parts, name: &str) -> Result<Option<String>, ApiError> {
    let header = parts.headers.get(format!("x-mfa-{name}")).map(|value| value.as_bytes());
    let Some(bytes) = header.filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    let text = std::str::from_utf8(bytes);
    let text = text.map_err(|_| ApiError::of(Code::InvalidHeader))?;
    Ok(Some(text.to_owned()))
}
