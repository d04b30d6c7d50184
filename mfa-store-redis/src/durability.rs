//! Checks whether a server keeps what it acknowledged. With its default settings, Redis does not.

use std::collections::HashMap;

use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo};
use redis::{FromRedisValue as _, cmd};

use crate::connection::Connection;
use crate::error::RedisError;

/// Refuses servers that may lose what they acknowledged.
pub(crate) async fn check(connection: &Connection) -> Result<(), RedisError> {
    let reports = reports(connection).await?;
    match reports.iter().find_map(|(_, report)| weakness(report)) {
        Some(weakness) => Err(RedisError::NotDurable(weakness)),
        None => Ok(()),
    }
}

/// Reads each server's settings from `INFO`, which managed services allow, unlike `CONFIG`. In a Cluster,
/// each comes with its address.
pub(crate) async fn reports(connection: &Connection) -> Result<Vec<(Option<String>, String)>, RedisError> {
    let info = cmd("INFO").to_owned();
    Ok(match connection {
        Connection::Single(_) => vec![(None, connection.call(&info).await?)],
        Connection::Cluster(cluster) => {
            let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
            let answer = cluster.clone().route_command(info, masters).await?;
            HashMap::<String, String>::from_redis_value(answer)
                .map_err(redis::RedisError::from)?
                .into_iter()
                .map(|(node, report)| (Some(node), report))
                .collect()
        }
    })
}

pub(crate) fn weakness(info: &str) -> Option<String> {
    let value =
        |name: &str| info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim);
    if value("aof_enabled") != Some("1") {
        return Some("`appendonly` is off, so a restart loses what came after the last snapshot".to_owned());
    }
    match value("maxmemory_policy") {
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
