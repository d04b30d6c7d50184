//! The command line.

mod api_key;
mod doctor;
mod health;
mod serve;

use std::error::Error;
use std::net::SocketAddr;

use clap::{ArgAction, Parser, Subcommand};
use mfa_core::Mfa;
use mfa_core::store::Stores;

use crate::store;

pub(crate) type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Multi-factor authentication that many applications share.
#[derive(Debug, Parser)]
#[command(name = "mfa-http", version)]
pub(crate) struct Cli {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Settings {
    /// Where everything is kept: `memory://`, `sqlite://PATH`, `postgres://…`, `redis://…`, `redis-cluster://…` or
    /// `dynamodb://REGION` [default: the tables that a seed's environment names, or `sqlite://mfa.db`]
    #[arg(long, env = "MFA_STORE", global = true, hide_env_values = true)]
    store: Option<String>,
    /// Where open ceremonies are kept, if not with the rest
    #[arg(long, env = "MFA_CEREMONY_STORE", global = true, hide_env_values = true)]
    ceremony_store: Option<String>,
    /// The address to listen on
    #[arg(long, env = "MFA_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    listen: SocketAddr,
    /// Create or upgrade the store's tables at start
    #[arg(long, env = "MFA_MIGRATE", default_value_t = true, action = ArgAction::Set, global = true,
          num_args = 0..=1, default_missing_value = "true")]
    migrate: bool,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default). `MFA_ADMIN_KEY` guards `/api-key`; without it a key for this run is printed
    Serve(serve::Serve),
    /// Create, list, activate or revoke API keys
    #[command(subcommand)]
    ApiKey(api_key::Command),
    /// Create or upgrade the store's tables, and stop
    Migrate,
    /// Look at the store and say how it is, without writing to it; exit status 1 if something needs attention
    Doctor {
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
    /// Ask the server at --listen whether it is ready; exit status 1 if it is not
    Health,
}

pub(crate) async fn run(cli: Cli) -> Outcome {
    let Cli { settings, command } = cli;
    match command.unwrap_or(Command::Serve(serve::Serve::default())) {
        Command::Serve(serve) => serve::run(&settings, &serve).await,
        Command::ApiKey(command) => api_key::run(&settings, command).await,
        Command::Migrate => {
            settings.open_stores(true).await?;
            print("the store is up to date")
        }
        Command::Doctor { json } => doctor::run(&settings, json).await,
        Command::Health => health::run(settings.listen).await,
    }
}

impl Settings {
    fn store(&self) -> String {
        self.store.clone().unwrap_or_else(|| store::default_url(|name| std::env::var(name).ok()))
    }

    async fn open_stores(&self, migrate: bool) -> Result<Stores, store::OpenError> {
        store::open(&self.store(), self.ceremony_store.as_deref(), migrate).await
    }
}

/// The service on the store that the settings name.
async fn mfa(settings: &Settings) -> Result<Mfa, store::OpenError> {
    let stores = settings.open_stores(settings.migrate).await?;
    let hasher = mfa_http::hasher::BlockingHasher::default();
    let events = mfa_http::events::LoggedEvents;
    Ok(Mfa::builder(stores).hasher(std::sync::Arc::new(hasher)).events(std::sync::Arc::new(events)).build())
}

/// Writes a line to standard output; a closed pipe is an error like any other, not a panic.
fn print(line: &str) -> Outcome {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
