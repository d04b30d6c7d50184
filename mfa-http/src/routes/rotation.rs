//! `POST /api-key/rotate`: for whoever has both secrets.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use mfa_core::api_key::ApiKeyError;
use mfa_core::rotation::{RotationError, RotationOptions, RotationReport};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::App;
use crate::authentication::{Source, credentials};
use crate::body::Body;
use crate::error::ApiError;
use crate::openapi::errors::{BodyErrors, ErrorBody, ServerErrors, Throttled};
use crate::openapi::requests::RotationRequest;

/// How long one call works; what is left is for the next one.
const PATIENCE: Duration = Duration::from_secs(8);

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rotated {
    totp_complete: u64,
    totp_incomplete: u64,
    webauthn_complete: u64,
    webauthn_incomplete: u64,
    /// Whether there is nothing left to do; if not, call again.
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

/// `POST /api-key/rotate` with `{"oldKeyId", "oldKeySecret", "newKeyId", "newKeySecret"}`, and `revokeOld`.
#[utoipa::path(post, path = "/api-key/rotate", tag = "API keys",
    request_body = RotationRequest,
    responses(
        (status = 200, description = "How far it is. Call again until `done`", body = Rotated),
        (status = 400, description = "`invalid-request`, `invalid-json`", body = ErrorBody),
        (status = 404, description = "`old-key-not-valid`, `new-key-not-valid`", body = ErrorBody),
        (status = 409, description = "`same-key`, `new-key-in-use`, `third-key`, `rotation-under-way`", body = ErrorBody),
        Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn rotate(
    State(app): State<App>,
    Source(source): Source,
    body: Body,
) -> Result<Json<Rotated>, ApiError> {
    let text = |name: &'static str| match body.member(name) {
        None => Err(invalid(format!("{name} is required"))),
        Some(Value::String(text)) => Ok(text.as_str()),
        Some(_) => Err(invalid(format!("{name} must be a string"))),
    };
    let new = (text("newKeyId")?, text("newKeySecret")?);
    let old = (text("oldKeyId")?, text("oldKeySecret")?);
    let revoke_old = match body.member("revokeOld") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(revoke)) => *revoke,
        Some(_) => return Err(invalid("revokeOld must be true or false".to_owned())),
    };
    let old = credentials(Some(old.0), Some(old.1)).ok_or(RotationError::Old(ApiKeyError::Unauthorized))?;
    let new = credentials(Some(new.0), Some(new.1)).ok_or(RotationError::New(ApiKeyError::Unauthorized))?;
    let options =
        RotationOptions { source, revoke_old, patience: Some(PATIENCE), ..RotationOptions::default() };
    let report = app.mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await?;
    Ok(Json(report.into()))
}

fn invalid(reason: String) -> ApiError {
    ApiError::bad_request("invalid-request", "invalid request").saying(format!("invalid request: {reason}"))
}

impl From<RotationError> for ApiError {
    fn from(error: RotationError) -> Self {
        let conflict = |code, error: RotationError| {
            Self::new(StatusCode::CONFLICT, code, "conflict").saying(error.to_string())
        };
        match error {
            // One answer for a key that is unknown or inactive and a secret that is wrong.
            RotationError::Old(ApiKeyError::Unauthorized) => {
                Self::new(StatusCode::NOT_FOUND, "old-key-not-valid", "old key is not valid")
            }
            RotationError::New(ApiKeyError::Unauthorized) => {
                Self::new(StatusCode::NOT_FOUND, "new-key-not-valid", "new key is not valid")
            }
            RotationError::Old(error) | RotationError::New(error) => error.into(),
            RotationError::SameKey => conflict("same-key", RotationError::SameKey),
            RotationError::NewKeyInUse => conflict("new-key-in-use", RotationError::NewKeyInUse),
            RotationError::Interfered => conflict("rotation-under-way", RotationError::Interfered),
            third @ RotationError::ThirdKey(_) => conflict("third-key", third),
            RotationError::Store(error) => error.into(),
            other => {
                tracing::error!(error = &other as &dyn std::error::Error, "rotation failed");
                Self::internal()
            }
        }
    }
}
