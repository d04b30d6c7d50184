//! The contract: the committed file matches the handlers, and its examples match their responses.

use std::collections::BTreeMap;
use std::path::Path;

use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator, SoftU2fKey};
use mfa_store_conformance::kit::authenticator::{Key, certificate};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::program::{Process, output, program};
use super::server::{ADMIN_KEY, TestServer, answer};
use super::stores::client::Consumer;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/openapi/examples.json");
pub(crate) const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
const ORIGIN: &str = "https://login.example.com";

#[test]
fn the_committed_contract_is_the_handlers() {
    let printed = output(Path::new("/"), &["openapi"]);
    let committed = std::fs::read_to_string(COMMITTED).unwrap();
    let remedy = "run: cargo run -p mfa-http -- openapi > docs/openapi.json";
    assert!(committed.trim_end() == printed, "docs/openapi.json is out of date; {remedy}");
}

/// The server serves every operation, and a reader from its own files.
#[tokio::test]
async fn the_server_serves_it() {
    let server = TestServer::start().await;
    let served = server.request(Method::GET, "/openapi.json").send().await.unwrap().text().await.unwrap();
    let contract: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(contract["openapi"], "3.1.0");
    for (path, item) in contract["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let status = server.request(method.clone(), path).send().await.unwrap().status().as_u16();
            assert!(status != 404 && status != 405, "{method} {path}: {status}");
        }
    }
    let page = server.request(Method::GET, "/docs/").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let html = page.text().await.unwrap();
    let links: Vec<&str> =
        html.split(['"', '\'']).filter(|text| text.ends_with(".js") || text.ends_with(".css")).collect();
    assert!(links.len() >= 3, "{html}");
    for link in links {
        assert!(!link.contains("//"), "{link} is not our own");
        let link = link.trim_start_matches("./");
        let file = server.request(Method::GET, &format!("/docs/{link}")).send().await.unwrap();
        assert_eq!(file.status(), 200, "{link}");
    }
}

/// Responses to a consumer and an administrator, by method, contract path and status.
struct Heard {
    answers: BTreeMap<String, Value>,
    contract: Value,
}

impl Heard {
    async fn ask(&mut self, method: &str, path: &str, request: RequestBuilder) -> Value {
        let (status, body) = answer(request).await;
        let documented =
            &self.contract["paths"][path][method.to_lowercase()]["responses"][status.to_string()];
        assert!(documented.is_object(), "{method} {path} answers {status}, which is not documented: {body}");
        if !body.is_null() {
            self.answers
                .entry(format!("{method} {path} {status}"))
                .or_insert_with(|| shortened(body.clone()));
        }
        body
    }
}

/// A QR code's image is too long for an example.
fn shortened(mut body: Value) -> Value {
    if body["imageUrl"].is_string() {
        body["imageUrl"] = json!("data:image/png;base64,…");
    }
    body
}

/// Whether `schema` describes every member of `value`.
fn describes(contract: &Value, schema: &Value, value: &Value) -> bool {
    if let Some(name) = schema["$ref"].as_str() {
        let pointer = name.strip_prefix('#').unwrap();
        return describes(contract, contract.pointer(pointer).unwrap(), value);
    }
    if let Some(parts) = schema["allOf"].as_array() {
        return parts.iter().any(|part| describes(contract, part, value));
    }
    match value {
        Value::Object(members) => members.iter().all(|(name, member)| {
            let property = &schema["properties"][name];
            property.is_object() && describes(contract, property, member)
        }),
        Value::Array(items) => items.iter().all(|item| describes(contract, &schema["items"], item)),
        _ => true,
    }
}

/// Whether two answers have the same members, of the same types.
fn same_shape(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            left.keys().eq(right.keys()) && left.values().zip(right.values()).all(|(l, r)| same_shape(l, r))
        }
        (Value::Array(left), Value::Array(right)) => match (left.first(), right.first()) {
            (Some(left), Some(right)) => same_shape(left, right),
            (left, right) => left.is_none() == right.is_none(),
        },
        _ => std::mem::discriminant(left) == std::mem::discriminant(right),
    }
}

#[tokio::test]
async fn the_examples_are_real_answers() {
    let folder = tempfile::tempdir().unwrap();
    let server = Process::spawn(program(folder.path()).args(["--store", "memory://"]));
    let contract = serde_json::from_str(&std::fs::read_to_string(COMMITTED).unwrap()).unwrap();
    let mut heard = Heard { answers: BTreeMap::new(), contract };
    api_keys(&mut heard, &server).await;
    let consumer = Consumer::new(&[&server]).await;
    totp(&mut heard, &consumer).await;
    webauthn(&mut heard, &consumer).await;
    u2f(&mut heard, &consumer).await;

    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        std::fs::write(EXAMPLES, serde_json::to_string_pretty(&heard.answers).unwrap() + "\n").unwrap();
    }
    let examples: BTreeMap<String, Value> =
        serde_json::from_str(&std::fs::read_to_string(EXAMPLES).unwrap()).unwrap();
    let remedy = "run this test with UPDATE_EXAMPLES=1, then print the contract anew";
    assert!(examples.keys().eq(heard.answers.keys()), "{remedy}");
    for (name, example) in &examples {
        assert!(same_shape(example, &heard.answers[name]), "{name} has changed; {remedy}");
    }
    for (path, item) in heard.contract["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let content = &operation["responses"]["200"]["content"]["application/json"];
            let name = format!("{} {path} 200", method.to_uppercase());
            assert!(content.is_null() || examples.contains_key(&name), "{name} has no example");
            for (status, response) in operation["responses"].as_object().unwrap() {
                let name = format!("{} {path} {status}", method.to_uppercase());
                let Some(answer) = heard.answers.get(&name) else { continue };
                let schema = &response["content"]["application/json"]["schema"];
                assert!(
                    describes(&heard.contract, schema, answer),
                    "{name} has members of its own: {answer}"
                );
            }
        }
    }
}

async fn api_keys(heard: &mut Heard, server: &Process) {
    let client = reqwest::Client::new();
    let admin = |method, path: &str| {
        client.request(method, format!("{}{path}", server.url)).header("x-api-key", ADMIN_KEY)
    };
    let mut keys = Vec::new();
    for n in 0..2 {
        let email = format!("dev{n}@example.com");
        heard.ask("POST", "/api-key", admin(Method::POST, "/api-key").json(&json!({"email": email}))).await;
        let listed = heard.ask("GET", "/api-key", admin(Method::GET, "/api-key")).await;
        let listed = listed["keys"].as_array().unwrap().clone();
        let key = listed.iter().find(|key| key["email"] == email.as_str()).unwrap()["value"].clone();
        let activate = admin(Method::POST, "/api-key/activate").json(&json!({"email": email, "apiKey": key}));
        let activated = heard.ask("POST", "/api-key/activate", activate).await;
        keys.push((key, activated["apiSecret"].clone()));
    }
    let refused = client.get(format!("{}/api-key", server.url));
    heard.ask("GET", "/api-key", refused).await;
    let rotation = json!({"oldKeyId": keys[0].0, "oldKeySecret": keys[0].1,
                          "newKeyId": keys[1].0, "newKeySecret": keys[1].1});
    let rotate = client.post(format!("{}/api-key/rotate", server.url)).json(&rotation);
    heard.ask("POST", "/api-key/rotate", rotate).await;
    let path = format!("/api-key/{}", keys[0].0.as_str().unwrap());
    heard.ask("DELETE", "/api-key/{value}", admin(Method::DELETE, &path)).await;
    heard.ask("DELETE", "/api-key/{value}", admin(Method::DELETE, "/api-key/0000")).await;
}

async fn totp(heard: &mut Heard, consumer: &Consumer) {
    use mfa_core::clock::{Clock as _, SystemClock};
    use mfa_store_conformance::kit::service::code_at;

    let body = json!({"issuer": "Acme", "label": "jo@example.com"});
    let enrolled = heard.ask("POST", "/totp", consumer.request(Method::POST, "/totp").json(&body)).await;
    let path = format!("/totp/{}", enrolled["uuid"].as_str().unwrap());
    let code = json!({"code": code_at(enrolled["totpKey"].as_str().unwrap(), SystemClock.now())});
    for _ in 0..2 {
        let validate = consumer.request(Method::POST, &format!("{path}/validate")).json(&code);
        heard.ask("POST", "/totp/{uuid}/validate", validate).await;
    }
    heard.ask("GET", "/totp/{uuid}", consumer.request(Method::GET, &path)).await;
    let reset = consumer.request(Method::POST, &format!("{path}/reset"));
    heard.ask("POST", "/totp/{uuid}/reset", reset).await;
    for _ in 0..2 {
        heard.ask("DELETE", "/totp/{uuid}", consumer.request(Method::DELETE, &path)).await;
    }
}

async fn webauthn(heard: &mut Heard, consumer: &Consumer) {
    let mut authenticator = SoftAuthenticator::new(-7);
    let (register, login) = ("/webauthn/register", "/webauthn/login");
    let options = heard.ask("POST", register, consumer.about("", Method::POST, register)).await;
    let user = options["uuid"].as_str().unwrap();
    let created = authenticator.create(&Browser::new(ORIGIN, &options));
    let finish = || consumer.about(user, Method::PUT, register).json(&created);
    let registered = heard.ask("PUT", register, finish()).await;
    heard.ask("PUT", register, finish()).await;
    authenticator.counter = 2;
    let options = heard.ask("POST", login, consumer.about(user, Method::POST, login)).await;
    let asserted = authenticator.get(&Browser::new(ORIGIN, &options));
    heard.ask("PUT", login, consumer.about(user, Method::PUT, login).json(&asserted)).await;
    let hash = registered["key_handle_hash"].as_str().unwrap();
    let path = format!("/webauthn/credential/{hash}");
    let rename = consumer.about(user, Method::PATCH, &path).json(&json!({"label": "Jo's laptop"}));
    heard.ask("PATCH", "/webauthn/credential/{id}", rename).await;
    heard.ask("GET", "/webauthn/user", consumer.about(user, Method::GET, "/webauthn/user")).await;
    for _ in 0..2 {
        let delete = consumer.about(user, Method::DELETE, &path);
        heard.ask("DELETE", "/webauthn/credential/{id}", delete).await;
    }
    heard.ask("DELETE", "/webauthn/user", consumer.about(user, Method::DELETE, "/webauthn/user")).await;
}

async fn u2f(heard: &mut Heard, consumer: &Consumer) {
    let begin = consumer.request(Method::POST, "/u2f").json(&json!({"appId": ORIGIN}));
    let begun = heard.ask("POST", "/u2f", begin).await;
    let path = format!("/u2f/{}", begun["uuid"].as_str().unwrap());
    let (mut key, maker) = (SoftU2fKey::new(), Key::generate(-7));
    let challenge = begun["challenge"]["challenge"].as_str().unwrap();
    let typ = "navigator.id.finishEnrollment";
    let answered = key.register(typ, ORIGIN, ORIGIN, challenge, &certificate(&maker), &maker);
    let finish = consumer.request(Method::PUT, &path).json(&json!({"signResult": answered}));
    heard.ask("PUT", "/u2f/{uuid}", finish).await;
    let auth = format!("{path}/auth");
    let asked = heard.ask("POST", "/u2f/{uuid}/auth", consumer.request(Method::POST, &auth)).await;
    let challenge = asked["challenge"].as_str().unwrap();
    let signed = key.authenticate("navigator.id.getAssertion", ORIGIN, ORIGIN, challenge);
    let finish = consumer.request(Method::PUT, &auth).json(&json!({"signResult": signed}));
    heard.ask("PUT", "/u2f/{uuid}/auth", finish).await;
    heard.ask("DELETE", "/u2f/{uuid}", consumer.request(Method::DELETE, &path)).await;
}
