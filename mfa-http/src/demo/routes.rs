//! `/demo/api`: what an application's back end does between its page and the service.

use axum::Json;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Demo;
use super::account::{Account, id_of};
use super::consumer::{Answer, Call};
use super::origin::Origin;

const NAME: &str = "Demo";
const USER: &str = "jo@example.com";

/// Who is asking, by the cookie.
pub(super) struct Visitor {
    id: String,
    account: Account,
}

impl FromRequestParts<Demo> for Visitor {
    type Rejection = (StatusCode, Json<Value>);

    async fn from_request_parts(parts: &mut Parts, demo: &Demo) -> Result<Self, Self::Rejection> {
        let id = id_of(&parts.headers).unwrap_or_default();
        match demo.accounts.get(&id) {
            Some(account) => Ok(Self { id, account }),
            None => Err((StatusCode::UNAUTHORIZED, Json(json!({"answer": {"code": "no-account"}})))),
        }
    }
}

type Body = Json<Value>;

impl Demo {
    async fn call(&self, method: Method, path: impl Into<String>, body: Option<Value>) -> Answer {
        self.consumer.call(Call { method, path: path.into(), headers: Vec::new(), body }).await
    }

    /// A call about the account's WebAuthn user; about a new one if it has none.
    async fn about_user(
        &self,
        visitor: &Visitor,
        origin: &Origin,
        method: Method,
        path: impl Into<String>,
        body: Option<Value>,
    ) -> Answer {
        let mut headers = vec![
            ("x-mfa-RPDisplayName", NAME),
            ("x-mfa-RPID", origin.rp_id()),
            ("x-mfa-RPOrigin", origin.as_str()),
            ("x-mfa-Username", USER),
            ("x-mfa-UserDisplayName", "Jo"),
        ];
        headers.extend(visitor.account.user.as_deref().map(|user| ("x-mfa-UserUUID", user)));
        self.consumer.call(Call { method, path: path.into(), headers, body }).await
    }

    fn keep(&self, visitor: &Visitor, change: impl FnOnce(&mut Account)) {
        self.accounts.change(&visitor.id, change);
    }
}

fn text(body: &Value, name: &str) -> Option<String> {
    body[name].as_str().map(str::to_owned)
}

/// `GET account`: what the account has.
pub(super) async fn account(State(demo): State<Demo>, visitor: Visitor) -> Answer {
    let has_totp = visitor.account.totp.is_some();
    let Some(user) = visitor.account.user.as_deref() else {
        return Answer::of(json!({"totp": has_totp, "credentials": []}));
    };
    let headers = vec![("x-mfa-UserUUID", user)];
    let call = Call { method: Method::GET, path: "/webauthn/user".to_owned(), headers, body: None };
    let mut listed = demo.consumer.call(call).await;
    if listed.status == StatusCode::OK {
        listed.body["totp"] = json!(has_totp);
    }
    listed
}

/// `POST totp`: another authenticator app, in place of one that the account has.
pub(super) async fn enroll(State(demo): State<Demo>, visitor: Visitor, _: Origin) -> Answer {
    let body = json!({"issuer": NAME, "label": USER});
    let enrolled = demo.call(Method::POST, "/totp", Some(body)).await;
    if let Some(totp) = text(&enrolled.body, "uuid") {
        demo.keep(&visitor, |account| account.totp = Some(totp));
    }
    match visitor.account.totp {
        Some(old) => enrolled.then(demo.call(Method::DELETE, format!("/totp/{old}"), None).await),
        None => enrolled,
    }
}

/// `PUT totp` with `{"code"}`.
pub(super) async fn check(State(demo): State<Demo>, visitor: Visitor, _: Origin, Json(body): Body) -> Answer {
    let totp = visitor.account.totp.unwrap_or_default();
    demo.call(Method::POST, format!("/totp/{totp}/validate"), Some(json!({"code": body["code"]}))).await
}

/// `DELETE totp`
pub(super) async fn remove(State(demo): State<Demo>, visitor: Visitor, _: Origin) -> Answer {
    let Some(totp) = &visitor.account.totp else { return Answer::of(Value::Null) };
    let removed = demo.call(Method::DELETE, format!("/totp/{totp}"), None).await;
    demo.keep(&visitor, |account| account.totp = None);
    removed
}

/// `POST passkey`: options for `navigator.credentials.create()`.
pub(super) async fn begin_registration(State(demo): State<Demo>, visitor: Visitor, origin: Origin) -> Answer {
    let begun = demo.about_user(&visitor, &origin, Method::POST, "/webauthn/register", Some(json!({}))).await;
    if let Some(user) = text(&begun.body, "uuid") {
        demo.keep(&visitor, |account| account.user = Some(user));
    }
    begun
}

#[derive(Deserialize)]
pub(super) struct Created {
    credential: Value,
    label: String,
}

/// `PUT passkey` with what the browser returned, and a label for it.
pub(super) async fn finish_registration(
    State(demo): State<Demo>,
    visitor: Visitor,
    origin: Origin,
    Json(created): Json<Created>,
) -> Answer {
    let (method, path) = (Method::PUT, "/webauthn/register");
    let registered = demo.about_user(&visitor, &origin, method, path, Some(created.credential)).await;
    let Some(hash) = text(&registered.body, "key_handle_hash") else { return registered };
    let named = label(&demo, &visitor, &origin, &hash, json!(created.label)).await;
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
    Json(credential): Body,
) -> Answer {
    demo.about_user(&visitor, &origin, Method::PUT, "/webauthn/login", Some(credential)).await
}

/// `POST u2f`: an account from before WebAuthn, with a U2F key, takes the place of this one.
pub(super) async fn begin_u2f(State(demo): State<Demo>, visitor: Visitor, origin: Origin) -> Answer {
    let app_id = format!("{}/demo", origin.as_str());
    let begun = demo.call(Method::POST, "/u2f", Some(json!({"appId": app_id}))).await;
    if let Some(user) = text(&begun.body, "uuid") {
        demo.keep(&visitor, |account| account.user = Some(user));
    }
    begun
}

/// `PUT u2f` with the key's answer.
pub(super) async fn finish_u2f(
    State(demo): State<Demo>,
    visitor: Visitor,
    _: Origin,
    Json(answer): Body,
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
    Json(body): Body,
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

/// The id comes from the page, and is one segment whatever it holds.
fn credential(id: &str) -> String {
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '='));
    format!("/webauthn/credential/{}", if plain { id } else { "-" })
}
