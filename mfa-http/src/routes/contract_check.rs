//! In debug builds, checks each response against the codes that its route lists. So every test over HTTP
//! checks the contract.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use mfa_core::code::Code;
use utoipa::openapi::OpenApi;

use crate::openapi::errors::listed;
use crate::openapi::operations;

/// The codes of each operation, by path and method.
#[derive(Debug)]
pub(super) struct Lists(BTreeMap<String, BTreeMap<&'static str, BTreeSet<Code>>>);

impl Lists {
    /// The lists of a contract that still holds them.
    pub(super) fn of(mut contract: OpenApi) -> Self {
        let paths = contract.paths.paths.iter_mut();
        let lists = |item| {
            operations(item).map(|(method, operation)| (method, listed(operation).into_iter().collect()))
        };
        Self(paths.map(|(path, item)| (path.clone(), lists(item).collect())).collect())
    }

    fn allow(&self, path: Option<&str>, method: &Method, code: Option<Code>) -> bool {
        let Some(path) = path else { return code == Some(Code::NoSuchRoute) };
        // Routes outside the contract are the demo's.
        let Some(operations) = self.0.get(path) else { return true };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        let Some(codes) = operations.get(method.as_str()) else { return code == Some(Code::NoSuchMethod) };
        code.is_some_and(|code| codes.contains(&code))
    }
}

/// Panics if the route returns a code that it does not list. The client gets a 500.
pub(super) async fn check(State(lists): State<Arc<Lists>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let path = path.as_ref().map(MatchedPath::as_str);
        let code = response.extensions().get().copied();
        assert!(lists.allow(path, &method, code), "{method} {path:?} does not list {code:?}, a {status}");
    }
    response
}
