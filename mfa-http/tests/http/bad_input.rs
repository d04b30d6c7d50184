//! Malformed input: each request gets a clear answer, and the server keeps working.

use reqwest::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::server::{TestServer, answer, error};

#[tokio::test]
async fn malformed_json_is_a_400_after_authentication() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let malformed = error(400, "invalid-json", "invalid request: the body is not valid JSON");
    let deep = "[".repeat(30_000);
    for body in [
        "{",
        "{'a':1}",
        "7",
        "\"x\"",
        "[1]",
        "{} {}",
        r#"{"label":"\ud800"}"#,
        r#"{"label":"a","LABEL":"b"}"#,
        &deep,
    ] {
        let asked = answer(server.call(&consumer, Method::POST, "/totp").body(body.to_owned())).await;
        assert_eq!(asked, malformed, "{body:.20}");
        let stranger = answer(server.request(Method::POST, "/totp").body(body.to_owned())).await;
        assert_eq!(stranger, error(401, "unauthorized", "Unauthorized"));
    }
    let not_utf8 = server.call(&consumer, Method::POST, "/totp").body(&b"{\"label\":\"\xff\"}"[..]);
    assert_eq!(answer(not_utf8).await, malformed);
}

#[tokio::test]
async fn wrong_types_are_a_400() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    for (body, code) in [
        (json!({"label": {}}), "invalid-text"),
        (json!({"label": "a", "issuer": ["b"]}), "invalid-text"),
        (json!({"label": true}), "invalid-text"),
        (json!({"label": ""}), "label-required"),
        (json!({"label": "", "issuer": ""}), "label-required"),
        (json!({"label": "a", "algorithm": "MD5"}), "invalid-algorithm"),
        (json!({"label": "a", "digits": 7}), "invalid-digits"),
        (json!({"label": "a", "digits": "6"}), "invalid-digits"),
        (json!({"label": "a", "period": -30}), "invalid-period"),
        (json!({"label": "a", "period": 1e9}), "invalid-period"),
        (json!({"label": "x".repeat(3000)}), "label-too-long"),
    ] {
        let (status, answer) = answer(server.call(&consumer, Method::POST, "/totp").json(&body)).await;
        assert_eq!((status, answer["code"].as_str()), (400, Some(code)), "{body:.40}");
    }
}

#[tokio::test]
async fn a_body_over_64_kib_is_a_413() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let fits = format!("{{\"label\":\"a\",\"x\":\"{}\"}}", "x".repeat(64 * 1024 - 20));
    assert_eq!(answer(server.call(&consumer, Method::POST, "/totp").body(fits)).await.0, 200);
    let (status, body) =
        answer(server.call(&consumer, Method::POST, "/totp").body("x".repeat(64 * 1024 + 1))).await;
    assert_eq!((status, body["code"].as_str()), (413, Some("too-large")));

    // Without a length, in chunks.
    let head = format!(
        "POST /totp HTTP/1.1\r\nhost: x\r\nx-mfa-apikey: {}\r\nx-mfa-apisecret: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        consumer.key, consumer.secret
    );
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    let answer = raw(&server, &[head.as_bytes(), chunk.repeat(5).as_bytes()].concat()).await;
    assert!(answer.starts_with("HTTP/1.1 413"), "{answer}");
}

#[tokio::test]
async fn odd_headers_are_a_401_and_absurd_ones_close_the_connection() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let good = (consumer.key.as_bytes(), consumer.secret.as_bytes());
    let long = vec![b'a'; 5_000];
    let pairs: [(&[u8], &[u8]); 9] = [
        (b"\xff\xfe", good.1),
        (good.0, b"\xc3\x28-\xff-not-utf-8"),
        (b"", good.1),
        (good.0, b""),
        (&long, good.1),
        (good.0, &long),
        (b"' OR 1=1; --", good.1),
        (good.0, b"J\xc3\xb6hann-J\xc3\xb6hann"),
        (&good.0[..39], good.1),
    ];
    let unauthorized = error(401, "unauthorized", "Unauthorized").1.to_string();
    let member = |body: &str| serde_json::from_str::<serde_json::Value>(body).unwrap().to_string();
    for (key, secret) in pairs {
        let request = [
            b"POST /totp HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\nx-mfa-apikey: ",
            key,
            b"\r\nx-mfa-apisecret: ",
            secret,
            b"\r\n\r\n{}",
        ]
        .concat();
        let answer = raw(&server, &request).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 401"), "{answer}");
        assert_eq!(member(body), unauthorized);
    }
    // A repeated header is ambiguous.
    let twice = server.call(&consumer, Method::POST, "/totp").header("x-mfa-apikey", &consumer.key);
    assert_eq!(answer(twice).await.0, 401);

    let huge = format!("GET /health/live HTTP/1.1\r\nhost: x\r\nx-big: {}\r\n\r\n", "a".repeat(100_000));
    let refused = raw(&server, huge.as_bytes()).await;
    assert!(refused.is_empty() || refused.starts_with("HTTP/1.1 431"), "{refused}");
    server.enrolled(&consumer).await;
}

/// R47, R49: other paths get errors in JSON, and nothing is cached.
#[tokio::test]
async fn other_routes_and_methods_are_404_and_405() {
    let server = TestServer::start().await;
    for path in ["/", "/api-keyXYZ", "/TOTP", "/totp/x/y/z", "/webauthn", "/api-key/a/b", "/%ff"] {
        let refused = answer(server.request(Method::GET, path)).await;
        assert_eq!(refused, error(404, "no-such-route", "There is no such route"), "{path}");
    }
    for (method, path) in
        [(Method::PUT, "/totp"), (Method::GET, "/totp/x/validate"), (Method::POST, "/health/live")]
    {
        let response = server.request(method, path).send().await.unwrap();
        assert_eq!(response.status(), 405);
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["content-type"], "application/json");
    }
    assert_eq!(answer(server.request(Method::GET, "/health/live")).await.0, 204);
    assert_eq!(answer(server.request(Method::GET, "/health/ready")).await.0, 204);
}

/// Sends raw bytes, and returns the response until the server closes.
async fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).await.unwrap();
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(Ok(read)) =
        tokio::time::timeout(std::time::Duration::from_millis(700), stream.read(&mut buffer)).await
    {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&buffer[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}
