//! The paths of requests.

use axum::extract::{FromRequestParts, Path};
use axum::http::Uri;
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

/// The URI without repeated and trailing slashes in its path, or `None` if it has none of these.
pub(crate) fn tidied(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    let untidy = path.contains("//") || (path.ends_with('/') && path.len() > 1);
    if !untidy {
        return None;
    }
    let segments: Vec<_> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let query = uri.query().map_or(String::new(), |query| format!("?{query}"));
    format!("/{}{query}", segments.join("/")).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_and_trailing_slashes_go() {
        for (path, expected) in [
            ("/totp/", Some("/totp")),
            ("//webauthn///login//", Some("/webauthn/login")),
            ("/api-key/?after=a//b/", Some("/api-key?after=a//b/")),
            ("//", Some("/")),
            ("/totp/a%2F%2Fb", None),
            ("/totp?x=//", None),
            ("/", None),
        ] {
            let tidied = tidied(&path.parse().unwrap()).map(|uri| uri.to_string());
            assert_eq!(tidied.as_deref(), expected, "{path}");
        }
    }
}
