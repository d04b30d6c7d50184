//! `mfa-http api-key`

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use mfa_core::api_key::{ApiKey, ApiSecret};
use mfa_core::clock::{Clock as _, SystemClock};
use mfa_core::rotation::{Progress, RotationError, RotationOptions, RotationReport};
use mfa_core::store::Cursor;
use mfa_http::ApiKeyView;

use super::{Outcome, Settings, print};

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Command {
    /// Create a pending key and print it
    Create {
        /// The owner's e-mail address; activation must repeat it
        email: String,
        /// Expire the key after this many days
        #[arg(long, value_name = "DAYS")]
        expires_in: Option<u32>,
    },
    /// List all keys
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
    /// Activate a key and print its secret, which is shown only once
    Activate {
        /// The key
        value: ApiKey,
        /// The address it was created for
        email: String,
        /// Add the key to the consumer that owns this key. Its secret comes from `MFA_API_SECRET`, or is
        /// asked for
        #[arg(long, value_name = "VALUE")]
        join: Option<ApiKey>,
    },
    /// Move a consumer to a new key and re-encrypt its records under a fresh data key. Both keys work
    /// meanwhile. You may interrupt it and call it again. The secrets come from `MFA_OLD_API_SECRET` and
    /// `MFA_NEW_API_SECRET`, or are asked for
    Rotate {
        /// The key in use
        old: ApiKey,
        /// A fresh, activated key
        new: ApiKey,
        /// Records to hold in memory at once
        #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        batch: u16,
        /// Revoke the old key when done
        #[arg(long)]
        revoke_old: bool,
    },
    /// Re-encrypt the records of a key's consumer under its newest data key, in the current format. The
    /// secret comes from `MFA_API_SECRET`, or is asked for
    Upgrade {
        /// The key
        value: ApiKey,
        /// Records to hold in memory at once
        #[arg(long, default_value_t = 250, value_parser = clap::value_parser!(u16).range(1..=10_000))]
        batch: u16,
    },
    /// Revoke a key at once and for good. Records that only this key opens are lost
    Revoke {
        /// The key
        value: ApiKey,
    },
}

pub(super) async fn run(settings: &Settings, command: Command) -> Outcome {
    if settings.stores.url() == "memory://" {
        return Err("memory:// lives inside one server: use its HTTP routes, or another --store".into());
    }
    let mfa = settings.stores.mfa().await?;
    match command {
        Command::Create { email, expires_in } => {
            let life = expires_in.map(|days| Duration::from_secs(u64::from(days) * 86_400));
            let expires_at = life.map(|life| SystemClock.now().after(life));
            print(mfa.create_expiring_api_key(&email, expires_at).await?.as_str())
        }
        Command::Activate { value, email, join: None } => {
            print(mfa.activate_api_key(&value, &email).await?.expose_text())
        }
        Command::Activate { value, email, join: Some(other) } => {
            let consumer = mfa.authenticate(&other, &secret("MFA_API_SECRET", &other)?).await?;
            print(consumer.activate_api_key(&value, &email).await?.expose_text())
        }
        Command::Rotate { old, new, batch, revoke_old } => {
            let (old_secret, new_secret) =
                (secret("MFA_OLD_API_SECRET", &old)?, secret("MFA_NEW_API_SECRET", &new)?);
            work(batch, async |options| {
                let options = RotationOptions { revoke_old, ..options };
                mfa.rotate((&old, &old_secret), (&new, &new_secret), &options).await
            })
            .await
        }
        Command::Upgrade { value, batch } => {
            let secret = secret("MFA_API_SECRET", &value)?;
            work(batch, async |options| mfa.upgrade_api_key((&value, &secret), &options).await).await
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

/// The secret of a key, from the environment or typed unseen on the terminal. Never from an argument, which
/// other users of the machine can read.
fn secret(variable: &str, key: &ApiKey) -> Result<ApiSecret, Box<dyn std::error::Error + Send + Sync>> {
    let text = match std::env::var(variable) {
        Ok(text) => text,
        Err(_) if std::io::stdin().is_terminal() => {
            rpassword::prompt_password(format!("secret of {}…: ", key.abbreviated()))?
        }
        Err(_) => return Err(format!("set {variable}, or run this on a terminal to be asked").into()),
    };
    text.trim().parse().map_err(|_| format!("the secret of {}… is malformed", key.abbreviated()).into())
}

/// Runs a rotation or an upgrade, and prints its progress and outcome.
async fn work(
    batch: u16,
    run: impl AsyncFnOnce(RotationOptions<'_>) -> Result<RotationReport, RotationError>,
) -> Outcome {
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::with_template("{spinner} {msg}")?);
    let seen = |progress: Progress| {
        let Progress { complete, unreadable, .. } = progress;
        let line = format!("{complete} records re-encrypted, {unreadable} unreadable");
        if bar.is_hidden() {
            tracing::info!("{line}");
        } else {
            bar.set_message(line);
            bar.tick();
        }
    };
    let options =
        RotationOptions { batch: batch.into(), progress: Some(&seen), ..RotationOptions::default() };
    let report = run(options).await?;
    bar.finish_and_clear();
    let records = report.totp_complete + report.webauthn_complete;
    print(&format!("{records} records re-encrypted"))?;
    for id in &report.unreadable {
        print(&format!("unreadable: {id}"))?;
    }
    if report.old_revoked {
        print("the old key is revoked")?;
    }
    if !report.done {
        return Err("not done: delete or restore the unreadable records, and call again".into());
    }
    print("done: everything is under one data key, and the older ones are gone")
}
