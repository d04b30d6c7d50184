//! `/api-key`: for administrators.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mfa_core::api_key::{ApiKey, ApiKeyError};
use mfa_core::clock::UnixTime;
use mfa_core::store::Cursor;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::App;
use crate::api_key_view::ApiKeyView;
use crate::authentication::{Administrator, Source, credentials};
use crate::body::Body;
use crate::error::ApiError;
use crate::openapi::errors::{AdminErrors, BodyErrors, ErrorBody, ServerErrors, Throttled};
use crate::openapi::requests::{Activation, NewApiKey};
use crate::path::Segment;

/// `POST /api-key` with `{"email"}`, and `expiresAt` in milliseconds for a key that ends by itself. The key is
/// delivered, or read from the list; the answer does not hold it.
#[utoipa::path(post, path = "/api-key", tag = "API keys", security(("adminKey" = [])),
    request_body = NewApiKey,
    responses(
        (status = 204, description = "Created. Read the key from the list"),
        (status = 400, description = "`email-required`, `invalid-expiry`, `invalid-json`", body = ErrorBody),
        AdminErrors, BodyErrors, ServerErrors,
    ))]
pub(super) async fn create(
    _: Administrator,
    State(app): State<App>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    let expires_at = match body.member("expiresAt") {
        None | Some(Value::Null) => None,
        Some(time) => {
            let time = time.as_u64().filter(|time| *time <= LATEST);
            Some(time.map(UnixTime::from_millis).ok_or(INVALID_EXPIRY)?)
        }
    };
    app.mfa.create_expiring_api_key(body.text("email").unwrap_or_default(), expires_at).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The end of the year 9999: what is later is a mistake, such as microseconds.
const LATEST: u64 = 253_402_300_799_999;
const INVALID_EXPIRY: ApiError =
    ApiError::bad_request("invalid-expiry", "expiresAt must be milliseconds since 1970");

#[derive(Serialize, ToSchema)]
pub(super) struct Activated {
    #[serde(rename = "apiSecret")]
    api_secret: String,
}

/// `POST /api-key/activate` with `{"email", "apiKey"}`, or `apiKeyValue` as the other seed spells it. With
/// `consumerKeyId` and `consumerKeySecret` the key becomes one more of that key's consumer.
#[utoipa::path(post, path = "/api-key/activate", tag = "API keys", security(("adminKey" = [])),
    request_body = Activation,
    responses(
        (status = 200, description = "The secret, shown this once", body = Activated),
        (status = 400, description = "`email-required`, `api-key-required`, `api-key-already-activated`, `invalid-json`",
            body = ErrorBody),
        (status = 401, description = "`unauthorized`: active already, or the consumer's key is not valid", body = ErrorBody),
        (status = 404, description = "`api-key-not-found`: no such key for that e-mail address", body = ErrorBody),
        (status = 409, description = "`rotation-under-way`", body = ErrorBody),
        AdminErrors, Throttled, BodyErrors, ServerErrors,
    ))]
pub(super) async fn activate(
    _: Administrator,
    State(app): State<App>,
    Source(source): Source,
    body: Body,
) -> Result<Json<Activated>, ApiError> {
    let given = |name| body.text(name).filter(|text| !text.is_empty());
    let email = given("email").ok_or(ApiKeyError::EmailRequired)?;
    let (value, node_spelling) = match (given("apiKey"), given("apiKeyValue")) {
        (Some(value), _) => (value, true),
        (None, Some(value)) => (value, false),
        (None, None) => return Err(ApiError::bad_request("api-key-required", "apiKey is required")),
    };
    let key: ApiKey = value.parse().map_err(|_| ApiKeyError::NotFound)?;
    let activated = match (given("consumerKeyId"), given("consumerKeySecret")) {
        (None, None) => app.mfa.activate_api_key(&key, email).await,
        (id, secret) => {
            let joined = credentials(id, secret).ok_or_else(ApiError::unauthorized)?;
            let consumer = app.mfa.authenticate_from(source, &joined.0, &joined.1).await?;
            consumer.activate_api_key(&key, email).await
        }
    };
    match activated {
        Ok(secret) => Ok(Json(Activated { api_secret: secret.expose_text().to_owned() })),
        // The seeds disagree here, so each client hears what it knows.
        Err(ApiKeyError::AlreadyActivated) if node_spelling => Err(ApiError::unauthorized()),
        Err(error) => Err(error.into()),
    }
}

#[derive(Deserialize)]
pub(super) struct From {
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Listed {
    keys: Vec<ApiKeyView>,
    /// Keys that are stored and cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    /// Give it as `?after=` for the next page.
    next: Option<String>,
}

/// `GET /api-key`: a page of all keys.
#[utoipa::path(get, path = "/api-key", tag = "API keys", security(("adminKey" = [])),
    params(("after" = Option<String>, Query, description = "`next` of the page before")),
    responses(
        (status = 200, description = "A page of keys", body = Listed),
        (status = 400, description = "`invalid-query`", body = ErrorBody),
        AdminErrors, ServerErrors,
    ))]
pub(super) async fn list(
    _: Administrator,
    State(app): State<App>,
    from: Result<Query<From>, QueryRejection>,
) -> Result<Json<Listed>, ApiError> {
    let invalid = || ApiError::bad_request("invalid-query", "the query is ?after=KEY");
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

/// `DELETE /api-key/{value}`: revokes at once and for good.
#[utoipa::path(delete, path = "/api-key/{value}", tag = "API keys", security(("adminKey" = [])),
    params(("value" = String, Path, description = "The key")),
    responses(
        (status = 204, description = "Revoked, at once and for good"),
        (status = 404, description = "`api-key-not-found`", body = ErrorBody),
        AdminErrors, ServerErrors,
    ))]
pub(super) async fn revoke(
    _: Administrator,
    State(app): State<App>,
    Segment(value): Segment,
) -> Result<StatusCode, ApiError> {
    let key: ApiKey = value.parse().map_err(|_| ApiKeyError::NotFound)?;
    app.mfa.revoke_api_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
