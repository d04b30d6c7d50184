//! The page's origin, which the demo's relying party sends to the service.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use super::refusal::Refusal;

/// The page's origin. A request from another page is refused, even with a cookie.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Origin(String);

impl Origin {
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// The host without its port: the demo's RP ID.
    pub(super) fn rp_id(&self) -> &str {
        let host = self.0.split_once("://").map_or("", |(_, host)| host);
        host.split_once(':').map_or(host, |(name, _)| name)
    }

    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
        let (origin, host) = (text(header::ORIGIN)?, text(header::HOST)?);
        let (scheme, place) = origin.split_once("://")?;
        (matches!(scheme, "http" | "https") && place == host).then(|| Self(origin.to_owned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Origin {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        Self::of(&parts.headers).ok_or(Refusal::ForeignPage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(origin: &str, host: &str) -> Option<Origin> {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        headers.insert(header::HOST, host.parse().unwrap());
        Origin::of(&headers)
    }

    #[test]
    fn only_the_pages_own_origin_counts() {
        let here = of("https://demo.example.com:8443", "demo.example.com:8443").unwrap();
        assert_eq!(here.rp_id(), "demo.example.com");
        assert_eq!(of("http://localhost:8080", "localhost:8080").unwrap().rp_id(), "localhost");
        for (origin, host) in [
            ("https://evil.example.com", "demo.example.com"),
            ("https://localhost:9", "localhost:8080"),
            ("null", "localhost:8080"),
            ("file://", "localhost"),
        ] {
            assert_eq!(of(origin, host), None, "{origin}");
        }
        assert_eq!(Origin::of(&HeaderMap::new()), None);
    }
}
