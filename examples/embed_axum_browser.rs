//! The browser and the phone that `embed_axum` plays against itself.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Result, ensure};
use mfa_core::clock::{Clock as _, ManualClock};
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use crate::authenticator_app::code_at;

/// Remembers the session cookie, as browsers do.
struct Browser {
    http: reqwest::Client,
    origin: String,
    cookie: String,
}

pub(crate) async fn play(server: SocketAddr, clock: &ManualClock) -> Result<()> {
    let http = reqwest::Client::builder().no_proxy().build()?;
    let mut browser = Browser { http, origin: format!("http://{server}"), cookie: String::new() };

    let password = json!({"name": "jo", "password": crate::PASSWORD});
    let wrong = json!({"name": "jo", "password": "wrong"});
    browser.expect("a wrong password", "POST", "/login", wrong, 401).await?;
    browser.expect("the right one is enough so far", "POST", "/login", password.clone(), 200).await?;
    let enrolled = browser.expect("enrol a TOTP", "POST", "/totp", json!({}), 200).await?;
    let key = enrolled["key"].as_str().unwrap_or_default();
    let code = json!({"code": code_at(key, clock.now())?});
    browser.expect("confirm it without a code", "POST", "/totp/confirm", json!({"code": ""}), 401).await?;
    browser.expect("confirm it", "POST", "/totp/confirm", code.clone(), 200).await?;

    browser.expect("the password, in another session", "POST", "/login", password, 200).await?;
    browser.expect("which opens nothing by itself now", "GET", "/me", Value::Null, 401).await?;
    browser.expect("the code that confirmed is used up", "POST", "/login/code", code, 401).await?;
    let half_session = browser.cookie.clone();
    clock.advance(Duration::from_secs(30));
    let code = json!({"code": code_at(key, clock.now())?});
    browser.expect("the next code, half a minute later", "POST", "/login/code", code, 200).await?;
    let me = browser.expect("logged in", "GET", "/me", Value::Null, 200).await?;
    ensure!(me["hello"] == "jo", "logged in as somebody else: {me}");
    browser.cookie = half_session;
    browser.expect("the cookie from before the code is void", "GET", "/me", Value::Null, 401).await?;
    Ok(())
}

impl Browser {
    /// Sends a request and prints the response. Fails if the status is not the expected one.
    #[expect(clippy::print_stdout, reason = "an example talks to its reader")]
    async fn expect(
        &mut self,
        what: &str,
        method: &str,
        path: &str,
        body: Value,
        status: u16,
    ) -> Result<Value> {
        let url = format!("{}{path}", self.origin);
        let request = self.http.request(method.parse()?, url).header(COOKIE, &self.cookie);
        let response = if body.is_null() { request } else { request.json(&body) }.send().await?;
        let answered = response.status().as_u16();
        println!("{method:4} {path:13} {answered}  {what}");
        ensure!(answered == status, "expected {status}");
        if let Some(cookie) = response.headers().get(SET_COOKIE) {
            self.cookie = cookie.to_str()?.split(';').next().unwrap_or_default().to_owned();
        }
        Ok(response.json().await?)
    }
}
