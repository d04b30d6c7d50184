//! Inspects the database for an operator, with one connection and one read-only transaction.

use mfa_core::clock::UnixTime;
use mfa_core::envelope::RecordKind;
use mfa_core::store::inspect::{Area, Census, Report, Scope};
use mfa_core::store::{ByKind, SHAPES, StoreError};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::api_key;
use crate::column::get;
use crate::error::PostgresError;
use crate::hosts::Hosts;
use crate::migration::SCHEMA;
use crate::settings::Settings;
use crate::table::{Table, sql, table_name};

const READ_ONLY: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The privileges that the ports need on a table of records.
const RECORDS: &str = "SELECT INSERT UPDATE DELETE";
/// The other tables, and the privileges that each needs.
const TABLES: [(&str, &str); 3] = [
    ("mfa_schema", "SELECT"),
    ("mfa_api_key", "SELECT INSERT UPDATE"),
    ("mfa_ceremony", "SELECT INSERT DELETE"),
];
const API_KEYS: &str = api_key::select!("");
const MIGRATE: &str = "run `mfa-http migrate`";

/// Reads the database at `url` and reports its state. Writes nothing.
pub async fn inspect(url: &str, scope: Scope, now: UnixTime) -> Report {
    let mut report = Report::new(now);
    if let Err(error) = look(&mut report, url, scope).await {
        let found = format!("cannot be read: {error}");
        report.attention(Area::Reachable, found, "look at the URL, the server and the role's permissions");
    }
    report
}

async fn look(report: &mut Report, url: &str, scope: Scope) -> Result<(), PostgresError> {
    let mut connection = Hosts::new(Settings::parse(url)?).any().await?;
    let mut snapshot = connection.begin_with(READ_ONLY).await?;
    server(report, &mut snapshot).await?;
    if tables(report, &mut snapshot).await? && scope == Scope::Everything {
        rows(report, &mut snapshot).await?;
    }
    snapshot.rollback().await?;
    Ok(connection.close().await?)
}

/// Checks the server's settings. A setting that another engine lacks is null.
async fn server(report: &mut Report, connection: &mut PgConnection) -> Result<(), PostgresError> {
    let row = sqlx::query(
        "SELECT current_user::text AS role, current_setting('server_version', true) AS version, \
         current_setting('fsync', true) AS fsync, current_setting('in_hot_standby', true) AS standby, \
         current_setting('synchronous_commit', true) AS synchronous_commit, \
         current_setting('synchronous_standby_names', true) AS standbys",
    )
    .fetch_one(connection)
    .await?;
    let setting = |name| get::<Option<String>>(&row, name).map(Option::unwrap_or_default);
    let (role, version) = (setting("role")?, setting("version")?);
    report.ok(Area::Reachable, format!("PostgreSQL {version}, as role {role}"));
    if setting("standby")? == "on" {
        report.attention(
            Area::Permissions,
            "this is a standby: it takes no writes",
            "name the primary in --store",
        );
    }
    match &*setting("fsync")? {
        "off" => report.attention(
            Area::Durability,
            "fsync is off: a power cut can destroy the database",
            "set fsync=on in the server's configuration",
        ),
        "on" => report.ok(Area::Durability, "fsync is on"),
        _ => report.note(Area::Durability, "this engine does not say whether it flushes its log"),
    }
    match &*setting("synchronous_commit")? {
        "off" => report.attention(
            Area::Durability,
            "synchronous_commit is off: a power cut loses the last moments, and used codes can be used again",
            "set synchronous_commit=on for this role or database",
        ),
        "" => {}
        value => report.ok(Area::Durability, format!("synchronous_commit is {value}")),
    }
    if setting("standbys")?.is_empty() {
        report.note(Area::Durability, "no synchronous standby: a failover may lose the last moments");
    }
    Ok(())
}

/// Checks the tables, and returns whether the rows can be read.
async fn tables(report: &mut Report, connection: &mut PgConnection) -> Result<bool, PostgresError> {
    let records: Vec<String> = SHAPES.iter().map(|shape| table_name(shape.kind)).collect();
    let all: Vec<_> =
        TABLES.into_iter().chain(records.iter().map(|table| (table.as_str(), RECORDS))).collect();
    let (mut missing, mut readable) = (Vec::new(), true);
    for (table, wanted) in &all {
        let Some(lacking) = lacking(connection, table, wanted).await? else {
            missing.push((*table).to_owned());
            continue;
        };
        readable &= !lacking.contains(&"SELECT");
        if !lacking.is_empty() {
            let lacking = lacking.join(", ");
            let advice = format!("GRANT {lacking} ON {table} TO the role of the server");
            report.attention(Area::Permissions, format!("the role lacks {lacking} on {table}"), advice);
        }
    }
    if missing.iter().any(|table| table == "mfa_schema") {
        let found = if missing.len() == all.len() {
            "no tables"
        } else {
            "the table mfa_schema is missing, or on no search path"
        };
        report.attention(Area::Tables, found, MIGRATE);
        return Ok(false);
    }
    if !readable {
        return Ok(false);
    }
    let version = match SCHEMA.found(connection).await {
        Err(PostgresError::TooNew { found, known }) => {
            let found = format!("tables of version {found}, this program knows {known}");
            report.attention(Area::Tables, found, "use a newer program");
            return Ok(false);
        }
        version => version?,
    };
    let known = SCHEMA.version();
    let (rows_missing, owned) =
        (!missing.is_empty(), records.iter().map(String::as_str).chain(["mfa_api_key"]));
    let indexes = owned.map(|table| format!("{table}_by_consumer"));
    for index in indexes.chain(["mfa_ceremony_by_expiry".to_owned()]) {
        if !exists(connection, &index).await? {
            missing.push(index);
        }
    }
    if version < known {
        let versions: Vec<String> = (version + 1..=known).map(|version| version.to_string()).collect();
        report.attention(Area::Tables, format!("migrations missing: {}", versions.join(", ")), MIGRATE);
        return Ok(false);
    }
    if missing.is_empty() && version > known {
        let found = format!("version {version}, which a program of version {known} such as this may use");
        report.ok(Area::Tables, found);
    } else if missing.is_empty() {
        report.ok(Area::Tables, format!("version {version}, up to date"));
    } else {
        let found = format!("version {version}, and yet missing: {}", missing.join(", "));
        report.attention(
            Area::Tables,
            found,
            "restore them from a backup, or make them as the migrations do",
        );
    }
    Ok(!rows_missing)
}

/// The privileges of `wanted` that the role lacks; `None` if it sees no such table.
async fn lacking(
    connection: &mut PgConnection,
    table: &str,
    wanted: &'static str,
) -> Result<Option<Vec<&'static str>>, PostgresError> {
    if !exists(connection, table).await? {
        return Ok(None);
    }
    let mut lacking = Vec::new();
    for privilege in wanted.split(' ') {
        let query = sqlx::query("SELECT has_table_privilege($1, $2)").bind(table).bind(privilege);
        if !query.fetch_one(&mut *connection).await?.try_get::<bool, _>(0)? {
            lacking.push(privilege);
        }
    }
    Ok(Some(lacking))
}

async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, PostgresError> {
    let query = sqlx::query("SELECT to_regclass($1) IS NOT NULL").bind(name);
    Ok(query.fetch_one(connection).await?.try_get(0)?)
}

/// Counts every row, in one snapshot.
async fn rows(report: &mut Report, connection: &mut PgConnection) -> Result<(), PostgresError> {
    let census = &mut report.census;
    let outcome: Result<(), StoreError> = async {
        for (_, table) in ByKind::new(Table::of).iter() {
            let kind = table.shape.kind;
            let rows = Rows { kind, select: &table.every, id: |row| Ok(get::<Uuid>(row, "id")?.to_string()) };
            let count =
                |census: &mut Census, row: &PgRow| Ok(census.row(kind, &table.read(row)?.record, true)?);
            rows.read(connection, census, count).await?;
        }
        let keys = Rows { kind: RecordKind::ApiKey, select: API_KEYS, id: |row| get(row, "value") };
        let count = |census: &mut Census, row: &PgRow| {
            census.api_key(&api_key::read(row)?.record);
            Ok(())
        };
        keys.read(connection, census, count).await
    }
    .await;
    match outcome {
        Ok(()) => report.ok(Area::Rows, "all were read"),
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            let found = format!("not all could be read: {error}: {cause}");
            report.attention(Area::Rows, found, "run this again; if it says the same, restore a backup");
        }
    }
    Ok(())
}

/// A table, read in parts.
struct Rows<'a> {
    kind: RecordKind,
    select: &'a str,
    id: fn(&PgRow) -> Result<String, PostgresError>,
}

impl Rows<'_> {
    async fn read(
        &self,
        connection: &mut PgConnection,
        census: &mut Census,
        count: impl Fn(&mut Census, &PgRow) -> Result<(), PostgresError>,
    ) -> Result<(), StoreError> {
        // Each table has its own cursor name, because the driver caches a statement's columns by its text.
        let cursor = format!("every_{}", table_name(self.kind));
        let declare = sql(format!("DECLARE {cursor} NO SCROLL CURSOR FOR {}", self.select));
        sqlx::query(declare).execute(&mut *connection).await.map_err(PostgresError::from)?;
        let fetch = sql(format!("FETCH 250 FROM {cursor}"));
        loop {
            let page = sqlx::query(fetch.clone()).fetch_all(&mut *connection).await;
            let page = page.map_err(PostgresError::from)?;
            if page.is_empty() {
                census.end(self.kind);
                return Ok(());
            }
            for row in &page {
                match count(census, row) {
                    Ok(()) => {}
                    Err(PostgresError::Column(name)) => {
                        let has_owner = !get(row, "consumer").is_ok_and(str::is_empty);
                        census.unreadable(self.kind, &(self.id)(row)?, name, has_owner);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
        }
    }
}
