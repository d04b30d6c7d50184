//! The predecessors' DynamoDB tables in place, under the predecessors' environment names. Everything in them
//! works, and foreign attributes stay.

mod damage;
mod hashed_secret;
mod variants;

use std::collections::HashMap;
use std::process::Command;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use data_encoding::BASE64;
use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, SoftU2fKey};
use mfa_store_conformance::kit::service::code_at;
use mfa_test_servers::{shared, unique_name};
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::client::Consumer;
use super::role::Role;
use crate::program::{PROGRAM, Process, in_folder};
use crate::server::answer;

type Item = HashMap<String, AttributeValue>;

const ORIGIN: &str = "https://login.example.com";

/// What a predecessor's deployment has: three tables without index, and its environment.
pub(super) struct Deployment {
    client: Client,
    pub(super) endpoint: String,
    pub(super) name: String,
    folder: TempDir,
    /// Whether the emulator takes empty strings, which AWS does.
    empty_strings: bool,
}

impl Deployment {
    pub(super) async fn new(emulator: &str) -> Option<Self> {
        let endpoint = shared(emulator)?;
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest()).region("us-east-1");
        let client = Client::new(&config.endpoint_url(&endpoint).load().await);
        let name = unique_name();
        let folder = tempfile::tempdir().unwrap();
        let deployment = Self { client, endpoint, name, folder, empty_strings: emulator == "MFA_TEST_MOTO" };
        for (table, key) in [("keys", "value"), ("totp", "uuid"), ("u2f", "uuid")] {
            deployment.create(table, key).await;
        }
        Some(deployment)
    }

    pub(super) async fn create(&self, table: &str, key: &str) {
        let attribute = AttributeDefinition::builder().attribute_name(key);
        let hash = KeySchemaElement::builder().attribute_name(key).key_type(KeyType::Hash);
        let create = self.client.create_table().table_name(format!("{}-{table}", self.name));
        let create = create.billing_mode(BillingMode::PayPerRequest).key_schema(hash.build().unwrap());
        let attribute = attribute.attribute_type(ScalarAttributeType::S).build().unwrap();
        create.attribute_definitions(attribute).send().await.unwrap();
    }

    fn serve(&self) -> Process {
        let mut program = in_folder(Command::new(PROGRAM), self.folder.path());
        program
            .env("API_KEY_TABLE", format!("{}-keys", self.name))
            .env("TOTP_TABLE", format!("{}-totp", self.name))
            .env("WEBAUTHN_TABLE", format!("{}-u2f", self.name))
            .env("AWS_ENDPOINT", self.endpoint.strip_prefix("http://").unwrap())
            .env("AWS_DEFAULT_REGION", "us-east-1");
        Process::spawn(&mut program)
    }

    /// Puts a row of the fixtures, as it is; blanks are left out where the emulator refuses them.
    pub(super) async fn put(&self, table: &str, row: &Value) {
        let mut item = item_of(row);
        if !self.empty_strings {
            item.retain(|_, value| !matches!(value, AttributeValue::S(text) if text.is_empty()));
        }
        let put = self.client.put_item().table_name(format!("{}-{table}", self.name));
        put.set_item(Some(item)).send().await.unwrap();
    }

    async fn row(&self, table: &str, id: &str) -> Item {
        let key = if table == "keys" { "value" } else { "uuid" };
        let get = self.client.get_item().table_name(format!("{}-{table}", self.name)).consistent_read(true);
        get.key(key, AttributeValue::S(id.to_owned())).send().await.unwrap().item.unwrap()
    }
}

fn item_of(row: &Value) -> Item {
    let value = |value: &Value| {
        let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
        match (kind.as_str(), value.as_str()) {
            ("S", Some(text)) => AttributeValue::S(text.to_owned()),
            ("N", Some(digits)) => AttributeValue::N(digits.to_owned()),
            ("B", Some(base64)) => AttributeValue::B(Blob::new(BASE64.decode(base64.as_bytes()).unwrap())),
            ("NULL", None) => AttributeValue::Null(true),
            other => unreachable!("{other:?}"),
        }
    };
    row.as_object().unwrap().iter().map(|(name, attribute)| (name.clone(), value(attribute))).collect()
}

pub(super) fn fixtures(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../mfa-store-conformance/fixtures/");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}{name}.json")).unwrap()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// The consumer of an API key of the fixtures, whose row is put.
async fn consumer(deployment: &Deployment, server: &Process, api_key: &Value) -> Consumer {
    deployment.put("keys", &api_key["row"]).await;
    let key = text(&api_key["row"]["value"]["S"]).to_owned();
    Consumer::with_key(&[server], key, text(&api_key["secret"]).to_owned())
}

/// One WebAuthn login, as the browser of a relying party does it.
async fn login(consumer: &Consumer, user: &str, authenticator: &mut SoftAuthenticator, rp_id: &str) -> u16 {
    let (status, options) = answer(consumer.about(user, Method::POST, "/webauthn/login")).await;
    assert_eq!(status, 200, "{options}");
    let browser = Browser { rp_id: rp_id.to_owned(), ..Browser::new(ORIGIN, &options) };
    consumer.finish_login(user, &authenticator.get(&browser)).await
}

/// One login by raw U2F messages with a key of the fixtures.
async fn log_in_by_u2f(consumer: &Consumer, u2f: &Value) -> u16 {
    let (origin, app_id) = (text(&u2f["origin"]), text(&u2f["appId"]));
    let mut key = SoftU2fKey::new();
    key.key = Key::from_pem("ES256", text(&u2f["ec_private_key_pkcs8_pem"]));
    key.key_handle = data_encoding::HEXLOWER.decode(text(&u2f["key_handle_hex"]).as_bytes()).unwrap();
    key.counter = 100;
    let path = format!("/u2f/{}/auth", text(&u2f["uuid"]));
    let (status, asked) = answer(consumer.request(Method::POST, &path)).await;
    if status != 200 {
        return status;
    }
    let signed = key.authenticate("navigator.id.getAssertion", origin, app_id, text(&asked["challenge"]));
    answer(consumer.request(Method::PUT, &path).json(&json!({"signResult": signed}))).await.0
}

fn authenticator(credential: &Value) -> SoftAuthenticator {
    let kind = credential["kind"].as_str().unwrap_or("ES256");
    let (pem, id) = (text(&credential["private_key_pkcs8_pem"]), text(&credential["id_hex"]));
    SoftAuthenticator::with_key(kind, pem, id)
}

/// What must still be in a row: everything but the attributes named.
fn unchanged(before: &Item, after: &Item, changed: &[&str]) {
    for (name, value) in before.iter().filter(|(name, _)| !changed.contains(&name.as_str())) {
        assert_eq!(after.get(name), Some(value), "{name} was touched");
    }
}

#[tokio::test]
async fn everything_works_where_blanks_are_absent() {
    everything_works("MFA_TEST_DYNAMODB").await;
}

#[tokio::test]
async fn everything_works_with_empty_strings() {
    everything_works("MFA_TEST_MOTO").await;
}

/// The Go predecessor's role may not describe, create or update. With the ceremony table made for it, it is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_works_under_the_go_predecessors_role() {
    let Some(mut deployment) = Deployment::new("MFA_TEST_DYNAMODB").await else { return };
    deployment.create("u2f-ceremony", "id").await;
    let allowed = &["Query", "Scan", "GetItem", "PutItem", "DeleteItem"];
    let (role, address) = Role::in_front_of(&deployment.endpoint, allowed).await;
    deployment.endpoint = format!("http://{address}");
    everything_works_in(&deployment).await;
    assert_eq!(role.asked(), ["DeleteItem", "DescribeTable", "GetItem", "PutItem", "Scan"]);
}

async fn everything_works(emulator: &str) {
    let Some(deployment) = Deployment::new(emulator).await else { return };
    everything_works_in(&deployment).await;
}

async fn everything_works_in(deployment: &Deployment) {
    let server = deployment.serve();
    list_keys(&server).await;
    totp_rows(deployment, &server).await;
    u2f_rows(deployment, &server).await;
    webauthn_rows(deployment, &server).await;
    mixed_row(deployment, &server).await;
}

async fn list_keys(server: &Process) {
    let list = reqwest::Client::new().get(format!("{}/api-key", server.url));
    assert_eq!(answer(list.header("x-api-key", crate::server::ADMIN_KEY)).await.0, 200);
}

async fn totp_rows(deployment: &Deployment, server: &Process) {
    let rows = fixtures("node_rows");
    for (api_key, totps) in
        [(&rows["api_key"], &rows["totp"]), (&rows["other_tenant"], &rows["other_tenant"]["totp"])]
    {
        let consumer = consumer(deployment, server, api_key).await;
        for totp in totps.as_array().unwrap() {
            // As if somebody had added something by hand.
            let mut row = totp["row"].clone();
            row["remark"] = json!({"S": "do not touch"});
            deployment.put("totp", &row).await;
            let id = text(&totp["uuid"]);
            let code = code_at(text(&totp["totp_key_base32"]), SystemClock.now());
            assert_eq!(consumer.validate(id, &code).await, 200);
            assert_eq!(consumer.validate(id, &code).await, 401);
            let after = deployment.row("totp", id).await;
            unchanged(&item_of(&row), &after, &["encryptedTotpKey"]);
            assert!(after.contains_key("lastAcceptedStep"));
        }
        // The legacy hash stays beside ours, so a predecessor that still runs knows the key.
        let before = item_of(&api_key["row"]);
        let after = deployment.row("keys", &consumer.key).await;
        unchanged(&before, &after, &[]);
        assert!(after["secretHash"].as_s().unwrap().starts_with("$argon2id$"));
    }
    // A key that was never activated is, once, and with its e-mail address.
    let pending = &rows["api_key_never_activated"]["row"];
    deployment.put("keys", pending).await;
    let consumer = Consumer::with_key(&[server], String::new(), String::new());
    let (value, email) = (text(&pending["value"]["S"]), text(&pending["email"]["S"]));
    let activate = |email: &str| {
        let request = consumer.request(Method::POST, "/api-key/activate");
        let request = request.header("x-api-key", crate::server::ADMIN_KEY);
        answer(request.json(&json!({"email": email, "apiKey": value})))
    };
    assert_eq!(activate("other@example.com").await.0, 404);
    assert_eq!(activate(email).await.0, 200);
    assert_eq!(activate(email).await.0, 401);
}

async fn u2f_rows(deployment: &Deployment, server: &Process) {
    let rows = fixtures("node_rows");
    let consumer = consumer(deployment, server, &rows["api_key"]).await;
    let registered = rows["u2f"].as_array().unwrap().iter().filter(|u2f| u2f["registered"].is_object());
    for u2f in registered {
        let (row, id, app_id) = (&u2f["registered"]["row"], text(&u2f["uuid"]), text(&u2f["appId"]));
        deployment.put("u2f", row).await;
        assert_eq!(log_in_by_u2f(&consumer, u2f).await, 200);
        unchanged(
            &item_of(row),
            &deployment.row("u2f", id).await,
            &["encryptedAppId", "encryptedKeyHandle", "encryptedPublicKey"],
        );

        let pem = text(&u2f["ec_private_key_pkcs8_pem"]);
        let mut browser_key = SoftAuthenticator::with_key("ES256", pem, text(&u2f["key_handle_hex"]));
        assert_eq!(login(&consumer, id, &mut browser_key, app_id).await, 200);
    }
}

async fn webauthn_rows(deployment: &Deployment, server: &Process) {
    let rows = fixtures("go_rows");
    let consumer = consumer(deployment, server, &rows["api_key"]).await;
    let user = &rows["user_with_five_credentials"];
    // With an open login of the Go predecessor, which is not ours.
    let (row, id) = (&user["pending_login"]["row"], text(&user["uuid"]));
    deployment.put("u2f", row).await;
    for credential in user["credentials"].as_array().unwrap() {
        assert_eq!(login(&consumer, id, &mut authenticator(credential), "example.com").await, 200);
    }
    let mut sixth = SoftAuthenticator::new(-7);
    let (_, created) = consumer.begin_registration(id, &sixth).await.unwrap();
    assert_eq!(consumer.finish_registration(id, &created).await.0, 200);
    sixth.counter = 2;
    assert_eq!(login(&consumer, id, &mut sixth, "example.com").await, 200);
    let hash = text(&user["credentials"][0]["key_handle_hash"]);
    let delete = consumer.about(id, Method::DELETE, &format!("/webauthn/credential/{hash}"));
    assert_eq!(answer(delete).await.0, 204);
    assert_eq!(consumer.credentials(id).await.unwrap().len(), 5);
    unchanged(&blanks_gone(row), &deployment.row("u2f", id).await, &["EncryptedCredentials"]);

    let shapes = rows["credential_json_generations"].as_object().unwrap();
    for (name, shape) in shapes.iter().filter(|(name, _)| *name != "note") {
        let row = &shape["row_minimal"];
        deployment.put("u2f", row).await;
        let id = text(&row["uuid"]["S"]);
        let status = login(&consumer, id, &mut authenticator(&shape["credential"]), "example.com").await;
        assert_eq!(status, 200, "{name}");
    }
    // Names match in any case, as in the Go predecessor. Afterwards the row has each name once.
    let shape = &shapes["gen4_2024_lower_camel_no_attestation"];
    let mut row = shape["row_minimal"].clone();
    let credentials = row.as_object_mut().unwrap().remove("EncryptedCredentials");
    row["encryptedcredentials"] =
        credentials.or_else(|| row.as_object_mut().unwrap().remove("encryptedCredentials")).unwrap();
    deployment.put("u2f", &row).await;
    let id = text(&row["uuid"]["S"]);
    assert_eq!(login(&consumer, id, &mut authenticator(&shape["credential"]), "example.com").await, 200);
    let after = deployment.row("u2f", id).await;
    let spellings = after.keys().filter(|name| name.eq_ignore_ascii_case("EncryptedCredentials"));
    assert_eq!(spellings.collect::<Vec<_>>(), ["EncryptedCredentials"]);
}

async fn mixed_row(deployment: &Deployment, server: &Process) {
    let (rows, node) = (fixtures("go_rows"), fixtures("node_rows"));
    let consumer = consumer(deployment, server, &node["api_key"]).await;
    let legacy = &rows["legacy_u2f_user_from_node"];
    let mixed = &legacy["pending_login_u2f_plus_webauthn"];
    let (row, id, app_id) = (&mixed["row"], text(&legacy["uuid"]), text(&legacy["appId"]));
    deployment.put("u2f", row).await;
    let handle = text(&node["u2f"][0]["key_handle_hex"]);
    let mut u2f = SoftAuthenticator::with_key("ES256", text(&legacy["u2f_private_key_pkcs8_pem"]), handle);
    let mut webauthn = authenticator(&mixed["webauthn_credential"]);
    assert_eq!(login(&consumer, id, &mut u2f, app_id).await, 200);
    assert_eq!(login(&consumer, id, &mut webauthn, "example.com").await, 200);
    let delete =
        |name: &str| answer(consumer.about(id, Method::DELETE, &format!("/webauthn/credential/{name}")));
    assert_eq!(delete("u2f").await.0, 204);
    assert_eq!(delete("u2f").await.0, 204);
    assert_eq!(login(&consumer, id, &mut webauthn, "example.com").await, 200);
    let after = deployment.row("u2f", id).await;
    unchanged(
        &blanks_gone(row),
        &after,
        &["EncryptedCredentials", "encryptedAppId", "encryptedKeyHandle", "encryptedPublicKey"],
    );
    assert!(!after.contains_key("encryptedKeyHandle"));
}

/// Attributes of ours that said nothing may be left out.
fn blanks_gone(row: &Value) -> Item {
    let mut item = item_of(row);
    item.retain(|_, value| !matches!(value, AttributeValue::S(text) if text.is_empty()));
    item
}
