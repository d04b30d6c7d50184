//! The parts of Lambda's runtime API that a function uses, and the function under it.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::collections::HashMap;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};

/// The function's response to an event, or its error.
type Outcome = Result<Value, Value>;

type Asked = Arc<Mutex<HashMap<String, oneshot::Sender<Outcome>>>>;

#[derive(Clone)]
struct Api {
    events: Arc<tokio::sync::Mutex<mpsc::UnboundedReceiver<(String, Value)>>>,
    asked: Asked,
}

/// The function in its execution environment; killed when dropped.
pub(crate) struct Function {
    events: mpsc::UnboundedSender<(String, Value)>,
    asked: Asked,
    child: Child,
    folder: TempDir,
}

impl Function {
    /// Starts the function with these settings and nothing else of ours in its environment.
    pub(crate) async fn start(settings: &[(&str, &str)]) -> Self {
        let (events, received) = mpsc::unbounded_channel();
        let asked = Asked::default();
        let api = Api { events: Arc::new(tokio::sync::Mutex::new(received)), asked: Arc::clone(&asked) };
        let api = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(error))
            .with_state(api);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        tokio::spawn(axum::serve(listener, api).into_future());

        let folder = tempfile::tempdir().unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_mfa-lambda"))
            .env_clear()
            .envs(settings.iter().copied())
            .envs([("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")])
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .envs([("AWS_LAMBDA_FUNCTION_NAME", "mfa"), ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")])
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")
            .env("RUST_LOG", "debug")
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { events, asked, child, folder }
    }

    /// Hands the function an event, as Lambda does.
    pub(crate) async fn invoke(&self, event: Value) -> Outcome {
        let id = mfa_test_servers::unique_name();
        let (answer, answered) = oneshot::channel();
        self.asked.lock().unwrap().insert(id.clone(), answer);
        self.events.send((id, event)).unwrap();
        let patience = std::time::Duration::from_secs(60);
        match tokio::time::timeout(patience, answered).await {
            Ok(outcome) => outcome.unwrap(),
            Err(_) => panic!("no answer; the function said:\n{}", self.log()),
        }
    }

    /// Both of its outputs, which Lambda keeps.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// The CPU time that it has used so far, in ticks of 10 ms: utime and stime of proc(5).
    pub(crate) fn ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }

    /// The log of a function that exited.
    pub(crate) fn ended(mut self) -> (Option<i32>, String) {
        (self.child.wait().unwrap().code(), self.log())
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn next(State(api): State<Api>) -> impl IntoResponse {
    let (id, event) = api.events.lock().await.recv().await.unwrap();
    let headers = [
        ("lambda-runtime-aws-request-id", id),
        ("lambda-runtime-deadline-ms", "4102444800000".to_owned()),
        ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:1:function:mfa".to_owned()),
        ("lambda-runtime-trace-id", "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Sampled=0".to_owned()),
    ];
    (headers, event.to_string())
}

async fn response(State(api): State<Api>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    settle(&api, &id, Ok(serde_json::from_slice(&body).unwrap()))
}

async fn error(State(api): State<Api>, Path(id): Path<String>, body: Bytes) -> StatusCode {
    settle(&api, &id, Err(serde_json::from_slice(&body).unwrap()))
}

fn settle(api: &Api, id: &str, outcome: Outcome) -> StatusCode {
    let answer = api.asked.lock().unwrap().remove(id).unwrap();
    answer.send(outcome).unwrap();
    StatusCode::ACCEPTED
}
