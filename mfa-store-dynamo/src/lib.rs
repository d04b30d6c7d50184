//! DynamoDB storage, on tables with the predecessors' layout. It can use theirs in place.
//!
//! The URL is `dynamodb://REGION` with these settings:
//!
//! | setting | default | meaning |
//! |---|---|---|
//! | `endpoint` | AWS's | where the API is, for an emulator or a private endpoint |
//! | `api_key_table`, `totp_table`, `webauthn_table` | `mfa-api-key`, `mfa-totp`, `mfa-webauthn` | the predecessors' three tables |
//! | `ceremony_table` | the WebAuthn table's name with `-ceremony` | our own table, with TTL |
//! | `index=create` | | adds an index on `apiKey` to tables that have none |
//!
//! Credentials come from where AWS's tools find them, and so does the region if the URL has none. The server
//! calls `GetItem`, `PutItem`, `DeleteItem` and `Scan`. At start it also calls `DescribeTable`. To create
//! missing tables it calls `CreateTable`, `UpdateTimeToLive` and, with `index=create`, `UpdateTable`. If the
//! role may not describe a table, the table is assumed to exist. [`inspect()`] also calls
//! `DescribeTimeToLive` and `DescribeContinuousBackups`.
//!
//! If your program calls `page_by_consumer` with [`Listing::Fast`](mfa_core::store::Listing::Fast), it makes
//! `Query` calls on tables with the index. Nothing else reads the index, and it costs a second write for each
//! write.
//!
//! Conditions and consistent reads hold within a region. Use a global table from one region at a time.
//!
//! ```
//! # use mfa_store_dynamo::DynamoStore;
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let store = DynamoStore::open("dynamodb://eu-west-1?totp_tabel=totp").await;
//! let refused = store.unwrap_err();
//! assert_eq!(refused.to_string(), "dynamodb is unavailable");
//! let cause = std::error::Error::source(&refused).unwrap().to_string();
//! assert!(cause.starts_with("unknown setting totp_tabel, did you mean totp_table?"));
//! # }
//! ```

mod api_key;
mod attempts;
mod attribute;
mod ceremony;
mod error;
mod inspect;
mod item;
mod listing;
mod migration;
mod record;
mod settings;
mod table;

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::Client;
use mfa_core::store::{ByKind, StoreError, Stores};

pub use inspect::inspect;

use error::DynamoError;
use migration::{Permission, Plan};
use record::RecordTable;
use settings::Settings;
use table::Table;

/// A store in DynamoDB tables. Clones share their connections.
#[derive(Clone, Debug)]
pub struct DynamoStore {
    client: Client,
    api_keys: Table,
    records: ByKind<RecordTable>,
    ceremony_table: String,
}

impl DynamoStore {
    /// Connects. Creates missing tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] if the URL cannot be used, the service does not answer, or a table has another
    /// hash key.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Ok(Self::prepare(&Settings::parse(url)?, true).await?)
    }

    /// Connects without creating tables.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] as for [`open`](Self::open), or if a table is missing.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        Ok(Self::prepare(&Settings::parse(url)?, false).await?)
    }

    async fn prepare(settings: &Settings, create_table: bool) -> Result<Self, DynamoError> {
        let client = connect(settings).await;
        let permission = Permission { create_table, create_index: settings.create_index };
        let api_keys = api_key::table(&client, &settings.api_key_table);
        let mut records = settings.record_tables.map(|shape, name| RecordTable::new(&client, shape, name));
        migration::prepare(&client, Plan::of(&api_keys, false), permission).await?;
        for (_, RecordTable { table, .. }) in records.iter_mut() {
            table.index = migration::prepare(&client, Plan::of(table, true), permission).await?;
        }
        let ceremonies = Plan { name: &settings.ceremony_table, key: "id", owned: false, expires: true };
        migration::prepare(&client, ceremonies, permission).await?;
        Ok(Self { api_keys, records, ceremony_table: settings.ceremony_table.clone(), client })
    }
}

async fn connect(settings: &Settings) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .operation_attempt_timeout(Duration::from_secs(3))
        .operation_timeout(Duration::from_secs(8))
        .build();
    // Retry throttled calls and lost connections, with growing random delays. A put that is sent twice recognises
    // itself by its revision; a deletion and a ceremony by their attempts.
    let retries =
        RetryConfig::standard().with_max_attempts(4).with_initial_backoff(Duration::from_millis(50));
    let mut config = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(retries)
        // Every attempt has a deadline. Watching the pace of short answers as well only costs CPU.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
    if let Some(region) = &settings.region {
        config = config.region(Region::new(region.clone()));
    }
    if let Some(endpoint) = &settings.endpoint {
        config = config.endpoint_url(endpoint);
    }
    Client::new(&config.load().await)
}

impl From<DynamoStore> for Stores {
    fn from(store: DynamoStore) -> Self {
        Self::of(store)
    }
}
