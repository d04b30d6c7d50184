//! `/metrics` counts responses by route and status, and shows nothing that a client sent.

use reqwest::Method;
use serde_json::json;

use super::server::{TestServer, answer};

async fn read(server: &TestServer) -> String {
    let response = server.request(Method::GET, "/metrics").send().await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    assert_eq!(response.headers()["content-type"], kind);
    response.text().await.unwrap()
}

#[tokio::test]
async fn answers_are_counted_by_route() {
    let server = TestServer::start().await;
    let consumer = server.consumer("dev@example.com").await;
    let (totp, _) = server.enrolled(&consumer).await;
    for code in ["000000", "000001"] {
        let request = server.call(&consumer, Method::POST, &format!("/totp/{totp}/validate"));
        assert_eq!(answer(request.json(&json!({"code": code}))).await.0, 401);
    }
    for path in ["/canary-path", "/totp/canary-id/validate?canary=query"] {
        server.request(Method::from_bytes(b"CANARY").unwrap(), path).send().await.unwrap();
    }
    let text = read(&server).await;
    for line in [
        r#"mfa_http_requests_total{method="POST",route="/totp/{uuid}/validate",status="401"} 2"#,
        r#"mfa_http_requests_total{method="POST",route="/totp",status="200"} 1"#,
        r#"mfa_http_requests_total{method="other",route="none",status="404"} 1"#,
        r#"mfa_http_requests_total{method="other",route="/totp/{uuid}/validate",status="405"} 1"#,
        r#"mfa_http_request_duration_seconds_count{route="/totp/{uuid}/validate"} 3"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
    }
    assert!(text.ends_with("# EOF\n"));
    for secret in ["canary", "CANARY", &totp, &consumer.key, &consumer.secret, "dev@example.com"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}
