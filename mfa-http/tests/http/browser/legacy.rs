//! U2F keys that were registered for an AppID, before WebAuthn.

use mfa_store_conformance::kit::authenticator::{Key, SoftU2fKey, certificate};
use serde_json::json;

use super::Page;
use super::device::{Device, U2F};

/// An account whose U2F key, registered long ago, is now plugged in.
async fn account_with_a_key(page: &Page) -> Device {
    let begin =
        "const { ask } = await import('/demo/back-end.js'); return (await ask('POST', 'u2f')).challenge;";
    let asked = page.script(begin, &[]).await.unwrap();
    let app_id = asked["appId"].as_str().unwrap().to_owned();
    let (key, maker) = (SoftU2fKey::new(), Key::generate(-7));
    let answer = key.register(
        "navigator.id.finishEnrollment",
        &page.origin,
        &app_id,
        asked["challenge"].as_str().unwrap(),
        &certificate(&maker),
        &maker,
    );
    let finish = "const { ask } = await import('/demo/back-end.js'); await ask('PUT', 'u2f', arguments[0]);";
    page.script(finish, &[answer]).await.unwrap();
    page.load().await;
    let device = Device::plug_in(page, U2F).await;
    device.import(page, &app_id, &key.key_handle, &key.key.pkcs8()).await;
    device
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_an_app_id_logs_in_through_appid() {
    let Some(page) = Page::open().await else { return };
    let _device = account_with_a_key(&page).await;
    assert!(page.text("#credentials").await.contains("U2F key"));
    page.press("#login").await;
    assert_eq!(page.said("passkey").await, "Logged in.");
    page.had_no_errors_but(&[]).await;
}

/// `appidExclude`: the browser sees that the key is registered already, under its AppID.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_an_app_id_is_not_registered_again() {
    let Some(page) = Page::open().await else { return };
    let _device = account_with_a_key(&page).await;
    page.press("#security-key").await;
    assert_eq!(page.said("passkey").await, "This key is registered already.");

    // Without the extension it would be.
    let script = "const { ask } = await import('/demo/back-end.js');
        const ceremony = await import('/demo/ceremony.js');
        const options = await ask('POST', 'passkey');
        const excluded = options.publicKey.extensions.appidExclude;
        delete options.publicKey.extensions;
        return [excluded, (await ceremony.create(options, 'security-key')).type];";
    let created = page.script(script, &[]).await.unwrap();
    assert_eq!(created, json!([format!("{}/demo", page.origin), "public-key"]));
    page.had_no_errors_but(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_that_the_page_plays_logs_in() {
    let Some(page) = Page::open().await else { return };
    page.press("#u2f-begin").await;
    assert!(page.said("u2f").await.starts_with("The account has a U2F key now."));
    for _ in 0..2 {
        page.press("#u2f-login").await;
        assert_eq!(page.said("u2f").await, "Logged in through appid.");
    }
    page.press("#credentials button[aria-label^=Delete]").await;
    assert_eq!(page.said("passkey").await, "Deleted.");
    page.press("#u2f-login").await;
    assert!(page.said("u2f").await.starts_with("There is nothing to log in with yet."));
    page.had_no_errors_but(&[400]).await;
}
