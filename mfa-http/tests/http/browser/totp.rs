//! An authenticator app, as its user sees it.

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::service::code_at;

use super::Page;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_is_set_up_and_each_code_works_once() {
    let Some(page) = Page::open().await else { return };
    page.press("#totp-enroll").await;
    assert_eq!(page.said("totp").await, "Ready. Now type the code that the app shows.");
    let shown = page.text("#totp-key").await.replace(' ', "");
    let code = code_at(&shown, SystemClock.now());

    page.type_into("#totp-code", &code).await;
    page.press("#totp-form .primary").await;
    assert_eq!(page.said("totp").await, "Accepted. The same code will not work again.");
    page.type_into("#totp-code", &code).await;
    page.press("#totp-form .primary").await;
    assert!(page.said("totp").await.starts_with("Not accepted:"));

    // The page lists its requests to the service, without the shared secret.
    let requests = page.text("#requests").await;
    assert!(requests.contains("/validate"), "{requests}");
    let whole = page.script("return document.getElementById('requests').textContent;", &[]).await.unwrap();
    assert!(!whole.as_str().unwrap().contains(&shown));

    page.press("#totp-remove").await;
    assert_eq!(page.said("totp").await, "Removed.");
    page.had_no_errors_but(&[401]).await;
}
