//! `/metrics`: for Prometheus and whatever reads its format.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::App;
use crate::error::ApiError;
use crate::openapi::errors::ServerErrors;

/// `GET /metrics`: how many requests were answered how, and how long they took, in this process.
#[utoipa::path(get, path = "/metrics", tag = "Operations",
    responses(
        (status = 200, description = "Counters, in the OpenMetrics text format", body = String,
            content_type = "application/openmetrics-text"),
        ServerErrors,
    ))]
pub(super) async fn read(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let text = app.metrics.text().map_err(|_| ApiError::internal())?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}
