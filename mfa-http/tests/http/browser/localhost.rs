//! The page as the README opens it: on localhost, which counts as secure without TLS.

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::service::code_at;
use serde_json::json;

use super::Page;
use super::device::{Device, KEY, PLATFORM};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_and_a_passkey_work() {
    let Some(page) = Page::open_on_localhost().await else { return };
    assert!(page.origin.starts_with("http://localhost:"), "{}", page.origin);
    let notice = page.script("return document.getElementById('insecure').hidden;", &[]).await.unwrap();
    assert_eq!(notice, json!(true), "no other place is better");

    page.press("#totp-enroll").await;
    assert_eq!(page.said("totp").await, "Ready. Now type the code that the app shows.");
    let code = code_at(&page.text("#totp-key").await.replace(' ', ""), SystemClock.now());
    page.type_into("#totp-code", &code).await;
    page.press("#totp-form .primary").await;
    assert_eq!(page.said("totp").await, "Accepted. The same code will not work again.");

    let _device = Device::plug_in(&page, PLATFORM).await;
    page.press("#passkey-form .primary").await;
    assert_eq!(page.said("passkey").await, "Registered. Try to log in with it.");
    page.press("#login").await;
    assert_eq!(page.said("passkey").await, "Logged in.");
    page.had_no_errors_but(&[]).await;
}

/// Browsers refuse ceremonies with an AppID here, so the page leaves it out: the account's played U2F key logs in,
/// and other keys are added to it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_old_and_new_work() {
    let Some(page) = Page::open_on_localhost().await else { return };
    page.press("#u2f-begin").await;
    assert!(page.said("u2f").await.starts_with("The account has a U2F key now."));
    page.press("#u2f-login").await;
    assert_eq!(page.said("u2f").await, "Logged in through appid.");

    let _device = Device::plug_in(&page, KEY).await;
    page.press("#security-key").await;
    assert_eq!(page.said("passkey").await, "Registered. Try to log in with it.");
    page.press("#login").await;
    assert_eq!(page.said("passkey").await, "Logged in.");
    assert!(page.text("#credentials").await.contains("U2F key"));
    page.had_no_errors_but(&[]).await;
}
