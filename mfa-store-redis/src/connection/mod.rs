//! The connections to a server or a Cluster, shared by all callers.
//!
//! Where writes wait for replicas, they have connections of their own: `WAIT` blocks the connection that it
//! is sent on, and reads must not wait behind it.

mod dial;
mod link;
mod nodes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use redis::{Cmd, FromRedisValue, Pipeline};

use crate::error::RedisError;
use crate::settings::Settings;
use dial::Request;
pub(crate) use nodes::Node;

use link::{Link, Numbers, is_refusal};

/// How long a write waits for its replicas, in milliseconds.
const REPLICATION: u64 = 2_000;
/// Connections for writes that wait. Each carries one write at a time.
const WRITERS: usize = 4;

/// Clones share the connections.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    /// The first is for reads, and for writes that do not wait. The others are for writes that do.
    links: Arc<[Link]>,
    numbers: Arc<Numbers>,
    turn: Arc<AtomicUsize>,
    replicas: u32,
    has_alternatives: bool,
}

impl Connection {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, RedisError> {
        let numbers = Arc::<Numbers>::default();
        let links = if settings.replicas == 0 { 1 } else { 1 + WRITERS };
        let links = (0..links).map(|_| Link::open(Arc::clone(&settings.servers), Arc::clone(&numbers)));
        let links = try_join_all(links).await?.into();
        Ok(Self {
            links,
            numbers,
            turn: Arc::default(),
            replicas: settings.replicas,
            has_alternatives: settings.servers.have_alternatives(),
        })
    }

    /// Whether writes wait for replicas.
    pub(crate) const fn waits(&self) -> bool {
        self.replicas > 0
    }

    pub(crate) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        self.send(0, Request::One(command)).await
    }

    /// Runs a writing command, and waits until enough replicas have it. Both are sent together, so that no
    /// reconnection comes between them.
    pub(crate) async fn write<T: FromRedisValue>(&self, command: Cmd) -> Result<T, RedisError> {
        if !self.waits() {
            return self.call(&command).await;
        }
        let mut both = Pipeline::new();
        both.add_command(command).cmd("WAIT").arg(self.replicas).arg(REPLICATION);
        let next = self.numbers.next();
        let writer = 1 + self.turn.fetch_add(1, Ordering::Relaxed) % WRITERS;
        let (answer, confirmed): (T, u32) = self.send(writer, Request::Together(&both)).await?;
        if confirmed < self.replicas {
            // Another server may have been promoted, with the replicas.
            if self.has_alternatives {
                for link in &*self.links {
                    link.look_again(next);
                }
            }
            return Err(RedisError::Replicas { confirmed, wanted: self.replicas });
        }
        Ok(answer)
    }

    /// Sends a request. If the server refuses it because of its own state, nothing has run: sends it once
    /// more, to the server that a new connection finds.
    async fn send<T: FromRedisValue>(&self, link: usize, request: Request<'_>) -> Result<T, RedisError> {
        let next = self.numbers.next();
        let link = self.links.get(link).ok_or(RedisError::Silent)?;
        match link.send(request).await {
            Err(RedisError::Call(error)) if is_refusal(&error) => {
                // The other connections lead to that server too. If it was demoted, its reads may be stale.
                for link in &*self.links {
                    link.renew(next);
                }
                link.send(request).await
            }
            outcome => outcome,
        }
    }
}
