//! Settings from the URL.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::error::PostgresError;

/// The driver's settings that a URL may have. Others are refused, because the driver would ignore them.
const DRIVER: [&str; 17] = [
    "sslmode",
    "ssl-mode",
    "sslrootcert",
    "ssl-root-cert",
    "ssl-ca",
    "sslcert",
    "ssl-cert",
    "sslkey",
    "ssl-key",
    "host",
    "hostaddr",
    "port",
    "dbname",
    "user",
    "password",
    "application_name",
    "options",
];

/// The settings of connections and migrations.
#[derive(Debug)]
pub(crate) struct Settings {
    /// How to reach each host of the URL, in its order.
    pub(crate) hosts: Vec<PgConnectOptions>,
    /// Read for each new connection, because short-lived passwords are replaced.
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) max_connections: usize,
    pub(crate) acquire_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_lifetime: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) advisory_lock: bool,
    /// A pooler may run each transaction on another of its connections.
    pub(crate) transaction_pooling: bool,
}

impl Settings {
    /// Reads the URL, such as `postgres://user@first:5432,second:5432/database?sslmode=verify-full`.
    pub(crate) fn parse(url: &str) -> Result<Self, PostgresError> {
        let urls = one_for_each_host(url)?;
        let mut settings = Self {
            hosts: Vec::new(),
            password_file: None,
            max_connections: 16,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(600),
            max_lifetime: Duration::from_secs(1_800),
            statement_timeout: Duration::from_secs(5),
            advisory_lock: true,
            transaction_pooling: false,
        };
        let mut drivers = Vec::new();
        for (name, value) in urls.iter().take(1).flat_map(|url| url.query_pairs().into_owned()) {
            match name.as_str() {
                "max_connections" => settings.max_connections = number(&name, &value)?,
                "acquire_timeout" => settings.acquire_timeout = seconds(&name, &value)?,
                "idle_timeout" => settings.idle_timeout = seconds(&name, &value)?,
                "max_lifetime" => settings.max_lifetime = seconds(&name, &value)?,
                "statement_timeout" => settings.statement_timeout = seconds(&name, &value)?,
                "advisory_lock" => settings.advisory_lock = number(&name, &value)?,
                "password_file" => settings.password_file = Some(value.into()),
                "pooler" if value == "transaction" => settings.transaction_pooling = true,
                "pooler" => return refused(format!("pooler={value} cannot be used; say pooler=transaction")),
                "statement-cache-capacity" => {
                    return refused(
                        "statement-cache-capacity does not make a pooler safe; say pooler=transaction instead".to_owned(),
                    );
                }
                _ if DRIVER.contains(&name.as_str()) || name.starts_with("options[") => {
                    drivers.push((name, value));
                }
                _ => return refused(format!("the URL has an unknown setting, {name}")),
            }
        }
        if settings.max_connections < 2 {
            return refused("max_connections must be 2 or more: one is kept in reserve".to_owned());
        }
        let says_tls = drivers.iter().any(|(name, _)| name == "sslmode" || name == "ssl-mode");
        for mut url in urls {
            url.set_query(None);
            if !drivers.is_empty() {
                url.query_pairs_mut().extend_pairs(&drivers);
            }
            settings.hosts.push(reach(&url, says_tls)?);
        }
        Ok(settings)
    }
}

/// A URL may name several hosts, as libpq's may: `postgres://user@first:5432,second:5432/database`.
fn one_for_each_host(url: &str) -> Result<Vec<Url>, PostgresError> {
    // The parser's own error might repeat the URL with its password.
    let invalid = || PostgresError::Setting("the URL is not of the form postgres://…".to_owned());
    let (scheme, rest) = url.split_once("://").ok_or_else(invalid)?;
    if !matches!(scheme, "postgres" | "postgresql") {
        return Err(invalid());
    }
    let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let (user, hosts) = match authority.rsplit_once('@') {
        Some((user, hosts)) => (format!("{user}@"), hosts),
        None => (String::new(), authority),
    };
    if hosts.contains(',') && hosts.split(',').any(str::is_empty) {
        return refused("the URL's list of hosts has an empty one".to_owned());
    }
    let url = |host| Url::parse(&format!("{scheme}://{user}{host}{tail}")).map_err(|_| invalid());
    hosts.split(',').map(url).collect()
}

fn reach(url: &Url, says_tls: bool) -> Result<PgConnectOptions, PostgresError> {
    let unusable = |_| PostgresError::Setting("the URL has a setting with an unusable value".to_owned());
    // A pooler may refuse a start-up parameter, and no column is a floating-point number.
    let host = PgConnectOptions::from_url(url).map_err(unusable)?.extra_float_digits(None);
    let host = host.disable_statement_logging();
    if is_local(&host) {
        return Ok(host);
    }
    if !says_tls {
        return Ok(host.ssl_mode(PgSslMode::VerifyFull));
    }
    if matches!(host.get_ssl_mode(), PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer) {
        tracing::warn!(
            host = host.get_host(),
            "sslmode lets this connection be plaintext: secrets' hashes and users' names cross the network in the clear; \
             use sslmode=verify-full"
        );
    }
    Ok(host)
}

/// Whether nothing leaves this machine.
fn is_local(host: &PgConnectOptions) -> bool {
    let name = host.get_host().trim_start_matches('[').trim_end_matches(']');
    host.get_socket().is_some()
        || Path::new(name).is_absolute()
        || name == "localhost"
        || name.parse().is_ok_and(|address: IpAddr| address.is_loopback())
}

fn refused<T>(why: String) -> Result<T, PostgresError> {
    Err(PostgresError::Setting(why))
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, PostgresError> {
    value.parse().or_else(|_| refused(format!("{name}={value} cannot be used")))
}

fn seconds(name: &str, value: &str) -> Result<Duration, PostgresError> {
    match number(name, value)? {
        0 => refused(format!("{name} must be 1 second or more")),
        seconds => Ok(Duration::from_secs(u32::into(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaint(url: &str) -> String {
        Settings::parse(url).unwrap_err().to_string()
    }

    #[test]
    fn ours_are_read_and_the_drivers_passed_on() {
        let settings = Settings::parse(
            "postgres://jo:pass@db.example.com/mfa?max_connections=3&statement_timeout=7&sslmode=require&advisory_lock=false\
             &pooler=transaction&password_file=%2Frun%2Fpassword&max_lifetime=60",
        )
        .unwrap();
        assert_eq!((settings.max_connections, settings.statement_timeout.as_secs()), (3, 7));
        assert_eq!((settings.max_lifetime.as_secs(), settings.transaction_pooling), (60, true));
        assert_eq!(settings.password_file.as_deref(), Some(Path::new("/run/password")));
        assert!(!settings.advisory_lock);
        assert!(matches!(settings.hosts[0].get_ssl_mode(), PgSslMode::Require));
    }

    #[test]
    fn several_hosts_share_the_rest() {
        let settings = Settings::parse("postgres://jo:p%40ss@a:5433,[::1],b.example.com/mfa?sslmode=require");
        let reached: Vec<_> = settings
            .unwrap()
            .hosts
            .iter()
            .map(|host| (host.get_host().to_owned(), host.get_port(), host.get_username().to_owned()))
            .collect();
        let host = |name: &str, port| (name.to_owned(), port, "jo".to_owned());
        assert_eq!(reached, [host("a", 5_433), host("[::1]", 5_432), host("b.example.com", 5_432)]);
        assert_eq!(complaint("postgres://jo:s3cret@a,,b/mfa"), "the URL's list of hosts has an empty one");
    }

    /// R77: a host that is not this machine is verified, unless the URL says otherwise.
    #[test]
    fn another_machine_is_verified() {
        let mode = |url: &str| Settings::parse(url).unwrap().hosts[0].get_ssl_mode();
        for url in
            ["postgres://db/mfa", "postgres://127.0.0.1.example.com/mfa", "postgres://db,localhost/mfa"]
        {
            assert!(matches!(mode(url), PgSslMode::VerifyFull), "{url}");
        }
        for url in ["localhost/mfa", "127.0.0.1/mfa", "[::1]/mfa", "%2Fvar%2Frun%2Fpostgresql/mfa"] {
            assert!(matches!(mode(&format!("postgres://{url}")), PgSslMode::Prefer), "{url}");
        }
        assert!(matches!(mode("postgres://db/mfa?sslmode=disable"), PgSslMode::Disable));
    }

    /// R77: a typo is an error, not a connection in plaintext or a pool of another size.
    #[test]
    fn what_cannot_be_used_is_said_without_the_password() {
        for (query, expected) in [
            ("max_connections=1", "max_connections must be 2 or more: one is kept in reserve"),
            ("max_connections=many", "max_connections=many cannot be used"),
            ("acquire_timeout=0", "acquire_timeout must be 1 second or more"),
            ("sslmode=maybe", "the URL has a setting with an unusable value"),
            ("ssl_mode=verify-full", "the URL has an unknown setting, ssl_mode"),
            ("max_conections=8", "the URL has an unknown setting, max_conections"),
            ("pooler=session", "pooler=session cannot be used; say pooler=transaction"),
            (
                "statement-cache-capacity=0",
                "statement-cache-capacity does not make a pooler safe; say pooler=transaction instead",
            ),
        ] {
            assert_eq!(complaint(&format!("postgres://jo:s3cret@db/mfa?{query}")), expected);
        }
        for url in ["s3cret", "mysql://jo:s3cret@db", "postgres://jo:s3cret@db:port/mfa"] {
            assert_eq!(complaint(url), "the URL is not of the form postgres://…");
        }
    }
}
