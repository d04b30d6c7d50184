//! `mfa-simulator` as the integration test of a consumer uses it: with this service, over HTTP.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use data_encoding::BASE64URL_NOPAD;
use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_http::{AdminKey, App, router};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;

const ORIGIN: &str = "https://login.example.com";

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfa-simulator"));
    command.env_remove("MFA_SIMULATOR_LISTEN");
    command
}

/// The program on a free port; killed when dropped.
struct Simulator {
    child: Child,
    url: String,
}

impl Simulator {
    fn start() -> Self {
        let listen = ["--listen", "127.0.0.1:0"];
        let mut child = program().args(listen).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("mfa-simulator listens on ").unwrap().to_owned();
        Self { child, url }
    }

    fn request(&self, path: &str) -> RequestBuilder {
        Client::new().post(format!("{}{path}", self.url))
    }

    async fn answer(&self, path: &str, options: &Value) -> Value {
        let (status, answered) = answer(self.request(path).json(options)).await;
        assert_eq!(status, 200, "{path}: {answered}");
        answered
    }

    /// The registration of the Go predecessor's simulator.
    async fn register(&self, rp_id: &str, body: Value) -> Value {
        let request = self.request("/u2f/registration").json(&body);
        let request = request.header("x-mfa-RPID", rp_id).header("x-mfa-RPOrigin", rp_id);
        let (status, answered) = answer(request.header("x-mfa-UserUUID", "the-user")).await;
        assert_eq!(status, 200, "{answered}");
        answered
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body = response.bytes().await.unwrap();
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{status} without JSON: {body:?}")))
}

/// A consumer of this service, with a relying party.
struct Consumer {
    url: String,
    key: String,
    secret: String,
    rp_id: &'static str,
    origin: &'static str,
}

impl Consumer {
    async fn new(rp_id: &'static str, origin: &'static str) -> Self {
        let mfa = Mfa::builder(MemoryStore::default()).build();
        let key = mfa.create_api_key("dev@example.com").await.unwrap();
        let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = router(App::new(mfa, AdminKey::new("an-admin-key-for-tests".to_owned())));
        tokio::spawn(async { axum::serve(listener, app).await });
        Self { url, key: key.as_str().to_owned(), secret: secret.expose_text().to_owned(), rp_id, origin }
    }

    async fn call(&self, method: Method, path: &str, user: &str, body: &Value) -> (u16, Value) {
        let request = Client::new().request(method, format!("{}{path}", self.url)).json(body);
        let request = request.header("x-mfa-apikey", &self.key).header("x-mfa-apisecret", &self.secret);
        let request = request.header("x-mfa-RPDisplayName", "Acme").header("x-mfa-RPID", self.rp_id);
        let request = request.header("x-mfa-RPOrigin", self.origin).header("x-mfa-Username", "jo");
        answer(request.header("x-mfa-UserDisplayName", "Jo").header("x-mfa-UserUUID", user)).await
    }

    async fn begin_registration(&self) -> (String, Value) {
        let (status, options) = self.call(Method::POST, "/webauthn/register", "", &json!([])).await;
        assert_eq!(status, 200, "{options}");
        (options["uuid"].as_str().unwrap().to_owned(), options)
    }

    /// A registration by the simulator, with what its `query` chooses. The user and the server's answer.
    async fn register(&self, simulator: &Simulator, query: &str) -> (String, (u16, Value)) {
        let (user, options) = self.begin_registration().await;
        let created = simulator.answer(&format!("/webauthn/create?{query}"), &options).await;
        let done = self.call(Method::PUT, "/webauthn/register", &user, &created).await;
        (user, done)
    }

    async fn log_in(&self, simulator: &Simulator, user: &str, query: &str) -> (u16, Value) {
        let (status, options) = self.call(Method::POST, "/webauthn/login", user, &json!([])).await;
        assert_eq!(status, 200, "{options}");
        let asserted = simulator.answer(&format!("/webauthn/get?{query}"), &options).await;
        self.call(Method::PUT, "/webauthn/login", user, &asserted).await
    }
}

/// The flags and the counter of an answer.
fn flags_and_counter(answer: &Value) -> (u8, u32) {
    let data = BASE64URL_NOPAD.decode(answer["response"]["authenticatorData"].as_str().unwrap().as_bytes());
    let data = data.unwrap();
    (data[32], u32::from_be_bytes(data[33..37].try_into().unwrap()))
}

fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

fn creation() -> Value {
    json!({
        "rp": {"id": "example.com", "name": "Acme"},
        "user": {"id": "AQID", "name": "jo", "displayName": "Jo"},
        "challenge": "AAAAAAAAAAAAAAAAAAAAAA",
        "pubKeyCredParams": [{"type": "public-key", "alg": -65535}, {"type": "public-key", "alg": -257}],
    })
}

fn request() -> Value {
    json!({"challenge": "AAAAAAAAAAAAAAAAAAAAAA", "rpId": "example.com"})
}

#[tokio::test]
async fn keys_of_every_algorithm_register_and_log_in() {
    let (simulator, consumer) = (Simulator::start(), Consumer::new("example.com", ORIGIN).await);
    for (name, identifier) in [("ES256", -7), ("ES384", -35), ("ES512", -36), ("EdDSA", -8), ("RS256", -257)]
    {
        let (user, options) = consumer.begin_registration().await;
        let path = format!("/webauthn/create?algorithm={name}&origin={ORIGIN}");
        let created = simulator.answer(&path, &options).await;
        assert_eq!(created["response"]["publicKeyAlgorithm"], identifier);
        let (status, done) = consumer.call(Method::PUT, "/webauthn/register", &user, &created).await;
        let offered = options["publicKey"]["pubKeyCredParams"].as_array().unwrap();
        if !offered.iter().any(|offer| offer["alg"] == identifier) {
            assert_eq!(status, 400, "{name} was not offered: {done}");
            continue;
        }
        assert_eq!(status, 200, "{name}: {done}");
        for _ in 0..2 {
            let (status, done) = consumer.log_in(&simulator, &user, &format!("origin={ORIGIN}")).await;
            assert_eq!(status, 200, "{name}: {done}");
        }
    }
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused() {
    let (simulator, consumer) =
        (Simulator::start(), Consumer::new("example.com", "https://example.com").await);
    let (user, done) = consumer.register(&simulator, "counter=5").await;
    assert_eq!(done.0, 200, "{}", done.1);
    for (query, expected) in
        [("", 200), ("counter=6", 400), ("counter=5", 400), ("counter=900", 200), ("", 200)]
    {
        let (status, done) = consumer.log_in(&simulator, &user, query).await;
        assert_eq!(status, expected, "{query}: {done}");
        assert_eq!(done["code"] == "sign-count", expected == 400, "{query}: {done}");
    }
}

#[tokio::test]
async fn an_answer_of_another_origin_is_refused() {
    let (simulator, consumer) = (Simulator::start(), Consumer::new("example.com", ORIGIN).await);
    for (origin, expected) in [("https://badexample.com", 400), (ORIGIN, 200)] {
        let (_, (status, done)) = consumer.register(&simulator, &format!("origin={origin}")).await;
        assert_eq!(status, expected, "{origin}: {done}");
        assert_eq!(done["code"] == "origin", expected == 400, "{done}");
    }
}

/// With the RP ID that is an origin, as the Go predecessor's clients test.
#[tokio::test]
async fn a_registration_of_the_go_simulator_is_accepted_and_logs_in() {
    let (simulator, consumer) = (Simulator::start(), Consumer::new("http://app99", "http://app99").await);
    for body in [json!({}), json!({"keyHandle": ""}), json!({"keyHandle": "my-key"})] {
        let (user, options) = consumer.begin_registration().await;
        let mut body = body;
        body["challenge"] = options["publicKey"]["challenge"].clone();
        let created = simulator.register("http://app99", body).await;
        assert_eq!(
            members(&created),
            ["clientExtensionResults", "id", "rawId", "response", "transports", "type"]
        );
        assert_eq!(
            members(&created["response"]),
            ["attestationObject", "authenticatorData", "clientDataJSON"]
        );
        assert_eq!((&created["id"], &created["rawId"]), (&json!("the-user"), &json!("the-user")));
        assert_eq!(flags_and_counter(&created), (0x41, 0));
        let (status, done) = consumer.call(Method::PUT, "/webauthn/register", &user, &created).await;
        assert_eq!(status, 200, "{done}");
        let (status, done) = consumer.log_in(&simulator, &user, "").await;
        assert_eq!(status, 200, "{done}");
    }
}

#[tokio::test]
async fn answers_have_the_members_of_webauthn_l3() {
    let simulator = Simulator::start();
    for options in [creation(), json!({"publicKey": creation()})] {
        let created = simulator.answer("/webauthn/create", &options).await;
        assert_eq!(members(&created), ["clientExtensionResults", "id", "rawId", "response", "type"]);
        let all = [
            "attestationObject",
            "authenticatorData",
            "clientDataJSON",
            "publicKey",
            "publicKeyAlgorithm",
            "transports",
        ];
        assert_eq!(members(&created["response"]), all);
        assert_eq!(created["response"]["publicKeyAlgorithm"], -257, "the first offer that it knows");
    }
    for options in [request(), json!({"publicKey": request()})] {
        let asserted = simulator.answer("/webauthn/get", &options).await;
        assert_eq!(members(&asserted), ["clientExtensionResults", "id", "rawId", "response", "type"]);
        let all = ["authenticatorData", "clientDataJSON", "signature", "userHandle"];
        assert_eq!(members(&asserted["response"]), all);
        assert_eq!(asserted["response"]["userHandle"], "AQID");
    }
}

#[tokio::test]
async fn the_caller_chooses_flags_counter_and_credential() {
    let simulator = Simulator::start();
    let create = async |query: &str| {
        let path = format!("/webauthn/create?algorithm=ES256&{query}");
        simulator.answer(&path, &creation()).await
    };
    assert_eq!(flags_and_counter(&create("").await), (0x45, 0));
    let first = create("userVerified=false&backupEligible=true&backedUp=true&counter=7").await;
    assert_eq!(flags_and_counter(&first), (0x59, 7));
    let second = create("userPresent=false&userVerified=false").await;
    assert_eq!(flags_and_counter(&second), (0x40, 0));

    let get = async |options: &Value, query: &str| {
        let asserted = simulator.answer(&format!("/webauthn/get?{query}"), options).await;
        let (flags, counter) = flags_and_counter(&asserted);
        (asserted["id"].clone(), flags, counter)
    };
    let (id_1, id_2) = (first["id"].clone(), second["id"].clone());
    assert_eq!(get(&request(), "").await, (id_2, 0, 1), "the newest");
    let mut allowed = request();
    allowed["allowCredentials"] =
        json!([{"type": "public-key", "id": "AAAA"}, {"type": "public-key", "id": id_1}]);
    assert_eq!(get(&allowed, "").await, (id_1.clone(), 0x19, 8), "the flags of its last answer");
    let named = format!("credential={}&userVerified=true&counter=0", id_1.as_str().unwrap());
    assert_eq!(get(&request(), &named).await, (id_1.clone(), 0x1d, 0));
    assert_eq!(get(&allowed, "").await, (id_1, 0x1d, 1));
}

/// A key of an AppID answers by it where the options name it, and says so.
#[tokio::test]
async fn a_key_of_an_app_id_answers_by_it() {
    let simulator = Simulator::start();
    let app_id = "https://app.example.com";
    simulator.register(app_id, json!({"challenge": "AAAA"})).await;
    let mut options = request();
    assert_eq!(answer(simulator.request("/webauthn/get").json(&options)).await.0, 404);
    options["extensions"] = json!({"appid": app_id});
    let asserted = simulator.answer("/webauthn/get", &options).await;
    assert_eq!(asserted["clientExtensionResults"], json!({"appid": true}));
    let data = BASE64URL_NOPAD.decode(asserted["response"]["authenticatorData"].as_str().unwrap().as_bytes());
    assert_eq!(data.unwrap()[..32], Sha256::digest(app_id)[..]);
}

#[tokio::test]
async fn what_it_cannot_answer_says_what_to_do() {
    let simulator = Simulator::start();
    let mut without_challenge = creation();
    without_challenge.as_object_mut().unwrap().remove("challenge");
    let mut standard_base64 = request();
    standard_base64["challenge"] = "+/+/".into();
    let mut unknown_algorithm = creation();
    unknown_algorithm["pubKeyCredParams"] = json!([{"type": "public-key", "alg": -65535}]);
    let mut nowhere = creation();
    nowhere["rp"] = json!({"name": "Acme"});
    for (path, body, expected, part) in [
        ("/webauthn/create", json!("text"), 400, "send what the server answered"),
        ("/webauthn/create", without_challenge, 400, "missing field `challenge`"),
        ("/webauthn/create", unknown_algorithm, 400, "choose one, as ?algorithm=ES256"),
        ("/webauthn/create", nowhere.clone(), 400, "name the page, as ?origin=https://login.example.com"),
        ("/webauthn/create?algorithm=ES257", creation(), 400, "`ES256`, `ES384`, `ES512`, `EdDSA`, `RS256`"),
        ("/webauthn/create?verified=true", creation(), 400, "`userVerified`"),
        ("/webauthn/create?counter=-1", creation(), 400, "counter: invalid digit"),
        ("/webauthn/create?counter=4294967295", creation(), 400, "choose a smaller one"),
        ("/webauthn/create?credential=AAAA", creation(), 400, "leave ?credential out"),
        ("/webauthn/get", standard_base64, 400, "challenge is not base64url without padding"),
        ("/webauthn/get?algorithm=ES256", request(), 400, "choose it at /webauthn/create"),
        ("/webauthn/get", request(), 404, "no credential of RP ID example.com fits"),
        ("/u2f/registration", json!({}), 400, "missing field `challenge`"),
        ("/u2f/registration", json!({"challenge": "AAAA"}), 400, "the header x-mfa-RPID is missing"),
        ("/u2f/sign", json!({}), 404, "the simulator has POST /webauthn/create"),
    ] {
        let (status, answered) = answer(simulator.request(path).json(&body)).await;
        let message = answered["message"].as_str().unwrap();
        assert!(status == expected && message.contains(part), "{path} {body}: {status} {message}");
    }
    simulator.answer("/webauthn/create?origin=https://login.example.com:8443", &nowhere).await;

    let (status, answered) = answer(simulator.request("/webauthn/get").body("{")).await;
    assert_eq!(status, 400);
    assert!(answered["message"].as_str().unwrap().starts_with("the body is not JSON"), "{answered}");
    let (status, answered) = answer(Client::new().get(format!("{}/webauthn/get", simulator.url))).await;
    assert_eq!(status, 405, "{answered}");
    let long = json!({"challenge": "AAAA", "keyHandle": "x".repeat(256)});
    let request = simulator.request("/u2f/registration").json(&long);
    let request =
        request.header("x-mfa-RPID", "a").header("x-mfa-RPOrigin", "a").header("x-mfa-UserUUID", "a");
    let (status, answered) = answer(request).await;
    assert_eq!(status, 400, "{answered}");
    assert!(answered["message"].as_str().unwrap().contains("255 bytes"), "{answered}");
}

#[test]
fn it_listens_on_this_machine_only() {
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:8081", "[::ffff:0.0.0.0]:0"] {
        for by_environment in [false, true] {
            let mut command = program();
            if by_environment {
                command.env("MFA_SIMULATOR_LISTEN", address);
            } else {
                command.args(["--listen", address]);
            }
            let output = command.output().unwrap();
            let said = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{address}: {said}");
            let expected = "it signs for everyone who reaches it, so only this machine may";
            assert!(
                said.starts_with("mfa-simulator: refuses to listen on ") && said.contains(expected),
                "{said}"
            );
            assert!(output.stdout.is_empty());
        }
    }
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = program().args(["--listen", &address]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains(&format!("cannot listen on {address}: Address already in use")), "{said}");
}
