//! Opens a connection to the server that takes writes.

use std::time::Duration;

use futures_util::future::select_ok;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::sentinel::{Sentinel, SentinelNodeConnectionInfo};
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, FromRedisValue, Pipeline, RedisResult,
    ServerErrorKind, TlsMode, cmd,
};

use crate::error::RedisError;
use crate::servers::{Servers, tcp_settings};

/// How long one server has to take a connection.
const CONNECTING: Duration = Duration::from_secs(2);
/// How long a call waits for its answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long opening may take in all, whichever servers are asked.
const OPENING: Duration = Duration::from_secs(5);

/// An open connection. Clones share it.
#[derive(Clone)]
pub(crate) enum Socket {
    Single(MultiplexedConnection),
    /// The client library connects to each node, and follows `MOVED` and `ASK`.
    Cluster(ClusterConnection),
}

/// One command, or several that are sent together.
#[derive(Clone, Copy)]
pub(crate) enum Request<'a> {
    One(&'a Cmd),
    Together(&'a Pipeline),
}

impl Socket {
    pub(crate) async fn open(servers: &Servers) -> Result<Self, RedisError> {
        let opening = async {
            match servers {
                Servers::Direct(nodes) => {
                    let primaries = nodes.iter().map(|node| Box::pin(primary(node.clone())));
                    Ok(Self::Single(select_ok(primaries).await?.0))
                }
                Servers::Sentinel { sentinels, primary: name, node } => {
                    let mut node = SentinelNodeConnectionInfo::default()
                        .set_redis_connection_info(node.clone())
                        .set_tcp_settings(tcp_settings());
                    if servers.speak_tls() {
                        node = node.set_tls_mode(TlsMode::Secure);
                    }
                    let found =
                        Sentinel::build(sentinels.clone())?.async_master_for(name, Some(&node)).await?;
                    Ok(Self::Single(primary(found.get_connection_info().clone()).await?))
                }
                Servers::Cluster(nodes) => {
                    let client = ClusterClientBuilder::new(nodes.iter().cloned())
                        .tcp_settings(tcp_settings())
                        .connection_timeout(CONNECTING)
                        .response_timeout(ANSWER)
                        // Retry for as long as a failover takes. After that, callers get an error.
                        .overall_response_timeout(Some(ANSWER))
                        .retries(8)
                        .max_retry_wait(1_000)
                        .build()?;
                    Ok(Self::Cluster(client.get_async_connection().await?))
                }
            }
        };
        tokio::time::timeout(OPENING, opening).await.unwrap_or(Err(RedisError::Silent))
    }

    pub(crate) async fn send<T: FromRedisValue>(self, request: Request<'_>) -> RedisResult<T> {
        match (self, request) {
            (Self::Single(mut connection), Request::One(command)) => {
                command.query_async(&mut connection).await
            }
            (Self::Single(mut connection), Request::Together(commands)) => {
                commands.query_async(&mut connection).await
            }
            (Self::Cluster(mut connection), Request::One(command)) => {
                command.query_async(&mut connection).await
            }
            (Self::Cluster(mut connection), Request::Together(commands)) => {
                commands.query_async(&mut connection).await
            }
        }
    }
}

/// Connects to a server, unless it is a replica: a replica's reads may be stale, and it takes no writes.
async fn primary(node: ConnectionInfo) -> Result<MultiplexedConnection, RedisError> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECTING))
        .set_response_timeout(Some(ANSWER));
    let address = node.addr().to_string();
    let client = Client::open(node)?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let replication: RedisResult<String> = cmd("INFO").arg("replication").query_async(&mut connection).await;
    match replication {
        Ok(report) if report.lines().any(|line| line == "role:slave") => Err(RedisError::Replica(address)),
        Ok(_) => Ok(connection),
        // The user may not ask. A write shows it.
        Err(error) if error.kind() == redis::ErrorKind::Server(ServerErrorKind::NoPerm) => Ok(connection),
        Err(error) => Err(error.into()),
    }
}
