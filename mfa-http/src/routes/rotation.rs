//! `POST /api-key/rotate`, for callers with both secrets.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use mfa_core::api_key::ApiKeyError;
use mfa_core::code::Code;
use mfa_core::rotation::{RotationError, RotationOptions, RotationReport};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authentication::{Source, credentials};
use crate::body::{Body, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::members::Member;
use crate::openapi::errors::Codes;
use crate::{App, refusal};

/// How long one call works. The next call continues.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rotated {
    totp_complete: u64,
    totp_incomplete: u64,
    webauthn_complete: u64,
    webauthn_incomplete: u64,
    /// Whether the rotation is complete. If not, call again.
    done: bool,
    old_revoked: bool,
    /// Ids of records that do not open.
    unreadable: Vec<String>,
}

impl From<RotationReport> for Rotated {
    fn from(report: RotationReport) -> Self {
        Self {
            totp_complete: report.totp_complete,
            totp_incomplete: report.totp_incomplete,
            webauthn_complete: report.webauthn_complete,
            webauthn_incomplete: report.webauthn_incomplete,
            done: report.done,
            old_revoked: report.old_revoked,
            unreadable: report.unreadable,
        }
    }
}

/// The key to leave and the key to move to.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RotationRequest {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    old_key_id: Member<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    old_key_secret: Member<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    new_key_id: Member<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    new_key_secret: Member<String>,
    /// Whether to revoke the old key when done. It is not revoked if this is absent.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    revoke_old: Member<Option<bool>>,
}

pub(super) const ROTATE: Codes = &[
    OBJECT,
    SERVER,
    &[
        Code::InvalidRequest,
        Code::OldKeyNotValid,
        Code::NewKeyNotValid,
        Code::ApiKeyNotFound,
        Code::SameKey,
        Code::NewKeyInUse,
        Code::ThirdKey,
        Code::RotationUnderWay,
        Code::Throttled,
    ],
];

/// Rotates a consumer to another API key.
///
/// A call works for a few seconds. Call again until `done`.
#[utoipa::path(post, path = "/api-key/rotate", operation_id = "rotateApiKey", tag = "API keys", security(()),
    request_body = RotationRequest,
    responses((status = 200, description = "The progress. Call again until `done`", body = Rotated)),
    extensions(("x-codes" = json!(ROTATE))))]
pub(super) async fn rotate(
    State(app): State<App>,
    Source(source): Source,
    Body(body): Body<RotationRequest>,
) -> Result<Json<Rotated>, ApiError> {
    let new = (text("newKeyId", body.new_key_id)?, text("newKeySecret", body.new_key_secret)?);
    let old = (text("oldKeyId", body.old_key_id)?, text("oldKeySecret", body.old_key_secret)?);
    let revoke_old = match body.revoke_old {
        Member::Absent | Member::Is(None) => false,
        Member::Is(Some(revoke)) => revoke,
        Member::Other => return Err(invalid("revokeOld must be true or false")),
    };
    let old = credentials(Some(&old.0), Some(&old.1)).ok_or(RotationError::Old(ApiKeyError::Unauthorized))?;
    let new = credentials(Some(&new.0), Some(&new.1)).ok_or(RotationError::New(ApiKeyError::Unauthorized))?;
    let options =
        RotationOptions { source, revoke_old, patience: Some(PATIENCE), ..RotationOptions::default() };
    let rotation = app.mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options);
    let report = refusal::delayed(rotation).await?;
    Ok(Json(report.into()))
}

fn text(name: &str, member: Member<String>) -> Result<String, ApiError> {
    match member {
        Member::Absent => Err(invalid(&format!("{name} is required"))),
        Member::Is(text) => Ok(text),
        Member::Other => Err(invalid(&format!("{name} must be a string"))),
    }
}

fn invalid(reason: &str) -> ApiError {
    ApiError::of(Code::InvalidRequest).saying(format!("invalid request: {reason}"))
}

impl From<RotationError> for ApiError {
    fn from(error: RotationError) -> Self {
        match error {
            RotationError::Old(ApiKeyError::Unauthorized) | RotationError::New(ApiKeyError::Unauthorized) => {
                Self::of(error.code())
            }
            RotationError::Old(error) | RotationError::New(error) => error.into(),
            RotationError::SameKey
            | RotationError::NewKeyInUse
            | RotationError::ThirdKey(_)
            | RotationError::Interfered => Self::of(error.code()).saying(error.to_string()),
            RotationError::Store(error) => error.into(),
            other => Self::logged(other.code(), &other),
        }
    }
}
