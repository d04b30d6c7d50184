//! What a warm TOTP validation and a warm passkey login cost the server process on each store, over HTTP, against a
//! bare axum route in the same run; and what they would cost with a bcrypt check on each call, which is the least
//! that either seed spends (T4, T5). T10: how long a validation alone takes on PostgreSQL.
//!
//! `scripts/test --run cargo bench -p mfa-benches --bench stores` starts the servers and runs this.

use std::process::ExitCode;
use std::time::Duration;

use mfa_benches::Outcome;
use mfa_benches::load::{Server, consumer, logins, middle, serve_if_asked, validations};
use serde_json::json;
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A store, and what a prototype took on it: microseconds for a validation and a login, on a machine where a bare
/// route took 13 (performance.md).
struct Store {
    name: &'static str,
    url: String,
    requests: usize,
    prototype: (f64, f64),
}

const BARE: f64 = 13.0;
/// How much more than the prototype's share may be ours.
const SHARE: f64 = 1.5;
/// What the noise of a shared machine may add to a gate.
const NOISE: f64 = 1.25;

fn stores(folder: &std::path::Path) -> Vec<Store> {
    let store = |name, variable: &str, requests, prototype| {
        let url = std::env::var(variable).ok()?;
        let url = if name == "dynamodb" { format!("dynamodb://local?endpoint={url}") } else { url };
        Some(Store { name, url, requests, prototype })
    };
    let sqlite = format!("sqlite://{}", folder.join("mfa.db").display());
    // The clock of CPU time has ticks of 10 ms: the cheaper a request, the more of them it takes.
    let here =
        |name, url: &str, requests, prototype| Some(Store { name, url: url.to_owned(), requests, prototype });
    let all = [
        here("memory", "memory://", 20_000, (19.0, 122.0)),
        // The table has no login on SQLite: its validation and the login's verification on top.
        here("sqlite", &sqlite, 4_000, (221.0, 324.0)),
        store("redis", "MFA_TEST_REDIS", 20_000, (32.0, 133.0)),
        store("postgres", "MFA_TEST_POSTGRES", 4_000, (143.0, 300.0)),
        store("dynamodb", "MFA_TEST_DYNAMODB", 500, (600.0, 730.0)),
    ];
    all.into_iter().flatten().collect()
}

/// Milliseconds for one bcrypt check at the seeds' cost, the median of several.
fn bcrypt_check() -> Outcome<f64> {
    let hash = bcrypt::hash_with_salt("secret", 10, [7; 16]).map_err(|error| error.to_string())?.to_string();
    let mut checks = Vec::new();
    for _ in 0..9 {
        let started = Instant::now();
        if !bcrypt::verify("secret", &hash).map_err(|error| error.to_string())? {
            return Err("bcrypt is wrong".into());
        }
        checks.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(middle(&mut checks))
}

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
fn target(name: &str, figure: f64, bound: f64, at_least: bool) -> bool {
    let ratio = if at_least { figure / bound } else { bound / figure };
    let (word, verdict) =
        (if at_least { "least" } else { "most" }, if ratio >= 1.0 { "holds" } else { "DOES NOT HOLD" });
    println!("{name}: {figure:.2} (at {word} {bound:.2}: {verdict})");
    ratio * NOISE >= 1.0
}

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
async fn run() -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let (bare, bcrypt) = (Server::start("bare")?, bcrypt_check()?);
    let echo = |count: usize| {
        let head = "POST /totp/x/validate HTTP/1.1\r\ncontent-type: application/json\r\n".to_owned();
        vec![(head, json!({"code": "123456"}).to_string()); count]
    };
    bare.load(echo(4_000)).await?;
    println!("bcrypt check, cost 10: {bcrypt:.1} ms");
    let cores = std::thread::available_parallelism()?.get() as f64;
    let mut all_hold = true;
    for store in stores(folder.path()) {
        let server = Server::start(&store.url)?;
        let mut connection = server.connect().await?;
        let consumer = consumer(&mut connection).await?;
        let route = bare.load(echo(8_000)).await?.cpu;
        let warm_up = validations(&mut connection, &consumer, store.requests / 10).await?;
        server.load(warm_up).await?;
        let requests = validations(&mut connection, &consumer, store.requests).await?;
        let totp = server.load(requests).await?;
        let (requests, _) = logins(&mut connection, &consumer, store.requests / 2).await?;
        let login = server.load(requests).await?;
        println!(
            "\n{}: validation {:.0} µs, {:.0}/s; login {:.0} µs, {:.0}/s; bare route {route:.1} µs",
            store.name, totp.cpu, totp.per_second, login.cpu, login.per_second
        );
        let share = |figure: f64, prototype: f64| (figure / route) / (prototype / BARE);
        all_hold &=
            target("validation, of the prototype's share", share(totp.cpu, store.prototype.0), SHARE, false);
        all_hold &=
            target("login, of the prototype's share", share(login.cpu, store.prototype.1), SHARE, false);
        match store.name {
            "redis" => {
                all_hold &= target("T4, times a bcrypt check's CPU", bcrypt * 1e3 / totp.cpu, 2_000.0, true)
            }
            "postgres" => {
                let seed = cores * 1e3 / bcrypt;
                all_hold &= target("T5, times a bcrypt check's rate", login.per_second / seed, 70.0, true);
                let mut alone = Vec::new();
                let requests = validations(&mut connection, &consumer, 400).await?;
                for request in requests {
                    let started = Instant::now();
                    connection.call(&request).await?;
                    alone.push(started.elapsed().as_secs_f64() * 1e3);
                }
                all_hold &= target("T10, ms for a validation alone, median", middle(&mut alone), 1.0, false);
            }
            _ => {}
        }
    }
    Ok(all_hold)
}

fn main() -> ExitCode {
    mfa_benches::main(|| {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(serve_if_asked())?;
        let outcome = runtime.block_on(run());
        runtime.shutdown_timeout(Duration::from_millis(100));
        outcome
    })
}
