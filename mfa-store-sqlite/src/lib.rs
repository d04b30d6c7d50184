//! The embedded store: one SQLite file with several readers and one writer. The writer commits waiting writes
//! together.
//!
//! ```
//! # use mfa_core::Mfa;
//! # use mfa_store_sqlite::SqliteStore;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("mfa.db");
//! let mfa = Mfa::builder(SqliteStore::open(&path).await?).build();
//! assert!(mfa.ready().await.is_ok());
//!
//! let nowhere = SqliteStore::open("/no/such/folder/mfa.db").await;
//! assert_eq!(nowhere.unwrap_err().to_string(), "sqlite is unavailable");
//! # Ok(())
//! # }
//! ```

mod api_key;
mod ceremony;
mod column;
mod error;
mod inspect;
mod migration;
mod record;
mod table;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::time::Duration;

use mfa_core::store::{ByKind, Pool, PoolStatus, StoreError, Stores};
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};

pub use inspect::inspect;

use error::SqliteError;
use table::Table;
use writer::Writer;

/// How long a write waits for another process, and a read for a connection.
const PATIENCE: Duration = Duration::from_secs(5);
/// Reading connections.
const READERS: u32 = 4;

/// A store in one SQLite file. Clones share their connections. Several processes may open one file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    readers: SqlitePool,
    writer: Writer,
    tables: Arc<ByKind<Table>>,
    puts: Arc<AtomicU32>,
}

impl SqliteStore {
    /// Opens the file at `path`. Creates it or upgrades its tables if necessary.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be opened or written, or a newer version made its
    /// tables unusable for this one.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let options = options(path.as_ref()).create_if_missing(true);
        let mut connection = options.connect().await.map_err(SqliteError::from)?;
        migration::run(&mut connection).await?;
        Ok(Self::start(options, connection))
    }

    /// Opens the file at `path` without changing its tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] as for [`open`](Self::open), or if the file is absent or its tables are
    /// not up to date.
    pub async fn open_existing(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let options = options(path.as_ref());
        let mut connection = options.connect().await.map_err(SqliteError::from)?;
        migration::check(&mut connection).await?;
        Ok(Self::start(options, connection))
    }

    fn start(options: SqliteConnectOptions, connection: sqlx::SqliteConnection) -> Self {
        let readers = SqlitePoolOptions::new()
            .max_connections(READERS)
            .acquire_timeout(PATIENCE)
            .idle_timeout(Duration::from_secs(600))
            // A file does not disconnect, so do not ping at each checkout.
            .test_before_acquire(false)
            .connect_lazy_with(options.clone().pragma("query_only", "ON"));
        let tables = Arc::new(ByKind::new(Table::of));
        Self { readers, writer: Writer::start(options, connection), tables, puts: Arc::default() }
    }
}

/// The reading connections, and the writes that wait for the one writing connection.
impl Pool for SqliteStore {
    fn status(&self) -> PoolStatus {
        let size = usize::try_from(self.readers.size()).unwrap_or(usize::MAX);
        PoolStatus { size, idle: self.readers.num_idle(), waiting: self.writer.waiting() }
    }
}

impl From<SqliteStore> for Stores {
    fn from(store: SqliteStore) -> Self {
        Self::of(store)
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        // An acknowledged write survives a power cut: the log is flushed at each commit.
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE)
}
