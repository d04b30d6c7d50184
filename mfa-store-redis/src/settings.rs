//! Settings from the URL.

use redis::{ConnectionInfo, IntoConnectionInfo as _};

use crate::error::RedisError;

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
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut settings =
            Self { nodes: Vec::new(), cluster, prefix: "mfa".to_owned(), replicas: 0, accept_loss: false };
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            settings.set(&name, &value)?;
        }
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

    fn set(&mut self, name: &str, value: &str) -> Result<(), RedisError> {
        let unusable = || RedisError::Setting(format!("{name}={value} cannot be used"));
        match (name, value) {
            ("durability", "accept-loss") => self.accept_loss = true,
            ("replicas", _) => self.replicas = value.parse().map_err(|_| unusable())?,
            // Braces would put every key into one slot of a Cluster.
            ("prefix", _) if !value.is_empty() && !value.contains(['{', '}']) => {
                self.prefix = value.to_owned()
            }
            ("durability" | "prefix", _) => return Err(unusable()),
            // Do not repeat it: it may be the end of a password with a question mark.
            _ => return Err(RedisError::Setting("the URL has an unknown setting".to_owned())),
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
        for (url, complaint) in [
            ("redis://:s3cret@a,b", "several hosts are for redis-cluster://"),
            ("redis://:s3cret@a?durability=maybe", "durability=maybe cannot be used"),
            ("redis://:s3cret@a?prefix={x}", "prefix={x} cannot be used"),
            ("redis://:pass?s3cret@a", "the URL has an unknown setting"),
            ("s3cret", "the URL is not of the form redis://host:port"),
            ("redis://:s3cret@a:port", "the URL is not of the form redis://host:port"),
        ] {
            assert_eq!(Settings::parse(url).unwrap_err().to_string(), complaint);
        }
    }
}
