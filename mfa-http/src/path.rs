//! The variable segment of a path.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::error::ApiError;

/// The one variable segment of the route, decoded.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        // A segment that is not UTF-8 is answered like any unknown name.
        let segment = Path::from_request_parts(parts, state)
            .await
            .map_or_else(|_| "\u{fffd}".to_owned(), |path| path.0);
        Ok(Self(segment))
    }
}
