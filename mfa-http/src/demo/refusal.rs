//! Errors of the demo's own back end. Their codes are not part of the service's contract.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::error_response;

#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    NoAccount,
    ForeignPage,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NoAccount => {
                error_response(StatusCode::UNAUTHORIZED, "no-account", "No account has this cookie")
            }
            Self::ForeignPage => error_response(
                StatusCode::FORBIDDEN,
                "foreign-page",
                "The request is not from the demo's own page, or a proxy changed its Host header",
            ),
        }
    }
}
