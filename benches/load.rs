//! Load over HTTP from this process on a server in a process of its own, whose CPU time is read.

use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use mfa_core::clock::{Clock as _, SystemClock};
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{Expect, Stored, Stores};
use mfa_core::{ConsumerId, Mfa};
use mfa_http::server::{Limits, serve};
use mfa_http::{AdminKey, App, router};
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use mfa_store_conformance::kit::service::code_at;
use mfa_store_dynamo::DynamoStore;
use mfa_store_postgres::PostgresStore;
use mfa_store_redis::RedisStore;
use mfa_store_sqlite::SqliteStore;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::Outcome;

const ADMIN_KEY: &str = "an-admin-key-for-benches";
const CONNECTIONS: usize = 64;

/// The head and body of a request.
pub type Request = (String, String);

/// The server in a process of its own: this program, called with `--serve KIND`.
#[derive(Debug)]
pub struct Server {
    child: Child,
    address: String,
}

/// What requests cost.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "figures of a benchmark")]
pub struct Cost {
    /// Microseconds of the server's CPU for each.
    pub cpu: f64,
    /// Responses per second.
    pub per_second: f64,
}

impl Server {
    /// Starts the server for `kind`: a bare route for `bare`, a route with two calls of a store for
    /// `two-calls:URL`, otherwise the service on the store that `kind` names.
    ///
    /// # Errors
    ///
    /// If it does not start.
    pub fn start(kind: &str) -> Outcome<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["--bench", "--serve", kind])
            .stdout(Stdio::piped())
            .spawn()?;
        let mut address = String::new();
        let out = child.stdout.as_mut().ok_or("no output")?;
        std::io::BufRead::read_line(&mut std::io::BufReader::new(out), &mut address)?;
        Ok(Self { child, address: address.trim().to_owned() })
    }

    /// A connection to it.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub async fn connect(&self) -> Outcome<Connection> {
        Ok(Connection::open(&self.address).await?)
    }

    /// CPU seconds the server's threads have used. `/proc/PID/stat` counts in ticks of 10 ms, too coarse here.
    fn cpu(&self) -> Outcome<f64> {
        let mut nanoseconds = 0.0;
        for thread in std::fs::read_dir(format!("/proc/{}/task", self.child.id()))? {
            let times = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += times.split_whitespace().next().ok_or("schedstat")?.parse::<f64>()?;
        }
        Ok(nanoseconds / 1e9)
    }

    /// Sends all requests over several connections.
    ///
    /// # Errors
    ///
    /// If one is not answered with 200.
    pub async fn load(&self, requests: Vec<Request>) -> Outcome<Cost> {
        let (count, before, started) = (requests.len() as f64, self.cpu()?, Instant::now());
        let requests = Arc::new(requests);
        let mut lanes = JoinSet::new();
        for lane in 0..CONNECTIONS {
            let (requests, address) = (Arc::clone(&requests), self.address.clone());
            lanes.spawn(async move {
                let mut connection = Connection::open(&address).await?;
                for request in requests.iter().skip(lane).step_by(CONNECTIONS) {
                    let (status, body) = connection.call(request).await?;
                    if status != 200 {
                        return Err(std::io::Error::other(format!("{status} {body}")));
                    }
                }
                Ok(())
            });
        }
        while let Some(lane) = lanes.join_next().await {
            lane??;
        }
        let cpu = (self.cpu()? - before) * 1e6 / count;
        Ok(Cost { cpu, per_second: count / started.elapsed().as_secs_f64() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A kept connection that speaks as little HTTP as possible.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    async fn open(address: &str) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self(BufReader::new(stream)))
    }

    /// Sends a request, and returns the status and body of the response.
    ///
    /// # Errors
    ///
    /// If the connection fails.
    pub async fn call(&mut self, (head, body): &Request) -> std::io::Result<(u16, String)> {
        let request = format!("{head}host: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        self.0.get_mut().write_all(request.as_bytes()).await?;
        let (mut status, mut length, mut line) = (0, 0, String::new());
        loop {
            line.clear();
            self.0.read_line(&mut line).await?;
            if let Some(rest) = line.strip_prefix("HTTP/1.1 ") {
                status = rest.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.trim().parse().unwrap_or(0);
            } else if line.trim().is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await?;
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }

    async fn json(&mut self, request: &Request) -> Outcome<Value> {
        let (status, body) = self.call(request).await?;
        serde_json::from_str(&body).map_err(|_| format!("{status} {body}").into())
    }
}

/// Only what the prototype of performance.md asked of its store: reads the TOTP of a validation, and saves it
/// conditionally.
async fn two_calls(
    State(stores): State<Stores>,
    Path(uuid): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Result<Json<Value>, StatusCode> {
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let key =
        headers.get("x-mfa-apikey").and_then(|key| key.to_str().ok()).ok_or(StatusCode::UNAUTHORIZED)?;
    let key = key.parse().map_err(|_| StatusCode::UNAUTHORIZED)?;
    let id = uuid.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    let stored = stores.totp.get(&ConsumerId::of_first_key(&key), id).await.map_err(failed)?;
    let Stored { record, revision } = stored.ok_or(StatusCode::NOT_FOUND)?;
    stores.totp.save(&record, Expect::At(revision)).await.map_err(failed)?;
    Ok(Json(body))
}

/// Serves until killed, if this process was started as a server. Prints its address.
///
/// # Errors
///
/// If it cannot serve.
#[expect(clippy::print_stdout, reason = "the parent reads the address")]
pub async fn serve_if_asked() -> Outcome<()> {
    let kind = std::env::args().skip_while(|argument| argument != "--serve").nth(1);
    let Some(kind) = kind else { return Ok(()) };
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let router = if kind == "bare" {
        axum::Router::new()
            .route("/totp/x/validate", post(|Json(body): Json<Value>| async move { Json(body) }))
    } else if let Some(store) = kind.strip_prefix("two-calls:") {
        axum::Router::new().route("/totp/{uuid}/validate", post(two_calls)).with_state(open(store).await?)
    } else {
        let mfa = Mfa::builder(open(&kind).await?).build();
        router(App::new(mfa, AdminKey::new(ADMIN_KEY.to_owned())))
    };
    println!("{}", listener.local_addr()?);
    serve(listener, router, Limits::default(), std::future::pending()).await?;
    Ok(())
}

/// Opens a store by its URL.
///
/// # Errors
///
/// If it does not open.
pub async fn open(url: &str) -> Outcome<Stores> {
    Ok(match url.split("://").next().unwrap_or_default() {
        "memory" => MemoryStore::default().into(),
        "sqlite" => SqliteStore::open(url.trim_start_matches("sqlite://")).await?.into(),
        "postgres" => PostgresStore::open(url).await?.into(),
        "redis" | "redis-cluster" => RedisStore::open(url).await?.into(),
        "dynamodb" => DynamoStore::open(url).await?.into(),
        other => return Err(format!("no store is called {other}").into()),
    })
}

/// A new consumer's headers.
///
/// # Errors
///
/// If the service refuses.
pub async fn consumer(connection: &mut Connection) -> Outcome<String> {
    let admin = |method: &str, path: &str| format!("{method} {path} HTTP/1.1\r\nx-api-key: {ADMIN_KEY}\r\n");
    connection.call(&(admin("POST", "/api-key"), json!({"email": "dev@example.com"}).to_string())).await?;
    let list = connection.json(&(admin("GET", "/api-key"), String::new())).await?;
    let pending = |key: &&Value| key["activatedAt"].is_null();
    let key = list["keys"].as_array().and_then(|keys| keys.iter().find(pending)).ok_or("no key")?;
    let key = key["value"].as_str().ok_or("no key")?.to_owned();
    let body = json!({"email": "dev@example.com", "apiKey": key}).to_string();
    let activated = connection.json(&(admin("POST", "/api-key/activate"), body)).await?;
    let secret = activated["apiSecret"].as_str().ok_or("no secret")?;
    Ok(format!("x-mfa-apikey: {key}\r\nx-mfa-apisecret: {secret}\r\n"))
}

/// Enrols this many TOTPs, and makes a request with a right code for each.
///
/// # Errors
///
/// If the service refuses.
pub async fn validations(connection: &mut Connection, consumer: &str, count: usize) -> Outcome<Vec<Request>> {
    let mut requests = Vec::with_capacity(count);
    for _ in 0..count {
        let head = format!("POST /totp HTTP/1.1\r\n{consumer}");
        let totp = connection.json(&(head, String::new())).await?;
        let uuid = totp["uuid"].as_str().ok_or("no uuid")?;
        let code = code_at(totp["totpKey"].as_str().ok_or("no key")?, SystemClock.now());
        let head = format!("POST /totp/{uuid}/validate HTTP/1.1\r\n{consumer}");
        requests.push((head, json!({"code": code}).to_string()));
    }
    Ok(requests)
}

/// Registers this many users with one authenticator, and makes a request that finishes a login for each.
///
/// # Errors
///
/// If the service refuses.
pub async fn logins(
    connection: &mut Connection,
    consumer: &str,
    count: usize,
) -> Outcome<(Vec<Request>, SoftAuthenticator)> {
    let origin = "https://login.example.com";
    let meta = format!(
        "{consumer}x-mfa-RPDisplayName: Acme\r\nx-mfa-RPID: example.com\r\nx-mfa-RPOrigin: {origin}\r\n\
         x-mfa-Username: jo\r\nx-mfa-UserDisplayName: Jo\r\n"
    );
    let mut authenticator = SoftAuthenticator::new(-7);
    let mut requests = Vec::with_capacity(count);
    // Logins finish in any order, so the counter stays zero, which means that there is none.
    authenticator.counter = 0;
    while requests.len() < count {
        let head = |method: &str, path: &str, user: &str| {
            format!("{method} /webauthn/{path} HTTP/1.1\r\n{meta}x-mfa-UserUUID: {user}\r\n")
        };
        let options = connection.json(&(head("POST", "register", ""), String::new())).await?;
        let user = options["uuid"].as_str().ok_or("no uuid")?.to_owned();
        let created = authenticator.create(&Browser::new(origin, &options)).to_string();
        connection.json(&(head("PUT", "register", &user), created)).await?;
        let options = connection.json(&(head("POST", "login", &user), String::new())).await?;
        authenticator.counter = 0;
        let asserted = authenticator.get(&Browser::new(origin, &options)).to_string();
        requests.push((head("PUT", "login", &user), asserted));
    }
    Ok((requests, authenticator))
}

/// Microseconds for one bare verification, under load.
pub fn bare_verification(authenticator: &SoftAuthenticator) -> f64 {
    let (message, point) = (vec![7; 69], authenticator.key.point());
    let signature = authenticator.key.sign(&message);
    under_load(1000, || {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point);
        assert!(key.verify(&message, &signature).is_ok(), "the signature is right");
    })
}

/// Microseconds for one bcrypt check at the predecessors' cost, under load.
///
/// # Errors
///
/// If there is no hash to check.
pub fn bcrypt_check() -> Outcome<f64> {
    let hash = bcrypt::hash_with_salt("secret", 10, [7; 16]).map_err(|error| error.to_string())?.to_string();
    Ok(under_load(1, || {
        assert!(bcrypt::verify("secret", &hash).is_ok_and(|right| right), "the secret is right");
    }))
}

/// Microseconds for one call, as the median of several rounds, with every core busy as under load. Two
/// threads on the halves of one core are slower than one alone.
fn under_load(count: u32, work: impl Fn() + Sync) -> f64 {
    let rounds = || {
        let mut rounds: Vec<f64> = (0..9)
            .map(|_| {
                let started = Instant::now();
                (0..count).for_each(|_| work());
                started.elapsed().as_secs_f64() * 1e6 / f64::from(count)
            })
            .collect();
        middle(&mut rounds)
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut medians: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(rounds)).collect();
        threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
    });
    middle(&mut medians)
}

/// The median.
pub fn middle(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}
