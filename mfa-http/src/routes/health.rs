//! `/health`, for load balancers and orchestrators.

use axum::extract::State;
use axum::http::StatusCode;

use crate::App;
use crate::error::{ApiError, SERVER};
use crate::openapi::errors::Codes;

/// Reports that the process runs.
#[utoipa::path(get, path = "/health/live", operation_id = "getLiveness", tag = "Operations", security(()),
    responses((status = 204, description = "The process runs")))]
pub(super) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

pub(super) const READY: Codes = &[SERVER];

/// Reports whether the store responds.
#[utoipa::path(get, path = "/health/ready", operation_id = "getReadiness", tag = "Operations", security(()),
    responses((status = 204, description = "The store responds")),
    extensions(("x-codes" = json!(READY))))]
pub(super) async fn ready(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.mfa.ready().await?;
    Ok(StatusCode::NO_CONTENT)
}
