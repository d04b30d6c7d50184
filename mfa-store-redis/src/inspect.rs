//! Inspects the server for an operator. It only uses commands that read: `INFO`, `ACL WHOAMI`, `ACL DRYRUN`,
//! `SCAN`, `HMGET`, `ZSCORE` and `ZRANGEBYLEX`.

use futures_util::future::join_all;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::RecordKind;
use mfa_core::store::SHAPES;
use mfa_core::store::inspect::{Area, Census, Report, Scope};
use redis::cmd;

use crate::connection::{Connection, Node};
use crate::error::RedisError;
use crate::hash::{Fields, text};
use crate::index::Index;
use crate::key::Keys;
use crate::record::{names, read_row};
use crate::scan::Scan;
use crate::settings::Settings;
use crate::{RedisStore, api_key, durability};

/// Reads the server at `url` and reports its state. Writes nothing.
///
/// It finds rows with `SCAN`, which may show one twice while Redis resizes its table of keys.
pub async fn inspect(url: &str, scope: Scope, now: UnixTime) -> Report {
    let mut report = Report::new(now);
    if let Err(error) = look(&mut report, url, scope).await {
        let found = format!("cannot be read: {error}");
        report.attention(Area::Reachable, found, "look at the URL, the server and the user's permissions");
    }
    report
}

async fn look(report: &mut Report, url: &str, scope: Scope) -> Result<(), RedisError> {
    let settings = Settings::parse(url)?;
    let connection = Connection::open(&settings).await?;
    let nodes = match durability::reports(&connection).await {
        Ok(nodes) => {
            let servers =
                if nodes.len() == 1 { "a server".to_owned() } else { format!("{} masters", nodes.len()) };
            report.ok(Area::Reachable, servers);
            report.note(Area::Tables, "Redis has no tables to create");
            durable(report, &nodes, &settings, scope);
            if scope == Scope::Ceremonies
                && let Some(danger) = durability::snapshots(&connection, &nodes).await
            {
                report.attention(Area::Durability, danger, durability::WITHOUT_SNAPSHOTS);
            }
            nodes.into_iter().map(|(node, _)| node).collect()
        }
        Err(RedisError::Call(error)) if error.code() == Some("NOPERM") => {
            report.ok(Area::Reachable, "the server answers");
            report.attention(
                Area::Permissions,
                "INFO is refused, which servers ask at their start",
                "allow +info",
            );
            vec![None]
        }
        Err(error) => return Err(error),
    };
    permissions(report, &connection, &settings.prefix).await;
    if scope == Scope::Everything {
        let store = RedisStore { connection, keys: Keys(settings.prefix) };
        match rows(&mut report.census, &store, &nodes).await {
            Ok(()) => report.ok(Area::Rows, "all were read"),
            Err(error) => {
                let advice = "allow +scan and +hmget, and run this again";
                report.attention(Area::Rows, format!("not all could be read: {error}"), advice);
            }
        }
        match indexes(&mut report.census, &store, &nodes).await {
            Ok(0) => report.ok(Area::Tables, "the indexes were compared with the records"),
            Ok(stale) => report.note(
                Area::Tables,
                format!("{stale} index entries name no record: `mfa-http doctor --repair` removes them"),
            ),
            Err(error) => {
                let found = format!("the indexes were not compared with the records: {error}");
                report.note(Area::Tables, format!("{found}; allow +zscore and +zrangebylex"));
            }
        }
    }
    Ok(())
}

fn durable(report: &mut Report, nodes: &[(Node, String)], settings: &Settings, scope: Scope) {
    let weakness = nodes.iter().find_map(|(_, info)| durability::weakness(info));
    match weakness {
        None => report.ok(Area::Durability, "appendonly is on and nothing is evicted"),
        Some(weakness) if scope == Scope::Ceremonies => {
            report.note(Area::Durability, format!("{weakness}; ceremonies need not survive that"));
        }
        Some(weakness) if settings.accept_loss => {
            report.note(Area::Durability, format!("{weakness}; the URL accepts that"));
        }
        Some(weakness) => report.attention(
            Area::Durability,
            format!("servers refuse this store: {weakness}"),
            "CONFIG SET appendonly yes and maxmemory-policy noeviction, in the server's configuration file too",
        ),
    }
    if settings.replicas == 0 && scope == Scope::Everything {
        report
            .note(Area::Durability, "writes do not wait for replicas: a failover may lose the last moments");
    }
}

/// Asks the server whether it would allow the ports' commands, without running them.
async fn permissions(report: &mut Report, connection: &Connection, prefix: &str) {
    let untold = "this server does not say what the user may write (ACL DRYRUN, Redis 7)";
    let user: Result<String, _> = connection.call(cmd("ACL").arg("WHOAMI")).await;
    let Ok(user) = user else { return report.note(Area::Permissions, untold) };
    let key = &format!("{prefix}:x");
    let calls: [&[&str]; 14] = [
        &["HMGET", key, "x"],
        &["SCAN", "0"],
        &["ZSCORE", key, "x"],
        &["ZCARD", key],
        &["ZRANGEBYLEX", key, "-", "+"],
        &["EVALSHA", "0", "1", key],
        &["EVAL", "return 1", "1", key],
        &["HSET", key, "x", "x"],
        &["DEL", key],
        &["ZADD", key, "0", "x"],
        &["ZREM", key, "x"],
        &["SET", key, "x"],
        &["GET", key],
        &["GETDEL", key],
    ];
    let mut lacking: Vec<&str> = Vec::new();
    for call in calls {
        let answer: Result<String, _> = connection.call(cmd("ACL").arg("DRYRUN").arg(&user).arg(call)).await;
        match answer.as_deref() {
            Ok("OK") => {}
            Ok(_) => lacking.extend(call.first()),
            Err(_) => return report.note(Area::Permissions, untold),
        }
    }
    if lacking.is_empty() {
        report.ok(Area::Permissions, format!("user {user} may read and write {prefix}:*"));
    } else {
        let found = format!("user {user} may not call {} on {prefix}:*", lacking.join(", "));
        report.attention(Area::Permissions, found, "allow these commands on these keys with ACL SETUSER");
    }
}

async fn rows(census: &mut Census, store: &RedisStore, nodes: &[Node]) -> Result<(), RedisError> {
    for shape in SHAPES {
        let rows = Rows { kind: shape.kind, names: &names(shape) };
        rows.read(census, store, nodes, |census, fields| {
            Ok(census.row(shape.kind, &read_row(shape, fields)?.record, true)?)
        })
        .await?;
    }
    let keys = Rows { kind: RecordKind::ApiKey, names: api_key::FIELDS };
    keys.read(census, store, nodes, |census, fields| {
        census.api_key(&api_key::read(fields)?.record);
        Ok(())
    })
    .await
}

/// Reports what the indexes have lost, and counts the entries that name nothing.
async fn indexes(census: &mut Census, store: &RedisStore, nodes: &[Node]) -> Result<usize, RedisError> {
    let mut stale = 0;
    for shape in SHAPES {
        let mut scan = Scan::new(&store.connection, nodes, &store.keys.record(shape.kind, ""));
        while let Some(keys) = scan.next().await? {
            for lost in store.lost(shape.kind, None, &keys).await? {
                census.not_indexed(shape.kind, &lost.id);
            }
        }
        for prefix in [store.keys.index(shape.kind, ""), store.keys.index_parts(shape.kind)] {
            let mut scan = Scan::new(&store.connection, nodes, &prefix);
            while let Some(sets) = scan.next().await? {
                for set in sets {
                    let Some((index, _)) = Index::of_set(&store.keys, shape.kind, &set) else { continue };
                    stale += store.stale(shape.kind, &index, &set).await?.len();
                }
            }
        }
    }
    let mut scan = Scan::new(&store.connection, nodes, &store.keys.record(RecordKind::ApiKey, ""));
    while let Some(keys) = scan.next().await? {
        let mut lost = store.lost_api_keys(&keys).await?;
        // One that two indexes lack is one problem.
        lost.dedup_by(|(later, _), (earlier, _)| later == earlier);
        for (value, _) in lost {
            census.not_indexed(RecordKind::ApiKey, &value);
        }
    }
    Ok(stale)
}

/// Records of one kind, found in parts.
struct Rows<'a> {
    kind: RecordKind,
    names: &'a [&'static str],
}

impl Rows<'_> {
    async fn read(
        &self,
        census: &mut Census,
        store: &RedisStore,
        nodes: &[Node],
        count: impl Fn(&mut Census, &Fields<'_>) -> Result<(), RedisError>,
    ) -> Result<(), RedisError> {
        let beginning = store.keys.record(self.kind, "");
        let mut scan = Scan::new(&store.connection, nodes, &beginning);
        while let Some(keys) = scan.next().await? {
            let records = join_all(keys.iter().map(|key| store.fields(key, self.names))).await;
            for (key, fields) in keys.iter().zip(records) {
                let id = key.strip_prefix(&*beginning).unwrap_or(key);
                self.count(census, id, fields, &count)?;
            }
        }
        census.end(self.kind);
        Ok(())
    }

    fn count(
        &self,
        census: &mut Census,
        id: &str,
        fields: Result<Option<Fields<'_>>, RedisError>,
        count: impl Fn(&mut Census, &Fields<'_>) -> Result<(), RedisError>,
    ) -> Result<(), RedisError> {
        let fields = match fields {
            Ok(Some(fields)) => fields,
            // It was deleted since, or is a hash without our fields.
            Ok(None) => return Ok(()),
            Err(RedisError::Call(error)) if error.code() == Some("WRONGTYPE") => {
                census.unreadable(self.kind, id, "no hash", true);
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        match count(census, &fields) {
            Ok(()) => {}
            Err(RedisError::Field(name)) => {
                let has_owner = !text(&fields, "consumer").unwrap_or_default().is_empty();
                census.unreadable(self.kind, id, name, has_owner);
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }
}
