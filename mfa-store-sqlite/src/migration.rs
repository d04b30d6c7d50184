//! Upgrades the tables. `PRAGMA user_version` holds their version, and the table `schema_version` the version
//! of the oldest program that may use them. docs/upgrades.md has the rules.

use std::path::Path;

use mfa_core::store::StoreError;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqliteConnection};

use crate::error::SqliteError;
use crate::inspect::log_of;
use crate::{PATIENCE, SqliteStore};

/// Migrations only go forward. Never edit a released file: add the next one. Each ends by setting the version
/// of its tables and the least version of a program that may use them.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_check_tag.sql"),
    include_str!("../migrations/0003_state.sql"),
    include_str!("../migrations/0004_not_before.sql"),
];
pub(crate) const KNOWN: i64 = MIGRATIONS.len() as i64;
const BUSY: &str = "5";

/// Runs the missing migrations in one transaction that locks out other processes.
pub(crate) async fn run(connection: &mut SqliteConnection) -> Result<(), SqliteError> {
    if found(connection).await? >= KNOWN {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| {
        let code = error.as_database_error().and_then(|error| error.code());
        if code.is_some_and(|code| code == BUSY) { SqliteError::Locked } else { error.into() }
    })?;
    let found = found(&mut transaction).await?;
    for migration in missing(found) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Refuses tables that are not up to date.
pub(crate) async fn check(connection: &mut SqliteConnection) -> Result<(), SqliteError> {
    match found(connection).await? {
        found if found < KNOWN => Err(SqliteError::TooOld { found, known: KNOWN }),
        _ => Ok(()),
    }
}

/// The version of the tables. Refuses tables that this program may not use.
pub(crate) async fn found(connection: &mut SqliteConnection) -> Result<i64, SqliteError> {
    let row = sqlx::query("PRAGMA user_version").fetch_one(&mut *connection).await?;
    let found: i64 = row.try_get(0)?;
    if found > KNOWN {
        let query = sqlx::query("SELECT least_reader FROM schema_version WHERE version = ?1").bind(found);
        let row = query.fetch_optional(connection).await?;
        let least_reader: Option<i64> = row.map(|row| row.try_get(0)).transpose()?;
        if least_reader.is_none_or(|least| least > KNOWN) {
            return Err(SqliteError::TooNew { found, known: KNOWN });
        }
    }
    Ok(found)
}

impl SqliteStore {
    /// The statements that [`open`](Self::open) would run to bring the tables up to date. Changes nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the file cannot be read, or a newer version made its tables unusable for
    /// this one.
    pub async fn pending_migrations(path: impl AsRef<Path>) -> Result<Vec<String>, StoreError> {
        let path = path.as_ref();
        let found = if path.exists() { read_version(path).await? } else { 0 };
        let statements: Vec<_> = missing(found).map(|migration| (*migration).to_owned()).collect();
        if statements.is_empty() {
            return Ok(statements);
        }
        let (begin, commit) = (["BEGIN IMMEDIATE;\n".to_owned()], ["COMMIT;\n".to_owned()]);
        Ok(begin.into_iter().chain(statements).chain(commit).collect())
    }
}

fn missing(found: i64) -> impl Iterator<Item = &'static &'static str> {
    MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or_default())
}

async fn read_version(path: &Path) -> Result<i64, SqliteError> {
    // A reader of a file in WAL mode creates a missing log, unless it opens the file as immutable.
    let unused = !log_of(path).exists();
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(PATIENCE);
    let mut connection = options.immutable(unused).connect().await?;
    let found = found(&mut connection).await?;
    connection.close().await?;
    Ok(found)
}
