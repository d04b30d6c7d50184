//! `mfa-http api-key`

use mfa_core::api_key::ApiKey;
use mfa_core::store::Cursor;
use mfa_http::ApiKeyView;

use super::{Outcome, Settings, mfa, print};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Create a pending key and print it
    Create {
        /// Who asks for it; must be repeated to activate it
        email: String,
    },
    /// List all keys
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Activate a key and print its secret, this once
    Activate {
        /// The key
        value: ApiKey,
        /// The address it was created for
        email: String,
    },
    /// Revoke a key, at once and for good: what only it opened is lost
    Revoke {
        /// The key
        value: ApiKey,
    },
}

pub(super) async fn run(settings: &Settings, command: Command) -> Outcome {
    if settings.store() == "memory://" {
        return Err("memory:// lives inside one server: use its HTTP routes, or another --store".into());
    }
    let mfa = mfa(settings).await?;
    match command {
        Command::Create { email } => print(mfa.create_api_key(&email).await?.as_str()),
        Command::Activate { value, email } => {
            print(mfa.activate_api_key(&value, &email).await?.expose_text())
        }
        Command::Revoke { value } => Ok(mfa.revoke_api_key(&value).await?),
        Command::List { json } => list(&mfa, json).await,
    }
}

async fn list(mfa: &mfa_core::Mfa, json: bool) -> Outcome {
    let mut after: Option<Cursor> = None;
    loop {
        let page = mfa.api_keys(after.as_ref()).await?;
        for stored in &page.items {
            let view = ApiKeyView::of(&stored.record);
            print(&if json { serde_json::to_string(&view)? } else { view.to_string() })?;
        }
        for value in &page.damaged {
            tracing::error!("API key {value:.8}… is stored and cannot be read");
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
