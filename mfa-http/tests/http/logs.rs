//! R56: no secret, code, key material or whole API key in the log, at any level.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Command, Stdio};

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_store_conformance::kit::service::code_at;
use reqwest::Method;
use serde_json::json;

use super::server::answer;

const ADMIN_KEY: &str = "canary-admin-key-0123456789";

#[tokio::test]
async fn nothing_secret_is_logged_at_any_level() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_mfa-http"))
        .current_dir(folder.path())
        .args(["--listen", "127.0.0.1:0"])
        .env("MFA_ADMIN_KEY", ADMIN_KEY)
        .env("RUST_LOG", "trace")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let log = std::thread::spawn(move || {
        let mut log = String::new();
        stderr.read_to_string(&mut log).map(|_| log)
    });
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("mfa-http listens on ").unwrap();

    let client = reqwest::Client::new();
    let admin = |method: Method, path: &str| {
        client.request(method, format!("{url}{path}")).header("x-api-key", ADMIN_KEY)
    };
    answer(admin(Method::POST, "/api-key").json(&json!({"email": "canary-mail@example.com"}))).await;
    let (_, list) = answer(admin(Method::GET, "/api-key")).await;
    let key = list["keys"][0]["value"].as_str().unwrap().to_owned();
    let body = json!({"email": "canary-mail@example.com", "apiKey": key});
    let (_, activated) = answer(admin(Method::POST, "/api-key/activate").json(&body)).await;
    let secret = activated["apiSecret"].as_str().unwrap().to_owned();
    let call = |secret: &str, path: &str| {
        let request = client.post(format!("{url}{path}")).header("x-mfa-apikey", &key);
        request.header("x-mfa-apisecret", secret)
    };
    let enroll = call(&secret, "/totp").json(&json!({"issuer": "canary-issuer", "label": "canary-label"}));
    let (_, enrolled) = answer(enroll).await;
    let totp_key = enrolled["totpKey"].as_str().unwrap().to_owned();
    let path = format!("/totp/{}/validate", enrolled["uuid"].as_str().unwrap());
    let code = code_at(&totp_key, SystemClock.now());
    assert_eq!(answer(call(&secret, &path).json(&json!({"code": code}))).await.0, 200);
    assert_eq!(answer(call(&secret, &path).json(&json!({"code": "canary-code"}))).await.0, 401);
    assert_eq!(answer(call("canary-secret-canary-secret", &path)).await.0, 401);
    assert_eq!(answer(call(&secret, "/totp").body("{canary-body")).await.0, 400);
    answer(admin(Method::POST, "/api-key").json(&json!({"email": "canary-new@example.com"}))).await;
    let (_, list) = answer(admin(Method::GET, "/api-key")).await;
    let fresh =
        list["keys"].as_array().unwrap().iter().find(|listed| listed["email"] == "canary-new@example.com");
    let new_key = fresh.unwrap()["value"].as_str().unwrap().to_owned();
    let body = json!({"email": "canary-new@example.com", "apiKey": new_key});
    let (_, activated) = answer(admin(Method::POST, "/api-key/activate").json(&body)).await;
    let new_secret = activated["apiSecret"].as_str().unwrap().to_owned();
    for (old, status) in [("canary-secret-canary-secret", 404), (secret.as_str(), 200)] {
        let body =
            json!({"oldKeyId": key, "oldKeySecret": old, "newKeyId": new_key, "newKeySecret": new_secret});
        let rotated = answer(client.post(format!("{url}/api-key/rotate")).json(&body)).await;
        assert_eq!(rotated.0, status, "{}", rotated.1);
        assert!(!rotated.1.to_string().contains(&secret) && !rotated.1.to_string().contains(&new_secret));
    }
    assert_eq!(answer(admin(Method::DELETE, &format!("/api-key/{key}"))).await.0, 204);

    let stopped = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(stopped.success() && child.wait().unwrap().success());
    let log = log.join().unwrap().unwrap();
    for expected in [
        "totp.accepted",
        "totp.enrolled",
        "authentication.refused",
        "api_key.revoked",
        "api_key.rotated",
        &key[..8],
    ] {
        assert!(log.contains(expected), "{expected} is missing: {log}");
    }
    for secret in [&secret, &new_secret, &key, &new_key, &totp_key, &code, "canary", ADMIN_KEY] {
        assert!(!log.contains(secret), "the log holds {secret}: {log}");
    }
}
