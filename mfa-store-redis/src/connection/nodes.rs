//! Commands that name no key, on chosen nodes of a Cluster.

use std::collections::HashMap;

use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, FromRedisValue};

use super::Connection;
use super::dial::Socket;
use crate::error::RedisError;

/// The address of a node of a Cluster; `None` for the only server.
pub(crate) type Node = Option<String>;

impl Connection {
    /// Calls a command on each primary.
    pub(crate) async fn on_primaries<T: FromRedisValue>(
        &self,
        command: Cmd,
    ) -> Result<Vec<(Node, T)>, RedisError> {
        let Some(mut cluster) = self.cluster().await? else {
            return Ok(vec![(None, self.call(&command).await?)]);
        };
        let primaries = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
        let answer = cluster.route_command(command, primaries).await?;
        let answers = HashMap::<String, T>::from_redis_value(answer).map_err(redis::RedisError::from)?;
        Ok(answers.into_iter().map(|(node, answer)| (Some(node), answer)).collect())
    }

    pub(crate) async fn on_node<T: FromRedisValue>(
        &self,
        node: &Node,
        command: Cmd,
    ) -> Result<T, RedisError> {
        let address = node.as_deref().and_then(|node| node.rsplit_once(':'));
        let (Some((host, port)), Some(mut cluster)) = (address, self.cluster().await?) else {
            return self.call(&command).await;
        };
        let port = port.parse().map_err(|_| RedisError::setting("a node has no port"))?;
        let node = SingleNodeRoutingInfo::ByAddress { host: host.to_owned(), port };
        let answer = cluster.route_command(command, RoutingInfo::SingleNode(node)).await?;
        Ok(T::from_redis_value(answer).map_err(redis::RedisError::from)?)
    }

    async fn cluster(&self) -> Result<Option<ClusterConnection>, RedisError> {
        let Some(link) = self.links.first() else { return Ok(None) };
        match link.socket().await? {
            (_, Socket::Cluster(cluster)) => Ok(Some(cluster)),
            (_, Socket::Single(_)) => Ok(None),
        }
    }
}
