//! Upgrades the tables. `PRAGMA user_version` holds their version.

use sqlx::{Connection as _, Row as _, SqliteConnection};

use crate::error::SqliteError;

/// Migrations only go forward. Never edit a released file: add the next one. Each ends by setting the version
/// of its tables.
const MIGRATIONS: &[&str] =
    &[include_str!("../migrations/0001_initial.sql"), include_str!("../migrations/0002_check_tag.sql")];
pub(crate) const KNOWN: i64 = MIGRATIONS.len() as i64;

/// Runs the missing migrations in one transaction that locks out other processes.
pub(crate) async fn run(connection: &mut SqliteConnection) -> Result<(), SqliteError> {
    if version(connection).await? == KNOWN {
        return Ok(());
    }
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let found = version(&mut transaction).await?;
    if found > KNOWN {
        return Err(SqliteError::TooNew { found, known: KNOWN });
    }
    for migration in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or_default()) {
        sqlx::raw_sql(*migration).execute(&mut *transaction).await?;
    }
    transaction.commit().await?;
    Ok(())
}

/// Refuses tables that are not up to date.
pub(crate) async fn check(connection: &mut SqliteConnection) -> Result<(), SqliteError> {
    match version(connection).await? {
        KNOWN => Ok(()),
        found if found > KNOWN => Err(SqliteError::TooNew { found, known: KNOWN }),
        found => Err(SqliteError::TooOld { found, known: KNOWN }),
    }
}

pub(crate) async fn version(connection: &mut SqliteConnection) -> Result<i64, SqliteError> {
    let row = sqlx::query("PRAGMA user_version").fetch_one(connection).await?;
    Ok(row.try_get(0)?)
}
