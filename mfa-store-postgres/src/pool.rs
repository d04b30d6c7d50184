//! Connections to the server. The driver's own pool checks each returned connection with a message, which
//! doubles the messages (docs/decisions/0010). Here a connection goes back only after an answered statement,
//! and is closed after anything else.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::error::DatabaseError;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::query::Query;
use sqlx::{ConnectOptions as _, Connection as _, PgConnection, Postgres};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout, timeout_at};

use crate::error::PostgresError;
use crate::settings::Settings;

/// A connection that was idle for longer is checked before use.
const FRESH: Duration = Duration::from_secs(10);

struct Idle {
    connection: PgConnection,
    since: Instant,
}

pub(crate) struct Pool {
    options: PgConnectOptions,
    permits: Semaphore,
    /// The connection used last is used next, so that surplus ones grow old.
    idle: Mutex<Vec<Idle>>,
    acquire_timeout: Duration,
    idle_timeout: Duration,
    patience: Duration,
}

impl Pool {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            options: settings.connect.clone().disable_statement_logging(),
            permits: Semaphore::new(settings.max_connections.try_into().unwrap_or(1)),
            idle: Mutex::default(),
            acquire_timeout: settings.acquire_timeout,
            idle_timeout: settings.idle_timeout,
            // The server gives up a statement first and reports it. This is for a server that does not
            // answer.
            patience: settings.statement_timeout + Duration::from_secs(1),
        }
    }

    /// Opens a connection outside the pool.
    pub(crate) async fn connect(&self) -> Result<PgConnection, PostgresError> {
        let connecting = timeout(self.acquire_timeout, self.options.connect()).await;
        Ok(connecting.map_err(|_| PostgresError::TimedOut(self.acquire_timeout.as_millis()))??)
    }

    /// Runs a statement. If the caller is cancelled meanwhile, the connection is closed.
    pub(crate) async fn all(
        &self,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, PostgresError> {
        let late = |_| PostgresError::TimedOut(self.acquire_timeout.as_millis());
        let deadline = Instant::now() + self.acquire_timeout;
        let permit = timeout_at(deadline, self.permits.acquire()).await.map_err(late)?;
        let _permit = permit.map_err(|_| PostgresError::Query(sqlx::Error::PoolClosed))?;
        let mut connection = timeout_at(deadline, self.connection()).await.map_err(late)??;

        let outcome = timeout(self.patience, query.fetch_all(&mut connection)).await;
        let outcome = outcome.map_err(|_| PostgresError::TimedOut(self.patience.as_millis()))?;
        let is_over = |error: &dyn DatabaseError| error.code().is_some_and(|code| code.starts_with("57P"));
        match &outcome {
            // The server is shutting down, and closes this connection.
            Err(sqlx::Error::Database(error)) if is_over(&**error) => self.idle().clear(),
            Ok(_) | Err(sqlx::Error::Database(_) | sqlx::Error::Encode(_)) => {
                self.idle().push(Idle { connection, since: Instant::now() });
            }
            // Whatever ended this connection, such as a stopped server, has ended the idle ones too.
            Err(_) => self.idle().clear(),
        }
        Ok(outcome?)
    }

    async fn connection(&self) -> Result<PgConnection, PostgresError> {
        while let Some(Idle { mut connection, since }) = self.next_idle() {
            if since.elapsed() < FRESH || connection.ping().await.is_ok() {
                return Ok(connection);
            }
        }
        Ok(self.options.connect().await?)
    }

    fn next_idle(&self) -> Option<Idle> {
        let mut idle = self.idle();
        let next = idle.pop();
        // The oldest are at the front.
        let old = idle.iter().take_while(|idle| idle.since.elapsed() >= self.idle_timeout).count();
        idle.drain(..old);
        next
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Idle>> {
        // A poisoned lock is usable: no change to the list can be interrupted half-way.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
