//! Settings that the server and the Lambda function share, and the service they describe.

use std::sync::Arc;

use axum::http::StatusCode;
use clap::ArgAction;
use clap::builder::{PossibleValuesParser, TypedValueParser as _};
use mfa_core::Mfa;
use mfa_core::store::Stores;
use mfa_hasher_tokio::BlockingHasher;

use crate::events::LoggedEvents;
use crate::store::{self, OpenError};
use crate::{AdminKey, App, StoreMetrics};

/// The settings of the stores.
#[derive(Debug, clap::Args)]
pub struct StoreSettings {
    /// Where to keep everything: `memory://`, `sqlite://PATH`, `postgres://…`, `redis://…`,
    /// `redis-cluster://…` or `dynamodb://REGION` [default: the tables that a predecessor's environment
    /// names, or `sqlite://mfa.db`]
    #[arg(long, env = "MFA_STORE", global = true, hide_env_values = true)]
    store: Option<String>,
    /// Where to keep open ceremonies, if not with the rest
    #[arg(long, env = "MFA_CEREMONY_STORE", global = true, hide_env_values = true)]
    ceremony_store: Option<String>,
    /// Create or upgrade the store's tables at start
    #[arg(long, env = "MFA_MIGRATE", default_value_t = true, action = ArgAction::Set, global = true,
          num_args = 0..=1, default_missing_value = "true")]
    migrate: bool,
}

/// The settings of the answers.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct AnswerSettings {
    /// The status of a one-time password that is throttled or disabled: 429, or 401 for clients that know no other
    /// refusal of a code
    #[arg(long, env = "MFA_THROTTLED_STATUS", default_value = "429", global = true,
          value_parser = PossibleValuesParser::new(["401", "429"]).try_map(|status| status.parse::<StatusCode>()))]
    throttled_status: StatusCode,
}

impl AnswerSettings {
    /// `app` with these settings.
    pub fn apply(self, app: App) -> App {
        app.throttled_status(self.throttled_status)
    }
}

impl StoreSettings {
    /// The URL of the store.
    pub fn url(&self) -> String {
        self.store.clone().unwrap_or_else(|| store::default_url(|name| std::env::var(name).ok()))
    }

    /// The URL of the ceremonies' store, if it is a separate one.
    pub fn ceremony_url(&self) -> Option<&str> {
        self.ceremony_store.as_deref()
    }

    /// Opens the stores, and creates or upgrades their tables.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if a store cannot be opened.
    pub async fn migrate(&self) -> Result<Stores, OpenError> {
        Ok(store::open(&self.url(), self.ceremony_url(), true).await?.stores)
    }

    /// The service on these stores. It hashes on separate threads and logs events.
    ///
    /// # Errors
    ///
    /// [`OpenError`] if a store cannot be opened.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use clap::Parser as _;
    /// use mfa_http::settings::StoreSettings;
    ///
    /// #[derive(clap::Parser)]
    /// struct Cli {
    ///     #[command(flatten)]
    ///     stores: StoreSettings,
    /// }
    ///
    /// let cli = Cli::try_parse_from(["yours", "--store", "memory://"])?;
    /// assert!(cli.stores.mfa().await.is_ok());
    ///
    /// let cli = Cli::try_parse_from(["yours", "--store", "mysql://db"])?;
    /// assert!(cli.stores.mfa().await.unwrap_err().to_string().starts_with("unknown store \"mysql://…\""));
    /// # Ok(())
    /// # }
    /// ```
    pub async fn mfa(&self) -> Result<Mfa, OpenError> {
        Ok(self.mfa_with_metrics().await?.0)
    }

    /// The service as [`mfa`](Self::mfa), and the counts of its stores for [`App::store_metrics`].
    ///
    /// # Errors
    ///
    /// [`OpenError`] if a store cannot be opened.
    pub async fn mfa_with_metrics(&self) -> Result<(Mfa, StoreMetrics), OpenError> {
        let opened = store::open(&self.url(), self.ceremony_url(), self.migrate).await?;
        let metrics = StoreMetrics::new(opened.pools);
        let hasher = Arc::new(BlockingHasher::default());
        let builder = Mfa::builder(metrics.observe(opened.stores));
        Ok((builder.hasher(hasher).events(Arc::new(LoggedEvents)).build(), metrics))
    }
}

/// Why `MFA_ADMIN_KEY` cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AdminKeyError {
    /// It is too short: it could be guessed.
    #[error("MFA_ADMIN_KEY must have 16 characters at least")]
    Short,
    /// It is not UTF-8.
    #[error("MFA_ADMIN_KEY is not UTF-8")]
    NotText,
}

/// The administrators' key from `MFA_ADMIN_KEY`, if it is set.
///
/// # Errors
///
/// [`AdminKeyError`] if it cannot be used.
pub fn admin_key() -> Result<Option<AdminKey>, AdminKeyError> {
    match std::env::var("MFA_ADMIN_KEY") {
        Ok(key) if key.len() >= 16 => Ok(Some(AdminKey::new(key))),
        Ok(_) => Err(AdminKeyError::Short),
        Err(std::env::VarError::NotUnicode(_)) => Err(AdminKeyError::NotText),
        Err(std::env::VarError::NotPresent) => Ok(None),
    }
}
