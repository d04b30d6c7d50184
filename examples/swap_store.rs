//! The same flow on any store: only the line that opens it differs.
//!
//! ```sh
//! cargo run -p mfa-examples --example swap_store -- memory:// sqlite://swap.db postgres://user@host/db
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use anyhow::{Result, bail, ensure};
use mfa_core::Mfa;
use mfa_core::store::Stores;
use mfa_core::store::memory::MemoryStore;
use mfa_core::totp::{TotpError, TotpOptions};
use mfa_store_dynamo::DynamoStore;
use mfa_store_postgres::PostgresStore;
use mfa_store_redis::RedisStore;
use mfa_store_sqlite::SqliteStore;

#[tokio::main]
async fn main() -> Result<()> {
    for url in std::env::args().skip(1) {
        let scheme = url.split("://").next().unwrap_or_default();
        let stores: Stores = match scheme {
            "memory" => MemoryStore::default().into(),
            "sqlite" => SqliteStore::open(url.trim_start_matches("sqlite://")).await?.into(),
            "postgres" => PostgresStore::open(&url).await?.into(),
            "redis" | "redis-cluster" => RedisStore::open(&url).await?.into(),
            "dynamodb" => DynamoStore::open(&url).await?.into(),
            other => bail!("no store is called {other}"),
        };
        flow(stores).await?;
        println!("{scheme}: enrolled, refused a wrong code, deleted");
    }
    Ok(())
}

/// What an application does, whatever the store.
async fn flow(stores: Stores) -> Result<()> {
    let mfa = Mfa::builder(stores).build();
    let key = mfa.create_api_key("dev@example.com").await?;
    let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
    let consumer = mfa.authenticate(&key, &secret).await?;

    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo@example.com")).await?;
    let refused = consumer.totp().verify(enrolled.id, "no code").await;
    ensure!(matches!(refused, Err(TotpError::NotAccepted)), "a wrong code was not refused: {refused:?}");
    consumer.totp().delete(enrolled.id).await?;
    ensure!(consumer.totp().status(enrolled.id).await.is_err(), "it is still there");
    Ok(())
}
