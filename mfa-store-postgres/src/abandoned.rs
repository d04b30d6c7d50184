//! Statements that nobody waits for any more: their time was up, or their caller hung up. The server may still run
//! them, so each keeps its place in the pool until it is known to have ended. Otherwise a server that answers
//! nothing, such as one whose synchronous standby is lost, would get new connections without end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use deadpool::managed::Object;
use sqlx::{PgConnection, Row as _};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::error::PostgresError;
use crate::hosts::{Hosts, Process};
use crate::pool::Manager;

/// Between two questions after a statement.
const PAUSE: Duration = Duration::from_secs(1);
const STATE: &str = "SELECT state FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2";

/// Asks after abandoned statements, with the connection that `max_connections` keeps in reserve.
#[derive(Debug)]
pub(crate) struct Abandoned {
    hosts: Arc<Hosts>,
    statements: AtomicUsize,
    reserve: Mutex<Option<PgConnection>>,
}

impl Abandoned {
    pub(crate) fn new(hosts: Arc<Hosts>) -> Self {
        Self { hosts, statements: AtomicUsize::new(0), reserve: Mutex::new(None) }
    }

    /// Gives the place of a connection back once its statement has ended. Closes the connection.
    pub(crate) async fn await_end(&self, mut connection: Object<Manager>) {
        self.statements.fetch_add(1, Ordering::Relaxed);
        let process = connection.process.clone();
        {
            // Resolves with the answer to the statement, or when the connection breaks.
            let mut answer = pin!(sqlx::Connection::ping(&mut connection.driver));
            while timeout(PAUSE, &mut answer).await.is_err() {
                // Behind a pooler the server's connections are the pooler's to count.
                let Some(process) = &process else { break };
                if self.has_ended(process).await {
                    break;
                }
            }
        }
        drop(Object::take(connection));
        if self.statements.fetch_sub(1, Ordering::Relaxed) == 1 {
            drop(self.reserve.lock().await.take());
        }
    }

    async fn has_ended(&self, process: &Process) -> bool {
        let mut reserve = self.reserve.lock().await;
        if reserve.is_none() {
            *reserve = self.hosts.connect().await.ok().map(|connection| connection.driver);
        }
        let Some(connection) = &mut *reserve else { return false };
        match timeout(PAUSE, ended(connection, process)).await {
            Ok(Ok(ended)) => ended,
            Ok(Err(_)) | Err(_) => {
                *reserve = None;
                false
            }
        }
    }
}

/// Whether the server that now takes writes does not run the process's statement.
async fn ended(connection: &mut PgConnection, process: &Process) -> Result<bool, PostgresError> {
    let query = sqlx::query(STATE).bind(process.id).bind(process.started.as_deref());
    let Some(row) = query.fetch_optional(&mut *connection).await? else { return Ok(true) };
    if row.try_get::<Option<&str>, _>("state")? != Some("idle") {
        return Ok(false);
    }
    // Its answer went astray, and its server does not know that the connection is broken.
    sqlx::query("SELECT pg_terminate_backend($1)").bind(process.id).execute(connection).await?;
    Ok(true)
}
