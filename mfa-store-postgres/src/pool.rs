//! Keeps connections to the server. One is handed out without a message, and used again only after an answered
//! statement (docs/decisions/0020).

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError, RecycleResult};
use mfa_core::store::PoolStatus;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, Execute as _, PgConnection, Postgres, SqlStr};
use tokio::time::{Instant, interval, sleep, timeout};

use crate::abandoned::Abandoned;
use crate::error::{PostgresError, SERIALIZATION_FAILURE};
use crate::hosts::{Connection, Hosts, up_to};
use crate::settings::Settings;
use crate::table::sql;

/// A connection that was idle for longer is checked before use.
const FRESH: Duration = Duration::from_secs(10);
/// The check's patience.
const PING: Duration = Duration::from_secs(1);
/// How often a serialisable engine may refuse a statement before its caller reads again.
const ATTEMPTS: u32 = 5;

/// Opens connections, and judges whether one may be used again.
pub(crate) struct Manager {
    hosts: Arc<Hosts>,
    /// Connections opened by then are not used again: something ended or silenced one of them, or their
    /// server stopped taking writes.
    trouble: Mutex<Option<Instant>>,
}

impl Manager {
    fn is_spent(&self, connection: &Connection) -> bool {
        let now = Instant::now();
        // A poisoned lock is usable: its value is replaced as a whole.
        let trouble = *self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        now >= connection.expires
            || now - connection.answered >= self.hosts.settings().idle_timeout
            || trouble.is_some_and(|trouble| connection.opened <= trouble)
    }

    fn note_trouble(&self, since: Instant) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        *trouble = (*trouble).max(Some(since));
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = PostgresError;

    async fn create(&self) -> Result<Connection, PostgresError> {
        self.hosts.connect().await
    }

    async fn recycle(&self, connection: &mut Connection, _: &Metrics) -> RecycleResult<PostgresError> {
        if self.is_spent(connection) {
            return Err(RecycleError::message("spent"));
        }
        let asked = Instant::now();
        if asked - connection.answered < FRESH {
            return Ok(());
        }
        if matches!(timeout(PING, connection.driver.ping()).await, Ok(Ok(()))) {
            connection.answered = Instant::now();
            return Ok(());
        }
        self.note_trouble(asked);
        Err(RecycleError::message("silent"))
    }
}

pub(crate) struct Pool {
    pool: managed::Pool<Manager>,
    hosts: Arc<Hosts>,
    abandoned: Arc<Abandoned>,
    /// Begins a transaction for each statement, behind a pooler in transaction mode.
    begin: Option<SqlStr>,
    patience: Duration,
}

impl Pool {
    pub(crate) fn new(settings: Settings) -> Result<Self, PostgresError> {
        let begin =
            format!("BEGIN; SET LOCAL statement_timeout = {}", settings.statement_timeout.as_millis());
        let begin = settings.transaction_pooling.then(|| sql(begin));
        // The server gives up a statement first and reports it. This is for a server that does not answer.
        let patience = settings.statement_timeout + Duration::from_secs(1);
        let hosts = Arc::new(Hosts::new(settings));
        let manager = Manager { hosts: Arc::clone(&hosts), trouble: Mutex::default() };
        let pool = managed::Pool::builder(manager)
            // One is kept in reserve, to ask after abandoned statements.
            .max_size(hosts.settings().max_connections - 1)
            // The connection used last is used next, so that surplus ones grow old.
            .queue_mode(QueueMode::Lifo)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| PostgresError::Setting(error.to_string()))?;
        tokio::spawn(reap(pool.weak(), hosts.settings().idle_timeout.min(hosts.settings().max_lifetime)));
        let abandoned = Arc::new(Abandoned::new(Arc::clone(&hosts)));
        Ok(Self { pool, hosts, abandoned, begin, patience })
    }

    /// Opens a connection outside the pool.
    pub(crate) async fn connect(&self) -> Result<PgConnection, PostgresError> {
        Ok(self.hosts.connect().await?.driver)
    }

    pub(crate) fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    pub(crate) fn status(&self) -> PoolStatus {
        let status = self.pool.status();
        PoolStatus { size: status.size, idle: status.available, waiting: status.waiting }
    }

    /// Runs a statement. A serialisable engine may refuse it because of another; then it had no effect.
    pub(crate) async fn all(
        &self,
        mut query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, PostgresError> {
        let arguments = query.take_arguments().map_err(sqlx::Error::Encode)?.unwrap_or_default();
        let sql = query.sql();
        for attempt in 1..ATTEMPTS {
            match self.once(sql.clone(), arguments.clone()).await {
                Err(error) if error.code_is(SERIALIZATION_FAILURE) => {
                    sleep(up_to(Duration::from_millis(5 << attempt))).await;
                }
                outcome => return outcome,
            }
        }
        self.once(sql, arguments).await
    }

    async fn once(&self, sql: SqlStr, arguments: PgArguments) -> Result<Vec<PgRow>, PostgresError> {
        let wait = self.hosts.settings().acquire_timeout;
        let connection = timeout(wait, self.pool.get()).await;
        let connection = connection.map_err(|_| PostgresError::TimedOut(wait.as_millis()))?;
        let connection = connection.map_err(|error| match error {
            PoolError::Backend(error) => error,
            _ => PostgresError::Query(sqlx::Error::PoolClosed),
        })?;

        let asked = Instant::now();
        let mut using = Using { connection: Some(connection), abandoned: Arc::clone(&self.abandoned) };
        let answer = timeout(self.patience, using.run(sql, arguments, self.begin.clone())).await;
        let Ok(outcome) = answer else {
            drop(using);
            self.trouble(asked);
            return Err(PostgresError::TimedOut(self.patience.as_millis()));
        };
        match using.answered() {
            None => {}
            Some(connection) if is_sound(&outcome) => drop(connection),
            Some(connection) => {
                // Whatever ended this connection, or its server's role, has ended the idle ones too.
                drop(Object::take(connection));
                self.trouble(Instant::now());
            }
        }
        Ok(outcome?)
    }

    fn trouble(&self, since: Instant) {
        self.pool.manager().note_trouble(since);
        let manager = self.pool.manager();
        let _closed = self.pool.retain(|connection, _| !manager.is_spent(connection));
    }
}

/// Whether the connection can be used again after this answer.
fn is_sound(outcome: &Result<Vec<PgRow>, sqlx::Error>) -> bool {
    match outcome {
        Ok(_) | Err(sqlx::Error::Encode(_)) => true,
        Err(sqlx::Error::Database(error)) => !error.code().is_some_and(|code| {
            // The server takes no writes; a cached plan fits no more; it shuts down; the connection is broken.
            matches!(&*code, "25006" | "0A000") || code.starts_with("57P") || code.starts_with("08")
        }),
        Err(_) => false,
    }
}

/// A connection with a statement under way. If it is dropped before the answer, the statement is abandoned.
struct Using {
    connection: Option<Object<Manager>>,
    abandoned: Arc<Abandoned>,
}

impl Using {
    async fn run(
        &mut self,
        sql: SqlStr,
        arguments: PgArguments,
        begin: Option<SqlStr>,
    ) -> Result<Vec<PgRow>, sqlx::Error> {
        let Some(connection) = &mut self.connection else { return Err(sqlx::Error::PoolClosed) };
        let query = sqlx::query_with(sql, arguments);
        let outcome = match begin {
            None => query.fetch_all(&mut connection.driver).await,
            Some(begin) => in_transaction(&mut connection.driver, begin, query).await,
        };
        connection.answered = Instant::now();
        outcome
    }

    fn answered(mut self) -> Option<Object<Manager>> {
        self.connection.take()
    }
}

impl Drop for Using {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let abandoned = Arc::clone(&self.abandoned);
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn(async move { abandoned.await_end(connection).await })),
            Err(_) => drop(Object::take(connection)),
        }
    }
}

/// Keeps the pooler's connection for the statement's three messages, which name nothing that outlives them.
async fn in_transaction(
    connection: &mut PgConnection,
    begin: SqlStr,
    query: Query<'_, Postgres, PgArguments>,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let mut transaction = connection.begin_with(begin).await?;
    let rows = query.persistent(false).fetch_all(&mut *transaction).await;
    match rows {
        Ok(rows) => transaction.commit().await.map(|()| rows),
        Err(error) => {
            transaction.rollback().await?;
            Err(error)
        }
    }
}

/// Closes spent connections that nobody asks for, while the pool exists.
async fn reap(pool: managed::WeakPool<Manager>, shortest: Duration) {
    let mut ticks = interval((shortest / 4).min(FRESH));
    loop {
        ticks.tick().await;
        let Some(pool) = pool.upgrade() else { return };
        let manager = pool.manager();
        let _closed = pool.retain(|connection, _| !manager.is_spent(connection));
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool(..)")
    }
}
