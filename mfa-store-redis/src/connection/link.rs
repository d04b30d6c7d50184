//! A connection that is replaced when its server fails, is demoted or stays silent.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use redis::{ErrorKind, FromRedisValue, ServerErrorKind};

use super::dial::{Request, Socket};
use crate::error::RedisError;
use crate::servers::Servers;

/// How long to wait before connecting again, so that a server in trouble is not flooded.
const PAUSE: Duration = Duration::from_millis(100);

type Opening = Shared<BoxFuture<'static, Result<Socket, Arc<RedisError>>>>;

/// Clones share the connection.
#[derive(Clone)]
pub(super) struct Link(Arc<State>);

struct State {
    servers: Arc<Servers>,
    numbers: Arc<Numbers>,
    attempt: Mutex<Attempt>,
}

/// The connection in use, or the attempt to open one, which all callers share.
#[derive(Clone)]
struct Attempt {
    number: u64,
    opening: Opening,
    /// The connection to use while this one is opened.
    meanwhile: Option<Socket>,
}

impl Attempt {
    /// How it ended, if it has. (`peek` knows only what somebody waited for.)
    fn outcome(&self) -> Option<Result<Socket, Arc<RedisError>>> {
        self.opening.clone().now_or_never()
    }
}

/// Numbers attempts in the order in which they began, over all links to the same servers.
#[derive(Debug, Default)]
pub(super) struct Numbers(AtomicU64);

impl Numbers {
    /// The number of the next attempt. All that have begun have smaller ones.
    pub(super) fn next(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn take(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst)
    }
}

impl Link {
    pub(super) async fn open(servers: Arc<Servers>, numbers: Arc<Numbers>) -> Result<Self, RedisError> {
        let opening = share(open(Arc::clone(&servers), Duration::ZERO));
        let attempt = Attempt { number: numbers.take(), opening: opening.clone(), meanwhile: None };
        let link = Self(Arc::new(State { servers, numbers, attempt: Mutex::new(attempt) }));
        opening.await.map_err(RedisError::Opening)?;
        Ok(link)
    }

    /// Sends a request, and replaces the connection if that fails because of the connection or its server.
    pub(super) async fn send<T: FromRedisValue>(&self, request: Request<'_>) -> Result<T, RedisError> {
        let (number, socket) = self.socket().await?;
        let outcome = socket.send(request).await;
        if outcome.as_ref().is_err_and(|error| is_refusal(error) || is_loss(error)) {
            self.renew(number + 1);
        }
        Ok(outcome?)
    }

    /// The open connection and its number. Waits for it if it is being opened.
    pub(super) async fn socket(&self) -> Result<(u64, Socket), RedisError> {
        let mut attempt = self.attempt();
        match (attempt.outcome(), attempt.meanwhile.take()) {
            (Some(Ok(socket)), _) | (None, Some(socket)) => return Ok((attempt.number, socket)),
            (Some(Err(_)), _) => {
                // Its server may be back since.
                self.renew(attempt.number + 1);
                attempt = self.attempt();
            }
            (None, None) => {}
        }
        Ok((attempt.number, attempt.opening.await.map_err(RedisError::Opening)?))
    }

    /// Begins to open another connection, unless one has begun to open that has this number or a later one.
    pub(super) fn renew(&self, number: u64) {
        let mut attempt = self.lock();
        if attempt.number < number {
            let opening = share(open(Arc::clone(&self.0.servers), PAUSE));
            *attempt = Attempt { number: self.0.numbers.take(), opening, meanwhile: None };
        }
    }

    /// Does the same in the background. Until then, and if it fails, the present connection stays in use.
    pub(super) fn look_again(&self, number: u64) {
        let mut attempt = self.lock();
        let Some(Ok(present)) = attempt.outcome() else { return };
        if attempt.number < number {
            let (servers, kept) = (Arc::clone(&self.0.servers), present.clone());
            let opening = share(async { Ok(open(servers, PAUSE).await.unwrap_or(kept)) });
            *attempt = Attempt { number: self.0.numbers.take(), opening, meanwhile: Some(present) };
        }
    }

    fn attempt(&self) -> Attempt {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Attempt> {
        self.0.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn open(servers: Arc<Servers>, pause: Duration) -> Result<Socket, RedisError> {
    tokio::time::sleep(pause).await;
    Socket::open(&servers).await
}

/// Runs an attempt in a task of its own, which goes on if a caller hangs up.
fn share(attempt: impl Future<Output = Result<Socket, RedisError>> + Send + 'static) -> Opening {
    let task = tokio::spawn(attempt);
    async { task.await.unwrap_or(Err(RedisError::Silent)).map_err(Arc::new) }.boxed().shared()
}

/// Whether the server refused a request because it is a replica, starting, or cut off. Nothing has run then.
pub(super) fn is_refusal(error: &redis::RedisError) -> bool {
    use ServerErrorKind::{BusyLoading, ClusterDown, MasterDown, ReadOnly, ResponseError};
    match error.kind() {
        ErrorKind::Server(ReadOnly | BusyLoading | MasterDown | ClusterDown) => true,
        // Redis 6 wraps the refusal of a script's write.
        ErrorKind::Server(ResponseError) => error.detail().is_some_and(|text| text.contains("-READONLY")),
        _ => false,
    }
}

/// Whether the answer was lost, or the server gave up a request because it was demoted.
fn is_loss(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Io
        || error.is_timeout()
        || error.is_unrecoverable_error()
        || error.code() == Some("UNBLOCKED")
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Link(..)")
    }
}
