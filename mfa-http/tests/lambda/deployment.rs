//! Lambda's particulars: encodings of events, the caller's address, settings, failures.

use serde_json::json;

use crate::client::{ADMIN_KEY, Client};
use crate::gateway::{Gateway, Request};
use crate::runtime::Function;

const SETTINGS: [(&str, &str); 2] = [("MFA_STORE", "memory://"), ("MFA_ADMIN_KEY", ADMIN_KEY)];

#[tokio::test]
async fn bodies_and_headers_arrive_as_they_were_sent() {
    let function = Function::start(&SETTINGS).await;
    for gateway in Gateway::ALL {
        let client = Client::with_new_key(&function, gateway).await;
        // A gateway encodes binary bodies in base64.
        let mut request = client.request("POST", "totp", &json!({"issuer": "Äcme", "label": "jö"}));
        request.binary = true;
        let (status, made) = client.send(&request).await;
        assert_eq!(status, 200, "{made}");
        assert!(made["otpAuthUrl"].as_str().unwrap().contains("%C3%84cme"), "{made}");

        // A repeated header is refused, whether the gateway keeps both or joins them.
        let mut request = client.request("POST", "totp", &json!([]));
        request.headers.insert(0, ("X-MFA-APIKey".to_owned(), client.key.clone()));
        assert_eq!(client.send(&request).await.0, 401, "{gateway:?}");

        // A path that a URL parser would change does not reach another route, nor do headers of proxies.
        for path in ["/x/../health/live", "/x/%2e%2e/health/live", "/x\\..\\health/live"] {
            let request = Request { path: path.to_owned(), ..Request::default() };
            assert_eq!(client.send(&request).await.1["code"], "no-such-route", "{gateway:?} {path}");
        }
        let path = "//health//live/".to_owned();
        assert_eq!(client.send(&Request { path, ..Request::default() }).await.0, 204, "{gateway:?}");
        // A query may hold anything. Routes with a query read it.
        for odd in ["\"", "<b>", "a b", "#", "{|}\\^`", "\u{e9}", "%", "\u{7f}"] {
            let path = format!("/health/live?x={odd}");
            assert_eq!(
                client.send(&Request { path, ..Request::default() }).await.0,
                204,
                "{gateway:?} {odd}"
            );
            let (status, answer) = client.admin("GET", &format!("api-key?after={odd}"), json!([])).await;
            assert_eq!((status, &answer["code"]), (400, &json!("invalid-query")), "{gateway:?} {odd}");
        }
        let mut request = Request { path: "/health/live".to_owned(), ..Request::default() };
        for (name, value) in &mut request.headers {
            if name.starts_with("X-Forwarded") || name == "Host" {
                *value = "::no URL::".to_owned();
            }
        }
        assert_eq!(client.send(&request).await.0, 204, "{gateway:?}");
    }
}

#[tokio::test]
async fn answers_carry_their_headers() {
    let function = Function::start(&SETTINGS).await;
    for gateway in Gateway::ALL {
        let request = Request { path: "/nothing".to_owned(), ..Request::default() };
        let (status, headers, _) = gateway.answer(&function.invoke(gateway.event(&request)).await.unwrap());
        let one = |name: &str| match &headers[name] {
            serde_json::Value::Array(values) => values[0].clone(),
            value => value.clone(),
        };
        assert_eq!((status, one("content-type")), (404, json!("application/json")), "{gateway:?}");
        assert_eq!(one("cache-control"), "no-store");
    }
}

/// R6: failures count by the address that the gateway saw, whatever the client claims.
#[tokio::test]
async fn failures_count_by_the_gateways_address() {
    let function = Function::start(&SETTINGS).await;
    for gateway in [Gateway::Rest, Gateway::HttpWithStage] {
        let client = Client::with_new_key(&function, gateway).await;
        let ask = |secret: String, source: &str, forwarded: String| {
            let other = Client { function: &function, gateway, key: client.key.clone(), secret };
            let mut request = other.request("POST", "totp", &json!([]));
            request.source = source.to_owned();
            request.headers.retain(|(name, _)| name != "X-Forwarded-For");
            request.headers.push(("X-Forwarded-For".to_owned(), forwarded));
            async move { other.send(&request).await.0 }
        };
        let mut last = 0;
        for n in 0..13 {
            last = ask(format!("wrong-secret-number-{n}"), "198.51.100.7", format!("203.0.113.{n}")).await;
        }
        assert_eq!(last, 429, "{gateway:?}");
        let wrong = "wrong-secret-number-99".to_owned();
        assert_eq!(ask(wrong, "198.51.101.8", "198.51.100.7".to_owned()).await, 401, "{gateway:?}");
    }
}

/// T9: what an execution environment has verified it does not hash again. Seen in the CPU time that it takes: the
/// first call of each key costs a hash, and no other call does, with a wrong secret neither.
#[tokio::test]
async fn an_environment_hashes_a_right_secret_once() {
    let function = Function::start(&SETTINGS).await;
    let mut clients = Vec::new();
    for _ in 0..8 {
        clients.push(Client::with_new_key(&function, Gateway::Rest).await);
    }
    let nobody = "totp/11111111-1111-4111-8111-111111111111";
    let ticks_of = async |clients: &[Client<'_>], expected: u16| {
        let before = function.ticks();
        for client in clients {
            assert_eq!(client.call("GET", nobody, json!([])).await.0, expected);
        }
        function.ticks() - before
    };
    let first = ticks_of(&clients, 404).await;
    let second = ticks_of(&clients, 404).await;
    for client in &mut clients {
        client.secret = client.secret.chars().rev().collect();
    }
    let wrong = ticks_of(&clients, 401).await;
    let most = second.max(wrong);
    assert!(most * 3 < first, "{first} ticks at first, then {second}; {wrong} with wrong secrets");
}

#[tokio::test]
async fn without_an_admin_key_nobody_is_an_administrator() {
    let function = Function::start(&[("MFA_STORE", "memory://")]).await;
    let client = Client::new(&function, Gateway::Rest);
    for (method, path) in
        [("GET", "api-key"), ("POST", "api-key"), ("POST", "api-key/activate"), ("DELETE", "api-key/x")]
    {
        for presented in ["", ADMIN_KEY] {
            let mut request = client.request(method, path, &json!([]));
            request.headers.push(("x-api-key".to_owned(), presented.to_owned()));
            assert_eq!(client.send(&request).await.0, 403, "{method} {path}");
        }
    }
    let log = function.log().to_lowercase();
    assert!(!log.contains("admin key") && !log.contains(ADMIN_KEY), "{log}");
}

#[tokio::test]
async fn what_is_no_request_is_an_error_and_no_more() {
    let function = Function::start(&SETTINGS).await;
    for event in [json!({"Records": []}), json!("x"), json!({"version": "2.0"})] {
        let error = function.invoke(event).await.unwrap_err();
        assert!(error["errorMessage"].is_string(), "{error}");
    }
    assert_eq!(Client::new(&function, Gateway::Rest).call("GET", "health/live", json!([])).await.0, 204);
}

#[tokio::test]
async fn settings_that_cannot_work_say_why_and_fail() {
    for (settings, complaint) in [
        (vec![("MFA_STORE", "mysql://user:pass@host/db")], "unknown store"),
        (vec![("MFA_STORE", "postgres://u:pass@127.0.0.1:1/db?acquire_timeout=1")], "cannot open the store"),
        (vec![("MFA_STORE", "memory://"), ("MFA_ADMIN_KEY", "pass")], "MFA_ADMIN_KEY must have 16"),
        (vec![("MFA_STORE", "memory://"), ("MFA_MIGRATE", "maybe")], "--migrate"),
    ] {
        let (code, log) = Function::start(&settings).await.ended();
        assert!(code.is_some_and(|code| code != 0) && log.contains(complaint), "{code:?}: {log}");
        assert!(!log.contains("pass"), "{log}");
    }
}

/// A store is made ready, unless `MFA_MIGRATE` is `false`; two environments of a function share it.
#[tokio::test]
async fn stores_are_named_as_the_server_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let url = |file: &str| format!("sqlite://{}", folder.path().join(file).display());
    let (records, ceremonies) = (url("mfa.db"), url("ceremonies.db"));
    let named =
        [("MFA_STORE", records.as_str()), ("MFA_CEREMONY_STORE", &ceremonies), ("MFA_ADMIN_KEY", ADMIN_KEY)];
    let (code, _) = Function::start(&[&named[..], &[("MFA_MIGRATE", "false")]].concat()).await.ended();
    assert_eq!(code, Some(1));
    let (key, secret) = {
        let function = Function::start(&named).await;
        let client = Client::with_new_key(&function, Gateway::FunctionUrl).await;
        (client.key.clone(), client.secret.clone())
    };
    assert!(folder.path().join("ceremonies.db").exists());
    // Another execution environment on the same store.
    let function = Function::start(&[&named[..], &[("MFA_MIGRATE", "false")]].concat()).await;
    let client = Client { function: &function, gateway: Gateway::FunctionUrl, key, secret };
    assert_eq!(client.call("POST", "totp", json!([])).await.0, 200);
}
