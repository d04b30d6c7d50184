//! An authenticator and a browser in software, for the integration tests of a consumer: `docs/simulator.md`.

mod choices;
mod credentials;
mod options;
mod refusal;
mod routes;
mod u2f;

use std::error::Error;
use std::io::Write as _;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser as _;
use tokio::net::TcpListener;

/// Answers WebAuthn ceremonies in place of a browser and an authenticator, for tests.
#[derive(Debug, clap::Parser)]
#[command(name = "mfa-simulator", version)]
struct Cli {
    /// Address to listen on, of this machine only
    #[arg(long, env = "MFA_SIMULATOR_LISTEN", default_value = "127.0.0.1:8081")]
    listen: SocketAddr,
}

#[tokio::main]
async fn main() -> ExitCode {
    match serve(Cli::parse().listen).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // If standard error is closed, there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "mfa-simulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(listen: SocketAddr) -> Result<(), Box<dyn Error>> {
    if !listen.ip().is_loopback() {
        return Err(format!(
            "refuses to listen on {listen}: it signs for everyone who reaches it, so only this machine may. \
             Listen on 127.0.0.1 or [::1]; for a test in another container, share its network"
        )
        .into());
    }
    let listener =
        TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let mut out = std::io::stdout();
    writeln!(out, "mfa-simulator listens on http://{}", listener.local_addr()?)?;
    out.flush()?;
    Ok(axum::serve(listener, routes::router()).await?)
}
