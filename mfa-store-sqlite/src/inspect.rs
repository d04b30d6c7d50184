//! Inspects the file for an operator. It opens the file read-only: it creates, migrates and checkpoints
//! nothing.

use std::path::{Path, PathBuf};

use mfa_core::clock::UnixTime;
use mfa_core::envelope::RecordKind;
use mfa_core::store::inspect::{Area, Census, Report, Scope};
use mfa_core::store::{ByKind, SHAPES, StoreError};
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _, Row as _, SqlSafeStr, SqliteConnection};

use crate::column::get;
use crate::error::SqliteError;
use crate::table::{Table, table_name};
use crate::{PATIENCE, api_key, migration};

const API_KEYS: &str = api_key::select!("WHERE value > ?1 ORDER BY value LIMIT ?2");
/// Rows held in memory at once.
const PAGE: i64 = 250;
const MIGRATE: &str = "run `mfa-http migrate`";

/// Reads the file at `path` and reports its state. Writes nothing.
pub async fn inspect(path: impl AsRef<Path>, scope: Scope, now: UnixTime) -> Report {
    let path = path.as_ref();
    // A reader of a file in WAL mode creates a missing log and index, unless it opens the file as immutable.
    // That is wrong if a server has opened the file meanwhile.
    let log = log_of(path);
    loop {
        let unused = !log.exists();
        let mut report = Report::new(now);
        if let Err(error) = look(&mut report, path, unused, scope).await {
            report.attention(
                Area::Reachable,
                format!("cannot be read: {error}"),
                "look at the file and its permissions",
            );
        }
        if !(unused && log.exists()) {
            return report;
        }
    }
}

async fn look(report: &mut Report, path: &Path, unused: bool, scope: Scope) -> Result<(), SqliteError> {
    let Ok(file) = std::fs::metadata(path) else {
        report.attention(
            Area::Reachable,
            "there is no such file, or its folder cannot be entered",
            format!("name another --store, or {MIGRATE}"),
        );
        return Ok(());
    };
    let options =
        SqliteConnectOptions::new().filename(path).read_only(true).immutable(unused).busy_timeout(PATIENCE);
    let mut connection = options.connect().await?;
    let version = migration::found(&mut connection).await;
    report.ok(Area::Reachable, format!("a file of {} bytes", file.len()));
    if file.permissions().readonly() {
        report.attention(
            Area::Permissions,
            "the file is read-only",
            "let the user of the server write to it and its folder",
        );
    } else {
        report.ok(Area::Permissions, "the file can be read, and its mode lets somebody write to it");
    }
    durability(report, &mut connection, path).await?;
    if tables(report, &mut connection, version).await? && scope == Scope::Everything {
        rows(report, &mut connection).await?;
    }
    Ok(connection.close().await?)
}

async fn durability(
    report: &mut Report,
    connection: &mut SqliteConnection,
    path: &Path,
) -> Result<(), SqliteError> {
    // A connection to an immutable file ignores the journal mode, so we read it from the header.
    let wal = std::fs::File::open(path).and_then(|mut file| {
        let mut header = [0; 20];
        std::io::Read::read_exact(&mut file, &mut header)?;
        Ok(header[18] == 2)
    });
    let mode = match wal {
        Ok(true) => "wal",
        Ok(false) => "not wal yet, set by the next server that opens it",
        Err(_) => "unknown",
    };
    report.ok(Area::Durability, format!("journal mode {mode}; servers write with synchronous=FULL"));
    let found: String = sqlx::query("PRAGMA quick_check(1)").fetch_one(connection).await?.try_get(0)?;
    if found == "ok" {
        report.ok(Area::Durability, "the file is sound (quick_check)");
    } else {
        report.attention(Area::Durability, "the file is damaged (quick_check)", "restore it from a backup");
    }
    Ok(())
}

/// Checks the tables, and returns whether the rows can be read.
async fn tables(
    report: &mut Report,
    connection: &mut SqliteConnection,
    version: Result<i64, SqliteError>,
) -> Result<bool, SqliteError> {
    let version = match version {
        Err(SqliteError::TooNew { found, known }) => {
            let found = format!("tables of version {found}, this program knows {known}");
            report.attention(Area::Tables, found, "use a newer program");
            return Ok(false);
        }
        version => version?,
    };
    let known = migration::KNOWN;
    if version < known {
        let missing: Vec<String> = (version + 1..=known).map(|version| version.to_string()).collect();
        report.attention(Area::Tables, format!("migrations missing: {}", missing.join(", ")), MIGRATE);
        return Ok(false);
    }
    let mut tables: Vec<String> = SHAPES.iter().map(|shape| table_name(shape.kind)).collect();
    tables.push("api_key".to_owned());
    let indexes = tables.iter().map(|table| format!("{table}_by_consumer"));
    let ceremonies = ["ceremony", "ceremony_by_expiry"].map(str::to_owned);
    let mut missing = Vec::new();
    for name in tables.iter().cloned().chain(indexes).chain(ceremonies) {
        let query = sqlx::query("SELECT 1 FROM sqlite_schema WHERE name = ?1").bind(name.clone());
        if query.fetch_optional(&mut *connection).await?.is_none() {
            missing.push(name);
        }
    }
    if missing.is_empty() && version > known {
        let found = format!("version {version}, which a program of version {known} such as this may use");
        report.ok(Area::Tables, found);
    } else if missing.is_empty() {
        report.ok(Area::Tables, format!("version {version}, up to date"));
    } else {
        let found = format!("version {version}, and yet missing: {}", missing.join(", "));
        report.attention(Area::Tables, found, "restore the file from a backup");
    }
    Ok(tables.iter().all(|table| !missing.contains(table)))
}

/// Counts every row, in one snapshot.
async fn rows(report: &mut Report, connection: &mut SqliteConnection) -> Result<(), SqliteError> {
    let mut snapshot = connection.begin().await?;
    let census = &mut report.census;
    let outcome = async {
        for (_, table) in ByKind::new(Table::of).iter() {
            let kind = table.shape.kind;
            every_row(&mut snapshot, census, table.all.clone(), kind, "id", |census, row| {
                Ok(census.row(kind, &table.read(row)?.record, true)?)
            })
            .await?;
        }
        every_row(&mut snapshot, census, API_KEYS, RecordKind::ApiKey, "value", |census, row| {
            census.api_key(&api_key::read(row)?.record);
            Ok(())
        })
        .await
    };
    let outcome: Result<(), StoreError> = outcome.await;
    match outcome {
        Ok(()) => report.ok(Area::Rows, "all were read"),
        Err(error) => {
            let found = format!("not all could be read: {error}");
            report.attention(Area::Rows, found, "restore the file from a backup");
        }
    }
    Ok(snapshot.rollback().await?)
}

/// Reads a table page by page, and passes each row to `count`.
async fn every_row(
    connection: &mut SqliteConnection,
    census: &mut Census,
    sql: impl SqlSafeStr,
    kind: RecordKind,
    id: &'static str,
    count: impl Fn(&mut Census, &SqliteRow) -> Result<(), SqliteError>,
) -> Result<(), StoreError> {
    let (sql, mut after) = (sql.into_sql_str(), String::new());
    loop {
        let query = sqlx::query(sql.clone()).bind(&after).bind(PAGE);
        let rows = query.fetch_all(&mut *connection).await.map_err(SqliteError::from)?;
        let Some(last) = rows.last() else { break };
        for row in &rows {
            match count(census, row) {
                Ok(()) => {}
                Err(SqliteError::Column(name)) => {
                    let has_owner = !get(row, "consumer").is_ok_and(str::is_empty);
                    census.unreadable(kind, get(row, id)?, name, has_owner);
                }
                Err(error) => return Err(error.into()),
            }
        }
        after = get(last, id)?;
    }
    census.end(kind);
    Ok(())
}

/// The file's write-ahead log. It exists while a program has the file open.
pub(crate) fn log_of(path: &Path) -> PathBuf {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    log.into()
}
