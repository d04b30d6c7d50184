//! One connection to a server or a Cluster, shared by all callers. The client library reconnects, follows
//! `MOVED` and `ASK`, and notices failovers.

use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::cluster::ClusterClientBuilder;
use redis::cluster_async::ClusterConnection;
use redis::{Client, Cmd, FromRedisValue, Pipeline};

use crate::error::RedisError;
use crate::settings::Settings;

const CONNECTING: Duration = Duration::from_secs(2);
/// How long a call waits for its answer.
const ANSWER: Duration = Duration::from_secs(5);
/// How long a write waits for its replicas, in milliseconds.
const REPLICATION: u64 = 2_000;

/// Clones share the connection.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(ConnectionManager),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(crate) async fn open(settings: &Settings) -> Result<Self, RedisError> {
        if settings.cluster {
            let client = ClusterClientBuilder::new(settings.nodes.iter().cloned())
                .connection_timeout(CONNECTING)
                .response_timeout(ANSWER)
                // Retry for as long as a failover takes. After that, callers get an error.
                .overall_response_timeout(Some(ANSWER))
                .retries(8)
                .max_retry_wait(1_000)
                .build()?;
            return Ok(Self::Cluster(client.get_async_connection().await?));
        }
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(CONNECTING))
            .set_response_timeout(Some(ANSWER))
            // A caller waits for one more attempt to connect, not for several.
            .set_number_of_retries(1)
            .set_max_delay(Duration::from_millis(200));
        let node = settings.nodes.first().cloned();
        let node = node.ok_or_else(|| RedisError::Setting("no server is named".to_owned()))?;
        Ok(Self::Single(ConnectionManager::new_with_config(Client::open(node)?, config).await?))
    }

    pub(crate) async fn call<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, RedisError> {
        Ok(match self {
            Self::Single(connection) => command.query_async(&mut connection.clone()).await,
            Self::Cluster(connection) => command.query_async(&mut connection.clone()).await,
        }?)
    }

    /// Runs a writing command, and waits until enough replicas have it. Both are sent together, so that no
    /// reconnection comes between them.
    pub(crate) async fn write<T: FromRedisValue>(
        &self,
        command: Cmd,
        replicas: u32,
    ) -> Result<T, RedisError> {
        if replicas == 0 {
            return self.call(&command).await;
        }
        let mut pipeline = Pipeline::new();
        pipeline.add_command(command).cmd("WAIT").arg(replicas).arg(REPLICATION);
        let (answer, confirmed): (T, u32) = match self {
            Self::Single(connection) => pipeline.query_async(&mut connection.clone()).await,
            Self::Cluster(connection) => pipeline.query_async(&mut connection.clone()).await,
        }?;
        if confirmed < replicas {
            return Err(RedisError::Replicas { confirmed, wanted: replicas });
        }
        Ok(answer)
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Single(_) => "Connection::Single(..)",
            Self::Cluster(_) => "Connection::Cluster(..)",
        })
    }
}
