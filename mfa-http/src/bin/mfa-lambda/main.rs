//! The service as an AWS Lambda function, behind a REST API, an HTTP API or a function URL.
//!
//! Settings are those of `mfa-http`, from the environment. Lambda freezes the process between calls, so all
//! work ends before the response. Only the store's connections and the memo of verified secrets last from
//! call to call.

mod event;
mod path;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser as _;
use lambda_http::tower::{ServiceExt as _, service_fn};
use lambda_http::{Adapter, lambda_runtime};
use mfa_http::settings::{AnswerSettings, StoreSettings, admin_key};
use mfa_http::{AdminKey, App, logging, router};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Multi-factor authentication that many applications share, for AWS Lambda.
#[derive(Debug, clap::Parser)]
#[command(name = "mfa-lambda", version)]
struct Cli {
    #[command(flatten)]
    stores: StoreSettings,
    #[command(flatten)]
    answers: AnswerSettings,
}

#[tokio::main]
async fn main() -> ExitCode {
    let settings = Cli::parse();
    logging::start();
    match run(&settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(error = error.as_ref() as &dyn Error, "the function cannot run");
            ExitCode::FAILURE
        }
    }
}

#[expect(
    clippy::future_not_send,
    reason = "it runs in `main`; an answer's body cannot be shared between threads"
)]
async fn run(settings: &Cli) -> Result<(), Box<dyn Error + Send + Sync>> {
    if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
        return Err("mfa-lambda runs in AWS Lambda; elsewhere run mfa-http".into());
    }
    // Do not generate a key here: it would end up in the log, which many can read.
    let admin_key = admin_key()?.unwrap_or_else(AdminKey::of_nobody);
    let (mfa, metrics) = settings.stores.mfa_with_metrics().await?;
    let app = App::new(mfa, admin_key).store_metrics(&metrics);
    let router = router(settings.answers.apply(app));
    let service = service_fn(move |request| router.clone().oneshot(event::with_source(request)));
    lambda_runtime::run(Adapter::from(service).map_request(event::prepared)).await
}
