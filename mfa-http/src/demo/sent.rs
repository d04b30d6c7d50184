//! The page's requests, read with the service's limits.

use axum::extract::{FromRequest, Request};
use mfa_core::code::Code;
use serde_json::Value;

use crate::body::RawBody;
use crate::error::ApiError;

/// The JSON of a body, of any shape. The service judges what the page sends on.
pub(super) struct Sent(pub(super) Value);

impl<S: Send + Sync> FromRequest<S> for Sent {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        serde_json::from_slice(&bytes).map(Self).map_err(|_| ApiError::of(Code::InvalidJson))
    }
}
