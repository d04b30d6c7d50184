//! Responses of a browser that must be refused.

use serde_json::{Value, json};

use super::Page;
use super::device::{Device, KEY, PLATFORM};

const BEGIN: &str = "const { ask } = await import('/demo/back-end.js'); return ask('POST', arguments[0]);";
const CREATE: &str =
    "const { create } = await import('/demo/ceremony.js'); return create(arguments[0], 'any');";
const FINISH: &str =
    "const { ask } = await import('/demo/back-end.js'); return ask('PUT', arguments[0], arguments[1]);";

async fn register(page: &Page) {
    page.press("#passkey-form .primary").await;
    assert_eq!(page.said("passkey").await, "Registered. Try to log in with it.");
}

async fn log_in(page: &Page) -> String {
    page.press("#login").await;
    page.said("passkey").await
}

/// The same host on another port is another origin, though its RP ID is the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ceremony_on_another_origin() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, PLATFORM).await;
    let here = page.origin.clone();
    let elsewhere = page.another_origin().await;
    let options = page.script(BEGIN, &[json!("passkey")]).await.unwrap();
    page.client.goto(&format!("{elsewhere}/demo")).await.unwrap();
    let credential = page.script(CREATE, &[options]).await.unwrap();
    page.client.goto(&format!("{here}/demo")).await.unwrap();
    let body = json!({"credential": credential, "label": "x"});
    let refused = page.script(FINISH, &[json!("passkey"), body]).await.unwrap_err();
    assert_eq!(refused.code, "origin", "{refused:?}");
    page.had_no_errors_but(&[400]).await;
}

/// A ceremony that the user cancels shows a message, and the next one works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cancelled_ceremony() {
    let Some(page) = Page::open().await else { return };
    let device = Device::plug_in(&page, KEY).await;
    register(&page).await;
    // Nobody touches the key, and the browser gives up before the two minutes are over.
    device.set(&page, "setAutomaticPresenceSimulation", json!({"enabled": false})).await;
    let impatient = "const container = navigator.credentials;
        for (const name of ['create', 'get']) {
            const asked = container[name].bind(container);
            container[name] = ({ publicKey }) => asked({ publicKey: { ...publicKey, timeout: 200 } });
        }";
    page.script(impatient, &[]).await.unwrap();
    let given_up = "Cancelled, or it took too long. Try again when you are ready.";
    page.press("#security-key").await;
    assert_eq!(page.said("passkey").await, given_up);
    assert_eq!(log_in(&page).await, given_up);

    device.set(&page, "setAutomaticPresenceSimulation", json!({"enabled": true})).await;
    assert_eq!(log_in(&page).await, "Logged in.");
    page.had_no_errors_but(&[]).await;
}

/// A copy of a key, whose counter is behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cloned_key() {
    let Some(page) = Page::open().await else { return };
    let device = Device::plug_in(&page, KEY).await;
    register(&page).await;
    let copied = device.credentials(&page).await.remove(0);
    for _ in 0..2 {
        assert_eq!(log_in(&page).await, "Logged in.");
    }
    device.set(&page, "clearCredentials", json!({})).await;
    device.set(&page, "addCredential", json!({"credential": copied})).await;
    let said = log_in(&page).await;
    assert!(said.starts_with("Refused: the key's counter went back"), "{said}");
    page.had_no_errors_but(&[400]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_signature_and_a_missing_user() {
    let Some(page) = Page::open().await else { return };
    let device = Device::plug_in(&page, KEY).await;
    register(&page).await;
    for (override_bits, words) in [
        ("isBogusSignature", "Refused: the signature is not the registered key's."),
        ("isBadUP", "Refused: nobody touched the key."),
    ] {
        device.set(&page, "setResponseOverrideBits", json!({override_bits: true})).await;
        assert_eq!(log_in(&page).await, words, "{override_bits}");
    }
    device.set(&page, "setResponseOverrideBits", json!({})).await;
    assert_eq!(log_in(&page).await, "Logged in.");
    page.had_no_errors_but(&[400, 400]).await;
}

/// A response counts once, and only for its own ceremony.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_sent_again() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, KEY).await;
    register(&page).await;
    let options = page.script(BEGIN, &[json!("login")]).await.unwrap();
    let get = "const { get } = await import('/demo/ceremony.js'); return get(arguments[0]);";
    let login: Value = page.script(get, &[options]).await.unwrap();
    let accepted = page.script(FINISH, &[json!("login"), login.clone()]).await.unwrap();
    assert!(accepted["key_handle_hash"].is_string());
    let refused = page.script(FINISH, &[json!("login"), login]).await.unwrap_err();
    assert_eq!(refused.name, "Error", "{refused:?}");
    assert!(!refused.code.is_empty() && !refused.message.is_empty(), "{refused:?}");
    page.had_no_errors_but(&[400]).await;
}
