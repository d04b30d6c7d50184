//! The routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::routing::post;
use axum::{Json, Router};
use serde_json::Value;

use crate::choices::Choices;
use crate::credentials::Credentials;
use crate::options::read;
use crate::refusal::Refusal;

const ROUTES: &str = "POST /webauthn/create, POST /webauthn/get and POST /u2f/registration";

type Shared = Arc<Mutex<Credentials>>;
type Chosen = Result<Query<Choices>, QueryRejection>;
type Answer = Result<Json<Value>, Refusal>;

pub(crate) fn router() -> Router {
    Router::new()
        .route("/webauthn/create", post(create))
        .route("/webauthn/get", post(get))
        .route("/u2f/registration", post(register))
        .fallback(async || Refusal::not_found(format!("there is no such route: the simulator has {ROUTES}")))
        .method_not_allowed_fallback(async || Refusal::method(format!("the simulator has {ROUTES}")))
        .with_state(Shared::default())
}

async fn create(State(shared): State<Shared>, choices: Chosen, body: Bytes) -> Answer {
    Ok(Json(locked(&shared).create(read(&body)?, &chosen(choices)?)?))
}

async fn get(State(shared): State<Shared>, choices: Chosen, body: Bytes) -> Answer {
    Ok(Json(locked(&shared).get(read(&body)?, &chosen(choices)?)?))
}

async fn register(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Answer {
    Ok(Json(locked(&shared).register(&headers, &body)?))
}

/// Each change of the list is one push, so a panic leaves it whole.
fn locked(shared: &Shared) -> MutexGuard<'_, Credentials> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn chosen(choices: Chosen) -> Result<Choices, Refusal> {
    match choices {
        Ok(Query(choices)) => Ok(choices),
        Err(rejection) => Err(Refusal::bad_request(rejection.body_text())),
    }
}
