//! Registration and login with authenticators of each kind.

use serde_json::json;

use super::Page;
use super::device::{Device, KEY, Kind, PLATFORM, U2F};

/// The page's own scripts, with algorithms and user verification as given.
const REGISTER_AND_LOG_IN: &str = "
    const { ask } = await import('/demo/back-end.js');
    const ceremony = await import('/demo/ceremony.js');
    const [algorithm, residentKey] = arguments;
    const options = await ask('POST', 'passkey');
    options.publicKey.pubKeyCredParams = options.publicKey.pubKeyCredParams.filter((one) => one.alg === algorithm);
    options.publicKey.authenticatorSelection.residentKey = residentKey;
    const credential = await ceremony.create(options, 'any');
    await ask('PUT', 'passkey', { credential, label: 'of the test' });
    const login = await ceremony.get(await ask('POST', 'login'));
    return (await ask('PUT', 'login', login)).key_handle_hash;";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_passkey_is_registered_used_renamed_and_deleted() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, PLATFORM).await;
    page.type_into("#passkey-label", "Jo's laptop").await;
    page.press("#passkey-form .primary").await;
    assert_eq!(page.said("passkey").await, "Registered. Try to log in with it.");
    let listed = page.text("#credentials").await;
    assert!(listed.contains("Jo's laptop") && listed.contains("not used yet"), "{listed}");

    page.press("#login").await;
    assert_eq!(page.said("passkey").await, "Logged in.");
    assert!(page.text("#credentials").await.contains("last used"));

    page.press("#credentials button[aria-label^=Rename]").await;
    page.type_into("#credentials form input", "Jo's old laptop").await;
    page.press("#credentials form .primary").await;
    assert_eq!(page.said("passkey").await, "Renamed.");
    assert!(page.text("#credentials").await.contains("Jo's old laptop"));

    // The server keeps the account, not the page.
    page.load().await;
    page.press("#credentials button[aria-label^=Delete]").await;
    assert_eq!(page.said("passkey").await, "Deleted.");
    assert_eq!(page.text("#credentials").await, "");
    page.had_no_errors_but(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_security_key_is_registered_and_used() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, KEY).await;
    page.press("#security-key").await;
    assert_eq!(page.said("passkey").await, "Registered. Try to log in with it.");
    page.press("#login").await;
    assert_eq!(page.said("passkey").await, "Logged in.");
    page.had_no_errors_but(&[]).await;
}

/// Each transport, with and without resident keys and user verification, with ES256 and RS256.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authenticators_of_every_kind_work() {
    let Some(page) = Page::open().await else { return };
    for (transport, resident_keys, user_verification, algorithm) in [
        ("internal", true, true, -7),
        ("internal", true, false, -257),
        ("usb", true, true, -257),
        ("usb", false, false, -7),
        ("usb", false, true, -7),
    ] {
        let kind = Kind { protocol: "ctap2", transport, resident_keys, user_verification };
        let device = Device::plug_in(&page, kind).await;
        let resident = if resident_keys { "required" } else { "discouraged" };
        let used = page.script(REGISTER_AND_LOG_IN, &[json!(algorithm), json!(resident)]).await;
        assert!(used.as_ref().is_ok_and(|hash| hash.is_string()), "{kind:?} {algorithm}: {used:?}");
        let stored = device.credentials(&page).await;
        assert_eq!(stored[0]["isResidentCredential"], json!(resident_keys), "{kind:?}");
        device.unplug(&page).await;
    }
    page.had_no_errors_but(&[]).await;
}

/// A key that supports only U2F, registered with WebAuthn (attestation `fido-u2f`).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_u2f_key_registers_as_a_credential() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, U2F).await;
    let used = page.script(REGISTER_AND_LOG_IN, &[json!(-7), json!("discouraged")]).await;
    assert!(used.unwrap().is_string());
    page.had_no_errors_but(&[]).await;
}
