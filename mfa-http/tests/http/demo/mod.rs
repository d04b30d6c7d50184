//! The demo's back end: it exists only with `--demo`, serves only its own page, and reveals no secret.

mod keeping;
mod limits;
mod words;

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use reqwest::header::{COOKIE, ORIGIN, SET_COOKIE};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use crate::program::{Process, output, program, run};
use crate::server::{TestServer, answer, error};

struct Demo {
    server: Process,
    client: Client,
    cookie: String,
}

impl Demo {
    async fn start(folder: &std::path::Path) -> Self {
        let mut server = Process::spawn(program(folder).args(["serve", "--demo"]));
        // Keys need a host name, not an address.
        server.url = server.url.replace("127.0.0.1", "localhost");
        let client = Client::new();
        let mut demo = Self { server, client, cookie: String::new() };
        demo.cookie = demo.another_account().await;
        demo
    }

    /// The cookie of a new account.
    async fn another_account(&self) -> String {
        let request = self.client.post(format!("{}/demo/api/account", self.server.url));
        let opened = request.header(ORIGIN, &self.server.url).send().await.unwrap();
        assert_eq!(opened.status(), StatusCode::OK);
        let cookie = opened.headers()[SET_COOKIE].to_str().unwrap();
        assert!(cookie.ends_with("; Path=/demo; HttpOnly; SameSite=Strict"), "{cookie}");
        cookie.split_once(';').unwrap().0.to_owned()
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
    for (origin, path) in [("http://evil.example.com", "totp"), ("null", "totp"), ("null", "account")] {
        let request = demo.client.post(format!("{}/demo/api/{path}", demo.server.url));
        let request = request.header(COOKIE, &demo.cookie).header(ORIGIN, origin);
        let message = "The request is not from the demo's own page, or a proxy changed its Host header";
        assert_eq!(answer(request).await, error(403, "foreign-page", message), "{origin} {path}");
    }
    let request = demo.client.post(format!("{}/demo/api/totp", demo.server.url));
    let request = request.header(ORIGIN, &demo.server.url).header(COOKIE, "mfa-demo=made-up");
    assert_eq!(answer(request).await, error(401, "no-account", "No account has this cookie"));
}

/// Any site can make a browser load the page, so loading creates nothing. A browser without cookies creates
/// nothing either.
#[tokio::test]
async fn only_the_page_itself_opens_an_account() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    for path in ["/demo", "/demo/api/account"] {
        let read = demo.client.get(format!("{}{path}", demo.server.url)).send().await.unwrap();
        assert_eq!((read.status(), read.headers().get(SET_COOKIE)), (StatusCode::OK, None), "{path}");
    }
    let request = demo.client.get(format!("{}/demo/api/account", demo.server.url));
    let nobodys = json!({"account": false, "totp": false, "credentials": []});
    assert_eq!(answer(request).await.1["answer"], nobodys);
    // A visitor with an account keeps it.
    let again = demo.request(Method::POST, "account").send().await.unwrap();
    assert_eq!((again.status(), again.headers().get(SET_COOKIE)), (StatusCode::OK, None));
    assert_eq!(answer(demo.request(Method::GET, "account")).await.1["answer"]["account"], true);
}

/// Two visitors have accounts of their own.
#[tokio::test]
async fn an_account_is_its_visitors_alone() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    assert_eq!(answer(demo.request(Method::POST, "totp").json(&json!({}))).await.0, 200);
    assert_eq!(answer(demo.request(Method::GET, "account")).await.1["answer"]["totp"], true);
    let other = demo.another_account().await;
    let request = demo.client.get(format!("{}/demo/api/account", demo.server.url)).header(COOKIE, other);
    assert_eq!(answer(request).await.1["answer"]["totp"], false);
}

/// The key and the secret stay on the server. The page gets commands that name a file instead.
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

/// Neither the demo's key nor what its visitors enrolled is left.
#[tokio::test]
async fn nothing_is_left_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path()).await;
    // Two accounts. In one, an app and a U2F user are replaced.
    for _ in 0..2 {
        for path in ["totp", "u2f", "totp", "u2f", "passkey"] {
            assert_eq!(answer(demo.request(Method::POST, path)).await.0, 200, "{path}");
        }
        demo.cookie = demo.another_account().await;
    }
    let report = || {
        let said = run(folder.path(), &["doctor", "--json"]).stdout;
        serde_json::from_slice::<Value>(&said).unwrap()["store"].take()
    };
    let before = report();
    assert_eq!((&before["totp"]["ours"], &before["users"]["empty"]), (&json!(2), &json!(2)), "{before}");

    demo.server.signal("-TERM");
    assert!(demo.server.child.wait().unwrap().success());
    assert!(output(folder.path(), &["api-key", "list"]).contains("revoked"));
    let after = report();
    let totp = json!({"ours": 0, "legacy": 0, "seed": 0, "unusable": 0, "disabled": 0});
    assert_eq!(after["totp"], totp, "{after}");
    let users = json!({"ours": 0, "goLegacy": 0, "goSeed": 0, "nodeU2f": 0, "empty": 0, "unusable": 0});
    assert_eq!((&after["users"], &after["problems"]), (&users, &json!([])), "{after}");
}

/// The program prints the page's address.
#[tokio::test]
async fn it_says_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program(folder.path());
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut server = Process { child: command.spawn().unwrap(), url: String::new() };
    let mut lines = BufReader::new(server.child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let invitation = lines.find(|line| line.starts_with("try it: ")).unwrap();
    assert!(invitation.starts_with("try it: http://localhost:") && invitation.ends_with("/demo"));
}

#[tokio::test]
async fn the_page_is_all_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let demo = Demo::start(folder.path()).await;
    let page = demo.client.get(format!("{}/demo", demo.server.url)).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert_eq!(page.headers()["cache-control"], "no-store");
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
    let html = page.text().await.unwrap();
    let own = |attribute: &str| {
        html.split(attribute).skip(1).all(|rest| rest.starts_with("\"/demo") || rest.starts_with("\"#main"))
    };
    assert!(own(" src=") && own("rel=\"stylesheet\" href=") && own("class=\"skip\" href="));
}
