//! Settings from the URL.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use url::Url;

use crate::error::PostgresError;

/// The settings of connections and migrations.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) connect: PgConnectOptions,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) advisory_lock: bool,
}

impl Settings {
    /// Reads the URL. Other settings go to the driver, such as `sslmode`, `sslrootcert`, `application_name`
    /// and `options`.
    pub(crate) fn parse(url: &str) -> Result<Self, PostgresError> {
        // The parser's own error might repeat the URL with its password.
        let invalid = |_| PostgresError::Setting("the URL is not of the form postgres://…".to_owned());
        let mut url = Url::parse(url).map_err(invalid)?;
        let mut settings = Self {
            connect: PgConnectOptions::new_without_pgpass(),
            max_connections: 16,
            acquire_timeout: Duration::from_secs(5),
            idle_timeout: Duration::from_secs(600),
            statement_timeout: Duration::from_secs(5),
            advisory_lock: true,
        };
        let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        url.set_query(None);
        for (name, value) in pairs {
            match name.as_str() {
                "max_connections" => settings.max_connections = number(&name, &value)?,
                "acquire_timeout" => settings.acquire_timeout = seconds(&name, &value)?,
                "idle_timeout" => settings.idle_timeout = seconds(&name, &value)?,
                "statement_timeout" => settings.statement_timeout = seconds(&name, &value)?,
                "advisory_lock" => settings.advisory_lock = number(&name, &value)?,
                _ => drop(url.query_pairs_mut().append_pair(&name, &value)),
            }
        }
        if settings.max_connections == 0 {
            return Err(PostgresError::Setting("max_connections must be 1 or more".to_owned()));
        }
        let milliseconds = settings.statement_timeout.as_millis().to_string();
        settings.connect = PgConnectOptions::from_str(url.as_str())
            .map_err(|_| PostgresError::Setting("the URL has a setting with an unusable value".to_owned()))?
            .options([("statement_timeout", milliseconds)]);
        Ok(settings)
    }
}

fn number<T: FromStr>(name: &str, value: &str) -> Result<T, PostgresError> {
    value.parse().map_err(|_| PostgresError::Setting(format!("{name}={value} cannot be used")))
}

fn seconds(name: &str, value: &str) -> Result<Duration, PostgresError> {
    match number(name, value)? {
        0 => Err(PostgresError::Setting(format!("{name} must be 1 second or more"))),
        seconds => Ok(Duration::from_secs(u32::into(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_are_read_and_the_drivers_passed_on() {
        let settings = Settings::parse(
            "postgres://jo:pass@db.example.com/mfa?max_connections=3&statement_timeout=7&sslmode=verify-full&advisory_lock=false",
        )
        .unwrap();
        assert_eq!((settings.max_connections, settings.statement_timeout.as_secs()), (3, 7));
        assert!(!settings.advisory_lock);
        assert!(matches!(settings.connect.get_ssl_mode(), sqlx::postgres::PgSslMode::VerifyFull));
    }

    #[test]
    fn what_cannot_be_used_is_said_without_the_password() {
        for (query, complaint) in [
            ("max_connections=0", "max_connections must be 1 or more"),
            ("max_connections=many", "max_connections=many cannot be used"),
            ("acquire_timeout=0", "acquire_timeout must be 1 second or more"),
            ("sslmode=maybe", "the URL has a setting with an unusable value"),
        ] {
            let refused = Settings::parse(&format!("postgres://jo:s3cret@db/mfa?{query}")).unwrap_err();
            assert_eq!(refused.to_string(), complaint);
        }
        let refused = Settings::parse("s3cret").unwrap_err();
        assert_eq!(refused.to_string(), "the URL is not of the form postgres://…");
    }
}
