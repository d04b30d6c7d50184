//! The predecessors' DynamoDB tables in place, under the environment names of either predecessor.

use mfa_test_servers::{shared, unique_name};
use serde_json::{Value, json};

use crate::client::{ADMIN_KEY, Client};
use crate::gateway::Gateway;
use crate::predecessor_calls::everything_works;
use crate::runtime::Function;

/// The three tables of a deployment, without index.
pub(crate) struct Tables {
    endpoint: String,
    name: String,
    client: reqwest::Client,
}

impl Tables {
    async fn new(endpoint: String) -> Self {
        let tables = Self { endpoint, name: unique_name(), client: reqwest::Client::new() };
        for (table, key) in [("keys", "value"), ("totp", "uuid"), ("u2f", "uuid")] {
            let definition = json!({
                "TableName": tables.named(table),
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": key, "KeyType": "HASH"}],
            });
            tables.send("CreateTable", &definition).await;
        }
        tables
    }

    fn named(&self, table: &str) -> String {
        format!("{}-{table}", self.name)
    }

    /// Puts a row of the fixtures, which are in the API's own JSON; this emulator refuses blanks.
    pub(crate) async fn put(&self, table: &str, row: &Value) {
        let mut row = row.clone();
        row.as_object_mut().unwrap().retain(|_, attribute| attribute["S"] != "");
        self.send("PutItem", &json!({"TableName": self.named(table), "Item": row})).await;
    }

    async fn send(&self, operation: &str, body: &Value) {
        // The emulator wants a signature and does not look at it.
        let signature = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, \
                         SignedHeaders=host, Signature=0";
        let request = self.client.post(&self.endpoint).header("authorization", signature);
        let request = request.header("x-amz-target", format!("DynamoDB_20120810.{operation}"));
        let request = request.header("content-type", "application/x-amz-json-1.0").body(body.to_string());
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
    }
}

pub(crate) fn fixtures(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../mfa-store-conformance/fixtures/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}.json")).unwrap()).unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The client whose API key the fixtures have.
pub(crate) async fn client<'a>(
    tables: &Tables,
    function: &'a Function,
    gateway: Gateway,
    key: &Value,
) -> Client<'a> {
    tables.put("keys", &key["row"]).await;
    let (value, secret) = (text(&key["row"]["value"]["S"]), text(&key["secret"]));
    Client { function, gateway, key: value.to_owned(), secret: secret.to_owned() }
}

#[tokio::test]
async fn the_go_predecessors_deployment_goes_on() {
    let Some(endpoint) = shared("MFA_TEST_DYNAMODB") else { return };
    let tables = Tables::new(endpoint).await;
    let function = Function::start(&[
        ("API_KEY_TABLE", &tables.named("keys")),
        ("TOTP_TABLE", &tables.named("totp")),
        ("WEBAUTHN_TABLE", &tables.named("u2f")),
        // Without a scheme, as old deployments have it.
        ("AWS_ENDPOINT", tables.endpoint.strip_prefix("http://").unwrap()),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("MFA_ADMIN_KEY", ADMIN_KEY),
    ])
    .await;
    everything_works(&tables, &function, Gateway::HttpWithStage).await;
}

#[tokio::test]
async fn the_node_predecessors_deployment_goes_on() {
    let Some(endpoint) = shared("MFA_TEST_DYNAMODB") else { return };
    let tables = Tables::new(endpoint).await;
    let function = Function::start(&[
        ("API_KEY_TABLE_NAME", &tables.named("keys")),
        ("TOTP_TABLE_NAME", &tables.named("totp")),
        ("U2F_TABLE_NAME", &tables.named("u2f")),
        ("DYNAMO_DB_ENDPOINT", &tables.endpoint),
        // Which Lambda sets.
        ("AWS_REGION", "us-east-1"),
        ("MFA_ADMIN_KEY", ADMIN_KEY),
    ])
    .await;
    everything_works(&tables, &function, Gateway::Rest).await;
}
