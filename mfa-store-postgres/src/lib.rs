//! PostgreSQL storage. Each method of a port is one statement, and so one round trip.
//!
//! The URL is `postgres://user@host/database`. It may name several hosts, `first:5432,second:5432`: they are
//! tried in turn, and only one that takes writes is used. A host that is not this machine must prove by TLS who
//! it is (`sslmode=verify-full`), unless `sslmode` says otherwise. These settings may follow:
//!
//! | setting | default | meaning |
//! |---|---|---|
//! | `max_connections` | 16 | most connections to the server, 2 or more |
//! | `acquire_timeout` | 5 | seconds that a call waits for a connection |
//! | `idle_timeout` | 600 | seconds after which an idle connection is closed |
//! | `max_lifetime` | 1800 | seconds after which any connection is replaced |
//! | `statement_timeout` | 5 | seconds that a statement may run; a second later its caller gives up |
//! | `password_file` | none | a file with the password, read for each new connection |
//! | `pooler` | none | `transaction` behind a pooler in transaction mode |
//! | `advisory_lock` | `true` | whether migrations hold an advisory lock |
//! | `sslmode`, `sslrootcert`, `sslcert`, `sslkey` | `verify-full` | TLS, as in libpq |
//! | `host`, `hostaddr`, `port`, `dbname`, `user`, `password`, `application_name`, `options` | none | as in libpq |
//!
//! An unknown setting is an error.
//!
//! One of `max_connections` is kept in reserve. A statement whose caller gave up keeps its place until the server
//! has ended it, and the one in reserve asks. Opening a store takes two connections for a moment.
//!
//! A pooler in transaction mode hands each transaction to any of its connections, where a prepared statement
//! may be another client's. [`PostgresStore::open`] refuses such a pooler. With `pooler=transaction`, each
//! statement prepares nothing and runs in a transaction of its own. It then takes four messages instead of one.
//!
//! Any engine that speaks PostgreSQL's protocol works. No extension is needed. CockroachDB ignores advisory
//! locks, and older YugabyteDB refuses them: set `advisory_lock=false` there, and let one server migrate
//! first. A statement that such an engine refuses as not serialisable is tried again, five times in all; then it
//! is a [`StoreError::Conflict`].
//!
//! ```
//! # use mfa_store_postgres::PostgresStore;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = PostgresStore::open("postgres://mfa@127.0.0.1:1/mfa?acquire_timeout=1").await;
//! assert_eq!(store.unwrap_err().to_string(), "postgres is unavailable");
//! # }
//! ```

mod abandoned;
mod api_key;
mod ceremony;
mod column;
mod error;
mod hosts;
mod inspect;
mod migration;
mod pool;
mod pooler;
mod record;
mod settings;
mod table;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use mfa_core::store::{ByKind, PoolStatus, StoreError, Stores};
use sqlx::Postgres;
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;

pub use inspect::inspect;

use error::PostgresError;
use migration::SCHEMA;
use pool::Pool;
use settings::Settings;
use table::Table;

/// A store in one PostgreSQL database. Clones share their connections.
#[derive(Clone, Debug)]
pub struct PostgresStore {
    pool: Arc<Pool>,
    tables: Arc<ByKind<Table>>,
    puts: Arc<AtomicU32>,
}

impl PostgresStore {
    /// Connects. Creates or upgrades the tables if necessary.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the URL cannot be used, the server does not answer, a newer
    /// version made the tables unusable for this one, or they were in use for too long to be upgraded.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let pool = connect(url).await?;
        let advisory_lock = pool.hosts().settings().advisory_lock;
        SCHEMA.run(&pool, advisory_lock).await?;
        Ok(Self::on(pool))
    }

    /// Connects without changing the tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] as for [`open`](Self::open), or if the tables are not up to date.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        let pool = connect(url).await?;
        SCHEMA.check(&mut pool.connect().await?).await?;
        Ok(Self::on(pool))
    }

    fn on(pool: Pool) -> Self {
        Self { pool: Arc::new(pool), tables: Arc::new(ByKind::new(Table::of)), puts: Arc::default() }
    }

    /// Runs a statement that returns at most one row; `None` if its condition did not hold.
    async fn one(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Option<PgRow>, PostgresError> {
        Ok(self.pool.all(query).await?.into_iter().next())
    }

    async fn all(&self, query: Query<'_, Postgres, PgArguments>) -> Result<Vec<PgRow>, PostgresError> {
        self.pool.all(query).await
    }
}

/// A pool that has no pooler in transaction mode in front of it, unless the URL says so.
async fn connect(url: &str) -> Result<Pool, PostgresError> {
    let pool = Pool::new(Settings::parse(url)?)?;
    if !pool.hosts().settings().transaction_pooling {
        pooler::refuse(pool.hosts()).await?;
    }
    Ok(pool)
}

impl mfa_core::store::Pool for PostgresStore {
    /// The connections now, those of abandoned statements included, without the one in reserve.
    fn status(&self) -> PoolStatus {
        self.pool.status()
    }
}

impl From<PostgresStore> for Stores {
    fn from(store: PostgresStore) -> Self {
        Self::of(store)
    }
}
