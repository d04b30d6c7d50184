//! Settings from the URL.

use std::sync::Arc;

use mfa_url::Query;

use crate::error::RedisError;
use crate::servers::{Login, Place, Servers};

const KNOWN: &[&str] = &["durability", "prefix", "replicas", "sentinel_password", "sentinel_user"];

/// The servers, and the loss that the operator accepts.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) servers: Arc<Servers>,
    pub(crate) prefix: String,
    pub(crate) replicas: u32,
    pub(crate) accept_loss: bool,
}

impl Settings {
    /// Reads a [`Place`], then `?setting=value&…`.
    pub(crate) fn parse(url: &str) -> Result<Self, RedisError> {
        let (place, query) = Query::split(url);
        let (place, query) = (Place::parse(place)?, Query::parse(query, KNOWN)?);
        let text = |name| query.get(name).map(ToOwned::to_owned);
        let prefix = text("prefix").unwrap_or_else(|| "mfa".to_owned());
        // They would put every key into one slot of a Cluster.
        if prefix.contains(['{', '}']) {
            return Err(RedisError::setting("prefix must not have braces"));
        }
        let replicas = query.get("replicas").map_or(Ok(0), str::parse);
        let replicas = replicas.map_err(|_| RedisError::setting("replicas must be a number"))?;
        let accept_loss = match query.get("durability") {
            None => false,
            Some("accept-loss") => true,
            Some(_) => return Err(RedisError::setting("durability must be accept-loss, if it is set")),
        };
        let sentinel = Login { user: text("sentinel_user"), password: text("sentinel_password") };
        Ok(Self { servers: place.servers(sentinel)?.into(), prefix, replicas, accept_loss })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_names_servers_and_settings() {
        let settings =
            Settings::parse("redis-cluster://jo:pass@a:7001,b:7002?replicas=1&prefix=acme").unwrap();
        assert!(!settings.accept_loss);
        assert_eq!((settings.replicas, settings.prefix.as_str()), (1, "acme"));
        let Servers::Cluster(nodes) = &*settings.servers else { unreachable!("{settings:?}") };
        let nodes: Vec<_> = nodes.iter().map(|node| node.addr().to_string()).collect();
        assert_eq!(nodes, ["a:7001", "b:7002"]);
        assert!(Settings::parse("redis://127.0.0.1/2?durability=accept-loss").unwrap().accept_loss);
        let several = Settings::parse("rediss://a,[::1]:7002").unwrap();
        assert!(matches!(&*several.servers, Servers::Direct(nodes) if nodes.len() == 2));
    }

    #[test]
    fn a_url_names_sentinels() {
        let url = "redis-sentinel://jo:pa%2Fss@a,b:26380/main/3?sentinel_user=eve&sentinel_password=p";
        let servers = Settings::parse(url).unwrap().servers;
        let Servers::Sentinel { sentinels, primary, node } = &*servers else { unreachable!("{servers:?}") };
        let addresses: Vec<_> = sentinels.iter().map(|sentinel| sentinel.addr().to_string()).collect();
        assert_eq!((primary.as_str(), addresses), ("main", vec!["a:26379".to_owned(), "b:26380".to_owned()]));
        let login = sentinels[0].redis_settings();
        assert_eq!((login.username(), login.password(), login.db()), (Some("eve"), Some("p"), 0));
        assert_eq!((node.username(), node.password(), node.db()), (Some("jo"), Some("pa/ss"), 3));
    }

    #[test]
    fn what_cannot_be_used_is_said_without_the_password() {
        let known = "Known: durability, prefix, replicas, sentinel_password, sentinel_user";
        let replica = format!("unknown setting replica, did you mean replicas? {known}");
        let unknown = format!("unknown setting timeout. {known}");
        let at = "there is an @ after the ?. Write %40 for @ in a setting, and %3F for ? in a password";
        let no_url = "the URL is not of the form redis://host:port";
        for (url, complaint) in [
            ("redis://:s3cret@a?durability=s3cret", "durability must be accept-loss, if it is set"),
            ("redis://:s3cret@a?prefix={s3cret}", "prefix must not have braces"),
            ("redis://:s3cret@a?prefix=", "prefix has no value"),
            ("redis://:s3cret@a?prefix=a&prefix=b", "prefix is set twice"),
            ("redis://:s3cret@a?replicas=s3cret", "replicas must be a number"),
            ("redis://:s3cret@a?replica=1", &replica),
            ("rediss://:s3cret@a?timeout=1", &unknown),
            ("redis-cluster://:s3cret@a,b?prefix=x&timeout=1", &unknown),
            ("redis://:s3cret@a?sentinel_password=s3cret", "sentinel_… settings are for redis-sentinel://"),
            (
                "redis-sentinel://:s3cret@a",
                "name the primary that the Sentinels watch: redis-sentinel://host:26379/NAME",
            ),
            ("redis-cluster://:s3cret@a/1", "a Cluster has no numbered databases"),
            ("redis://:pass?s3cret@a", at),
            ("s3cret", no_url),
            ("redis://:s3cret@a:port", no_url),
        ] {
            assert_eq!(Settings::parse(url).unwrap_err().to_string(), complaint);
        }
    }
}
