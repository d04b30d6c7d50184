//! `/totp`, as `compat.md` §1.8 to §1.10 and §6 have it.

use std::time::Duration;

use data_encoding::BASE64;
use mfa_store_conformance::kit::service::code_at;
use reqwest::Method;
use serde_json::{Value, json};

use super::server::{NOW, TestServer, answer, error};

#[tokio::test]
async fn the_key_uri_is_the_predecessors() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    for (body, tail) in [
        ("", "totp/SecretKey?secret=K"),
        ("[]", "totp/SecretKey?secret=K"),
        ("{}", "totp/SecretKey?secret=K"),
        (
            r#"{"issuer":"ACME Inc.","label":"john_smith@example.com"}"#,
            "totp/ACME%20Inc.:john_smith%40example.com?secret=K&issuer=ACME%20Inc.",
        ),
        (r#"{"label":"x y+z\/é:&?#'()*!~"}"#, "totp/x%20y%2Bz%2F%C3%A9%3A%26%3F%23'()*!~?secret=K"),
        (r#"{"issuer":"A","label":""}"#, "totp/A:?secret=K&issuer=A"),
        (r#"{"label":null,"issuer":null}"#, "totp/null?secret=K"),
        (r#"{"label":7,"issuer":8}"#, "totp/8:7?secret=K&issuer=8"),
        (
            r#"{"label":"a","algorithm":"SHA256","digits":8,"period":60}"#,
            "totp/a?secret=K&algorithm=SHA256&digits=8&period=60",
        ),
    ] {
        let (status, enrolled) = answer(server.call(&consumer, Method::POST, "/totp").body(body)).await;
        assert_eq!(status, 200, "{body}: {enrolled}");
        let key = enrolled["totpKey"].as_str().unwrap();
        assert_eq!(key.len(), 32);
        let uri = enrolled["otpAuthUrl"].as_str().unwrap();
        assert_eq!(uri.replace(key, "K"), format!("otpauth://{tail}"), "{body}");
        assert_eq!(qr_text(&enrolled), uri, "{body}");
    }
}

/// R26: what the QR code says, read by a decoder that is not ours.
fn qr_text(enrolled: &Value) -> String {
    let url = enrolled["imageUrl"].as_str().unwrap();
    let png = BASE64.decode(url.strip_prefix("data:image/png;base64,").unwrap().as_bytes()).unwrap();
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let stride = reader.next_frame(&mut pixels).unwrap().line_size;
    let pixel = |x: usize, y: usize| if pixels[y * stride + x / 8] >> (7 - x % 8) & 1 == 1 { 255 } else { 0 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, pixel);
    image.detect_grids()[0].decode().unwrap().1
}

#[tokio::test]
async fn every_length_of_label_that_is_accepted_has_a_qr_code() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    for len in (1..2400).step_by(97).chain([2276, 2277, 2278, 2279]) {
        let request = server.call(&consumer, Method::POST, "/totp").json(&json!({"label": "x".repeat(len)}));
        let (status, body) = answer(request).await;
        if len <= 2276 {
            assert_eq!(status, 200, "{len}: {body}");
            assert_eq!(qr_text(&body), body["otpAuthUrl"].as_str().unwrap());
        } else {
            assert_eq!((status, body["code"].as_str()), (400, Some("label-too-long")), "{len}");
        }
    }
}

#[tokio::test]
async fn a_code_validates_once() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let (uuid, key) = server.enrolled(&consumer).await;
    let path = format!("/totp/{uuid}/validate");
    let validate =
        |code: &str| answer(server.call(&consumer, Method::POST, &path).json(&json!({"code": code})));
    let code = code_at(&key, NOW);

    assert_eq!(validate(&code).await, (200, json!({"message": "Valid", "status": 200})));
    let invalid = error(401, "code-not-accepted", "Invalid");
    assert_eq!(validate(&code).await, invalid);
    for lookalike in [format!("{}x", &code[1..]), format!("{code} "), "abc".to_owned()] {
        assert_eq!(validate(&lookalike).await, invalid);
    }
    let required = error(400, "code-required", "code (as a string) is required");
    for body in [
        "",
        "[]",
        r#"{"code":""}"#,
        r#"{"code":0}"#,
        r#"{"code":null}"#,
        r#"{"code":123456}"#,
        r#"{"code":["1"]}"#,
    ] {
        assert_eq!(answer(server.call(&consumer, Method::POST, &path).body(body)).await, required, "{body}");
    }
}

#[tokio::test]
async fn failures_are_throttled_told_and_reset() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let (uuid, key) = server.enrolled(&consumer).await;
    let path = format!("/totp/{uuid}/validate");
    let validate = |code: &str| server.call(&consumer, Method::POST, &path).json(&json!({"code": code}));
    let right = code_at(&key, NOW);
    let wrong = if right.starts_with('1') { "000000" } else { "111111" };
    for _ in 0..5 {
        assert_eq!(answer(validate(wrong)).await.0, 401);
    }
    server.clock.advance(Duration::from_millis(100));
    let throttled = validate(wrong).send().await.unwrap();
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "1");

    let (_, status) = answer(server.call(&consumer, Method::GET, &format!("/totp/{uuid}"))).await;
    assert_eq!(
        (&status["uuid"], &status["failures"], &status["retryAfter"]),
        (&json!(uuid), &json!(5), &json!(1))
    );
    assert!(!status.to_string().contains(&key));
    let reset = server.call(&consumer, Method::POST, &format!("/totp/{uuid}/reset"));
    assert_eq!(answer(reset).await, (204, json!(null)));
    assert_eq!(answer(validate(&right)).await.0, 200);
}

#[tokio::test]
async fn a_deleted_totp_is_not_there() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let (uuid, _) = server.enrolled(&consumer).await;
    let path = format!("/totp/{uuid}");
    assert_eq!(answer(server.call(&consumer, Method::DELETE, &path).body("[]")).await, (204, json!(null)));
    let gone = error(404, "totp-not-found", "No TOTP entry found with that uuid for that API Key.");
    assert_eq!(answer(server.call(&consumer, Method::DELETE, &path)).await, gone);
    assert_eq!(answer(server.call(&consumer, Method::GET, &path)).await, gone);
}

/// R45, R46: on every route, another consumer's id is answered like an unknown or malformed one.
#[tokio::test]
async fn another_consumers_totp_is_an_unknown_one() {
    let server = TestServer::start().await;
    let owner = server.consumer("owner@example.com").await;
    let stranger = server.consumer("stranger@example.com").await;
    let (uuid, key) = server.enrolled(&owner).await;
    let code = json!({"code": code_at(&key, NOW)});
    let routes =
        [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/validate"), (Method::POST, "/reset")];
    for (method, tail) in routes {
        let ask = |id: &str| {
            let request = server.call(&stranger, method.clone(), &format!("/totp/{id}{tail}"));
            answer(request.json(&code))
        };
        let unknown = ask("00000000-0000-4000-8000-000000000000").await;
        assert!(matches!(unknown.0, 401 | 404), "{unknown:?}");
        let braced = format!("%7B{uuid}%7D");
        let upper = uuid.to_uppercase();
        for id in [uuid.as_str(), &upper, &braced, "x", "..%2f", "%27%20OR%201=1", "%00"] {
            assert_eq!(ask(id).await, unknown, "{method} {id}{tail}");
        }
    }
    assert_eq!(
        answer(server.call(&owner, Method::POST, &format!("/totp/{uuid}/validate")).json(&code)).await.0,
        200
    );
}
