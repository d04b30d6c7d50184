//! `mfa-http store`

use super::{Outcome, Settings, print};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Refuse time steps and ceremonies from before now, for every API key. Do this after the store went back in
    /// time: a restored snapshot, or a fail-over to a replica that lagged. You may interrupt it and call it again
    RaiseFloor,
}

pub(super) async fn run(settings: &Settings, command: Command) -> Outcome {
    if settings.stores.url() == "memory://" {
        return Err("memory:// lives inside one server, and never goes back in time".into());
    }
    let mfa = settings.stores.mfa().await?;
    match command {
        Command::RaiseFloor => {
            let done = mfa.raise_floor().await?;
            for value in &done.damaged {
                tracing::error!(
                    "API key {value:.8}… cannot be read: it has no new floor, and cannot be used"
                );
            }
            print(&format!(
                "floor {} ms: raised for {} API keys; {} revoked, {} unreadable",
                done.not_before.as_millis(),
                done.raised,
                done.revoked,
                done.damaged.len()
            ))
        }
    }
}
