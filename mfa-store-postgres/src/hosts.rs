//! New connections. The hosts of the URL are tried in turn, and only a server that takes writes is used: after
//! a fail-over, a name may point at a standby for a while.

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mfa_core::random::{OsRandom, SecureRandom as _};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection, Row as _};
use tokio::time::{Instant, timeout};

use crate::error::PostgresError;
use crate::settings::Settings;
use crate::table::sql;

/// What a connection is asked first, in one message. A standby's transactions are read-only, and so are those of
/// a primary that was demoted by `default_transaction_read_only`.
const ASK: &str = "SELECT current_setting('transaction_read_only') AS read_only";
/// In addition, where the session is ours: its process, and the bound of its statements.
const ASK_SESSION: &str = ", pg_backend_pid() AS pid, (SELECT backend_start::text FROM pg_stat_activity \
    WHERE pid = pg_backend_pid()) AS started, set_config('statement_timeout', ";

/// An open connection, and what decides whether it is used again.
pub(crate) struct Connection {
    pub(crate) driver: PgConnection,
    /// `None` behind a pooler in transaction mode, where each transaction may have another process.
    pub(crate) process: Option<Process>,
    pub(crate) opened: Instant,
    pub(crate) expires: Instant,
    pub(crate) answered: Instant,
}

/// A process of a server. Its id is used again one day, and other servers use it too.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    pub(crate) id: i32,
    pub(crate) started: Option<String>,
}

type Attempt<'a, T> = Pin<Box<dyn Future<Output = Result<T, PostgresError>> + Send + 'a>>;

/// The hosts of the URL.
pub(crate) struct Hosts {
    hosts: Vec<PgConnectOptions>,
    settings: Settings,
    /// The host that was reached last is tried first.
    first: AtomicUsize,
}

impl Hosts {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { hosts: settings.hosts.clone(), settings, first: AtomicUsize::new(0) }
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Connects to the first host that takes writes.
    pub(crate) async fn connect(&self) -> Result<Connection, PostgresError> {
        self.in_turn(|host| Box::pin(self.writable(host))).await
    }

    /// Connects to the first host that answers.
    pub(crate) async fn any(&self) -> Result<PgConnection, PostgresError> {
        self.in_turn(|host| Box::pin(self.open(host))).await
    }

    /// Connects twice to the first host that answers.
    pub(crate) async fn pair(&self) -> Result<(PgConnection, PgConnection), PostgresError> {
        self.in_turn(|host| Box::pin(async { Ok((self.open(host).await?, self.open(host).await?)) })).await
    }

    async fn in_turn<'a, T>(
        &'a self,
        attempt: impl Fn(&'a PgConnectOptions) -> Attempt<'a, T> + Send + Sync,
    ) -> Result<T, PostgresError> {
        // A host that does not answer leaves time for the others.
        let patience = self.settings.acquire_timeout / u32::try_from(self.hosts.len()).unwrap_or(u32::MAX);
        let (first, mut refused) = (self.first.load(Ordering::Relaxed), PostgresError::TimedOut(0));
        for place in (first..first + self.hosts.len()).map(|place| place % self.hosts.len()) {
            match timeout(patience, attempt(&self.hosts[place])).await {
                Ok(Ok(reached)) => {
                    self.first.store(place, Ordering::Relaxed);
                    return Ok(reached);
                }
                Ok(Err(error)) => refused = error,
                Err(_) => refused = PostgresError::TimedOut(patience.as_millis()),
            }
        }
        Err(refused)
    }

    async fn open(&self, host: &PgConnectOptions) -> Result<PgConnection, PostgresError> {
        let Some(file) = &self.settings.password_file else { return Ok(host.connect().await?) };
        let password = tokio::fs::read_to_string(file).await.map_err(PostgresError::PasswordFile)?;
        Ok(host.clone().password(password.trim_end_matches(['\r', '\n'])).connect().await?)
    }

    async fn writable(&self, host: &PgConnectOptions) -> Result<Connection, PostgresError> {
        let mut driver = self.open(host).await?;
        let settings = &self.settings;
        let session = !settings.transaction_pooling;
        let query = if session {
            sql(format!("{ASK}{ASK_SESSION}'{}', false)", settings.statement_timeout.as_millis()))
        } else {
            sql(ASK.to_owned())
        };
        let row = sqlx::raw_sql(query).fetch_one(&mut driver).await?;
        if row.try_get::<&str, _>("read_only")? == "on" {
            return Err(PostgresError::ReadOnly { host: host.get_host().to_owned(), port: host.get_port() });
        }
        let process = if session {
            Some(Process { id: row.try_get("pid")?, started: row.try_get("started")? })
        } else {
            None
        };
        let now = Instant::now();
        Ok(Connection {
            driver,
            process,
            opened: now,
            expires: now + up_to(settings.max_lifetime),
            answered: now,
        })
    }
}

impl std::fmt::Debug for Hosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hosts(..)")
    }
}

/// Nine tenths of the time, or up to all of it, so that what began together does not end together.
pub(crate) fn up_to(time: Duration) -> Duration {
    let mut random = [0];
    // Without randomness the least is right too.
    let _ = OsRandom.fill(&mut random);
    time / 10 * 9 + time / 10 * u32::from(random[0]) / 255
}
