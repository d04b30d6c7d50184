//! Redis storage, on a single server, behind Sentinel or on a Cluster. Each change of a record is one script
//! or command on one key.
//!
//! | URL | servers |
//! |---|---|
//! | `redis://[user:password@]host[:port][,host…][/database]` | one server, or several of which one is the primary |
//! | `redis-sentinel://[user:password@]host[:port][,host…]/NAME[/database]` | the primary that these Sentinels know as `NAME` |
//! | `redis-cluster://[user:password@]host[:port][,host…]` | a Cluster, of which these are some nodes |
//!
//! `rediss`, `rediss-sentinel` and `rediss-cluster` use TLS. The settings are:
//!
//! | setting | default | meaning |
//! |---|---|---|
//! | `prefix` | `mfa` | the prefix of all keys |
//! | `replicas` | 0 | how many replicas must have a write before it is acknowledged (`WAIT`) |
//! | `durability=accept-loss` | | open a server that may lose factors |
//! | `sentinel_user`, `sentinel_password` | | how to log in to the Sentinels |
//!
//! By default, Redis keeps nothing across a restart. [`open`](RedisStore::open) refuses a server whose
//! `appendonly` is off or whose `maxmemory-policy` evicts keys. With `appendfsync everysec`, the default, a
//! power cut can lose the last second. A code or a login of that second could then be used again. `always`
//! closes that gap. With either, killing the server's process loses nothing. Replication is asynchronous, so
//! a failover can lose acknowledged writes unless `replicas` counts every replica that may be promoted.
//!
//! A connection is replaced when its server is demoted, starts up, is cut off or stays silent. Reads do not
//! wait for replicas: writes that do have connections of their own.
//!
//! ```
//! # use mfa_store_redis::RedisStore;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = RedisStore::open("redis://127.0.0.1:1").await;
//! assert_eq!(store.unwrap_err().to_string(), "redis is unavailable");
//! # }
//! ```

mod api_key;
mod ceremony;
mod compare;
mod connection;
mod durability;
mod error;
mod hash;
mod index;
mod inspect;
mod key;
mod page;
mod record;
mod repair;
mod scan;
mod script;
mod servers;
mod settings;
mod thorough;

use std::sync::Arc;

use mfa_core::store::{CeremonyStore, StoreError, Stores};

pub use inspect::inspect;
pub use repair::{Repaired, repair};

use connection::Connection;
use key::Keys;
use settings::Settings;

/// A store in Redis. Clones share their connection.
#[derive(Clone, Debug)]
pub struct RedisStore {
    connection: Connection,
    keys: Keys,
}

impl RedisStore {
    /// Connects. There are no tables to create.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the URL cannot be used, the server does not answer, or the server may
    /// lose what it acknowledged and the URL does not accept that.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let settings = Settings::parse(url)?;
        let connection = Connection::open(&settings).await?;
        match durability::check(&connection).await {
            Ok(()) => {}
            Err(weakness @ error::RedisError::NotDurable(_)) if settings.accept_loss => {
                tracing::warn!("{weakness}");
            }
            Err(error) => return Err(error.into()),
        }
        Ok(Self { connection, keys: Keys(settings.prefix) })
    }

    /// Connects to a server for ceremonies only. A lost ceremony costs a user another try, so the server need
    /// not keep any. But it should bring none back that was used: a warning says if its snapshots can.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the URL cannot be used or the server does not answer.
    pub async fn open_for_ceremonies(url: &str) -> Result<Arc<dyn CeremonyStore>, StoreError> {
        let settings = Settings::parse(url)?;
        let connection = Connection::open(&settings).await?;
        if let Ok(reports) = durability::reports(&connection).await
            && let Some(danger) = durability::snapshots(&connection, &reports).await
        {
            tracing::warn!("the Redis of open ceremonies: {danger}. {}", durability::WITHOUT_SNAPSHOTS);
        }
        Ok(Arc::new(Self { connection, keys: Keys(settings.prefix) }))
    }
}

impl From<RedisStore> for Stores {
    fn from(store: RedisStore) -> Self {
        Self::of(store)
    }
}
