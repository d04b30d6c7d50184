//! Checks whether a server keeps what it acknowledged. With its default settings, Redis does not.

use std::collections::HashMap;

use redis::cmd;

use crate::connection::{Connection, Node};
use crate::error::RedisError;

/// Refuses servers that may lose what they acknowledged.
pub(crate) async fn check(connection: &Connection) -> Result<(), RedisError> {
    let reports = reports(connection).await?;
    match reports.iter().find_map(|(_, report)| weakness(report)) {
        Some(weakness) => Err(RedisError::NotDurable(weakness)),
        None => Ok(()),
    }
}

/// Reads each server's settings from `INFO`, which managed services allow, unlike `CONFIG`.
pub(crate) async fn reports(connection: &Connection) -> Result<Vec<(Node, String)>, RedisError> {
    connection.on_primaries(cmd("INFO").to_owned()).await
}

/// How a crash could bring back ceremonies that were taken; `None` if it could not, or if the server does not
/// say (managed services refuse `CONFIG`).
pub(crate) async fn snapshots(connection: &Connection, reports: &[(Node, String)]) -> Option<String> {
    let save = cmd("CONFIG").arg("GET").arg("save").to_owned();
    let settings: Vec<(Node, HashMap<String, String>)> = connection.on_primaries(save).await.ok()?;
    let points = settings
        .into_iter()
        .find_map(|(_, mut settings)| settings.remove("save").filter(|points| !points.is_empty()))?;
    let without_log = reports.iter().any(|(_, report)| value(report, "aof_enabled") == Some("0"));
    without_log.then(|| {
        format!(
            "it writes snapshots (save \"{points}\") without an append-only file, so after a crash it brings back \
             ceremonies that were used since the last one"
        )
    })
}

/// What to do about them.
pub(crate) const WITHOUT_SNAPSHOTS: &str =
    "CONFIG SET save \"\", or appendonly yes and appendfsync always; in the server's configuration file too";

fn value<'a>(info: &'a str, name: &str) -> Option<&'a str> {
    info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
}

pub(crate) fn weakness(info: &str) -> Option<String> {
    if value(info, "aof_enabled") != Some("1") {
        return Some("`appendonly` is off, so a restart loses what came after the last snapshot".to_owned());
    }
    match value(info, "maxmemory_policy") {
        Some("noeviction") | None => None,
        Some(policy) => {
            Some(format!("`maxmemory-policy` is {policy}, so it deletes keys when memory runs out"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::weakness;

    #[test]
    fn only_a_log_and_no_eviction_are_safe() {
        assert_eq!(weakness("aof_enabled:1\r\nmaxmemory_policy:noeviction\r\n"), None);
        assert!(weakness("aof_enabled:0\r\nmaxmemory_policy:noeviction\r\n").unwrap().contains("appendonly"));
        assert!(weakness("maxmemory_policy:noeviction\r\n").unwrap().contains("appendonly"));
        let evicting = weakness("aof_enabled:1\r\nmaxmemory_policy:allkeys-lru\r\n").unwrap();
        assert!(evicting.contains("allkeys-lru"));
    }
}
