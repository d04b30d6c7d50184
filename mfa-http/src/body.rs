//! Request bodies, with limits on size and time.

use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use mfa_core::code::Code;
use serde::de::DeserializeOwned;

use crate::error::ApiError;
use crate::members;

/// The most bytes of a body.
pub(crate) const LIMIT: usize = 64 * 1024;
/// The time for a client to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// The codes of a route that reads a body as bytes.
pub(crate) const BYTES: &[Code] = &[Code::Incomplete, Code::Timeout, Code::TooLarge];
/// The codes of a route that reads a body as an object.
pub(crate) const OBJECT: &[Code] = &[Code::InvalidJson, Code::Incomplete, Code::Timeout, Code::TooLarge];

/// A JSON object as a `T`, read by [`members`].
#[derive(Debug)]
pub(crate) struct Body<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        members::read(&bytes).map(Self).map_err(|_| ApiError::of(Code::InvalidJson))
    }
}

/// The bytes of a body that the core reads itself.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let announced = request.headers().get("content-length").and_then(|value| value.to_str().ok());
        if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > LIMIT) {
            return Err(ApiError::of(Code::TooLarge));
        }
        match tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), LIMIT)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) if is_too_large(&error) => Err(ApiError::of(Code::TooLarge)),
            Ok(Err(_)) => Err(ApiError::of(Code::Incomplete)),
            Err(_) => Err(ApiError::of(Code::Timeout)),
        }
    }
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        source = error.source();
    }
    false
}
