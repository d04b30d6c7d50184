//! `mfa-http serve`

use mfa_core::random::{OsRandom, SecureRandom as _};
use mfa_http::demo::Demo;
use mfa_http::{AdminKey, App, router, server, settings};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, Settings, print};

#[derive(Debug, Default, clap::Args)]
pub(super) struct Serve {
    /// Serve a page at /demo to try the service in a browser
    #[arg(long)]
    demo: bool,
}

pub(super) async fn run(settings: &Settings, serve: &Serve) -> Outcome {
    let listener = TcpListener::bind(settings.listen)
        .await
        .map_err(|error| format!("cannot listen on {}: {error}", settings.listen))?;
    let (mfa, metrics) = settings.stores.mfa_with_metrics().await?;
    let app = settings.answers.apply(App::new(mfa, admin_key()?).store_metrics(&metrics));
    // Install the handlers before the demo makes its key, so that a stop revokes it. Install them before we
    // report that we listen, so that a supervisor may stop us at once.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let demo = if serve.demo { Some(Demo::begin(app.clone()).await?) } else { None };
    let address = listener.local_addr()?;
    print(&format!("mfa-http listens on http://{address}"))?;
    if demo.is_some() {
        print(&format!("try it: http://localhost:{}/demo", address.port()))?;
    }

    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let service = match &demo {
        Some(demo) => demo.router(app),
        None => router(app),
    };
    let served = server::serve(listener, service, server::Limits::default(), stop).await;
    if let Some(demo) = demo {
        demo.end().await?;
    }
    Ok(served?)
}

/// The operator's key, or one for this run that is printed once.
fn admin_key() -> Result<AdminKey, Box<dyn std::error::Error + Send + Sync>> {
    if let Some(key) = settings::admin_key()? {
        return Ok(key);
    }
    let mut bytes = [0; 20];
    OsRandom.fill(&mut bytes)?;
    let key = data_encoding::HEXLOWER.encode(&bytes);
    print(&format!("admin key for this run (header x-api-key): {key}"))?;
    Ok(AdminKey::new(key))
}
