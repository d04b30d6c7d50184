//! In debug builds, holds each answer to the codes that its route lists, so that every test over HTTP checks the
//! contract.

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
pub(super) struct Listed(BTreeMap<String, BTreeMap<&'static str, BTreeSet<Code>>>);

impl Listed {
    /// The lists of a contract that still has them.
    pub(super) fn of(contract: &mut OpenApi) -> Self {
        let paths = contract.paths.paths.iter_mut();
        let codes = |item| operations(item).map(|(method, operation)| (method, codes_of(operation)));
        Self(paths.map(|(path, item)| (path.clone(), codes(item).collect())).collect())
    }

    fn allows(&self, path: Option<&str>, method: &Method, code: Code) -> bool {
        let Some(path) = path else { return code == Code::NoSuchRoute };
        // Routes that are in no contract are the demo's.
        let Some(operations) = self.0.get(path) else { return true };
        let method = if method == Method::HEAD { &Method::GET } else { method };
        operations.get(method.as_str()).map_or(code == Code::NoSuchMethod, |codes| codes.contains(&code))
    }
}

fn codes_of(operation: &utoipa::openapi::path::Operation) -> BTreeSet<Code> {
    listed(operation).into_iter().collect()
}

/// Panics, which the client hears as a 500, if the route does not list the code of its answer.
pub(super) async fn check(State(lists): State<Arc<Listed>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    if let Some(code) = response.extensions().get::<Code>() {
        let path = path.as_ref().map(MatchedPath::as_str);
        assert!(lists.allows(path, &method, *code), "{method} {path:?} does not list `{code}`");
    }
    response
}
