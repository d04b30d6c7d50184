//! An event of API Gateway as the request that its client sent.

use std::mem;

use lambda_http::http::header::HOST;
use lambda_http::request::{LambdaRequest, RequestContext};
use lambda_http::{LambdaEvent, Request, RequestExt as _};
use mfa_http::Source;

use crate::path;

/// The event, mended where `lambda_http` would make another request of it than the client sent, or panic.
///
/// Its path goes through a URL parser together with the stage and the client's `Host`: we leave it neither. Of
/// headers given twice it would keep the last value, where we refuse both.
pub(crate) fn prepared(mut event: LambdaEvent<LambdaRequest>) -> LambdaEvent<LambdaRequest> {
    match &mut event.payload {
        LambdaRequest::ApiGatewayV1(request) => {
            let path = request.path.take().unwrap_or_default();
            let stage = request.request_context.stage.take();
            let route = request.resource.as_deref().unwrap_or_default();
            let path = path::of_route(&path, route, &request.path_parameters, stage.as_deref());
            request.path = Some(path::escaped(path));
            request.request_context.domain_name = None;
            // Both hold the same headers; some emulators send the first only.
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
            request.raw_path = Some(path::escaped(path));
            request.request_context.domain_name = None;
            request.headers.remove(HOST);
        }
        // The enum may grow; what we are built for is above.
        _ => {}
    }
    event
}

/// The request, with the address it came from as the gateway saw it. `X-Forwarded-For` is what a client makes of it.
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
