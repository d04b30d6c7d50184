//! Upgrades the tables. The table `mfa_schema` holds their version.

use sqlx::PgConnection;
use sqlx::{Connection as _, Row as _};

use crate::error::PostgresError;

/// Migrations only go forward. Never edit a released file: add the next one.
const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_initial.sql"), include_str!("../migrations/0002_check_tag.sql")];
pub(crate) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Identifies our lock among those of other programs on the database: the letters of `mfa-http`.
const LOCK: i64 = i64::from_be_bytes(*b"mfa-http");
const UNDEFINED_TABLE: &str = "42P01";

/// Runs the missing migrations in one transaction. The lock lets one server at a time do so. Without it, a
/// second server that starts at the same moment may fail, and must start again.
pub(crate) async fn run(connection: &mut PgConnection, advisory_lock: bool) -> Result<(), PostgresError> {
    if version(connection).await? == KNOWN {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    // Waiting for another server's migration or building an index may take long.
    sqlx::query("SET LOCAL statement_timeout = 0").execute(&mut *transaction).await?;
    if advisory_lock {
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
    }
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS mfa_schema (version bigint NOT NULL PRIMARY KEY)")
        .execute(&mut *transaction)
        .await?;
    let found = version(&mut transaction).await?;
    if found > KNOWN {
        return Err(PostgresError::TooNew { found, known: KNOWN });
    }
    for (migration, version) in MIGRATIONS.iter().zip(1_i64..).filter(|(_, version)| *version > found) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
        let record = sqlx::query("INSERT INTO mfa_schema (version) VALUES ($1)").bind(version);
        record.execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Refuses tables that are not up to date.
pub(crate) async fn check(connection: &mut PgConnection) -> Result<(), PostgresError> {
    match version(connection).await? {
        KNOWN => Ok(()),
        found if found > KNOWN => Err(PostgresError::TooNew { found, known: KNOWN }),
        found => Err(PostgresError::TooOld { found, known: KNOWN }),
    }
}

pub(crate) async fn version(connection: &mut PgConnection) -> Result<i64, PostgresError> {
    let query = sqlx::query("SELECT coalesce(max(version), 0) FROM mfa_schema");
    match query.fetch_one(connection).await.map_err(PostgresError::from) {
        Ok(row) => Ok(row.try_get(0)?),
        Err(error) if error.code_is(UNDEFINED_TABLE) => Ok(0),
        Err(error) => Err(error),
    }
}
