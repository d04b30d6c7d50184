//! Settings from the URL.

use mfa_url::Query;
use redis::{ConnectionInfo, IntoConnectionInfo as _};

use crate::error::RedisError;

const KNOWN: &[&str] = &["durability", "prefix", "replicas"];

/// The servers, and the loss that the operator accepts.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) nodes: Vec<ConnectionInfo>,
    pub(crate) cluster: bool,
    pub(crate) prefix: String,
    pub(crate) replicas: u32,
    pub(crate) accept_loss: bool,
}

impl Settings {
    /// Reads `redis://`, `rediss://`, `redis-cluster://` or `rediss-cluster://`, then
    /// `[user:password@]host[:port][,host[:port]…][/database][?setting=value&…]`.
    pub(crate) fn parse(url: &str) -> Result<Self, RedisError> {
        let invalid = || RedisError::Setting("the URL is not of the form redis://host:port".to_owned());
        let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
        let (single, cluster) = match scheme {
            "redis" | "rediss" => (scheme, false),
            "redis-cluster" => ("redis", true),
            "rediss-cluster" => ("rediss", true),
            _ => return Err(invalid()),
        };
        let (place, query) = Query::split(rest);
        let mut settings =
            Self { nodes: Vec::new(), cluster, prefix: "mfa".to_owned(), replicas: 0, accept_loss: false };
        settings.set(&Query::parse(query, KNOWN)?)?;
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        let (user, hosts) = hosts.rsplit_once('@').map_or((None, hosts), |(user, hosts)| (Some(user), hosts));
        for host in hosts.split(',') {
            let user = user.map(|user| format!("{user}@")).unwrap_or_default();
            // The parser's own error might repeat the URL with its password.
            let node = format!("{single}://{user}{host}/{database}").into_connection_info();
            settings.nodes.push(node.map_err(|_| invalid())?);
        }
        if !cluster && settings.nodes.len() > 1 {
            return Err(RedisError::Setting("several hosts are for redis-cluster://".to_owned()));
        }
        Ok(settings)
    }

    fn set(&mut self, query: &Query<'_>) -> Result<(), RedisError> {
        let refused = |rule: &str| RedisError::Setting(rule.to_owned());
        if let Some(prefix) = query.get("prefix") {
            // Braces would put every key into one slot of a Cluster.
            if prefix.contains(['{', '}']) {
                return Err(refused("prefix must not have braces"));
            }
            self.prefix = prefix.to_owned();
        }
        if let Some(replicas) = query.get("replicas") {
            self.replicas = replicas.parse().map_err(|_| refused("replicas must be a number"))?;
        }
        match query.get("durability") {
            None => {}
            Some("accept-loss") => self.accept_loss = true,
            Some(_) => return Err(refused("durability must be accept-loss, if it is set")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_servers_and_settings() {
        let settings =
            Settings::parse("redis-cluster://jo:pass@a:7001,b:7002?replicas=1&prefix=acme").unwrap();
        assert!(settings.cluster && !settings.accept_loss);
        assert_eq!((settings.nodes.len(), settings.replicas, settings.prefix.as_str()), (2, 1, "acme"));
        assert_eq!(settings.nodes[1].addr().to_string(), "b:7002");
        assert!(Settings::parse("redis://127.0.0.1/2?durability=accept-loss").unwrap().accept_loss);
    }

    #[test]
    fn what_cannot_be_used_is_said_without_the_password() {
        let known = "Known: durability, prefix, replicas";
        let replica = format!("unknown setting replica, did you mean replicas? {known}");
        let unknown = format!("unknown setting timeout. {known}");
        let at = "there is an @ after the ?. Write %40 for @ in a setting, and %3F for ? in a password";
        for (url, complaint) in [
            ("redis://:s3cret@a,b", "several hosts are for redis-cluster://"),
            ("redis://:s3cret@a?durability=s3cret", "durability must be accept-loss, if it is set"),
            ("redis://:s3cret@a?prefix={s3cret}", "prefix must not have braces"),
            ("redis://:s3cret@a?prefix=", "prefix has no value"),
            ("redis://:s3cret@a?prefix=a&prefix=b", "prefix is set twice"),
            ("redis://:s3cret@a?replicas=s3cret", "replicas must be a number"),
            ("redis://:s3cret@a?replica=1", &replica),
            ("rediss://:s3cret@a?timeout=1", &unknown),
            ("redis-cluster://:s3cret@a,b?prefix=x&timeout=1", &unknown),
            ("redis://:pass?s3cret@a", at),
            ("s3cret", "the URL is not of the form redis://host:port"),
            ("redis://:s3cret@a:port", "the URL is not of the form redis://host:port"),
        ] {
            assert_eq!(Settings::parse(url).unwrap_err().to_string(), complaint);
        }
    }
}
