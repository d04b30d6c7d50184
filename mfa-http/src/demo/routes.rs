//! `/demo/api`: the back end of an application, between its page and the service.

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use mfa_core::code::Code;
use serde_json::{Value, json};

use super::Demo;
use super::account::{Account, Row, id_of};
use super::consumer::{Answer, Call};
use super::origin::Origin;
use super::refusal::Refusal;
use super::relying_party::{self, NAME, USER};
use super::rows::is_gone;
use super::sent::Sent;
use crate::error::ApiError;

/// The visitor, by the cookie.
pub(super) struct Visitor {
    id: String,
    account: Account,
}

impl FromRequestParts<Demo> for Visitor {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, demo: &Demo) -> Result<Self, Refusal> {
        let id = id_of(&parts.headers).unwrap_or_default();
        match demo.accounts.get(&id) {
            Some(account) => Ok(Self { id, account }),
            None => Err(Refusal::NoAccount),
        }
    }
}

impl Demo {
    async fn call(&self, method: Method, path: impl Into<String>, body: Option<Value>) -> Answer {
        self.consumer.call(Call { method, path: path.into(), headers: Vec::new(), body }).await
    }

    /// A call about the account's WebAuthn user, or about a new user if it has none.
    async fn about_user(
        &self,
        visitor: &Visitor,
        origin: &Origin,
        method: Method,
        path: impl Into<String>,
        body: Option<Value>,
    ) -> Answer {
        let mut headers = relying_party::headers(origin.rp_id());
        headers.push(("x-mfa-RPOrigin", origin.as_str()));
        headers.extend(visitor.account.user.as_deref().map(|user| ("x-mfa-UserUUID", user)));
        self.consumer.call(Call { method, path: path.into(), headers, body }).await
    }

    /// Puts the row from `made` into the account, and deletes the one that it replaces.
    async fn keep(&self, visitor: &Visitor, row: fn(String) -> Row, made: Answer) -> Answer {
        // Without an id nothing was made, and the account is unchanged.
        let Some(id) = text(&made.body, "uuid") else { return made };
        match self.accounts.keep(&visitor.id, row(id)) {
            Some(replaced) => made.then(self.discard(replaced).await),
            None => made,
        }
    }
}

fn text(body: &Value, name: &str) -> Option<String> {
    body[name].as_str().map(str::to_owned)
}

/// `GET account`: the account's rows, if there is an account.
pub(super) async fn account(State(demo): State<Demo>, visitor: Result<Visitor, Refusal>) -> Answer {
    let Ok(visitor) = visitor else {
        return Answer::of(json!({"account": false, "totp": false, "credentials": []}));
    };
    let has_totp = visitor.account.totp.is_some();
    let Some(user) = visitor.account.user.as_deref() else {
        return Answer::of(json!({"account": true, "totp": has_totp, "credentials": []}));
    };
    let headers = vec![("x-mfa-UserUUID", user)];
    let call = Call { method: Method::GET, path: "/webauthn/user".to_owned(), headers, body: None };
    let mut listed = demo.consumer.call(call).await;
    if listed.status == StatusCode::OK {
        listed.body["account"] = json!(true);
        listed.body["totp"] = json!(has_totp);
    }
    listed
}

/// `POST account`: a cookie for an account, unless the visitor has one. Pages of other origins are refused,
/// so they cannot evict others' accounts.
pub(super) async fn open(
    State(demo): State<Demo>,
    visitor: Result<Visitor, Refusal>,
    _: Origin,
) -> Result<Response, ApiError> {
    let opened = Answer::of(json!({"account": true}));
    if visitor.is_ok() {
        return Ok(opened.into_response());
    }
    let (cookie, evicted) = demo.accounts.open().map_err(|_| ApiError::of(Code::Unavailable))?;
    for row in evicted {
        demo.discard(row).await;
    }
    Ok(([(header::SET_COOKIE, cookie)], opened).into_response())
}

/// `POST totp`: a new authenticator app, which replaces the account's.
pub(super) async fn enroll(State(demo): State<Demo>, visitor: Visitor, _: Origin) -> Answer {
    let body = json!({"issuer": NAME, "label": USER});
    let enrolled = demo.call(Method::POST, "/totp", Some(body)).await;
    demo.keep(&visitor, Row::Totp, enrolled).await
}

/// `PUT totp` with `{"code"}`.
pub(super) async fn check(State(demo): State<Demo>, visitor: Visitor, _: Origin, Sent(body): Sent) -> Answer {
    let totp = visitor.account.totp.unwrap_or_default();
    demo.call(Method::POST, format!("/totp/{totp}/validate"), Some(json!({"code": body["code"]}))).await
}

/// `DELETE totp`
pub(super) async fn remove(State(demo): State<Demo>, visitor: Visitor, _: Origin) -> Answer {
    let Some(totp) = visitor.account.totp else { return Answer::of(Value::Null) };
    let row = Row::Totp(totp);
    let removed = demo.delete(&row).await;
    if is_gone(&removed) {
        demo.accounts.forget(&visitor.id, row);
    }
    removed
}

/// `POST passkey`: options for `navigator.credentials.create()`.
pub(super) async fn begin_registration(State(demo): State<Demo>, visitor: Visitor, origin: Origin) -> Answer {
    let begun = demo.about_user(&visitor, &origin, Method::POST, "/webauthn/register", Some(json!({}))).await;
    demo.keep(&visitor, Row::User, begun).await
}

/// `PUT passkey` with `{"credential", "label"}`: what the browser returned, and a name for it.
pub(super) async fn finish_registration(
    State(demo): State<Demo>,
    visitor: Visitor,
    origin: Origin,
    Sent(mut created): Sent,
) -> Answer {
    let (method, path) = (Method::PUT, "/webauthn/register");
    let credential = created.get_mut("credential").map(Value::take);
    let registered = demo.about_user(&visitor, &origin, method, path, credential).await;
    let Some(hash) = text(&registered.body, "key_handle_hash") else { return registered };
    let named = label(&demo, &visitor, &origin, &hash, created["label"].clone()).await;
    registered.then(named)
}

/// `POST login`: options for `navigator.credentials.get()`.
pub(super) async fn begin_login(State(demo): State<Demo>, visitor: Visitor, origin: Origin) -> Answer {
    demo.about_user(&visitor, &origin, Method::POST, "/webauthn/login", Some(json!({}))).await
}

/// `PUT login` with what the browser returned.
pub(super) async fn finish_login(
    State(demo): State<Demo>,
    visitor: Visitor,
    origin: Origin,
    Sent(credential): Sent,
) -> Answer {
    demo.about_user(&visitor, &origin, Method::PUT, "/webauthn/login", Some(credential)).await
}

/// `POST u2f`: replaces the account's user with one from before WebAuthn, with a U2F key.
pub(super) async fn begin_u2f(State(demo): State<Demo>, visitor: Visitor, origin: Origin) -> Answer {
    let app_id = format!("{}/demo", origin.as_str());
    let begun = demo.call(Method::POST, "/u2f", Some(json!({"appId": app_id}))).await;
    demo.keep(&visitor, Row::User, begun).await
}

/// `PUT u2f` with the key's response.
pub(super) async fn finish_u2f(
    State(demo): State<Demo>,
    visitor: Visitor,
    _: Origin,
    Sent(answer): Sent,
) -> Answer {
    let user = visitor.account.user.unwrap_or_default();
    demo.call(Method::PUT, format!("/u2f/{user}"), Some(json!({"signResult": answer}))).await
}

/// `PATCH credential/{id}` with `{"label"}`.
pub(super) async fn rename(
    State(demo): State<Demo>,
    visitor: Visitor,
    origin: Origin,
    Path(id): Path<String>,
    Sent(body): Sent,
) -> Answer {
    label(&demo, &visitor, &origin, &id, body["label"].clone()).await
}

/// `DELETE credential/{id}`
pub(super) async fn delete(
    State(demo): State<Demo>,
    visitor: Visitor,
    origin: Origin,
    Path(id): Path<String>,
) -> Answer {
    demo.about_user(&visitor, &origin, Method::DELETE, credential(&id), None).await
}

async fn label(demo: &Demo, visitor: &Visitor, origin: &Origin, id: &str, label: Value) -> Answer {
    let body = Some(json!({"label": label}));
    demo.about_user(visitor, origin, Method::PATCH, credential(id), body).await
}

/// The path of a credential. The id comes from the page, and is encoded as one segment.
fn credential(id: &str) -> String {
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '='));
    format!("/webauthn/credential/{}", if plain { id } else { "-" })
}
