//! The program on each store: races between two servers, lost answers, killed servers, the predecessors' tables.

pub(crate) mod client;
mod doctor;
mod failover;
mod history;
mod migrations;
mod mixed;
mod outages;
mod predecessor_tables;
mod promotion;
mod races;
mod role;
mod rotation;
mod round_trips;
mod tls;

use std::net::SocketAddr;
use std::time::Duration;

use mfa_test_servers::{OwnServer, shared, unique_name};
use sqlx::{Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

use super::program::{Process, program};

/// Makes a test of `$check` for each store, named after it.
macro_rules! on_each_store {
    ($check:path: $($store:ident),+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $store() {
            $check(stringify!($store)).await;
        })+
    };
}
pub(crate) use on_each_store;

/// A store that nothing else uses, and the servers on it.
pub(crate) struct Place {
    pub(crate) url: String,
    folder: TempDir,
}

impl Place {
    /// On the shared server of `store`; `None` if that is missing.
    pub(crate) async fn shared(store: &str) -> Option<Self> {
        let server = match store {
            "sqlite" => String::new(),
            "postgres" => shared("MFA_TEST_POSTGRES")?,
            "redis" => shared("MFA_TEST_REDIS")?,
            "redis_cluster" => shared("MFA_TEST_REDIS_CLUSTER")?,
            "dynamodb" => shared("MFA_TEST_DYNAMODB")?,
            _ => unreachable!("{store}"),
        };
        Some(Self::on(store, &server).await)
    }

    /// On a server of the test's own.
    pub(crate) async fn own(store: &str, server: &OwnServer) -> Self {
        let address = server.address;
        let url = match store {
            "postgres" => format!("postgres://mfa@{address}/postgres"),
            "redis" | "redis_always" => format!("redis://{address}"),
            "dynamodb" => format!("http://{address}"),
            _ => unreachable!("{store}"),
        };
        Self::on(store, &url).await
    }

    async fn on(store: &str, server: &str) -> Self {
        let (folder, name) = (tempfile::tempdir().unwrap(), unique_name());
        let url = match store {
            "sqlite" => format!("sqlite://{}", folder.path().join("mfa.db").display()),
            "postgres" => {
                let mut connection = connect(server).await;
                connection.execute(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {name}"))).await.unwrap();
                format!("{server}?options=-c%20search_path%3D{name}")
            }
            "dynamodb" => format!(
                "dynamodb://local?endpoint={server}&api_key_table={name}-k&totp_table={name}-t&webauthn_table={name}-w"
            ),
            _ => format!("{server}?prefix={name}"),
        };
        Self { url, folder }
    }

    /// The same store, reached by another address: that of a proxy.
    pub(crate) fn by(&self, server: SocketAddr, proxy: SocketAddr) -> Self {
        let url = self.url.replace(&server.to_string(), &proxy.to_string());
        assert_ne!(url, self.url);
        Self { url, folder: tempfile::tempdir().unwrap() }
    }

    /// The address of the server in the URL.
    pub(crate) fn server(&self) -> SocketAddr {
        let start = self.url.find("127.0.0.1:").unwrap();
        let end = self.url[start..].find(['/', '?', '&', ',']).map_or(self.url.len(), |end| start + end);
        self.url[start..end].parse().unwrap()
    }

    /// Starts the program on it.
    pub(crate) fn serve(&self) -> Process {
        Process::spawn(program(self.folder.path()).args(["--store", &self.url]))
    }
}

/// Connects, once the server has started up.
async fn connect(url: &str) -> PgConnection {
    for _ in 0..100 {
        if let Ok(connection) = PgConnection::connect(url).await {
            return connection;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{url} does not take connections");
}
