//! `/api-key/activate`: gives a key its secret.

use axum::Json;
use axum::extract::State;
use mfa_core::api_key::{ApiKey, ApiKeyError};
use mfa_core::code::Code;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::App;
use crate::authentication::{ADMINISTRATOR, Administrator, CONSUMER, Source, credentials};
use crate::body::{Body, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::members::Member;
use crate::openapi::errors::Codes;

/// The key to activate: `apiKey`, or `apiKeyValue` as another service spelt it. With `consumerKeyId` and
/// `consumerKeySecret`, the key becomes another key of that key's consumer.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Activation {
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, example = "dev@example.com")]
    email: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    api_key: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    api_key_value: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    consumer_key_id: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    consumer_key_secret: Member<String>,
}

#[derive(Serialize, ToSchema)]
pub(super) struct Activated {
    #[serde(rename = "apiSecret")]
    api_secret: String,
}

pub(super) const ACTIVATE: Codes = &[
    ADMINISTRATOR,
    // For a key that joins a consumer.
    CONSUMER,
    OBJECT,
    SERVER,
    &[
        Code::EmailRequired,
        Code::ApiKeyRequired,
        Code::ApiKeyAlreadyActivated,
        Code::ApiKeyNotFound,
        Code::RotationUnderWay,
    ],
];

/// Activates an API key and returns its secret.
///
/// The error for a key that is active already depends on its name in the request. It is `unauthorized` for
/// `apiKey`, and `api-key-already-activated` for `apiKeyValue`.
#[utoipa::path(post, path = "/api-key/activate", operation_id = "activateApiKey", tag = "API keys",
    security(("adminKey" = [])), request_body = Activation,
    responses((status = 200, description = "The secret, shown only once", body = Activated)),
    extensions(("x-codes" = json!(ACTIVATE))))]
pub(super) async fn activate(
    _: Administrator,
    State(app): State<App>,
    Source(source): Source,
    Body(body): Body<Activation>,
) -> Result<Json<Activated>, ApiError> {
    let email = body.email.text().ok_or(ApiKeyError::EmailRequired)?;
    let by_value = body.api_key == Member::Absent && body.api_key_value != Member::Absent;
    let (value, node_spelling) = match (body.api_key.text(), body.api_key_value.text()) {
        (Some(value), _) => (value, true),
        (None, Some(value)) => (value, false),
        (None, None) => return Err(key_required(by_value)),
    };
    let key: ApiKey = value.parse().map_err(|_| ApiKeyError::NotFound)?;
    let activated = match (body.consumer_key_id.text(), body.consumer_key_secret.text()) {
        (None, None) => app.mfa.activate_api_key(&key, &email).await,
        (id, secret) => {
            let joined = credentials(id.as_deref(), secret.as_deref());
            let joined = joined.ok_or(ApiError::of(Code::Unauthorized))?;
            let consumer = app.mfa.authenticate_from(source, &joined.0, &joined.1).await?;
            consumer.activate_api_key(&key, &email).await
        }
    };
    match activated {
        Ok(secret) => Ok(Json(Activated { api_secret: secret.expose_text().to_owned() })),
        // The predecessors differ here, so each client gets the response it knows.
        Err(ApiKeyError::AlreadyActivated) if node_spelling => Err(ApiError::of(Code::Unauthorized)),
        Err(error) => Err(error.into()),
    }
}

/// The error names the member that the caller used.
fn key_required(by_value: bool) -> ApiError {
    let error = ApiError::of(Code::ApiKeyRequired);
    if by_value { error.saying("apiKeyValue is required") } else { error }
}
