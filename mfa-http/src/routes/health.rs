//! `/health`: for load balancers and orchestrators.

use axum::extract::State;
use axum::http::StatusCode;

use crate::App;
use crate::error::ApiError;

/// `GET /health/live`: the process runs.
pub(super) async fn live() -> StatusCode {
    StatusCode::NO_CONTENT
}

/// `GET /health/ready`: the store answers.
pub(super) async fn ready(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.mfa.ready().await?;
    Ok(StatusCode::NO_CONTENT)
}
