//! An application whose own login asks for a TOTP as second factor. It embeds `mfa-core` on SQLite.
//!
//! The application owns accounts, passwords and sessions. For the second factor it stores only an id with the
//! account. `mfa-core` seals the secret, accepts each code once, and slows down guessing.
//!
//! ```sh
//! cargo run -p mfa-examples --example embed_axum                                   # plays a browser against itself
//! cargo run -p mfa-examples --example embed_axum -- --listen 127.0.0.1:3000        # jo's password is "correct horse"
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

mod authenticator_app;
mod embed_axum_browser;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, bail};
use axum::extract::State;
use axum::http::header::{COOKIE, RETRY_AFTER, SET_COOKIE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use data_encoding::HEXLOWER;
use mfa_core::api_key::{ApiKey, ApiKeyError, ApiSecret, Argon2Hasher, SecretHash};
use mfa_core::clock::{Clock, ManualClock, SystemClock};
use mfa_core::random::{OsRandom, RandomError, SecureRandom as _};
use mfa_core::secret::SecretBytes;
use mfa_core::totp::{TotpError, TotpId, TotpOptions};
use mfa_core::{Consumer, Mfa};
use mfa_hasher_tokio::BlockingHasher;
use mfa_store_sqlite::SqliteStore;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;

const PASSWORD: &str = "correct horse";

struct App {
    mfa: Mfa,
    /// A real application gets these two once, with `mfa-http api-key`, and reads them from its secret store.
    api_key: (ApiKey, ApiSecret),
    accounts: Mutex<HashMap<String, Account>>,
    nobodys_password: SecretHash,
    /// Sessions by the value of their cookie. A real application expires them.
    sessions: Mutex<HashMap<String, Session>>,
}

struct Account {
    password: SecretHash,
    /// An enrolled TOTP. It counts as second factor only after the user has entered a code.
    unconfirmed: Option<TotpId>,
    totp: Option<TotpId>,
}

#[derive(Clone)]
struct Session {
    name: String,
    /// A session with only the password can do nothing but give the second factor.
    complete: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let store = SqliteStore::open(folder.path().join("mfa.db")).await?;
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => {
            let clock = Arc::new(ManualClock::at(SystemClock.now()));
            let app = App::new(store, Arc::clone(&clock) as _).await?;
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            let address = listener.local_addr()?;
            let server = tokio::spawn(async move { axum::serve(listener, router(app)).await });
            embed_axum_browser::play(address, &clock).await?;
            server.abort();
        }
        ["--listen", address] => {
            let listener = TcpListener::bind(address).await?;
            println!("listening on http://{}", listener.local_addr()?);
            axum::serve(listener, router(App::new(store, Arc::new(SystemClock)).await?)).await?;
        }
        _ => bail!("usage: embed_axum [--listen ADDRESS]"),
    }
    Ok(())
}

fn router(app: App) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/login/code", post(login_code))
        .route("/totp", post(enroll))
        .route("/totp/confirm", post(confirm))
        .route("/me", get(me))
        .with_state(Arc::new(app))
}

#[derive(Deserialize)]
struct Password {
    name: String,
    password: String,
}

/// `POST /login`, the first factor. A real application limits guesses here. `mfa-core` limits guesses of
/// codes.
async fn login(State(app): State<Arc<App>>, Json(body): Json<Password>) -> Result<Response, Refusal> {
    let stored = app.accounts().get(&body.name).map(|account| (account.password.clone(), account.totp));
    let known = stored.is_some();
    // An unknown name takes as long to refuse as a wrong password, so that nobody learns which names exist.
    let (password, totp) = stored.unwrap_or_else(|| (app.nobodys_password.clone(), None));
    let given = SecretBytes::new(body.password.into_bytes());
    // Hashing takes tens of milliseconds of CPU, so it runs on another thread.
    let checked = tokio::task::spawn_blocking(move || Argon2Hasher::verify_blocking(&given, &password));
    if !(matches!(checked.await, Ok(Ok(true))) && known) {
        return Err(Refusal::Login);
    }
    app.begin_session(Session { name: body.name, complete: totp.is_none() })
}

#[derive(Deserialize)]
struct Code {
    code: String,
}

/// `POST /login/code`, the second factor.
async fn login_code(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(body): Json<Code>,
) -> Result<Response, Refusal> {
    let session = app.session(&headers).ok_or(Refusal::Login)?;
    let totp = app.accounts().get(&session.name).and_then(|account| account.totp).ok_or(Refusal::Login)?;
    app.consumer().await?.totp().verify(totp, &body.code).await?;
    // A new id, so that one that leaked before the second factor is worthless afterwards.
    app.end_session(&headers);
    app.begin_session(Session { complete: true, ..session })
}

/// `POST /totp`: the page shows the URI as a QR code, once.
async fn enroll(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    let name = app.complete_session(&headers)?;
    let consumer = app.consumer().await?;
    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", &*name)).await?;
    let given_up = app.accounts().get_mut(&name).and_then(|account| account.unconfirmed.replace(enrolled.id));
    if let Some(given_up) = given_up {
        consumer.totp().delete(given_up).await?;
    }
    Ok(Json(json!({"uri": enrolled.key_uri.expose_text(), "key": *enrolled.secret_base32})))
}

/// `POST /totp/confirm`: a code proves that the QR code was scanned. Without this step a user could be locked
/// out.
async fn confirm(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    Json(body): Json<Code>,
) -> Result<Json<Value>, Refusal> {
    let name = app.complete_session(&headers)?;
    let unconfirmed = app.accounts().get(&name).and_then(|account| account.unconfirmed);
    let unconfirmed = unconfirmed.ok_or(TotpError::NotFound)?;
    let consumer = app.consumer().await?;
    consumer.totp().verify(unconfirmed, &body.code).await?;
    let replaced = app.accounts().get_mut(&name).and_then(|account| {
        account.unconfirmed = None;
        account.totp.replace(unconfirmed)
    });
    if let Some(replaced) = replaced {
        consumer.totp().delete(replaced).await?;
    }
    Ok(Json(json!({"second_factor": true})))
}

/// `GET /me`: the application's own page.
async fn me(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Json<Value>, Refusal> {
    Ok(Json(json!({"hello": app.complete_session(&headers)?})))
}

impl App {
    async fn new(store: SqliteStore, clock: Arc<dyn Clock>) -> Result<Self> {
        let mfa = Mfa::builder(store).clock(clock).hasher(Arc::new(BlockingHasher::default())).build();
        let key = mfa.create_api_key("dev@example.com").await?;
        let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
        let nobodys_password = hash_password(random()?.to_vec())?;
        let password = hash_password(PASSWORD.as_bytes().to_vec())?;
        let jo = Account { password, unconfirmed: None, totp: None };
        let accounts = Mutex::new(HashMap::from([("jo".to_owned(), jo)]));
        Ok(Self { mfa, api_key: (key, secret), accounts, nobodys_password, sessions: Mutex::default() })
    }

    /// Authenticate for each request. It costs a read and, after the first, no hash. A revoked or rotated key
    /// takes effect at once.
    async fn consumer(&self) -> Result<Consumer, ApiKeyError> {
        self.mfa.authenticate(&self.api_key.0, &self.api_key.1).await
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<String, Account>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_session(&self, session: Session) -> Result<Response, Refusal> {
        let id = HEXLOWER.encode(&random().map_err(|_| Refusal::Failed)?);
        let cookie = format!("session={id}; Path=/; HttpOnly; Secure; SameSite=Strict");
        let body = Json(json!({"complete": session.complete}));
        self.sessions().insert(id, session);
        Ok((AppendHeaders([(SET_COOKIE, cookie)]), body).into_response())
    }

    fn session(&self, headers: &HeaderMap) -> Option<Session> {
        self.sessions().get(session_id(headers)?).cloned()
    }

    fn complete_session(&self, headers: &HeaderMap) -> Result<String, Refusal> {
        let session = self.session(headers).filter(|session| session.complete);
        session.map(|session| session.name).ok_or(Refusal::Login)
    }

    fn end_session(&self, headers: &HeaderMap) {
        if let Some(id) = session_id(headers) {
            self.sessions().remove(id);
        }
    }
}

fn random() -> Result<[u8; 32], RandomError> {
    let mut bytes = [0; 32];
    OsRandom.fill(&mut bytes)?;
    Ok(bytes)
}

fn hash_password(password: Vec<u8>) -> Result<SecretHash> {
    let mut salt = [0; 16];
    OsRandom.fill(&mut salt)?;
    Ok(Argon2Hasher::hash_blocking(&SecretBytes::new(password), &salt)?)
}

fn session_id(headers: &HeaderMap) -> Option<&str> {
    let cookies = headers.get(COOKIE)?.to_str().ok()?;
    cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="))
}

/// Responses for errors. This is the one place where errors of `mfa-core` become HTTP.
enum Refusal {
    Login,
    Totp(TotpError),
    Failed,
}

impl From<TotpError> for Refusal {
    fn from(error: TotpError) -> Self {
        Self::Totp(error)
    }
}

impl From<ApiKeyError> for Refusal {
    /// The application's own key is refused, or the store is down. The user can do nothing about it.
    fn from(_: ApiKeyError) -> Self {
        Self::Failed
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut wait = None;
        let (status, message) = match self {
            Self::Login => (StatusCode::UNAUTHORIZED, "log in first"),
            Self::Totp(TotpError::NotAccepted) => (StatusCode::UNAUTHORIZED, "wrong code, or used already"),
            Self::Totp(TotpError::Throttled { retry_after }) => {
                wait = Some((RETRY_AFTER, retry_after.as_secs() + 1));
                (StatusCode::TOO_MANY_REQUESTS, "too many wrong codes")
            }
            Self::Totp(TotpError::Disabled) => {
                (StatusCode::FORBIDDEN, "ask support to reset your second factor")
            }
            Self::Totp(TotpError::NotFound) => (StatusCode::CONFLICT, "enrol first"),
            Self::Totp(_) | Self::Failed => (StatusCode::SERVICE_UNAVAILABLE, "try again later"),
        };
        (status, AppendHeaders(wait), Json(json!({"message": message}))).into_response()
    }
}
