//! How the database is, for an operator. One connection, one transaction that may only read.

use mfa_core::clock::UnixTime;
use mfa_core::envelope::RecordKind;
use mfa_core::store::inspect::{Area, Census, Report, Scope};
use mfa_core::store::{StoreError, Stored};
use sqlx::postgres::PgRow;
use sqlx::{Connection as _, PgConnection, Row as _};
use uuid::Uuid;

use crate::column::get;
use crate::error::PostgresError;
use crate::pool::Pool;
use crate::settings::Settings;
use crate::{api_key, migration, totp, user};

const READ_ONLY: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
/// The tables, and what the ports do to each.
const TABLES: [(&str, &str); 5] = [
    ("mfa_schema", "SELECT"),
    ("mfa_api_key", "SELECT INSERT UPDATE"),
    ("mfa_totp", "SELECT INSERT UPDATE DELETE"),
    ("mfa_user", "SELECT INSERT UPDATE DELETE"),
    ("mfa_ceremony", "SELECT INSERT DELETE"),
];
const INDEXES: [&str; 4] =
    ["mfa_api_key_by_consumer", "mfa_totp_by_consumer", "mfa_user_by_consumer", "mfa_ceremony_by_expiry"];
const MIGRATE: &str = "run `mfa-http migrate`";

/// Reads the database at `url` and reports how it is. Writes nothing.
pub async fn inspect(url: &str, scope: Scope, now: UnixTime) -> Report {
    let mut report = Report::new(now);
    if let Err(error) = look(&mut report, url, scope).await {
        let found = format!("cannot be read: {error}");
        report.attention(Area::Reachable, found, "look at the URL, the server and the role's permissions");
    }
    report
}

async fn look(report: &mut Report, url: &str, scope: Scope) -> Result<(), PostgresError> {
    let mut connection = Pool::new(&Settings::parse(url)?).connect().await?;
    let mut snapshot = connection.begin_with(READ_ONLY).await?;
    server(report, &mut snapshot).await?;
    if tables(report, &mut snapshot).await? && scope == Scope::Everything {
        rows(report, &mut snapshot).await?;
    }
    snapshot.rollback().await?;
    Ok(connection.close().await?)
}

/// The server's settings. Those that an engine of another make does not have are null.
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

/// Whether the rows can be read.
async fn tables(report: &mut Report, connection: &mut PgConnection) -> Result<bool, PostgresError> {
    let (mut missing, mut readable) = (Vec::new(), true);
    for (table, wanted) in TABLES {
        let Some(lacking) = lacking(connection, table, wanted).await? else {
            missing.push(table);
            continue;
        };
        readable &= !lacking.contains(&"SELECT");
        if !lacking.is_empty() {
            let lacking = lacking.join(", ");
            let advice = format!("GRANT {lacking} ON {table} TO the role of the server");
            report.attention(Area::Permissions, format!("the role lacks {lacking} on {table}"), advice);
        }
    }
    if missing.contains(&"mfa_schema") {
        let all = missing.len() == TABLES.len();
        let found = if all { "no tables" } else { "the table mfa_schema is missing, or on no search path" };
        report.attention(Area::Tables, found, MIGRATE);
        return Ok(false);
    }
    if !readable {
        return Ok(false);
    }
    let (version, known) = (migration::version(connection).await?, migration::KNOWN);
    for index in INDEXES {
        if !exists(connection, index).await? {
            missing.push(index);
        }
    }
    if version > known {
        let found = format!("tables of version {version}, this program knows {known}");
        report.attention(Area::Tables, found, "use a newer program");
        return Ok(false);
    }
    if version < known {
        let versions: Vec<String> = (version + 1..=known).map(|version| version.to_string()).collect();
        report.attention(Area::Tables, format!("migrations missing: {}", versions.join(", ")), MIGRATE);
        return Ok(false);
    }
    if missing.is_empty() {
        report.ok(Area::Tables, format!("version {version}, up to date"));
    } else {
        let found = format!("version {version}, and yet missing: {}", missing.join(", "));
        report.attention(
            Area::Tables,
            found,
            "restore them from a backup, or make them as the migrations do",
        );
    }
    Ok(TABLES.iter().all(|(table, _)| !missing.contains(table)))
}

/// What of `wanted` the role may not do; `None` if it sees no such table.
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

/// Every row, as they were at one moment.
async fn rows(report: &mut Report, connection: &mut PgConnection) -> Result<(), PostgresError> {
    let census = &mut report.census;
    let outcome: Result<(), StoreError> = async {
        read(connection, census, &TOTPS, totp::read, |census, record| census.totp(record, true)).await?;
        read(connection, census, &USERS, user::read, |census, record| census.user(record, true)).await?;
        read(connection, census, &API_KEYS, api_key::read, |census, record| census.api_key(record)).await
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

/// A table, read a little at a time. Each has a cursor of its own name: the driver remembers a statement's columns by
/// its text.
struct Rows {
    declare: &'static str,
    fetch: &'static str,
    kind: RecordKind,
    id: fn(&PgRow) -> Result<String, PostgresError>,
}

const API_KEYS: Rows = Rows {
    declare: "DECLARE mfa_api_keys NO SCROLL CURSOR FOR SELECT * FROM mfa_api_key",
    fetch: "FETCH 250 FROM mfa_api_keys",
    kind: RecordKind::ApiKey,
    id: |row| get(row, "value"),
};
const TOTPS: Rows = Rows {
    declare: "DECLARE mfa_totps NO SCROLL CURSOR FOR SELECT * FROM mfa_totp",
    fetch: "FETCH 250 FROM mfa_totps",
    kind: RecordKind::Totp,
    id: |row| Ok(get::<Uuid>(row, "id")?.to_string()),
};
const USERS: Rows = Rows {
    declare: "DECLARE mfa_users NO SCROLL CURSOR FOR SELECT * FROM mfa_user",
    fetch: "FETCH 250 FROM mfa_users",
    kind: RecordKind::User,
    id: |row| Ok(get::<Uuid>(row, "id")?.to_string()),
};

async fn read<T>(
    connection: &mut PgConnection,
    census: &mut Census,
    rows: &Rows,
    read: fn(&PgRow) -> Result<Stored<T>, PostgresError>,
    count: fn(&mut Census, &T),
) -> Result<(), StoreError> {
    sqlx::query(rows.declare).execute(&mut *connection).await.map_err(PostgresError::from)?;
    loop {
        let page = sqlx::query(rows.fetch).fetch_all(&mut *connection).await.map_err(PostgresError::from)?;
        if page.is_empty() {
            census.end(rows.kind);
            return Ok(());
        }
        for row in &page {
            match read(row) {
                Ok(stored) => count(census, &stored.record),
                Err(PostgresError::Column("consumer")) if get(row, "consumer").is_ok_and(str::is_empty) => {
                    census.ownerless(rows.kind, &(rows.id)(row)?);
                }
                Err(PostgresError::Column(name)) => census.damaged(rows.kind, &(rows.id)(row)?, name),
                Err(error) => return Err(error.into()),
            }
        }
    }
}
