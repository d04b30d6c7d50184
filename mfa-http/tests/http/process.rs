//! The program as an operator runs it: its command line, its signals, its file, its errors.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use mfa_store_conformance::kit::service::code_at;
use reqwest::Method;
use serde_json::{Value, json};

use super::program::{PROGRAM, Process, complaint, in_folder, output, program, run};
use super::server::answer;

/// The README's walk, with Debian's `oathtool` as the authenticator app, across a SIGKILL of the server.
#[tokio::test]
async fn the_walk_works_and_survives_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let key = output(folder.path(), &["api-key", "create", "dev@example.com"]);
    let secret = output(folder.path(), &["api-key", "activate", &key, "dev@example.com"]);
    let client = reqwest::Client::new();
    let call = |url: &str, path: &str, body: Value| {
        let request = client.post(format!("{url}{path}")).json(&body);
        answer(request.header("x-mfa-apikey", &key).header("x-mfa-apisecret", &secret))
    };
    let (status, enrolled) = call(&server.url, "/totp", json!({"issuer": "Acme", "label": "jo"})).await;
    assert_eq!(status, 200, "{enrolled}");

    server.signal("-KILL");
    drop(server);
    let server = Process::start(folder.path());
    let oathtool =
        Command::new("oathtool").args(["--totp", "-b", enrolled["totpKey"].as_str().unwrap()]).output();
    let code = String::from_utf8(oathtool.unwrap().stdout).unwrap().trim().to_owned();
    let path = format!("/totp/{}/validate", enrolled["uuid"].as_str().unwrap());
    assert_eq!(call(&server.url, &path, json!({"code": code})).await.0, 200);

    // The code stays used across another kill: its acceptance was durable before it was answered.
    server.signal("-KILL");
    drop(server);
    let server = Process::start(folder.path());
    assert_eq!(call(&server.url, &path, json!({"code": code})).await.0, 401);
}

/// R2, R21 across processes: two servers on one file are one service.
#[tokio::test]
async fn two_servers_on_one_file_accept_a_code_once() {
    let folder = tempfile::tempdir().unwrap();
    let servers = [Process::start(folder.path()), Process::start(folder.path())];
    let key = output(folder.path(), &["api-key", "create", "dev@example.com"]);
    let secret = output(folder.path(), &["api-key", "activate", &key, "dev@example.com"]);
    let client = reqwest::Client::new();
    let call = |n: usize, path: &str, body: Value| {
        let request = client.post(format!("{}{path}", servers[n % 2].url)).json(&body);
        answer(request.header("x-mfa-apikey", &key).header("x-mfa-apisecret", &secret))
    };
    let (_, enrolled) = call(0, "/totp", json!({})).await;
    let path = format!("/totp/{}/validate", enrolled["uuid"].as_str().unwrap());
    let code = json!({"code": code_at(enrolled["totpKey"].as_str().unwrap(), SystemClock.now())});
    let tasks: Vec<_> = (0..32).map(|n| tokio::spawn(call(n, &path, code.clone()))).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap().0);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|status| matches!(status, 200 | 401 | 429)), "{statuses:?}");

    output(folder.path(), &["api-key", "revoke", &key]);
    assert_eq!(call(0, "/totp", json!({})).await.0, 401);
    assert_eq!(call(1, "/totp", json!({})).await.0, 401);
}

/// R36 across processes: of 32 parallel replays of one login, against two servers on one file, one succeeds.
#[tokio::test]
async fn two_servers_on_one_file_finish_a_login_once() {
    let folder = tempfile::tempdir().unwrap();
    let servers = [Process::start(folder.path()), Process::start(folder.path())];
    let key = output(folder.path(), &["api-key", "create", "dev@example.com"]);
    let secret = output(folder.path(), &["api-key", "activate", &key, "dev@example.com"]);
    let client = reqwest::Client::new();
    let origin = "https://login.example.com";
    let call = |n: usize, method: Method, path: &str, user: &str, body: &Value| {
        let request = client.request(method, format!("{}{path}", servers[n % 2].url)).json(body);
        let request = request.header("x-mfa-apikey", &key).header("x-mfa-apisecret", &secret);
        let request = request.header("x-mfa-RPDisplayName", "Acme").header("x-mfa-RPID", "example.com");
        let request = request.header("x-mfa-RPOrigin", origin).header("x-mfa-Username", "jo");
        answer(request.header("x-mfa-UserDisplayName", "Jo").header("x-mfa-UserUUID", user))
    };
    let (_, options) = call(0, Method::POST, "/webauthn/register", "", &json!([])).await;
    let user = options["uuid"].as_str().unwrap().to_owned();
    let mut authenticator = SoftAuthenticator::new(-7);
    let created = authenticator.create(&Browser::new(origin, &options));
    assert_eq!(call(1, Method::PUT, "/webauthn/register", &user, &created).await.0, 200);

    let (_, options) = call(0, Method::POST, "/webauthn/login", &user, &json!([])).await;
    let asserted = authenticator.get(&Browser::new(origin, &options));
    let tasks: Vec<_> =
        (0..32).map(|n| tokio::spawn(call(n, Method::PUT, "/webauthn/login", &user, &asserted))).collect();
    let mut statuses = Vec::new();
    for task in tasks {
        statuses.push(task.await.unwrap().0);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 400).count(), 31, "{statuses:?}");
    assert_eq!(call(0, Method::PUT, "/webauthn/login", &user, &asserted).await.0, 400);
}

#[test]
fn it_stops_with_success_on_either_signal() {
    for signal in ["-TERM", "-INT"] {
        let folder = tempfile::tempdir().unwrap();
        let mut server = Process::start(folder.path());
        server.signal(signal);
        assert_eq!(server.child.wait().unwrap().code(), Some(0), "{signal}");
    }
}

#[test]
fn an_admin_key_is_printed_once_unless_given() {
    let folder = tempfile::tempdir().unwrap();
    let mut child =
        program(folder.path()).args(["--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    let key = first.strip_prefix("admin key for this run (header x-api-key): ").unwrap();
    assert_eq!(key.len(), 40);
    assert!(lines.next().unwrap().unwrap().starts_with("mfa-http listens on http://127.0.0.1:"));
    child.kill().unwrap();
    child.wait().unwrap();
    let short = program(folder.path()).env("MFA_ADMIN_KEY", "short").output().unwrap();
    assert!(
        String::from_utf8_lossy(&short.stderr).contains("MFA_ADMIN_KEY must have 16 characters at least")
    );
}

#[test]
fn the_list_is_lines_of_text_or_of_json() {
    let folder = tempfile::tempdir().unwrap();
    let pending = output(folder.path(), &["api-key", "create", "a@example.com"]);
    let active = output(folder.path(), &["api-key", "create", "b@example.com"]);
    output(folder.path(), &["api-key", "activate", &active, "b@example.com"]);
    let revoked = output(folder.path(), &["api-key", "create", "c@example.com"]);
    output(folder.path(), &["api-key", "revoke", &revoked]);

    let text = output(folder.path(), &["api-key", "list"]);
    for (key, state) in [(&pending, "pending"), (&active, "active"), (&revoked, "revoked")] {
        assert!(text.lines().any(|line| line.starts_with(key.as_str()) && line.contains(state)), "{text}");
    }
    let lines = output(folder.path(), &["api-key", "list", "--json"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let names = ["activatedAt", "consumer", "createdAt", "email", "revokedAt", "value"];
    assert!(lines.iter().all(|line| line.as_object().unwrap().keys().map(String::as_str).eq(names)));
    let line = lines.iter().find(|line| line["value"] == revoked).unwrap();
    assert!(line["revokedAt"].is_u64() && line["activatedAt"].is_null());
}

#[test]
fn what_cannot_work_says_why_and_fails() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    std::fs::write(here.join("text.db"), "this is no database, but long enough to be read as one".repeat(40))
        .unwrap();
    for (arguments, complaint_text) in [
        (
            vec!["--store", "mysql://user:pass@host/db"],
            "unknown store \"mysql://…\": use memory://, sqlite://PATH, postgres://",
        ),
        (vec!["--store", "mfa.db"], "unknown store \"://…\": use memory://, sqlite://PATH"),
        (
            vec!["--store", "postgres://u:pass@127.0.0.1:1/db?acquire_timeout=1"],
            "cannot open the store postgres://127.0.0.1:1/db",
        ),
        (vec!["--store", "redis://:pass@127.0.0.1:1"], "cannot open the store redis://127.0.0.1:1"),
        (vec!["--store", "dynamodb://x?totp=1"], "unknown setting totp"),
        (vec!["--store", "sqlite://"], "sqlite:// needs a path"),
        (vec!["--store", "sqlite:///no/such/folder/mfa.db"], "unable to open database file"),
        (vec!["--store", "sqlite://text.db"], "file is not a database"),
        (vec!["--migrate", "false", "--store", "sqlite://new.db"], "unable to open database file"),
        (vec!["--store", "memory://", "api-key", "list"], "memory:// lives inside one server"),
        (vec!["api-key", "activate", "0000", "a@example.com"], "no such API key for that e-mail address"),
        (vec!["api-key", "create", " "], "an e-mail address is required"),
        (vec!["--listen", "127.0.0.1:1", "health"], "127.0.0.1:1 does not answer"),
    ] {
        let (code, said) = complaint(here, &arguments);
        assert_eq!(code, Some(1), "{arguments:?}: {said}");
        assert!(said.starts_with("mfa-http: ") && said.contains(complaint_text), "{arguments:?}: {said}");
        assert!(!said.contains("pass"), "{said}");
    }
    for arguments in
        [vec!["nonsense"], vec!["--listen", "nowhere"], vec!["api-key"], vec!["--migrate", "maybe"]]
    {
        assert_eq!(run(here, &arguments).status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn a_taken_port_is_a_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, said) = complaint(folder.path(), &["--listen", &address]);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("cannot listen on {address}: Address already in use")), "{said}");
}

/// A file that another process locks: requests get a 503 after a while, and work again once it is free.
#[tokio::test]
async fn a_locked_file_is_a_503_until_it_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let client = reqwest::Client::new();
    let create = || {
        let request =
            client.post(format!("{}/api-key", server.url)).header("x-api-key", "an-admin-key-for-tests");
        answer(request.json(&json!({"email": "dev@example.com"})))
    };
    assert_eq!(create().await.0, 204);

    let script = "import sqlite3, sys; c = sqlite3.connect('mfa.db', isolation_level=None); \
                  c.execute('BEGIN IMMEDIATE'); print('locked', flush=True); sys.stdin.read()";
    let mut locker = Command::new("python3")
        .args(["-c", script])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = [0; 7];
    locker.stdout.as_mut().unwrap().read_exact(&mut line).unwrap();
    let (status, body) = create().await;
    assert_eq!((status, body["code"].as_str()), (503, Some("unavailable")));
    drop(locker.stdin.take());
    locker.wait().unwrap();
    assert_eq!(create().await.0, 204);
}

/// A full disk (here a limit on file sizes): requests get 503 while it is full and work afterwards.
/// Everything acknowledged is kept.
#[tokio::test]
async fn a_full_disk_is_a_503_until_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    output(folder.path(), &["migrate"]);
    let mut shell = in_folder(Command::new("bash"), folder.path());
    shell.args(["-c", "trap '' XFSZ; ulimit -S -f 300; exec \"$0\" \"$@\"", PROGRAM]);
    let server = Process::spawn(&mut shell);
    let client = reqwest::Client::new();
    let create = |n: usize| {
        let request =
            client.post(format!("{}/api-key", server.url)).header("x-api-key", "an-admin-key-for-tests");
        let body = json!({"email": format!("{n}@{}.example.com", "x".repeat(2000))});
        async move { answer(request.json(&body)).await.0 }
    };
    let (mut acknowledged, mut refused) = (0, 0);
    while refused < 20 {
        match create(acknowledged + refused).await {
            204 => acknowledged += 1,
            503 => refused += 1,
            other => panic!("{other}"),
        }
        assert!(acknowledged < 1000, "the limit does not bite");
    }
    let pid = server.child.id().to_string();
    let lifted = Command::new("prlimit").args(["--pid", &pid, "--fsize=unlimited:"]).status().unwrap();
    assert!(lifted.success());
    assert_eq!(create(acknowledged).await, 204);
    let listed = output(folder.path(), &["api-key", "list"]);
    // A refused write may have happened. An acknowledged one must have.
    assert!((acknowledged + 1..=acknowledged + refused + 1).contains(&listed.lines().count()));
}

#[test]
fn health_tells_whether_a_server_is_ready() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let address = server.url.strip_prefix("http://").unwrap();
    assert_eq!(output(folder.path(), &["--listen", address, "health"]), "ready");
    assert_eq!(output(folder.path(), &["migrate"]), "the store is up to date");
}

/// R79: an operator raises the floor beside a running server, without a secret, and the next call meets it.
#[tokio::test]
async fn a_running_server_meets_a_raised_floor_at_the_next_call() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::start(folder.path());
    let keys: Vec<_> =
        (0..3).map(|_| output(folder.path(), &["api-key", "create", "dev@example.com"])).collect();
    output(folder.path(), &["api-key", "revoke", &keys[2]]);
    let secret = output(folder.path(), &["api-key", "activate", &keys[0], "dev@example.com"]);
    let client = reqwest::Client::new();
    let call = |path: &str, body: Value| {
        let request = client.post(format!("{}{path}", server.url)).json(&body);
        answer(request.header("x-mfa-apikey", &keys[0]).header("x-mfa-apisecret", &secret))
    };
    let (_, enrolled) = call("/totp", json!({})).await;
    let path = format!("/totp/{}/validate", enrolled["uuid"].as_str().unwrap());
    let code = || json!({"code": code_at(enrolled["totpKey"].as_str().unwrap(), SystemClock.now())});
    assert_eq!(call(&path, code()).await.0, 200);

    let (before, said) = (SystemClock.now(), output(folder.path(), &["store", "raise-floor"]));
    let (floor, counts) = said.strip_prefix("floor ").unwrap().split_once(" ms: ").unwrap();
    assert!((before.as_millis()..=SystemClock.now().as_millis()).contains(&floor.parse().unwrap()), "{said}");
    assert_eq!(counts, "raised for 2 API keys; 1 revoked, 0 unreadable");
    // Even if a step has begun since.
    let (status, body) = call(&path, code()).await;
    assert_eq!((status, body["code"].as_str()), (401, Some("code-not-accepted")));

    let (code, said) = complaint(folder.path(), &["--store", "memory://", "store", "raise-floor"]);
    assert_eq!(code, Some(1));
    assert!(said.contains("never goes back in time"), "{said}");
}
