//! Request bodies as the seeds' clients send them.

use std::fmt;
use std::time::Duration;

use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use crate::error::ApiError;

/// Bytes a body may have.
pub(crate) const LIMIT: usize = 64 * 1024;
/// Members an object may have.
const MEMBERS: usize = 64;
/// Time a client has to send it.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const MALFORMED: ApiError =
    ApiError::bad_request("invalid-json", "invalid request: the body is not valid JSON");

/// The members of a JSON object. An empty body, `null` and `[]` (PHP's empty object) count as `{}`. Names are
/// matched ignoring case, as one seed did, so a name given twice is refused.
#[derive(Debug)]
pub(crate) struct Body(Vec<(String, Value)>);

impl Body {
    /// The member of that name.
    pub(crate) fn member(&self, name: &str) -> Option<&Value> {
        self.0.iter().find(|(member, _)| member.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The member of that name, if it is a string.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.member(name).and_then(Value::as_str)
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        if bytes.trim_ascii().is_empty() {
            return Ok(Self(Vec::new()));
        }
        serde_json::from_slice(&bytes).map_err(|_| MALFORMED)
    }
}

/// The bytes of a body, for what the core reads itself.
pub(crate) struct RawBody(pub(crate) Bytes);

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let too_large =
            || ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is over 64 KiB");
        let announced = request.headers().get("content-length").and_then(|value| value.to_str().ok());
        if announced.and_then(|length| length.parse::<usize>().ok()).is_some_and(|length| length > LIMIT) {
            return Err(too_large());
        }
        match tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), LIMIT)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(error)) if is_too_large(&error) => Err(too_large()),
            Ok(Err(_)) => Err(ApiError::bad_request("incomplete", "The body ended early")),
            Err(_) => {
                let message = "The body took too long to arrive";
                Err(ApiError::new(StatusCode::REQUEST_TIMEOUT, "timeout", message))
            }
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

impl<'de> Deserialize<'de> for Body {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Body;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E: Error>(self) -> Result<Body, E> {
        Ok(Body(Vec::new()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Body, A::Error> {
        match items.next_element::<Value>()? {
            None => Ok(Body(Vec::new())),
            Some(_) => Err(A::Error::custom("an array is not an object")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Body, A::Error> {
        let mut body = Body(Vec::new());
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            // No request has so many members, and each is compared with all before it.
            if body.0.len() >= MEMBERS || body.member(&name).is_some() {
                return Err(A::Error::custom("a member is given twice, or there are too many"));
            }
            body.0.push((name, value));
        }
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<Body, serde_json::Error> {
        serde_json::from_str(json)
    }

    #[test]
    fn nothing_in_any_spelling_is_an_empty_object() {
        for json in ["{}", "[]", "null", " [ ] "] {
            assert!(parse(json).unwrap().0.is_empty(), "{json}");
        }
    }

    #[test]
    fn names_match_in_any_case_and_once() {
        let body = parse(r#"{"EMAIL": "a@example.com", "n": 7, "slash": "a\/b"}"#).unwrap();
        assert_eq!(body.text("email"), Some("a@example.com"));
        assert_eq!(body.text("n"), None);
        assert_eq!(body.text("slash"), Some("a/b"));
        assert!(parse(r#"{"email": "a", "Email": "b"}"#).is_err());
    }

    #[test]
    fn other_values_trailing_text_and_lone_surrogates_are_refused() {
        for json in ["7", "\"x\"", "[1]", "{}x", "{\"a\":1,}", r#"{"a":"\ud800"}"#, "{", "{'a':1}"] {
            assert!(parse(json).is_err(), "{json}");
        }
        assert!(parse(&format!("{}{}", "[".repeat(20_000), "]".repeat(20_000))).is_err());
    }
}
