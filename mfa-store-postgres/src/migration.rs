//! Upgrades the tables. The table `mfa_schema` has a row for each migration that ran, with its version and the
//! least version of a program that may use the tables from then on. docs/upgrades.md has the rules. No statement is
//! prepared: a pooler may be in between, and outside a transaction it could run another one.

use std::time::Duration;

use mfa_core::store::StoreError;
use sqlx::{Connection as _, PgConnection, Postgres, Row as _, Transaction};
use tokio::time::{Instant, sleep};

use crate::PostgresStore;
use crate::error::PostgresError;
use crate::hosts::Hosts;
use crate::pool::Pool;
use crate::settings::Settings;
use crate::table::sql;

/// Migrations only go forward. Never edit a released file: add the next one.
pub(crate) const SCHEMA: Schema = Schema(&[
    Migration { sql: include_str!("../migrations/0001_initial.sql"), least_reader: 1 },
    Migration { sql: include_str!("../migrations/0002_check_tag.sql"), least_reader: 2 },
    Migration { sql: include_str!("../migrations/0003_state.sql"), least_reader: 3 },
    Migration { sql: include_str!("../migrations/0004_not_before.sql"), least_reader: 3 },
]);

/// Identifies our lock among those of other programs on the database: the letters of `mfa-http`.
const LOCK: i64 = i64::from_be_bytes(*b"mfa-http");
/// How long a migration waits for another one. It waits as long for a lock on a table.
const PATIENCE: Duration = Duration::from_secs(5);
const UNDEFINED_TABLE: &str = "42P01";
const LOCK_NOT_AVAILABLE: &str = "55P03";

/// The table that this module keeps. Versions before 3 made it without the second column.
const BOOK: &str = "CREATE TABLE IF NOT EXISTS mfa_schema (version bigint NOT NULL PRIMARY KEY);\n\
    ALTER TABLE mfa_schema ADD COLUMN IF NOT EXISTS least_reader bigint;\n";

/// A step to the next version of the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// Either statements for one transaction, or one `CREATE INDEX CONCURRENTLY`, which takes none.
    sql: &'static str,
    /// A program of this version or a later one may use the tables.
    least_reader: i64,
}

impl Migration {
    /// The index that it builds outside a transaction.
    fn index(&self) -> Option<&str> {
        self.sql.split_once("CREATE INDEX CONCURRENTLY ")?.1.split_whitespace().next()
    }
}

/// All migrations that a program knows, the oldest first. A program's version is their number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema(&'static [Migration]);

impl Schema {
    pub(crate) const fn version(self) -> i64 {
        self.0.len() as i64
    }

    /// The version of the tables. Refuses tables that this program may not use.
    pub(crate) async fn found(self, connection: &mut PgConnection) -> Result<i64, PostgresError> {
        let (found, known) = (version(connection).await?, self.version());
        if found > known {
            let query =
                format!("SELECT coalesce(least_reader, version) FROM mfa_schema WHERE version = {found}");
            let least_reader: i64 = sqlx::raw_sql(sql(query)).fetch_one(connection).await?.try_get(0)?;
            if least_reader > known {
                return Err(PostgresError::TooNew { found, known });
            }
        }
        Ok(found)
    }

    /// Refuses tables that are not up to date.
    pub(crate) async fn check(self, connection: &mut PgConnection) -> Result<(), PostgresError> {
        match (self.found(connection).await?, self.version()) {
            (found, known) if found < known => Err(PostgresError::TooOld { found, known }),
            _ => Ok(()),
        }
    }

    /// Runs the missing migrations. A lock lets one server at a time do so. Without it, a second server that
    /// starts at the same moment may fail, and must start again.
    pub(crate) async fn run(self, pool: &Pool, advisory_lock: bool) -> Result<(), PostgresError> {
        let mut connection = pool.connect().await?;
        if self.found(&mut connection).await? >= self.version() {
            return Ok(());
        }
        // The lock needs a transaction, and building an index must not be in one.
        let mut guard = if advisory_lock { Some(pool.connect().await?) } else { None };
        let _lock = match &mut guard {
            Some(guard) => Some(lock(guard).await?),
            None => None,
        };
        for statements in self.plan(&mut connection).await? {
            let outcome = sqlx::raw_sql(sql(statements)).execute(&mut connection).await;
            match outcome.map_err(PostgresError::from) {
                Err(error) if error.code_is(LOCK_NOT_AVAILABLE) => return Err(PostgresError::TablesInUse),
                outcome => outcome?,
            };
        }
        Ok(())
    }

    /// The statements that bring the tables up to date. Each text is one message to the server.
    pub(crate) async fn plan(self, connection: &mut PgConnection) -> Result<Vec<String>, PostgresError> {
        let found = self.found(connection).await?;
        let missing = self.0.iter().zip(1_i64..).filter(|(_, version)| *version > found);
        let mut plan = Vec::new();
        for (migration, version) in missing {
            if plan.is_empty() {
                plan.push(in_transaction(BOOK));
            }
            let note = format!(
                "INSERT INTO mfa_schema (version, least_reader) VALUES ({version}, {});\n",
                migration.least_reader
            );
            let Some(index) = migration.index() else {
                plan.push(in_transaction(&format!("{}{note}", migration.sql)));
                continue;
            };
            let is_valid = is_valid(connection, index).await?;
            plan.extend(["SET lock_timeout = '5s';\n", "SET statement_timeout = 0;\n"].map(str::to_owned));
            if is_valid == Some(false) {
                // A run that was interrupted left it.
                plan.push(format!("DROP INDEX CONCURRENTLY {index};\n"));
            }
            if is_valid != Some(true) {
                plan.push(migration.sql.to_owned());
            }
            plan.push(note);
        }
        Ok(plan)
    }
}

impl PostgresStore {
    /// The statements that [`open`](Self::open) would run to bring the tables up to date. Changes nothing.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub async fn pending_migrations(url: &str) -> Result<Vec<String>, StoreError> {
        let mut connection = Hosts::new(Settings::parse(url)?).any().await?;
        Ok(SCHEMA.plan(&mut connection).await?)
    }
}

/// Other transactions wait behind one that waits for a lock, so it gives up soon. What it does may take long.
fn in_transaction(statements: &str) -> String {
    format!("BEGIN;\nSET LOCAL lock_timeout = '5s';\nSET LOCAL statement_timeout = 0;\n{statements}COMMIT;\n")
}

/// Waits until no other server migrates. The lock ends with the transaction.
async fn lock(guard: &mut PgConnection) -> Result<Transaction<'_, Postgres>, PostgresError> {
    let mut transaction = guard.begin_with("BEGIN ISOLATION LEVEL READ COMMITTED").await?;
    sqlx::raw_sql("SET LOCAL idle_in_transaction_session_timeout = 0").execute(&mut *transaction).await?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        // A statement that waits holds a snapshot, and building an index waits for the end of each snapshot.
        let query = sql(format!("SELECT pg_try_advisory_xact_lock({LOCK})"));
        if sqlx::raw_sql(query).fetch_one(&mut *transaction).await?.try_get(0)? {
            return Ok(transaction);
        }
        if Instant::now() >= deadline {
            return Err(PostgresError::Migrating);
        }
        sleep(Duration::from_millis(50)).await;
    }
}

/// Whether an index was built to its end; `None` if it does not exist.
async fn is_valid(connection: &mut PgConnection, index: &str) -> Result<Option<bool>, PostgresError> {
    let query = sql(format!("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('{index}')"));
    let row = sqlx::raw_sql(query).fetch_optional(connection).await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?)
}

async fn version(connection: &mut PgConnection) -> Result<i64, PostgresError> {
    let query = sqlx::raw_sql("SELECT coalesce(max(version), 0) FROM mfa_schema");
    match query.fetch_one(connection).await.map_err(PostgresError::from) {
        Ok(row) => Ok(row.try_get(0)?),
        Err(error) if error.code_is(UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
