//! Opens the store that a URL names.

mod backend;
#[cfg(feature = "dynamodb")]
mod dynamodb;
mod memory;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{StoreError, Stores};

use backend::backend;

/// The store that is opened by default.
const EMBEDDED: &str = "sqlite://mfa.db";

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL has an unknown scheme, which this holds.
    #[error(
        "unknown store {0:?}: use memory://, sqlite://PATH, postgres://…, redis://…, rediss://…, redis-cluster://… \
         or dynamodb://REGION"
    )]
    Unknown(String),
    /// The store is one that this program was built without.
    #[error(
        "{scheme}:// needs the cargo feature `{feature}` of mfa-http, which this program was built without"
    )]
    Disabled {
        /// The scheme of the URL.
        scheme: String,
        /// The feature to enable.
        feature: &'static str,
    },
    /// The URL names no file.
    #[error("sqlite:// needs a path, such as sqlite://mfa.db or sqlite:///var/lib/mfa/mfa.db")]
    NoPath,
    /// The store does not open.
    #[error("cannot open the store {place}")]
    Store {
        /// The URL without user, password and settings.
        place: String,
        /// The store's error.
        #[source]
        source: StoreError,
    },
}

/// Opens the store. With `migrate`, creates or upgrades its tables. Ceremonies may have a store of their own.
///
/// # Errors
///
/// [`OpenError`] if a store cannot be opened.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use mfa_http::store::{OpenError, open};
///
/// let stores = open("memory://", None, true).await?;
/// let unknown = open("mysql://db/mfa", None, true).await;
/// assert!(matches!(unknown, Err(OpenError::Unknown(_))));
/// # Ok(())
/// # }
/// ```
pub async fn open(url: &str, ceremony_url: Option<&str>, migrate: bool) -> Result<Stores, OpenError> {
    let failed = |url| move |source| OpenError::Store { place: place(url), source };
    let stores = backend(url)?.open(url, migrate).await.map_err(failed(url))?;
    let Some(url) = ceremony_url else { return Ok(stores) };
    let ceremonies = backend(url)?.open_for_ceremonies(url, migrate).await.map_err(failed(url))?;
    Ok(Stores { ceremonies, ..stores })
}

/// The statements that [`open`] with `migrate` would run in the store; `None` if it has no migrations. Changes
/// nothing.
///
/// # Errors
///
/// [`OpenError`] if the store cannot be opened.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// assert_eq!(mfa_http::store::pending_migrations("memory://").await?, None);
/// # Ok(())
/// # }
/// ```
pub async fn pending_migrations(url: &str) -> Result<Option<Vec<String>>, OpenError> {
    let pending = backend(url)?.pending_migrations(url).await;
    pending.map_err(|source| OpenError::Store { place: place(url), source })
}

/// Inspects the store without changing it.
///
/// # Errors
///
/// [`OpenError`] if the URL is not one of a store. The report holds the flaws of a store.
pub async fn inspect(url: &str, scope: Scope) -> Result<Report, OpenError> {
    Ok(backend(url)?.inspect(url, scope, SystemClock.now()).await)
}

/// The store that a predecessor's environment names, or else the embedded one. The Go predecessor's names
/// take precedence over the Node predecessor's.
///
/// ```
/// use mfa_http::store::default_url;
///
/// assert_eq!(default_url(|_| None), "sqlite://mfa.db");
/// let url = default_url(|name| (name == "API_KEY_TABLE").then(|| "keys".to_owned()));
/// assert!(url.starts_with("dynamodb://?api_key_table=keys"));
/// ```
pub fn default_url(variable: impl Fn(&str) -> Option<String>) -> String {
    let one_of =
        |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let Some(api_keys) = one_of(&["API_KEY_TABLE", "API_KEY_TABLE_NAME"]) else {
        return EMBEDDED.to_owned();
    };
    let region = one_of(&["AWS_REGION", "AWS_DEFAULT_REGION"]).unwrap_or_default();
    let settings = [
        ("api_key_table", Some(api_keys)),
        ("totp_table", one_of(&["TOTP_TABLE", "TOTP_TABLE_NAME"])),
        ("webauthn_table", one_of(&["WEBAUTHN_TABLE", "U2F_TABLE_NAME"])),
        ("ceremony_table", one_of(&["CEREMONY_TABLE"])),
        ("endpoint", one_of(&["AWS_ENDPOINT", "DYNAMO_DB_ENDPOINT"])),
    ];
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(settings.into_iter().filter_map(|(name, value)| Some((name, value?))));
    format!("dynamodb://{region}?{}", query.finish())
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

fn path(url: &str) -> &str {
    url.split_once("://").map_or("", |(_, path)| path)
}

/// The URL without user, password and settings, safe to show.
///
/// ```
/// use mfa_http::store::place;
///
/// assert_eq!(place("postgres://jo:secret@db:5432/mfa?sslmode=require"), "postgres://db:5432/mfa");
/// ```
pub fn place(url: &str) -> String {
    let (rest, query) = path(url).split_once('?').unwrap_or((path(url), ""));
    // The password has a question mark in it.
    let rest = if query.contains('@') { "…" } else { rest };
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    format!("{}://{rest}", scheme(url))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_holds_no_password() {
        for (url, shown) in [
            ("postgres://jo:s3cret@db:5432/mfa?password=s3cret", "postgres://db:5432/mfa"),
            ("redis://:s3@cret@db", "redis://db"),
            ("postgres://jo:s3?cret@db", "postgres://…"),
            ("sqlite://mfa.db", "sqlite://mfa.db"),
        ] {
            assert_eq!(place(url), shown);
        }
    }

    #[test]
    fn a_predecessors_environment_names_its_tables() {
        let go = |name: &str| {
            let value = match name {
                "API_KEY_TABLE" => "keys",
                "TOTP_TABLE" => "totp",
                "WEBAUTHN_TABLE" => "u2f",
                "AWS_ENDPOINT" => "dynamo:8000",
                "AWS_DEFAULT_REGION" => "us-east-1",
                _ => return None,
            };
            Some(value.to_owned())
        };
        assert_eq!(
            default_url(go),
            "dynamodb://us-east-1?api_key_table=keys&totp_table=totp&webauthn_table=u2f&endpoint=dynamo%3A8000"
        );
        let node = |name: &str| {
            let names = ["API_KEY_TABLE_NAME", "TOTP_TABLE_NAME", "U2F_TABLE_NAME"];
            names.contains(&name).then(|| name.to_lowercase())
        };
        assert_eq!(
            default_url(node),
            "dynamodb://?api_key_table=api_key_table_name&totp_table=totp_table_name&webauthn_table=u2f_table_name"
        );
        assert_eq!(default_url(|_| None), "sqlite://mfa.db");
    }
}
