//! Accessibility of the page: contrast, labels and layout. Screenshots go to `demo/` in the target folder's
//! `tmp`.

use data_encoding::BASE64;
use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::service::code_at;
use serde_json::json;

use super::Page;
use super::device::{Device, PLATFORM};

/// Texts whose contrast with the background is below 4.5 to 1, WCAG 2.2 §1.4.3.
const FAINT: &str = "
    const numbers = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const luminance = (rgb) => rgb.slice(0, 3).map((part) => part / 255)
        .map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, n) => sum + part * [0.2126, 0.7152, 0.0722][n], 0);
    const behind = (element) => {
        for (let at = element; at; at = at.parentElement) {
            const colour = numbers(getComputedStyle(at).backgroundColor);
            if (colour[3] === undefined || colour[3] === 1) return colour;
        }
        return [255, 255, 255];
    };
    const faint = [];
    let looked = 0;
    for (const element of document.querySelectorAll('body, body *')) {
        const words = element.matches('input') ? element.value
            : [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data).join('').trim();
        if (!words || !element.checkVisibility()) continue;
        const [text, back] = [numbers(getComputedStyle(element).color), behind(element)].map(luminance);
        const ratio = (Math.max(text, back) + 0.05) / (Math.min(text, back) + 0.05);
        looked += 1;
        if (ratio < 4.5) faint.push(`${words.slice(0, 40)}: ${ratio.toFixed(2)}`);
    }
    return { looked, faint };";

/// Inputs without a label, buttons without a name, pictures without words, scripts and styles that are not files.
const UNNAMED: &str = "
    const unnamed = [];
    for (const input of document.querySelectorAll('input, select, textarea')) {
        if (!input.labels.length) unnamed.push(input.outerHTML);
    }
    for (const button of document.querySelectorAll('button, a, summary')) {
        if (!(button.getAttribute('aria-label') ?? button.textContent).trim()) unnamed.push(button.outerHTML);
    }
    for (const picture of document.querySelectorAll('img')) {
        if (!picture.hasAttribute('alt')) unnamed.push(picture.outerHTML);
    }
    for (const element of document.querySelectorAll('script:not([src]), style, [style]')) unnamed.push(element.outerHTML);
    for (const element of document.querySelectorAll('*')) {
        if ([...element.attributes].some((one) => one.name.startsWith('on'))) unnamed.push(element.outerHTML);
    }
    return unnamed;";

/// Elements that overflow to the right.
const WIDE: &str = "
    const boxes = [...document.querySelectorAll('.card, .requests, .requests details')];
    const wide = boxes.filter((box) => box.scrollWidth > box.clientWidth + 2).map((box) => box.outerHTML);
    if (document.documentElement.scrollWidth > arguments[0]) wide.push('the page');
    return wide;";

const SIZES: [(&str, u32, u32); 2] = [("desktop", 1280, 900), ("phone", 390, 844)];

/// Checks the page in each size and colour scheme.
async fn look(page: &Page, state: &str) {
    let folder = format!("{}/demo", env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(&folder).unwrap();
    for (size, width, height) in SIZES {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": size == "phone"});
        page.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        for scheme in ["light", "dark"] {
            let feature = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
            page.devtools("Emulation.setEmulatedMedia", feature).await;
            // Wait until transitions of colours have ended.
            let settled = "await Promise.allSettled(document.getAnimations().map((one) => one.finished));";
            page.script(settled, &[]).await.unwrap();
            let seen = page.script(FAINT, &[]).await.unwrap();
            assert!(seen["looked"].as_u64().unwrap() > 15, "{seen}");
            assert_eq!(seen["faint"], json!([]), "{state} {size} {scheme}");
            let wide = page.script(WIDE, &[json!(width)]).await.unwrap();
            assert_eq!(wide, json!([]), "{state} {size} is too wide");
            page.script("scrollTo(0, 0);", &[]).await.unwrap();
            let shot = page.devtools("Page.captureScreenshot", json!({"captureBeyondViewport": true})).await;
            let png = BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap();
            std::fs::write(format!("{folder}/{state}-{size}-{scheme}.png"), png).unwrap();
        }
    }
    page.devtools("Emulation.clearDeviceMetricsOverride", json!({})).await;
    assert_eq!(page.script(UNNAMED, &[]).await.unwrap(), json!([]), "{state}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_state_is_readable_and_named() {
    let Some(page) = Page::open().await else { return };
    let _device = Device::plug_in(&page, PLATFORM).await;
    look(&page, "1-start").await;
    page.press("#totp-enroll").await;
    page.said("totp").await;
    look(&page, "2-app").await;
    page.type_into("#totp-code", "000000").await;
    page.press("#totp-form .primary").await;
    page.said("totp").await;
    look(&page, "3-wrong-code").await;
    let code = code_at(&page.text("#totp-key").await.replace(' ', ""), SystemClock.now());
    page.type_into("#totp-code", &code).await;
    page.press("#totp-form .primary").await;
    assert!(page.said("totp").await.starts_with("Accepted."));
    page.press("#passkey-form .primary").await;
    page.said("passkey").await;
    page.press("#login").await;
    page.said("passkey").await;
    page.press("#credentials button[aria-label^=Rename]").await;
    page.press("#requests summary").await;
    look(&page, "4-passkey").await;
    page.press("#u2f-begin").await;
    page.said("u2f").await;
    page.press("#u2f-login").await;
    page.said("u2f").await;
    look(&page, "5-u2f").await;
    // Only the wrong code may be an error, a 401.
    page.had_no_errors_but(&[401]).await;
}
