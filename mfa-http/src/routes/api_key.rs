//! `/api-key`: for administrators.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use mfa_core::api_key::{ApiKey, ApiKeyError};
use mfa_core::store::Cursor;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::api_key_view::ApiKeyView;
use crate::authentication::Administrator;
use crate::body::Body;
use crate::error::ApiError;
use crate::path::Segment;

/// `POST /api-key` with `{"email"}`. The key is delivered, or read from the list; the answer does not hold it.
pub(super) async fn create(
    _: Administrator,
    State(app): State<App>,
    body: Body,
) -> Result<StatusCode, ApiError> {
    app.mfa.create_api_key(body.text("email").unwrap_or_default()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Serialize)]
pub(super) struct Activated {
    #[serde(rename = "apiSecret")]
    api_secret: String,
}

/// `POST /api-key/activate` with `{"email", "apiKey"}`, or `apiKeyValue` as the other seed spells it.
pub(super) async fn activate(
    _: Administrator,
    State(app): State<App>,
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
    match app.mfa.activate_api_key(&key, email).await {
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

#[derive(Serialize)]
pub(super) struct Listed {
    keys: Vec<ApiKeyView>,
    /// Keys that are stored and cannot be read.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<String>,
    /// Give it as `?after=` for the next page.
    next: Option<String>,
}

/// `GET /api-key`: a page of all keys.
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
pub(super) async fn revoke(
    _: Administrator,
    State(app): State<App>,
    Segment(value): Segment,
) -> Result<StatusCode, ApiError> {
    let key: ApiKey = value.parse().map_err(|_| ApiKeyError::NotFound)?;
    app.mfa.revoke_api_key(&key).await?;
    Ok(StatusCode::NO_CONTENT)
}
