//! PostgreSQL storage: one statement for each method of a port, so one round trip.
//!
//! The URL is the driver's, such as `postgres://user@host/database?sslmode=verify-full`, and takes besides
//!
//! | setting | default | meaning |
//! |---|---|---|
//! | `max_connections` | 16 | size of the pool |
//! | `acquire_timeout` | 5 | seconds that a call waits for a connection |
//! | `idle_timeout` | 600 | seconds after which an idle connection is closed |
//! | `statement_timeout` | 5 | seconds that a statement may run; a second later its connection is given up |
//! | `advisory_lock` | `true` | whether migrations hold an advisory lock |
//!
//! Any engine that speaks PostgreSQL's protocol will do; no extension is used. CockroachDB takes advisory locks
//! without effect and older YugabyteDB refuses them: set `advisory_lock=false` there and let one server migrate
//! first. What such an engine refuses as not serialisable is a [`StoreError::Conflict`]. Behind PgBouncer in
//! transaction mode, add `statement-cache-capacity=0` and have it ignore the start-up parameter `options`.
//!
//! ```
//! # use mfa_store_postgres::PostgresStore;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = PostgresStore::open("postgres://mfa@127.0.0.1:1/mfa?acquire_timeout=1").await;
//! assert_eq!(store.unwrap_err().to_string(), "postgres is unavailable");
//! # }
//! ```

mod api_key;
mod ceremony;
mod column;
mod error;
mod migration;
mod owned;
mod settings;
mod totp;
mod user;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use mfa_core::store::{StoreError, Stores};
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgArguments, PgPool, PgPoolOptions, PgRow};
use sqlx::query::Query;
use sqlx::{Connection as _, Postgres};
use tokio::time::timeout;

use error::PostgresError;
use settings::Settings;

/// A connection that was idle for longer is asked whether it is still there before it is used.
const FRESH: Duration = Duration::from_secs(10);

/// A store in one PostgreSQL database. Clones share their connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: PgPool,
    patience: Duration,
    puts: Arc<AtomicU32>,
}

impl PostgresStore {
    /// Connects; creates the tables, or brings them up to date, where needed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the URL cannot be used, the server does not answer, or the tables are of a
    /// newer version than this one.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let settings = Settings::parse(url)?;
        let store = Self::connect(&settings);
        let mut connection = store.pool.acquire().await.map_err(PostgresError::from)?;
        migration::run(&mut connection, settings.advisory_lock).await?;
        drop(connection);
        Ok(store)
    }

    /// Connects without changing the tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] as for [`open`](Self::open), and if the tables are not up to date.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        let store = Self::connect(&Settings::parse(url)?);
        let mut connection = store.pool.acquire().await.map_err(PostgresError::from)?;
        migration::check(&mut connection).await?;
        drop(connection);
        Ok(store)
    }

    fn connect(settings: &Settings) -> Self {
        let pool = PgPoolOptions::new()
            .max_connections(settings.max_connections)
            .acquire_timeout(settings.acquire_timeout)
            .idle_timeout(settings.idle_timeout)
            // A ping at each checkout would double the round trips. A busy connection needs none.
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                Box::pin(async move { Ok(meta.idle_for < FRESH || connection.ping().await.is_ok()) })
            })
            .connect_lazy_with(settings.connect.clone().disable_statement_logging());
        // The server gives up a statement first and says so; this is for a server that says nothing.
        let patience = settings.statement_timeout + Duration::from_secs(1);
        Self { pool, patience, puts: Arc::default() }
    }

    /// Runs a statement that returns a row at most: `None` if its condition did not hold.
    async fn one(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Option<PgRow>, PostgresError> {
        Ok(self.all(query).await?.into_iter().next())
    }

    async fn all(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, PostgresError> {
        let mut connection = self.pool.acquire().await?;
        let Ok(rows) = timeout(self.patience, query.fetch_all(&mut *connection)).await else {
            // Whatever it may still answer, nobody would read: close it rather than wait for it.
            drop(connection.detach());
            return Err(PostgresError::TimedOut(self.patience.as_millis()));
        };
        Ok(rows?)
    }
}

impl From<PostgresStore> for Stores {
    fn from(store: PostgresStore) -> Self {
        let store = Arc::new(store);
        Self {
            api_keys: Arc::clone(&store) as _,
            totp: Arc::clone(&store) as _,
            users: Arc::clone(&store) as _,
            ceremonies: store,
        }
    }
}
