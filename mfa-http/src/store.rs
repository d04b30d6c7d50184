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

use std::sync::Arc;

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_core::store::inspect::{Report, Scope};
use mfa_core::store::{Pool, StoreError, Stores};
use mfa_url::{Query, QueryError};

use backend::backend;

/// The store that is opened by default.
const EMBEDDED: &str = "sqlite://mfa.db";

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The URL has an unknown scheme, which this holds.
    #[error(
        "unknown store {0:?}: use memory://, sqlite://PATH, postgres://…, redis://…, rediss://…, \
         redis-sentinel://…, redis-cluster://… or dynamodb://REGION"
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
    /// The URL has a setting that the store does not have.
    #[error("cannot open the store {place}")]
    Setting {
        /// The URL without user, password and settings.
        place: String,
        /// What is wrong with the settings.
        #[source]
        source: QueryError,
    },
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

/// Stores that were opened.
#[derive(Debug)]
#[non_exhaustive]
pub struct Opened {
    /// The stores.
    pub stores: Stores,
    /// Their connections, if they have pools.
    pub pools: Vec<NamedPool>,
}

/// The connections of a store.
#[derive(Debug)]
#[non_exhaustive]
pub struct NamedPool {
    /// `store` or `ceremony_store`, as the setting that names the store.
    pub name: &'static str,
    /// Tells how many there are.
    pub pool: Arc<dyn Pool>,
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
/// let stores = open("memory://", None, true).await?.stores;
/// let unknown = open("mysql://db/mfa", None, true).await;
/// assert!(matches!(unknown, Err(OpenError::Unknown(_))));
/// # Ok(())
/// # }
/// ```
pub async fn open(url: &str, ceremony_url: Option<&str>, migrate: bool) -> Result<Opened, OpenError> {
    let failed = |url| move |source| OpenError::Store { place: place(url), source };
    let named = |name| move |pool| NamedPool { name, pool };
    let (stores, pool) = backend(url)?.open(url, migrate).await.map_err(failed(url))?;
    let mut opened = Opened { stores, pools: pool.into_iter().map(named("store")).collect() };
    if let Some(url) = ceremony_url {
        let (ceremonies, pool) =
            backend(url)?.open_for_ceremonies(url, migrate).await.map_err(failed(url))?;
        opened.stores.ceremonies = ceremonies;
        opened.pools.extend(pool.map(named("ceremony_store")));
    }
    Ok(opened)
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

/// Mends what can be mended without loss, beside working servers, and says what it did.
///
/// # Errors
///
/// [`OpenError`] if the store cannot be opened or does not answer. Call it again then.
pub async fn repair(url: &str) -> Result<String, OpenError> {
    backend(url)?.repair(url).await.map_err(|source| OpenError::Store { place: place(url), source })
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

/// The scheme, RFC 3986 §3.1. In a mistyped URL a later `://` has a password before it.
fn scheme(url: &str) -> &str {
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    if scheme.bytes().all(letter) { scheme } else { "" }
}

/// What stands between the scheme and the settings.
fn path(url: &str) -> &str {
    Query::split(url.split_once("://").map_or("", |(_, path)| path)).0
}

/// The URL without user, password and settings, safe to show.
///
/// ```
/// use mfa_http::store::place;
///
/// assert_eq!(place("postgres://jo:secret@db:5432/mfa?sslmode=require"), "postgres://db:5432/mfa");
/// ```
pub fn place(url: &str) -> String {
    let (path, query) = (path(url), Query::split(url).1);
    let rest = path.rsplit_once('@').map_or(path, |(_, rest)| rest);
    let hosts = rest.split_once('/').map_or(rest, |(hosts, _)| hosts);
    let has_port = |host: &str| {
        host.ends_with(']')
            || host.rsplit_once(':').is_none_or(|(_, port)| port.bytes().all(|byte| byte.is_ascii_digit()))
    };
    // A password with a question mark in it, or one without an at sign behind it.
    let hidden = query.contains('@') || !hosts.split(',').all(has_port);
    format!("{}://{}", scheme(url), if hidden { "…" } else { rest })
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
            ("postgres://jo:s3cret%40db/mfa", "postgres://…"),
            ("postgres:/jo:s3cret@db?host=http://x", "://x"),
            ("redis://:s3cret@[::1]:6379,b/1?prefix=s3cret", "redis://[::1]:6379,b/1"),
            ("sqlite:///var/mfa.db?mode=s3cret", "sqlite:///var/mfa.db"),
            ("sqlite://mfa.db", "sqlite://mfa.db"),
        ] {
            assert_eq!(place(url), shown);
        }
    }

    /// An unknown setting stops every store before it connects, and its name is said. No value of the URL is.
    #[tokio::test]
    async fn an_unknown_setting_is_refused_by_every_store() {
        for (feature, url) in [
            (true, "memory://"),
            (cfg!(feature = "sqlite"), "sqlite:///nowhere/mfa.db"),
            (cfg!(feature = "redis"), "redis://jo:s3cret@127.0.0.1:1"),
            (cfg!(feature = "redis"), "rediss://jo:s3cret@127.0.0.1:1"),
            (cfg!(feature = "redis"), "redis-cluster://jo:s3cret@127.0.0.1:1,127.0.0.1:2"),
            (cfg!(feature = "dynamodb"), "dynamodb://eu-west-1"),
        ] {
            if !feature {
                continue;
            }
            let url = format!("{url}?no_such_setting=s3cret");
            let ceremonies = open("memory://", Some(&url), true).await.unwrap_err();
            let everything = open(&url, None, false).await.unwrap_err();
            for error in [everything, ceremonies] {
                let chain = format!("{error}: {}", causes(&error));
                assert!(chain.contains("unknown setting no_such_setting"), "{url}: {chain}");
                assert!(!chain.contains("s3cret"), "{url}: {chain}");
            }
        }
    }

    fn causes(error: &dyn std::error::Error) -> String {
        let causes = std::iter::successors(error.source(), |error| error.source());
        causes.map(|cause| cause.to_string()).collect::<Vec<_>>().join(": ")
    }

    #[test]
    fn an_unknown_url_is_not_repeated() {
        for url in
            ["s3cret", "postgres:/jo:s3cret@db/mfa?host=http://x", "mysql://jo:s3cret@db", "memory://s3cret"]
        {
            let error = backend(url).err().unwrap();
            assert!(!format!("{error} {error:?}").contains("s3cret"), "{error}");
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
