//! `/health`: for load balancers and orchestrators.

use axum::extract::State;
use axum::http::StatusCode;

use crate::App;
use crate::error::ApiError;
use crate::openapi::errors::ServerErrors;

/// `GET /health/live`: the process runs.
#[utoipa::path(get, path = "/health/live", tag = "Operations",
    responses((status = 204, description = "The process runs")))]
pub(super) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /health/ready`: the store answers.
#[utoipa::path(get, path = "/health/ready", tag = "Operations",
    responses((status = 204, description = "The store answers"), ServerErrors))]
pub(super) async fn ready(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.mfa.ready().await?;
    Ok(StatusCode::NO_CONTENT)
}
