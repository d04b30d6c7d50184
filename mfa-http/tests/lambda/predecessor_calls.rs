//! Every call of the predecessors' client (compat.md §9) on every row of the predecessors' fixtures.

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::authenticator::{Browser, Key, SoftAuthenticator, SoftU2fKey};
use mfa_store_conformance::kit::service::code_at;
use serde_json::{Value, json};

use crate::client::{Client, ORIGIN};
use crate::gateway::Gateway;
use crate::predecessor_tables::{Tables, client, fixtures, text};
use crate::runtime::Function;

const RP_ID: &str = "example.com";

pub(crate) async fn everything_works(tables: &Tables, function: &Function, gateway: Gateway) {
    let (node, go) = (fixtures("node_rows"), fixtures("go_rows"));
    let of_node = client(tables, function, gateway, &node["api_key"]).await;
    let of_go = client(tables, function, gateway, &go["api_key"]).await;
    let other = client(tables, function, gateway, &node["other_tenant"]).await;

    activation(tables, &of_node, &node["api_key_never_activated"]["row"]).await;
    totps(tables, &of_node, &node["totp"], &other).await;
    totps(tables, &other, &node["other_tenant"]["totp"], &of_node).await;
    u2f_users(tables, &of_node, &node["u2f"]).await;
    u2f_users(tables, &other, &node["other_tenant"]["u2f"]).await;
    mixed_user(tables, &of_node, &go["legacy_u2f_user_from_node"], &node["u2f"][0]).await;

    // With an open ceremony of the Go predecessor, which is not ours.
    let pending = &go["pending_registration"];
    tables.put("u2f", &pending["row"]).await;
    registration(&of_go, text(&pending["uuid"])).await;
    forgotten(&of_go, text(&pending["uuid"])).await;

    let five = &go["user_with_five_credentials"];
    tables.put("u2f", &five["pending_login"]["row"]).await;
    let credentials: Vec<_> = five["credentials"].as_array().unwrap().iter().collect();
    webauthn_user(&of_go, text(&five["uuid"]), &credentials).await;
    let generations = go["credential_json_generations"].as_object().unwrap();
    for (_, generation) in generations.iter().filter(|(name, _)| *name != "note") {
        let row = &generation["row_minimal"];
        tables.put("u2f", row).await;
        webauthn_user(&of_go, text(&row["uuid"]["S"]), &[&generation["credential"]]).await;
    }
}

async fn activation(tables: &Tables, client: &Client<'_>, pending: &Value) {
    tables.put("keys", pending).await;
    let body = json!({"email": pending["email"]["S"], "apiKey": pending["value"]["S"]});
    for expected in [200, 401] {
        let (status, answer) = client.admin("POST", "api-key/activate", body.clone()).await;
        assert_eq!(status, expected, "{answer}");
    }
}

async fn totps(tables: &Tables, client: &Client<'_>, rows: &Value, stranger: &Client<'_>) {
    let (status, made) = client.call("POST", "totp", json!({"issuer": "Äcme", "label": "jö"})).await;
    assert_eq!(status, 200, "{made}");
    let mut all = vec![(text(&made["uuid"]).to_owned(), text(&made["totpKey"]).to_owned())];
    for totp in rows.as_array().unwrap() {
        tables.put("totp", &totp["row"]).await;
        all.push((text(&totp["uuid"]).to_owned(), text(&totp["totp_key_base32"]).to_owned()));
    }
    for (id, key) in all {
        let (path, validate) = (format!("totp/{id}"), format!("totp/{id}/validate"));
        let code = json!({"code": code_at(&key, SystemClock.now())});
        assert_eq!(stranger.call("POST", &validate, code.clone()).await.0, 401);
        assert_eq!(client.call("POST", &validate, code.clone()).await.0, 200);
        assert_eq!(client.call("POST", &validate, code).await.0, 401);
        assert_eq!(stranger.call("DELETE", &path, json!([])).await.0, 404);
        assert_eq!(client.call("DELETE", &path, json!([])).await.0, 204);
        assert_eq!(client.call("DELETE", &path, json!([])).await.0, 404);
    }
}

/// The Node predecessor's users log in as before, and by WebAuthn, as today's client does.
async fn u2f_users(tables: &Tables, client: &Client<'_>, users: &Value) {
    for user in users.as_array().unwrap().iter().filter(|user| user["registered"].is_object()) {
        tables.put("u2f", &user["registered"]["row"]).await;
        let (id, app_id) = (text(&user["uuid"]), text(&user["appId"]));
        let (pem, handle) = (text(&user["ec_private_key_pkcs8_pem"]), text(&user["key_handle_hex"]));
        let mut key = SoftU2fKey::new();
        key.key = Key::from_pem("ES256", pem);
        key.key_handle = data_encoding::HEXLOWER.decode(handle.as_bytes()).unwrap();
        key.counter = 100;
        let path = format!("u2f/{id}/auth");
        let (status, asked) = client.call("POST", &path, json!([])).await;
        assert_eq!(status, 200, "{asked}");
        let challenge = text(&asked["challenge"]);
        let signed = key.authenticate("navigator.id.getAssertion", text(&user["origin"]), app_id, challenge);
        assert_eq!(client.call("PUT", &path, json!({"signResult": signed})).await.0, 200);

        let mut key = SoftAuthenticator::with_key("ES256", pem, handle);
        assert_eq!(login(client, id, &mut key, app_id).await, user["key_handle_hash_webauthn"]);
        let (mut added, hash) = registration(client, id).await;
        delete_credential(client, id, "u2f").await;
        assert_eq!(login(client, id, &mut added, RP_ID).await, *hash);
        delete_credential(client, id, &hash).await;
        forgotten(client, id).await;
    }
}

/// The Node predecessor's user who got a WebAuthn credential from the Go predecessor.
async fn mixed_user(tables: &Tables, client: &Client<'_>, user: &Value, made: &Value) {
    let mixed = &user["pending_login_u2f_plus_webauthn"];
    tables.put("u2f", &mixed["row"]).await;
    let (id, app_id) = (text(&user["uuid"]), text(&user["appId"]));
    let (pem, handle) = (text(&user["u2f_private_key_pkcs8_pem"]), text(&made["key_handle_hex"]));
    let mut key = SoftAuthenticator::with_key("ES256", pem, handle);
    key.counter = 5000;
    let credential = &mixed["webauthn_credential"];
    let hash = text(&credential["key_handle_hash"]);
    let mut webauthn = authenticator(credential);
    assert_eq!(login(client, id, &mut key, app_id).await, user["u2f_key_handle_hash"]);
    assert_eq!(login(client, id, &mut webauthn, RP_ID).await, *hash);
    let (mut added, added_hash) = registration(client, id).await;
    // The predecessors answer the same for existing and unknown keys.
    delete_credential(client, id, "u2f").await;
    delete_credential(client, id, "u2f").await;
    assert_eq!(login(client, id, &mut webauthn, RP_ID).await, *hash);
    delete_credential(client, id, hash).await;
    assert_eq!(login(client, id, &mut added, RP_ID).await, *added_hash);
    forgotten(client, id).await;
}

/// A user that the Go predecessor made.
async fn webauthn_user(client: &Client<'_>, id: &str, credentials: &[&Value]) {
    for credential in credentials {
        let hash = login(client, id, &mut authenticator(credential), RP_ID).await;
        assert_eq!(hash, credential["key_handle_hash"]);
    }
    let (mut added, hash) = registration(client, id).await;
    let first = text(&credentials[0]["key_handle_hash"]);
    delete_credential(client, id, first).await;
    let path = format!("webauthn/credential/{first}");
    assert_eq!(client.about(id, "DELETE", &path, json!([])).await.0, 404);
    assert_eq!(login(client, id, &mut added, RP_ID).await, *hash);
    forgotten(client, id).await;
}

fn authenticator(credential: &Value) -> SoftAuthenticator {
    let kind = credential["kind"].as_str().unwrap_or("ES256");
    SoftAuthenticator::with_key(kind, text(&credential["private_key_pkcs8_pem"]), text(&credential["id_hex"]))
}

/// One more credential, and its `key_handle_hash`.
async fn registration(client: &Client<'_>, user: &str) -> (SoftAuthenticator, String) {
    let mut authenticator = SoftAuthenticator::new(-7);
    let (status, options) = client.about(user, "POST", "webauthn/register", json!([])).await;
    assert_eq!((status, &options["uuid"]), (200, &json!(user)), "{options}");
    let created = authenticator.create(&Browser::new(ORIGIN, &options));
    let (status, done) = client.about(user, "PUT", "webauthn/register", created).await;
    assert_eq!(status, 200, "{done}");
    authenticator.counter += 1;
    (authenticator, text(&done["key_handle_hash"]).to_owned())
}

/// A login, and the `key_handle_hash` that the client looks its record up by.
async fn login(client: &Client<'_>, user: &str, authenticator: &mut SoftAuthenticator, rp_id: &str) -> Value {
    let (status, options) = client.about(user, "POST", "webauthn/login", json!([])).await;
    assert_eq!(status, 200, "{options}");
    // A U2F key responds for its AppID, which the options name as an extension.
    let browser = Browser { rp_id: rp_id.to_owned(), ..Browser::new(ORIGIN, &options) };
    let asserted = authenticator.get(&browser);
    let (status, done) = client.about(user, "PUT", "webauthn/login", asserted).await;
    assert_eq!(status, 200, "{done}");
    done["key_handle_hash"].clone()
}

async fn delete_credential(client: &Client<'_>, user: &str, id: &str) {
    let (status, answer) =
        client.about(user, "DELETE", &format!("webauthn/credential/{id}"), json!([])).await;
    assert_eq!(status, 204, "{answer}");
}

/// Deletes the user, who then cannot log in.
async fn forgotten(client: &Client<'_>, user: &str) {
    assert_eq!(client.about(user, "DELETE", "webauthn/user", json!([])).await.0, 204);
    assert_eq!(client.about(user, "POST", "webauthn/login", json!([])).await.0, 400);
    assert_eq!(client.about(user, "DELETE", "webauthn/user", json!([])).await.0, 204);
}
