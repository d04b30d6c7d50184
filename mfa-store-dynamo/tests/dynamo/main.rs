//! Runs the whole suite on AWS's emulator, with and without an index, and tests the predecessors' tables in
//! place.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod in_place;

use std::collections::HashMap;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use mfa_core::store::Stores;
use mfa_store_dynamo::DynamoStore;

mod with_index {
    mfa_store_conformance::store_conformance!(crate::fresh);
}

mod scanning {
    mfa_store_conformance::store_conformance!(crate::fresh_without_index);
}

/// Tables that we made.
async fn fresh() -> Option<(Stores, ())> {
    let tables = Tables::new("MFA_TEST_DYNAMODB")?;
    Some((tables.open_with_index().await.into(), ()))
}

/// The predecessors' tables as they made them.
async fn fresh_without_index() -> Option<(Stores, ())> {
    let tables = Tables::new("MFA_TEST_DYNAMODB")?;
    tables.create_as_the_predecessors_did().await;
    Some((tables.open().await.into(), ()))
}

/// A set of tables that nothing else uses.
struct Tables {
    endpoint: String,
    name: String,
}

impl Tables {
    fn new(emulator: &str) -> Option<Self> {
        Some(Self { endpoint: mfa_test_servers::shared(emulator)?, name: mfa_test_servers::unique_name() })
    }

    fn url(&self) -> String {
        let Self { endpoint, name } = self;
        format!(
            "dynamodb://local?endpoint={endpoint}&api_key_table={name}-k&totp_table={name}-t&webauthn_table={name}-w"
        )
    }

    async fn open(&self) -> DynamoStore {
        DynamoStore::open(&self.url()).await.unwrap()
    }

    async fn open_with_index(&self) -> DynamoStore {
        DynamoStore::open(&format!("{}&index=create", self.url())).await.unwrap()
    }

    async fn client(&self) -> Client {
        let config = aws_config::defaults(BehaviorVersion::latest());
        Client::new(&config.region("local").endpoint_url(&self.endpoint).load().await)
    }

    /// Hash key only, no index, no TTL.
    async fn create_as_the_predecessors_did(&self) {
        use aws_sdk_dynamodb::types::{
            AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
        };
        let client = self.client().await;
        for (suffix, key) in [("k", "value"), ("t", "uuid"), ("w", "uuid")] {
            let attribute = AttributeDefinition::builder().attribute_name(key);
            let hash = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
            client
                .create_table()
                .table_name(format!("{}-{suffix}", self.name))
                .billing_mode(BillingMode::PayPerRequest)
                .attribute_definitions(attribute.attribute_type(ScalarAttributeType::S).build().unwrap())
                .key_schema(hash.build().unwrap())
                .send()
                .await
                .unwrap();
        }
    }

    async fn put(&self, suffix: &str, item: HashMap<String, AttributeValue>) {
        let table = format!("{}-{suffix}", self.name);
        self.client().await.put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    }

    async fn item(&self, suffix: &str, id: &str) -> HashMap<String, AttributeValue> {
        let key = if suffix == "k" { "value" } else { "uuid" };
        let get = self.client().await.get_item().table_name(format!("{}-{suffix}", self.name));
        let get = get.key(key, AttributeValue::S(id.to_owned())).consistent_read(true);
        get.send().await.unwrap().item.unwrap()
    }
}
