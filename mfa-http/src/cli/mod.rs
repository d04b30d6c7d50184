//! The command line.

mod api_key;
mod doctor;
mod health;
mod serve;
mod store;

use std::error::Error;
use std::net::SocketAddr;

use clap::{Parser, Subcommand};
use mfa_http::settings::{AnswerSettings, StoreSettings};
use mfa_http::store::{pending_migrations, place};

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
    #[command(flatten)]
    stores: StoreSettings,
    #[command(flatten)]
    answers: AnswerSettings,
    /// The address to listen on
    #[arg(long, env = "MFA_LISTEN", default_value = "127.0.0.1:8080", global = true)]
    listen: SocketAddr,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (the default). `MFA_ADMIN_KEY` guards `/api-key`; without it, a key for this run is
    /// printed
    Serve(serve::Serve),
    /// Create, list, activate or revoke API keys
    #[command(subcommand)]
    ApiKey(api_key::Command),
    /// Create or upgrade the store's tables, then exit
    Migrate {
        /// Print the SQL statements that would run, and change nothing
        #[arg(long)]
        dry_run: bool,
    },
    /// Close what a store brought back when it went back in time
    #[command(subcommand)]
    Store(store::Command),
    /// Print the contract of the HTTP routes, OpenAPI 3.1 in JSON
    Openapi,
    /// Check the store without writing to it. The exit status is 1 if something needs attention
    Doctor {
        /// First mend what can be mended without loss: the indexes of Redis. This writes
        #[arg(long)]
        repair: bool,
        /// Print one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Check that the server at --listen is ready. The exit status is 1 if it is not
    Health,
}

pub(crate) async fn run(cli: Cli) -> Outcome {
    let Cli { settings, command } = cli;
    match command.unwrap_or(Command::Serve(serve::Serve::default())) {
        Command::Serve(serve) => serve::run(&settings, &serve).await,
        Command::ApiKey(command) => api_key::run(&settings, command).await,
        Command::Migrate { dry_run: true } => dry_run(&settings.stores).await,
        Command::Migrate { dry_run: false } => {
            settings.stores.migrate().await?;
            print("the store is up to date")
        }
        Command::Store(command) => store::run(&settings, command).await,
        Command::Openapi => print(&mfa_http::contract().to_pretty_json()?),
        Command::Doctor { repair, json } => doctor::run(&settings, repair, json).await,
        Command::Health => health::run(settings.listen).await,
    }
}

/// Prints statements for each store, and everything else as an SQL comment.
async fn dry_run(stores: &StoreSettings) -> Outcome {
    for url in [Some(stores.url()), stores.ceremony_url().map(Into::into)].into_iter().flatten() {
        let place = place(&url);
        match pending_migrations(&url).await? {
            None => print(&format!("-- {place}: no migrations; missing tables are created"))?,
            Some(pending) if pending.is_empty() => print(&format!("-- {place}: up to date"))?,
            Some(pending) => print(&format!("-- {place}:\n{}", pending.concat().trim_end()))?,
        }
    }
    Ok(())
}

/// Writes a line to standard output. A closed pipe is an error, not a panic.
fn print(line: &str) -> Outcome {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
