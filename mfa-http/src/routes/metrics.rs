//! `/metrics`, for Prometheus and other readers of its format.

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use mfa_core::code::Code;

use crate::App;
use crate::error::{ApiError, SERVER};
use crate::openapi::errors::Codes;

pub(super) const READ: Codes = &[SERVER];

/// Returns counts and latencies of requests and of calls of the stores.
#[utoipa::path(get, path = "/metrics", operation_id = "getMetrics", tag = "Operations", security(()),
    responses(
        (status = 200, description = "Counters, in the OpenMetrics text format", body = String,
            content_type = "application/openmetrics-text"),
    ),
    extensions(("x-codes" = json!(READ))))]
pub(super) async fn read(State(app): State<App>) -> Result<impl IntoResponse, ApiError> {
    let text = app.metrics.text().map_err(|_| ApiError::of(Code::Internal))?;
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text))
}
