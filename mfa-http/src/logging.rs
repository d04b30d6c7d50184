//! Logs on standard error.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const OURS: [&str; 8] = [
    "audit",
    "mfa_core",
    "mfa_http",
    "mfa_lambda",
    "mfa_store_dynamo",
    "mfa_store_postgres",
    "mfa_store_redis",
    "mfa_store_sqlite",
];

/// Starts logging. `RUST_LOG` sets the level, such as `debug` or `audit=info,mfa_http=debug`. Other crates
/// never log below `info`, since some of them would log the data that passes through them.
pub fn start() {
    let wanted = std::env::var("RUST_LOG").ok().and_then(|filter| filter.parse::<Targets>().ok());
    let wanted = wanted.unwrap_or_else(|| Targets::new().with_default(LevelFilter::INFO));
    let capped = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_targets(OURS.map(|ours| (ours, LevelFilter::TRACE)));
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr))
        .with(wanted)
        .with(capped)
        .init();
}
