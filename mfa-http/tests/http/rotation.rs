//! `/api-key/rotate` as compat.md §7 has it, and the life of an API key around it.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use super::program::{output, program, run};
use super::server::{Credentials, NOW, TestServer, answer, error};
use mfa_store_conformance::kit::service::code_at;

fn body(old: &Credentials, new: &Credentials) -> Value {
    json!({"oldKeyId": old.key, "oldKeySecret": old.secret, "newKeyId": new.key, "newKeySecret": new.secret})
}

async fn rotate(server: &TestServer, body: &Value) -> (u16, Value) {
    answer(server.request(Method::POST, "/api-key/rotate").json(body)).await
}

#[tokio::test]
async fn a_consumer_moves_to_another_key() {
    let server = TestServer::start().await;
    let (old, new) = (server.consumer("old@example.com").await, server.consumer("new@example.com").await);
    let (uuid, key) = server.enrolled(&old).await;
    let counters = |totp: u64, revoked: bool| {
        json!({
            "totpComplete": totp, "totpIncomplete": 0, "webauthnComplete": 0, "webauthnIncomplete": 0,
            "done": true, "oldRevoked": revoked, "unreadable": [],
        })
    };
    assert_eq!(rotate(&server, &body(&old, &new)).await, (200, counters(1, false)));
    // The predecessor's clients may call again, and get zero counts.
    assert_eq!(rotate(&server, &body(&old, &new)).await, (200, counters(0, false)));
    let validate = |consumer, step: u64| {
        let code = code_at(&key, NOW.after(Duration::from_secs(30 * step)));
        let request = server.call(consumer, Method::POST, &format!("/totp/{uuid}/validate"));
        answer(request.json(&json!({"code": code})))
    };
    assert_eq!(validate(&old, 0).await.0, 200);
    assert_eq!(validate(&new, 1).await.0, 200);
    let mut revoking = body(&old, &new);
    revoking["revokeOld"] = json!(true);
    assert_eq!(rotate(&server, &revoking).await, (200, counters(0, true)));
    assert_eq!(validate(&old, 1).await.0, 401);
    assert_eq!(validate(&new, 1).await.0, 401);
    let (_, list) = answer(server.admin(Method::GET, "/api-key")).await;
    assert!(list["keys"].as_array().unwrap().iter().all(|listed| listed["consumer"] == *old.key));
    assert!(list["keys"].as_array().unwrap().iter().all(|listed| listed.get("rotatingSince").is_none()));
}

#[tokio::test]
async fn what_cannot_be_rotated_is_refused_in_words() {
    let server = TestServer::start().await;
    let (old, new) = (server.consumer("old@example.com").await, server.consumer("new@example.com").await);
    let used = server.consumer("used@example.com").await;
    server.enrolled(&used).await;
    let whole = body(&old, &new);
    let with = |member: &str, value: Value| {
        let mut changed = whole.clone();
        changed[member] = value;
        changed
    };
    // The predecessor checks them in this order.
    let mut partial = json!({});
    for name in ["newKeyId", "newKeySecret", "oldKeyId", "oldKeySecret"] {
        let missing = error(400, "invalid-request", &format!("invalid request: {name} is required"));
        assert_eq!(rotate(&server, &partial).await, missing);
        partial[name] = json!("");
    }
    let (bad_old, bad_new) = (
        error(404, "old-key-not-valid", "old key is not valid"),
        error(404, "new-key-not-valid", "new key is not valid"),
    );
    assert_eq!(rotate(&server, &partial).await, bad_old);
    for (changed, refused) in [
        (
            with("newKeyId", json!(7)),
            error(400, "invalid-request", "invalid request: newKeyId must be a string"),
        ),
        (
            with("revokeOld", json!("yes")),
            error(400, "invalid-request", "invalid request: revokeOld must be true or false"),
        ),
        (with("oldKeySecret", json!(new.secret)), bad_old.clone()),
        (with("oldKeyId", json!("0".repeat(40))), bad_old),
        (with("newKeySecret", json!(old.secret)), bad_new.clone()),
        (with("newKeyId", json!("no key")), bad_new),
        (body(&old, &old), error(409, "same-key", "the old and the new API key are the same")),
        (
            body(&old, &used),
            error(
                409,
                "new-key-in-use",
                "the new API key is in use already: create and activate a fresh one",
            ),
        ),
    ] {
        let answered = rotate(&server, &changed).await;
        assert_eq!(answered, refused);
        assert!(
            !answered.1.to_string().contains(&old.secret) && !answered.1.to_string().contains(&new.secret)
        );
    }
    // None of these calls changed anything.
    let (_, list) = answer(server.admin(Method::GET, "/api-key")).await;
    assert!(list["keys"].as_array().unwrap().iter().all(|listed| listed["consumer"] == listed["value"]));
}

#[tokio::test]
async fn a_second_key_joins_and_a_third_stands_in_the_way() {
    let server = TestServer::start().await;
    let (old, new) = (server.consumer("old@example.com").await, server.consumer("new@example.com").await);
    let (uuid, _) = server.enrolled(&old).await;
    let email = json!({"email": "second@example.com"});
    assert_eq!(answer(server.admin(Method::POST, "/api-key").json(&email)).await.0, 204);
    let second = server.key_of("second@example.com").await;
    let activate = |secret: &str| {
        let body = json!({"email": "second@example.com", "apiKey": second, "consumerKeyId": old.key,
                          "consumerKeySecret": secret});
        answer(server.admin(Method::POST, "/api-key/activate").json(&body))
    };
    assert_eq!(activate(&new.secret).await.0, 401);
    let (status, activated) = activate(&old.secret).await;
    assert_eq!(status, 200, "{activated}");
    let joined =
        Credentials { key: second.clone(), secret: activated["apiSecret"].as_str().unwrap().to_owned() };
    assert_eq!(answer(server.call(&joined, Method::GET, &format!("/totp/{uuid}"))).await.0, 200);

    let (status, refused) = rotate(&server, &body(&old, &new)).await;
    assert_eq!((status, refused["code"].as_str()), (409, Some("third-key")));
    assert_eq!(answer(server.admin(Method::DELETE, &format!("/api-key/{second}"))).await.0, 204);
    assert_eq!(rotate(&server, &body(&old, &new)).await.0, 200);
}

#[tokio::test]
async fn a_key_ends_by_itself() {
    let server = TestServer::start().await;
    let end = NOW.after(Duration::from_secs(100));
    let create = |expiry: Value| {
        let body = json!({"email": "dev@example.com", "expiresAt": expiry});
        answer(server.admin(Method::POST, "/api-key").json(&body))
    };
    for nonsense in [json!("tomorrow"), json!(-1), json!(1.5), json!(253_402_300_800_000_u64)] {
        assert_eq!(create(nonsense).await.1["code"], "invalid-expiry");
    }
    assert_eq!(create(json!(end.as_millis())).await.0, 204);
    let key = server.key_of("dev@example.com").await;
    let body = json!({"email": "dev@example.com", "apiKey": key});
    let (_, activated) = answer(server.admin(Method::POST, "/api-key/activate").json(&body)).await;
    let consumer = Credentials { key, secret: activated["apiSecret"].as_str().unwrap().to_owned() };
    let call = || answer(server.call(&consumer, Method::POST, "/totp").json(&json!({})));
    assert_eq!(call().await.0, 200);
    let (_, list) = answer(server.admin(Method::GET, "/api-key")).await;
    assert_eq!(list["keys"][0]["expiresAt"], end.as_millis());
    assert_eq!(list["keys"][0]["lastUsedAt"], NOW.as_millis());
    server.clock.advance(Duration::from_secs(100));
    assert_eq!(call().await, error(401, "unauthorized", "Unauthorized"));
}

/// The command line: secrets from the environment, never from arguments; one key, then upgraded in place.
#[test]
fn the_command_line_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    let key = || {
        let value = output(here, &["api-key", "create", "dev@example.com", "--expires-in", "30"]);
        let secret = output(here, &["api-key", "activate", &value, "dev@example.com"]);
        (value, secret)
    };
    let (old, new) = (key(), key());
    let rotate = |old_secret: &str| {
        let mut command = program(here);
        command.args(["api-key", "rotate", &old.0, &new.0, "--revoke-old", "--batch", "10"]);
        command.env("MFA_OLD_API_SECRET", old_secret).env("MFA_NEW_API_SECRET", &new.1).output().unwrap()
    };
    let refused = rotate(&new.1);
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("the old API key is not valid"));
    let done = String::from_utf8(rotate(&old.1).stdout).unwrap();
    assert_eq!(
        done,
        "0 records re-encrypted\nthe old key is revoked\n\
         done: everything is under one data key, and the older ones are gone\n"
    );
    let asked = run(here, &["api-key", "upgrade", &new.0]);
    let said = String::from_utf8_lossy(&asked.stderr).into_owned();
    assert!(said.contains("set MFA_API_SECRET, or run this on a terminal to be asked"), "{said}");
    let upgraded = program(here).args(["api-key", "upgrade", &new.0]).env("MFA_API_SECRET", &new.1).output();
    assert!(upgraded.unwrap().status.success());
    assert!(output(here, &["api-key", "list"]).contains("(expires at "));
}
