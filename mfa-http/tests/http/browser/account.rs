//! The visitor's account: a cookie that survives links from other sites, and a message if the browser keeps
//! none.

use serde_json::json;

use super::Page;
use super::tls::HOST;

async fn has_an_app(page: &Page) -> bool {
    page.script("return !document.getElementById('totp-form').hidden;", &[]).await.unwrap() == true
}

/// The browser then sends the cookie with the page's requests, but not for the page itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_on_another_site_leads_to_the_same_account() {
    let Some(page) = Page::open().await else { return };
    page.press("#totp-enroll").await;
    page.said("totp").await;
    page.client.goto(&page.origin.replace(HOST, "elsewhere.example.org")).await.unwrap();
    let follow = "const link = document.createElement('a');
        link.href = arguments[0];
        document.body.append(link);
        link.click();";
    page.script(follow, &[json!(format!("{}/demo", page.origin))]).await.unwrap();
    let there = page.origin.parse::<url::Url>().unwrap().join("/demo").unwrap();
    page.client.wait().for_url(&there).await.unwrap();
    page.ready().await;
    assert!(has_an_app(&page).await);
    page.press("#totp-remove").await;
    assert_eq!(page.said("totp").await, "Removed.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_cookies_it_says_so_and_opens_no_more_accounts() {
    let Some(page) = Page::open_without_cookies().await else { return };
    for (button, section) in [("#totp-enroll", "totp"), ("#totp-enroll", "totp"), ("#u2f-begin", "u2f")] {
        page.press(button).await;
        assert!(page.said(section).await.starts_with("This page needs a cookie to know you by."));
    }
    let asked =
        "return performance.getEntriesByType('resource').filter((one) => one.name.includes('/api/')).length;";
    // To read the account at the start, to open one, and to check that the cookie was kept.
    assert_eq!(page.script(asked, &[]).await.unwrap(), json!(3));
    page.had_no_errors_but(&[]).await;
}

/// A restarted server knows no accounts. The page says what to do, and that works.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_gone_is_told_of() {
    let Some(page) = Page::open().await else { return };
    page.press("#totp-enroll").await;
    page.said("totp").await;
    let cookie = page.client.get_named_cookie("mfa-demo").await.unwrap();
    page.client.delete_cookie(cookie.name()).await.unwrap();
    page.press("#totp-remove").await;
    assert!(page.said("totp").await.ends_with("Load the page again."));
    page.load().await;
    assert!(!has_an_app(&page).await);
    page.press("#totp-enroll").await;
    assert_eq!(page.said("totp").await, "Ready. Now type the code that the app shows.");
    page.had_no_errors_but(&[401]).await;
}
