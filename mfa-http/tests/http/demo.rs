//! The demo's back end: there when asked for, for its own page only, without anything secret.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::program::{Process, output, program};
use super::server::{TestServer, answer};

struct Demo {
    server: Process,
    client: Client,
    cookie: String,
}

impl Demo {
    async fn start(folder: &std::path::Path) -> Self {
        let server = Process::spawn(program(folder).args(["serve", "--demo"]));
        let client = Client::new();
        let page = client.get(format!("{}/demo", server.url)).send().await.unwrap();
        let cookie = page.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.ends_with("; Path=/demo; HttpOnly; SameSite=Strict"), "{cookie}");
        let cookie = cookie.split_once(';').unwrap().0.to_owned();
        Self { server, client, cookie }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}/demo/api/{path}", self.server.url));
        request.header(COOKIE, &self.cookie).header(ORIGIN, &self.server.url)
    }
}

#[tokio::test]
async fn it_is_not_there_unless_asked_for() {
    let server = TestServer::start().await;
    for path in ["/demo", "/demo/app.js", "/demo/api/account"] {
        let response = server.request(Method::GET, path).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn no_other_page_and_no_stranger_gets_in() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    for origin in ["http://evil.example.com", "null"] {
        let request = demo.client.post(format!("{}/demo/api/totp", demo.server.url));
        let request = request.header(COOKIE, &demo.cookie).header(ORIGIN, origin);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{origin}");
    }
    let request = demo.client.post(format!("{}/demo/api/totp", demo.server.url));
    let request = request.header(ORIGIN, &demo.server.url).header(COOKIE, "mfa-demo=made-up");
    let (status, body) = answer(request).await;
    assert_eq!((status, &body["answer"]["code"]), (401, &json!("no-account")));
}

/// Two visitors have accounts of their own.
#[tokio::test]
async fn an_account_is_its_visitors_alone() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    assert_eq!(answer(demo.request(Method::POST, "totp").json(&json!({}))).await.0, 200);
    assert_eq!(answer(demo.request(Method::GET, "account")).await.1["answer"]["totp"], true);
    let page = demo.client.get(format!("{}/demo", demo.server.url)).send().await.unwrap();
    let other = page.headers()[SET_COOKIE].to_str().unwrap().to_owned();
    let request = demo.client.get(format!("{}/demo/api/account", demo.server.url)).header(COOKIE, other);
    assert_eq!(answer(request).await.1["answer"]["totp"], false);
}

/// The key and the secret stay on the server: the page gets lines that name a file instead.
#[tokio::test]
async fn no_answer_holds_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    let listed = output(folder.path(), &["api-key", "list", "--json"]);
    let key: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(key["email"], "demo@localhost");
    for (method, path) in
        [(Method::POST, "totp"), (Method::POST, "passkey"), (Method::POST, "login"), (Method::GET, "account")]
    {
        let response = demo.request(method, path).json(&json!({})).send().await.unwrap();
        let text = response.text().await.unwrap();
        assert!(text.contains("-H @mfa.headers"), "{text}");
        assert!(!text.contains(key["value"].as_str().unwrap()) && !text.contains("apisecret"), "{text}");
    }
}

/// The demo's key ends with it.
#[tokio::test]
async fn its_key_is_revoked_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Process { child: command.spawn().unwrap(), url: String::new() };
    let lines = BufReader::new(server.child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let invitation = lines.into_iter().find(|line| line.starts_with("try it: ")).unwrap();
    assert!(invitation.starts_with("try it: http://localhost:") && invitation.ends_with("/demo"));
    server.signal("-TERM");
    assert!(server.child.wait().unwrap().success());
    assert!(output(folder.path(), &["api-key", "list"]).contains("revoked"));
}

#[tokio::test]
async fn the_page_is_all_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    let page = demo.client.get(format!("{}/demo", demo.server.url)).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let html = page.text().await.unwrap();
    let own = |attribute: &str| {
        html.split(attribute).skip(1).all(|rest| rest.starts_with("\"/demo") || rest.starts_with("\"#main"))
    };
    assert!(own(" src=") && own("rel=\"stylesheet\" href=") && own("class=\"skip\" href="));
}
