//! `/api-key`, for administrators.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mfa_core::api_key::{ApiKey, ApiKeyError};
use mfa_core::clock::UnixTime;
use mfa_core::code::Code;
use mfa_core::store::Cursor;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::api_key_view::ApiKeyView;
use crate::authentication::{ADMINISTRATOR, Administrator};
use crate::body::{Body, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::members::Member;
use crate::openapi::errors::Codes;
use crate::path::Segment;

/// The key to create.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewApiKey {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, example = "dev@example.com")]
    email: Member<String>,
    /// When the key expires, in milliseconds since 1970. It does not expire if this is absent.
    #[serde(default)]
    #[schema(value_type = Option<u64>, minimum = 0, maximum = 253402300799999_u64)]
    expires_at: Member<Option<u64>>,
}

pub(super) const CREATE: Codes =
    &[ADMINISTRATOR, OBJECT, SERVER, &[Code::EmailRequired, Code::InvalidExpiry]];

/// Creates an API key.
///
/// The response does not hold the key. Read it from the list.
#[utoipa::path(post, path = "/api-key", operation_id = "createApiKey", tag = "API keys",
    security(("adminKey" = [])), request_body = NewApiKey,
    responses((status = 204, description = "Created. Read the key from the list")),
    extensions(("x-codes" = json!(CREATE))))]
pub(super) async fn create(
    _: Administrator,
    State(app): State<App>,
    Body(new): Body<NewApiKey>,
) -> Result<StatusCode, ApiError> {
    let expires_at = match new.expires_at {
        Member::Absent | Member::Is(None) => None,
        Member::Is(Some(time)) if time <= LATEST => Some(UnixTime::from_millis(time)),
        Member::Is(Some(_)) | Member::Other => return Err(ApiError::of(Code::InvalidExpiry)),
    };
    app.mfa.create_expiring_api_key(&new.email.given().unwrap_or_default(), expires_at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The end of the year 9999. A later time is a mistake, such as microseconds.
const LATEST: u64 = 253_402_300_799_999;

#[derive(Deserialize)]
pub(super) struct From {
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    keys: Vec<ApiKeyView>,
    /// Stored keys that cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    unreadable: Vec<String>,
    /// Pass it as `?after=` to get the next page. It is `null` on the last page.
    #[schema(required = true)]
    next: Option<String>,
}

pub(super) const LIST: Codes = &[ADMINISTRATOR, SERVER, &[Code::InvalidQuery]];

/// Lists API keys, page by page.
#[utoipa::path(get, path = "/api-key", operation_id = "listApiKeys", tag = "API keys",
    security(("adminKey" = [])),
    params(("after" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of keys", body = Listed)),
    extensions(("x-codes" = json!(LIST))))]
pub(super) async fn list(
    _: Administrator,
    State(app): State<App>,
    from: Result<Query<From>, QueryRejection>,
) -> Result<Json<Listed>, ApiError> {
    let invalid = || ApiError::of(Code::InvalidQuery);
    let Query(from) = from.map_err(|_| invalid())?;
    let after = from.after.filter(|after| !after.is_empty());
    let after = after.map(|after| after.parse::<ApiKey>().map_err(|_| invalid())).transpose()?;
    let after = after.map(|key| Cursor::after(key.as_str().to_owned()));
    let page = app.mfa.api_keys(after.as_ref()).await?;
    let keys = page.items.iter().map(|stored| ApiKeyView::of(&stored.record)).collect();
    Ok(Json(Listed {
        keys,
        unreadable: page.damaged,
        next: page.next.map(|cursor| cursor.as_str().to_owned()),
    }))
}

pub(super) const REVOKE: Codes = &[ADMINISTRATOR, SERVER, &[Code::ApiKeyNotFound]];

/// Revokes an API key at once and for good.
#[utoipa::path(delete, path = "/api-key/{value}", operation_id = "revokeApiKey", tag = "API keys",
    security(("adminKey" = [])),
    params(("value" = String, Path, description = "The key")),
    responses((status = 204, description = "Revoked at once and for good")),
    extensions(("x-codes" = json!(REVOKE))))]
pub(super) async fn revoke(
    _: Administrator,
    State(app): State<App>,
    Segment(value): Segment,
) -> Result<StatusCode, ApiError> {
    let key: ApiKey = value.parse().map_err(|_| ApiKeyError::NotFound)?;
    app.mfa.revoke_api_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
