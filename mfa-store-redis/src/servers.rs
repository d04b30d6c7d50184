//! The servers that a URL names.

use std::time::Duration;

use redis::io::tcp::TcpSettings;
use redis::io::tcp::socket2::TcpKeepalive;
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo as _, RedisConnectionInfo};

use crate::error::RedisError;

/// How long the kernel waits for a sign of life before it gives a connection up.
const SILENCE: Duration = Duration::from_secs(5);

/// Where the data is.
#[derive(Debug)]
pub(crate) enum Servers {
    /// One server, or several of which one is the primary.
    Direct(Vec<ConnectionInfo>),
    /// Sentinels, which know the primary by name, and how to log in there.
    Sentinel { sentinels: Vec<ConnectionInfo>, primary: String, node: RedisConnectionInfo },
    /// Some nodes of a Cluster.
    Cluster(Vec<ConnectionInfo>),
}

/// The part of the URL before the settings: `SCHEME://[user:password@]host[:port][,host[:port]…][/PATH]`.
#[derive(Debug)]
pub(crate) struct Place<'a> {
    topology: Topology,
    /// `redis` or `rediss`.
    scheme: &'static str,
    user: Option<&'a str>,
    hosts: &'a str,
    path: &'a str,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Topology {
    Direct,
    Sentinel,
    Cluster,
}

/// How to log in to the Sentinels.
#[derive(Debug, Default)]
pub(crate) struct Login {
    pub(crate) user: Option<String>,
    pub(crate) password: Option<String>,
}

impl<'a> Place<'a> {
    pub(crate) fn parse(place: &'a str) -> Result<Self, RedisError> {
        let (scheme, rest) = place.split_once("://").ok_or_else(invalid)?;
        let (scheme, topology) = match scheme {
            "redis" => ("redis", Topology::Direct),
            "rediss" => ("rediss", Topology::Direct),
            "redis-sentinel" => ("redis", Topology::Sentinel),
            "rediss-sentinel" => ("rediss", Topology::Sentinel),
            "redis-cluster" => ("redis", Topology::Cluster),
            "rediss-cluster" => ("rediss", Topology::Cluster),
            _ => return Err(invalid()),
        };
        let (hosts, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (user, hosts) = hosts.rsplit_once('@').map_or((None, hosts), |(user, hosts)| (Some(user), hosts));
        Ok(Self { topology, scheme, user, hosts, path })
    }

    pub(crate) fn servers(&self, sentinel: Login) -> Result<Servers, RedisError> {
        if self.topology != Topology::Sentinel && (sentinel.user.is_some() || sentinel.password.is_some()) {
            return Err(RedisError::setting("sentinel_… settings are for redis-sentinel://"));
        }
        match self.topology {
            Topology::Direct => Ok(Servers::Direct(self.nodes(self.path)?)),
            Topology::Cluster if matches!(self.path, "" | "0") => Ok(Servers::Cluster(self.nodes("")?)),
            Topology::Cluster => Err(RedisError::setting("a Cluster has no numbered databases")),
            Topology::Sentinel => {
                let (primary, database) = self.path.split_once('/').unwrap_or((self.path, ""));
                if primary.is_empty() {
                    let advice =
                        "name the primary that the Sentinels watch: redis-sentinel://host:26379/NAME";
                    return Err(RedisError::setting(advice));
                }
                let nodes = self.nodes(database)?;
                let node = nodes.first().ok_or_else(invalid)?.redis_settings().clone();
                let mut login = RedisConnectionInfo::default();
                if let Some(user) = sentinel.user {
                    login = login.set_username(user);
                }
                if let Some(password) = sentinel.password {
                    login = login.set_password(password);
                }
                let sentinels = nodes.into_iter().map(|node| node.set_redis_settings(login.clone()));
                Ok(Servers::Sentinel { sentinels: sentinels.collect(), primary: primary.to_owned(), node })
            }
        }
    }

    fn nodes(&self, database: &str) -> Result<Vec<ConnectionInfo>, RedisError> {
        let user = self.user.map(|user| format!("{user}@")).unwrap_or_default();
        let port = if self.topology == Topology::Sentinel { ":26379" } else { "" };
        let node = |host: &str| {
            // An IPv6 address has brackets.
            let has_port = host.rsplit(']').next().unwrap_or(host).contains(':');
            let port = if has_port { "" } else { port };
            // The parser's own error might repeat the URL with its password.
            let node = format!("{}://{user}{host}{port}/{database}", self.scheme).into_connection_info();
            Ok(node.map_err(|_| invalid())?.set_tcp_settings(tcp_settings()))
        };
        self.hosts.split(',').map(node).collect()
    }
}

impl Servers {
    /// Whether a new connection may lead to another server than the last one.
    pub(crate) const fn have_alternatives(&self) -> bool {
        match self {
            Self::Direct(nodes) => nodes.len() > 1,
            Self::Sentinel { .. } => true,
            // The client library follows a Cluster by itself.
            Self::Cluster(_) => false,
        }
    }

    /// Whether connections are encrypted.
    pub(crate) fn speak_tls(&self) -> bool {
        let (Self::Direct(nodes) | Self::Sentinel { sentinels: nodes, .. } | Self::Cluster(nodes)) = self;
        nodes.iter().any(|node| matches!(node.addr(), ConnectionAddr::TcpTls { .. }))
    }
}

/// Settings that find out about a server that went away without a word, also while nobody calls it.
pub(crate) fn tcp_settings() -> TcpSettings {
    let probes = TcpKeepalive::new().with_time(SILENCE).with_interval(Duration::from_secs(1));
    let settings = TcpSettings::default().set_keepalive(probes);
    #[cfg(target_os = "linux")]
    let settings = settings.set_user_timeout(SILENCE);
    settings
}

fn invalid() -> RedisError {
    RedisError::setting("the URL is not of the form redis://host:port")
}
