//! The seeds' DynamoDB tables in place, under the environment names of either seed.

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::authenticator::{Browser, SoftAuthenticator};
use mfa_store_conformance::races::code_at;
use mfa_store_conformance::servers::{shared, unique_name};
use serde_json::{Value, json};

use crate::client::{Client, ORIGIN};
use crate::gateway::Gateway;
use crate::runtime::Function;

/// The three tables of a deployment, without index.
struct Tables {
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
    async fn put(&self, table: &str, row: &Value) {
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

fn fixtures(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../mfa-store-conformance/fixtures/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}.json")).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The client whose API key the fixtures have.
async fn client<'a>(tables: &Tables, function: &'a Function, gateway: Gateway, key: &Value) -> Client<'a> {
    tables.put("keys", &key["row"]).await;
    let (value, secret) = (text(&key["row"]["value"]["S"]), text(&key["secret"]));
    Client { function, gateway, key: value.to_owned(), secret: secret.to_owned() }
}

#[tokio::test]
async fn the_go_seeds_deployment_goes_on() {
    let Some(endpoint) = shared("MFA_TEST_DYNAMODB") else { return };
    let tables = Tables::new(endpoint).await;
    let function = Function::start(&[
        ("API_KEY_TABLE", &tables.named("keys")),
        ("TOTP_TABLE", &tables.named("totp")),
        ("WEBAUTHN_TABLE", &tables.named("u2f")),
        // Without a scheme, as old deployments have it.
        ("AWS_ENDPOINT", tables.endpoint.strip_prefix("http://").unwrap()),
        ("AWS_DEFAULT_REGION", "us-east-1"),
    ])
    .await;
    everything_works(&tables, &function, Gateway::HttpWithStage).await;
}

#[tokio::test]
async fn the_node_seeds_deployment_goes_on() {
    let Some(endpoint) = shared("MFA_TEST_DYNAMODB") else { return };
    let tables = Tables::new(endpoint).await;
    let function = Function::start(&[
        ("API_KEY_TABLE_NAME", &tables.named("keys")),
        ("TOTP_TABLE_NAME", &tables.named("totp")),
        ("U2F_TABLE_NAME", &tables.named("u2f")),
        ("DYNAMO_DB_ENDPOINT", &tables.endpoint),
        // Which Lambda sets.
        ("AWS_REGION", "us-east-1"),
    ])
    .await;
    everything_works(&tables, &function, Gateway::Rest).await;
}

async fn everything_works(tables: &Tables, function: &Function, gateway: Gateway) {
    let rows = fixtures("node_rows");
    let consumer = client(tables, function, gateway, &rows["api_key"]).await;
    for totp in rows["totp"].as_array().unwrap() {
        tables.put("totp", &totp["row"]).await;
        let path = format!("totp/{}/validate", text(&totp["uuid"]));
        let code = json!({"code": code_at(text(&totp["totp_key_base32"]), SystemClock.now())});
        assert_eq!(consumer.call("POST", &path, code.clone()).await.0, 200);
        assert_eq!(consumer.call("POST", &path, code).await.0, 401);
    }

    let rows = fixtures("go_rows");
    let consumer = client(tables, function, gateway, &rows["api_key"]).await;
    let user = &rows["user_with_five_credentials"];
    tables.put("u2f", &user["pending_login"]["row"]).await;
    let id = text(&user["uuid"]);
    for credential in user["credentials"].as_array().unwrap() {
        let (status, options) = consumer.about(id, "POST", "webauthn/login", json!([])).await;
        assert_eq!(status, 200, "{options}");
        let kind = credential["kind"].as_str().unwrap_or("ES256");
        let (pem, id_hex) = (text(&credential["private_key_pkcs8_pem"]), text(&credential["id_hex"]));
        let asserted = SoftAuthenticator::with_key(kind, pem, id_hex).get(&Browser::new(ORIGIN, &options));
        let (status, done) = consumer.about(id, "PUT", "webauthn/login", asserted).await;
        assert_eq!((status, &done["key_handle_hash"]), (200, &credential["key_handle_hash"]), "{done}");
    }
}
