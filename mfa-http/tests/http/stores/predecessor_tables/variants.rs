//! Every other row of the fixtures, and each with what is blank in it as a predecessor or DynamoDB may have left it:
//! absent, `NULL`, or an empty string.

use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use reqwest::Method;
use serde_json::{Value, json};

use super::{Deployment, authenticator, consumer, fixtures, log_in_by_u2f, login, text};
use crate::program::Process;
use crate::server::{ADMIN_KEY, answer};
use crate::stores::client::Consumer;

const TEXTS: [&str; 3] = ["encryptedAppId", "encryptedKeyHandle", "encryptedPublicKey"];
const BYTES: [&str; 2] = ["EncryptedCredentials", "EncryptedSessionData"];

#[derive(Clone, Copy, Debug)]
enum Blank {
    Absent,
    Null,
    Empty,
}

impl Blank {
    /// The row with everything that is blank in it spelt this way.
    fn spell(self, row: &Value) -> Value {
        let mut row = row.as_object().unwrap().clone();
        for (name, empty) in TEXTS.map(|name| (name, "S")).iter().chain(&BYTES.map(|name| (name, "B"))) {
            let is_blank = match row.get(*name) {
                None => true,
                Some(value) => value["NULL"] == true || value["S"] == "" || value["B"] == "",
            };
            if is_blank {
                row.remove(*name);
                match self {
                    Self::Absent => None,
                    Self::Null => row.insert((*name).to_owned(), json!({"NULL": true})),
                    Self::Empty => row.insert((*name).to_owned(), json!({(*empty): ""})),
                };
            }
        }
        row.into()
    }
}

#[tokio::test]
async fn blanks_may_be_absent_or_null() {
    every_row("MFA_TEST_DYNAMODB", &[Blank::Absent, Blank::Null]).await;
}

#[tokio::test]
async fn blanks_may_be_absent_null_or_empty() {
    every_row("MFA_TEST_MOTO", &[Blank::Absent, Blank::Null, Blank::Empty]).await;
}

async fn every_row(emulator: &str, blanks: &[Blank]) {
    let Some(deployment) = Deployment::new(emulator).await else { return };
    let server = deployment.serve();
    let (node, go) = (fixtures("node_rows"), fixtures("go_rows"));
    activations(&deployment, &server, [&node["api_key"], &go["api_key"]]).await;
    let of_node = consumer(&deployment, &server, &node["api_key"]).await;
    let of_go = consumer(&deployment, &server, &go["api_key"]).await;
    let other = consumer(&deployment, &server, &node["other_tenant"]).await;
    for blank in blanks {
        let put = async |row: &Value| deployment.put("u2f", &blank.spell(row)).await;
        begun_registrations(&of_go, &go["pending_registration"], put).await;
        begun_registrations(&of_node, &node["u2f"][2], put).await;
        users_of_go(&of_go, &go, put).await;
        user_of_both(
            &of_node,
            &go["legacy_u2f_user_from_node"],
            text(&node["u2f"][0]["key_handle_hex"]),
            put,
        )
        .await;

        let u2f = &node["other_tenant"]["u2f"][0];
        put(&u2f["registered"]["row"]).await;
        assert_eq!(log_in_by_u2f(&of_node, u2f).await, 404);
        assert_eq!(log_in_by_u2f(&other, u2f).await, 200);
    }
}

/// A key that a predecessor made is activated with its e-mail address; then the row is put back as the predecessor
/// activated it.
async fn activations(deployment: &Deployment, server: &Process, keys: [&Value; 2]) {
    for key in keys {
        let pending = &key["row_before_activation"];
        deployment.put("keys", pending).await;
        let nobody = Consumer::with_key(&[server], String::new(), String::new());
        let activate = nobody.request(Method::POST, "/api-key/activate").header("x-api-key", ADMIN_KEY);
        let body = json!({"email": pending["email"]["S"], "apiKey": pending["value"]["S"]});
        let (status, answered) = answer(activate.json(&body)).await;
        assert_eq!(status, 200, "{answered}");
    }
}

/// A user whose registration was begun, which is none of ours: it has no credential, and gets its first.
async fn begun_registrations(consumer: &Consumer, begun: &Value, put: impl AsyncFn(&Value)) {
    let row = if begun["row"].is_object() { &begun["row"] } else { &begun["begin_registration"]["row"] };
    let id = text(&row["uuid"]["S"]);
    put(row).await;
    assert_eq!(consumer.credentials(id).await.unwrap(), [""; 0]);
    assert_eq!(login_status(consumer, id).await, 400);
    let mut first = SoftAuthenticator::new(-7);
    let (_, created) = consumer.begin_registration(id, &first).await.unwrap();
    let (status, answered) = consumer.finish_registration(id, &created).await;
    assert_eq!(status, 200, "{answered}");
    first.counter = 2;
    assert_eq!(login(consumer, id, &mut first, "example.com").await, 200);
}

async fn users_of_go(consumer: &Consumer, go: &Value, put: impl AsyncFn(&Value)) {
    let user = &go["user_with_five_credentials"];
    put(&user["after_registration"]["row"]).await;
    for credential in user["credentials"].as_array().unwrap() {
        let status =
            login(consumer, text(&user["uuid"]), &mut authenticator(credential), "example.com").await;
        assert_eq!(status, 200, "{credential}");
    }
    let shapes = go["credential_json_generations"].as_object().unwrap();
    for (name, shape) in shapes.iter().filter(|(name, _)| *name != "note") {
        let row = &shape["pending_login"]["row"];
        put(row).await;
        let (id, mut key) = (text(&row["uuid"]["S"]), authenticator(&shape["credential"]));
        assert_eq!(login(consumer, id, &mut key, "example.com").await, 200, "{name}");
        let delete = consumer.about(id, Method::DELETE, "/webauthn/user");
        assert_eq!(answer(delete).await.0, 204, "{name}");
        assert_eq!(login_status(consumer, id).await, 400, "{name}");
    }
}

/// A U2F key of the Node predecessor's as that wrote it, with the Go predecessor's login open, and after it was
/// deleted there.
async fn user_of_both(consumer: &Consumer, legacy: &Value, key_handle: &str, put: impl AsyncFn(&Value)) {
    let (id, app_id) = (text(&legacy["uuid"]), text(&legacy["appId"]));
    let pem = text(&legacy["u2f_private_key_pkcs8_pem"]);
    for row in [&legacy["row_before_as_written_by_node"], &legacy["pending_login_u2f_only"]["row"]] {
        put(row).await;
        let mut key = SoftAuthenticator::with_key("ES256", pem, key_handle);
        assert_eq!(login(consumer, id, &mut key, app_id).await, 200);
    }
    put(&legacy["after_delete_credential_u2f"]["row"]).await;
    let mut webauthn = authenticator(&legacy["pending_login_u2f_plus_webauthn"]["webauthn_credential"]);
    assert_eq!(login(consumer, id, &mut webauthn, "example.com").await, 200);
    let (_, options) = answer(consumer.about(id, Method::POST, "/webauthn/login")).await;
    assert_eq!(options["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
    assert!(options["publicKey"]["extensions"].get("appid").is_none(), "{options}");
}

async fn login_status(consumer: &Consumer, user: &str) -> u16 {
    answer(consumer.about(user, Method::POST, "/webauthn/login")).await.0
}
