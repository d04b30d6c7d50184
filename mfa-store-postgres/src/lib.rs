//! PostgreSQL storage. Each method of a port is one statement, and so one round trip.
//!
//! The URL is the driver's, such as `postgres://user@host/database?sslmode=verify-full`, with these settings
//! in addition:
//!
//! | setting | default | meaning |
//! |---|---|---|
//! | `max_connections` | 16 | size of the pool |
//! | `acquire_timeout` | 5 | seconds that a call waits for a connection |
//! | `idle_timeout` | 600 | seconds after which an idle connection is closed |
//! | `statement_timeout` | 5 | seconds that a statement may run; a second later its connection is given up |
//! | `advisory_lock` | `true` | whether migrations hold an advisory lock |
//!
//! Any engine that speaks PostgreSQL's protocol works. No extension is needed. CockroachDB ignores advisory
//! locks, and older YugabyteDB refuses them: set `advisory_lock=false` there, and let one server migrate
//! first. A write that such an engine refuses as not serialisable is a [`StoreError::Conflict`]. Behind
//! PgBouncer in transaction mode, add `statement-cache-capacity=0`, and let PgBouncer ignore the start-up
//! parameter `options`.
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
mod inspect;
mod migration;
mod pool;
mod record;
mod settings;
mod table;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use mfa_core::store::{ByKind, StoreError, Stores};
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
        let settings = Settings::parse(url)?;
        let pool = Pool::new(&settings);
        SCHEMA.run(&pool, settings.advisory_lock).await?;
        Ok(Self::on(pool))
    }

    /// Connects without changing the tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] as for [`open`](Self::open), or if the tables are not up to date.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        let pool = Pool::new(&Settings::parse(url)?);
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

impl From<PostgresStore> for Stores {
    fn from(store: PostgresStore) -> Self {
        Self::of(store)
    }
}
