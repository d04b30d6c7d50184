//! Turns an event of API Gateway into the request that the client sent.

use std::mem;

use lambda_http::aws_lambda_events::query_map::QueryMap;
use lambda_http::http::header::HOST;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{LambdaEvent, Request, RequestExt as _};
use mfa_http::Source;

use crate::path;

/// The path for a request that is too long to serve.
const NO_ROUTE: &str = "/";

/// Prepares the event for `lambda_http`, which would otherwise change the request or panic.
///
/// It passes the path through a URL parser together with the stage and the client's `Host`, so we remove
/// both. It takes the query of the second format as the client wrote it, and panics if a URL cannot hold it.
/// It keeps the last value of a repeated header, while we refuse both.
pub(crate) fn prepared(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    match &mut event.payload {
        LambdaRequest::ApiGatewayV1(request) => {
            let path = request.path.take().unwrap_or_default();
            let stage = request.request_context.stage.take();
            let route = request.resource.as_deref().unwrap_or_default();
            let path = path::of_route(&path, route, &request.path_parameters, stage.as_deref());
            let mut path = path::escaped(path);
            // Both hold the same, and `lambda_http` encodes them.
            let query = match &request.multi_value_query_string_parameters {
                all if all.is_empty() => request.query_string_parameters.to_query_string(),
                all => all.to_query_string(),
            };
            if !path::fit(&path, &query) {
                path = NO_ROUTE.to_owned();
                request.query_string_parameters = QueryMap::default();
                request.multi_value_query_string_parameters = QueryMap::default();
            }
            request.path = Some(path);
            request.request_context.domain_name = None;
            // Both hold the same headers. Some emulators send only the first.
            let headers = mem::take(&mut request.headers);
            if request.multi_value_headers.is_empty() {
                request.multi_value_headers = headers;
            }
        }
        LambdaRequest::ApiGatewayV2(request) => {
            let path = request.raw_path.take().unwrap_or_default();
            let stage = request.request_context.stage.take();
            let route = request.route_key.as_deref().unwrap_or_default();
            let route = route.split_once(' ').map_or("", |(_method, route)| route);
            let path = path::of_route(&path, route, &request.path_parameters, stage.as_deref());
            let path = path::escaped(path);
            let query = path::escaped_query(&request.raw_query_string.take().unwrap_or_default());
            if path::fit(&path, &query) {
                (request.raw_path, request.raw_query_string) = (Some(path), Some(query));
            } else {
                request.raw_path = Some(NO_ROUTE.to_owned());
            }
            request.request_context.domain_name = None;
            request.headers.remove(HOST);
        }
        // The enum may grow. We support the variants above.
        _ => {}
    }
    event
}

/// The request with the source address that the gateway saw. A client can forge `X-Forwarded-For`.
pub(crate) fn with_source(mut request: Request) -> Request {
    let address = match request.request_context_ref() {
        Some(RequestContext::ApiGatewayV1(context)) => context.identity.source_ip.as_deref(),
        Some(RequestContext::ApiGatewayV2(context)) => context.http.source_ip.as_deref(),
        _ => None,
    };
    if let Some(source) = address.and_then(|address| address.parse().ok()) {
        request.extensions_mut().insert(Source(source));
    }
    request
}

#[cfg(test)]
mod tests {
    use lambda_http::Context;
    use serde_json::{Value, json};

    use super::*;

    /// The path and query of an event that the router gets.
    fn asked_for(event: Value) -> String {
        let event = serde_json::from_value(event).unwrap();
        let request = Request::from(prepared(LambdaEvent::new(event, Context::default())).payload);
        request.uri().to_string()
    }

    fn first_format(path: &str, query: &Value) -> Value {
        json!({
            "resource": "/{proxy+}", "path": path, "httpMethod": "GET", "multiValueHeaders": {},
            "multiValueQueryStringParameters": query, "isBase64Encoded": false,
            "requestContext": {"httpMethod": "GET", "stage": "prod", "identity": {"sourceIp": "192.0.2.1"}},
        })
    }

    fn second_format(path: &str, query: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query, "headers": {},
            "requestContext": {"stage": "$default", "http": {"method": "GET", "path": path}},
        })
    }

    /// `lambda_http` panics if a URL cannot hold the query.
    #[test]
    fn no_query_is_too_odd() {
        for odd in (0..=u8::MAX).map(char::from) {
            let uri = asked_for(second_format("/api-key", &format!("after=a{odd}b")));
            assert!(uri.starts_with("/api-key?after=a"), "{odd:?}: {uri}");
            let uri = asked_for(first_format("/api-key", &json!({format!("x{odd}"): [format!("a{odd}b")]})));
            assert!(uri.starts_with("/api-key?x"), "{odd:?}: {uri}");
        }
        assert_eq!(asked_for(second_format("/api-key", "")), "/api-key");
    }

    /// No gateway passes so much today, but `lambda_http` would panic.
    #[test]
    fn what_is_too_long_is_no_route() {
        let long = "\"".repeat(30_000);
        for event in [
            second_format("/api-key", &long),
            second_format(&format!("/{long}"), ""),
            first_format("/api-key", &json!({"x": [long]})),
            first_format(&format!("/{long}"), &Value::Null),
        ] {
            assert_eq!(asked_for(event), "/");
        }
    }
}
