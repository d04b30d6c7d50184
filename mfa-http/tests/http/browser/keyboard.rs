//! The page without a mouse: every control is reachable, the focus is visible, and it never jumps away.

use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::service::code_at;
use serde_json::json;

use super::Page;
use super::device::{Device, PLATFORM};

async fn press(page: &Page, key: Key) {
    chord(page, None, key.into()).await;
}

async fn write(page: &Page, text: &str) {
    for letter in text.chars() {
        chord(page, None, letter).await;
    }
}

/// A key, with another held down.
async fn chord(page: &Page, held: Option<Key>, key: char) {
    let mut actions = KeyActions::new("keyboard".to_owned());
    if let Some(held) = held {
        actions = actions.then(KeyAction::Down { value: held.into() });
    }
    actions = actions.then(KeyAction::Down { value: key }).then(KeyAction::Up { value: key });
    if let Some(held) = held {
        actions = actions.then(KeyAction::Up { value: held.into() });
    }
    page.client.perform_actions(actions).await.unwrap();
}

/// The focused element, and whether its focus is visible.
const FOCUSED: &str = "
    const at = document.activeElement;
    const style = getComputedStyle(at);
    return [at.id || at.className, style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2];";

/// Presses Tab, or Shift and Tab, until this element has the focus.
async fn go(page: &Page, back: bool, css: &str) {
    for _ in 0..20 {
        chord(page, back.then_some(Key::Shift), Key::Tab.into()).await;
        let focused = page.script(FOCUSED, &[]).await.unwrap();
        assert_eq!(focused[1], true, "{focused} is not seen to have the focus");
        if has_focus(page, css).await {
            return;
        }
    }
    panic!("{css} is not reached");
}

async fn has_focus(page: &Page, css: &str) -> bool {
    let script = "return document.activeElement.matches(arguments[0]);";
    page.script(script, &[json!(css)]).await.unwrap() == true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_order_is_that_of_the_page() {
    let Some(page) = Page::open().await else { return };
    let mut order = Vec::new();
    for _ in 0..6 {
        press(&page, Key::Tab).await;
        let focused = page.script(FOCUSED, &[]).await.unwrap();
        assert_eq!(focused[1], true, "{focused} is not seen to have the focus");
        order.push(focused[0].as_str().unwrap().to_owned());
    }
    assert_eq!(order, ["skip", "totp-enroll", "passkey-label", "primary", "security-key", "u2f-begin"]);
    page.had_no_errors_but(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_enough_for_an_app() {
    let Some(page) = Page::open().await else { return };
    go(&page, false, "#totp-enroll").await;
    press(&page, Key::Enter).await;
    assert!(page.said("totp").await.starts_with("Ready."));
    // The focus is on the input of the code.
    let code = code_at(&page.text("#totp-key").await.replace(' ', ""), SystemClock.now());
    write(&page, &code).await;
    press(&page, Key::Enter).await;
    assert!(page.said("totp").await.starts_with("Accepted."));
    page.had_no_errors_but(&[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_is_enough_for_a_passkey() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, PLATFORM).await;
    // Tab selects what is in the field, and Enter in it registers.
    go(&page, false, "#passkey-label").await;
    write(&page, "Old laptop").await;
    press(&page, Key::Enter).await;
    assert_eq!(page.said("passkey").await, "Registered. Try to log in with it.");
    go(&page, false, "#login").await;
    press(&page, Key::Enter).await;
    assert_eq!(page.said("passkey").await, "Logged in.");

    go(&page, true, "[aria-label='Rename Old laptop']").await;
    chord(&page, None, ' ').await;
    assert!(has_focus(&page, "#credentials form input").await);
    write(&page, "New laptop").await;
    press(&page, Key::Enter).await;
    assert_eq!(page.said("passkey").await, "Renamed.");
    assert!(has_focus(&page, "[aria-label='Rename New laptop']").await);

    go(&page, false, "[aria-label='Delete New laptop']").await;
    press(&page, Key::Enter).await;
    assert_eq!(page.said("passkey").await, "Deleted.");
    assert!(has_focus(&page, "#passkey-label").await);
    assert_eq!(page.text("#credentials").await, "");
    page.had_no_errors_but(&[]).await;
}
