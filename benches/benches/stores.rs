//! The cost of a warm TOTP validation and a warm passkey login for the server process on each store, over
//! HTTP. Figures from one machine and hour do not carry over, so the same run also measures a bare axum
//! route, the prototype's two calls of a store (performance.md) and a bcrypt check. A bcrypt check is the
//! least that a predecessor spends on a call (T4, T5). T10: the time of a single validation on PostgreSQL.
//!
//! `scripts/test --run cargo bench -p mfa-benches --bench stores` starts the servers and runs this.

use std::process::ExitCode;
use std::time::Duration;

use mfa_benches::Outcome;
use mfa_benches::load::{Cost, Server, bcrypt_check, consumer, logins, middle, serve_if_asked, validations};
use serde_json::json;
use tokio::time::Instant;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A store, and how many requests it gets in a round.
struct Store {
    name: &'static str,
    url: String,
    requests: usize,
}

const ROUNDS: usize = 3;
/// What the prototype took, in microseconds (performance.md): a bare route, and its own work in a validation and in a login.
/// Its own work is its figure on the in-memory store without the route.
const BARE: f64 = 13.0;
const OWN: (f64, f64) = (19.0 - BARE, 122.0 - BARE);
/// Calls of the store in a validation and in a login. The prototype needed fewer: it kept the API key's
/// record in memory, and so missed revocations, or saved nothing.
const ITS_CALLS: (f64, f64) = (2.0, 2.0);
const OUR_CALLS: (f64, f64) = (3.0, 4.0);
/// How much more than the prototype's our cost may be.
const SHARE: f64 = 1.5;
/// An allowance for the noise of a shared machine.
const NOISE: f64 = 1.25;

fn stores(folder: &std::path::Path) -> Vec<Store> {
    let store = |name, variable: &str, requests| {
        let url = std::env::var(variable).ok()?;
        let url = if name == "dynamodb" { format!("dynamodb://local?endpoint={url}") } else { url };
        Some(Store { name, url, requests })
    };
    let sqlite = format!("sqlite://{}", folder.join("mfa.db").display());
    let here = |name, url: &str, requests| Some(Store { name, url: url.to_owned(), requests });
    let all = [
        here("memory", "memory://", 8_000),
        here("sqlite", &sqlite, 1_500),
        store("redis", "MFA_TEST_REDIS", 6_000),
        store("postgres", "MFA_TEST_POSTGRES", 1_500),
        store("dynamodb", "MFA_TEST_DYNAMODB", 250),
    ];
    all.into_iter().flatten().collect()
}

/// The cost of a store's requests, as medians of several rounds.
struct Costs {
    /// Microseconds of a bare route.
    route: f64,
    /// Microseconds of a route with two calls of the store. The memory store's are next to none.
    two_calls: f64,
    totp: Cost,
    login: Cost,
}

impl Costs {
    async fn measure(store: &Store, server: &Server, bare: &Server) -> Outcome<Self> {
        let echo = |count: usize| {
            let head = "POST /totp/x/validate HTTP/1.1\r\ncontent-type: application/json\r\n".to_owned();
            vec![(head, json!({"code": "123456"}).to_string()); count]
        };
        let two_calls = if store.name == "memory" {
            None
        } else {
            Some(Server::start(&format!("two-calls:{}", store.url))?)
        };
        let mut connection = server.connect().await?;
        let consumer = consumer(&mut connection).await?;
        let consumer = format!("{consumer}content-type: application/json\r\n");
        bare.load(echo(store.requests)).await?;
        let warm_up = validations(&mut connection, &consumer, store.requests / 4).await?;
        server.load(warm_up).await?;

        let (mut routes, mut thin) = (Vec::new(), Vec::new());
        let (mut totp, mut login) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            routes.push(bare.load(echo(8_000)).await?.cpu);
            let requests = validations(&mut connection, &consumer, store.requests).await?;
            thin.push(match &two_calls {
                Some(server) => server.load(requests.clone()).await?.cpu,
                None => routes[routes.len() - 1],
            });
            totp.push(server.load(requests).await?);
            let (requests, _) = logins(&mut connection, &consumer, store.requests / 2).await?;
            login.push(server.load(requests).await?);
        }
        Ok(Self {
            route: middle(&mut routes),
            two_calls: middle(&mut thin),
            totp: middle_cost(&totp),
            login: middle_cost(&login),
        })
    }

    /// What a validation and a login of the prototype would cost here with this many calls of the store.
    fn prototype(&self, (validation, login): (f64, f64)) -> (f64, f64) {
        let (machine, call) = (self.route / BARE, (self.two_calls - self.route) / 2.0);
        (self.route + OWN.0 * machine + validation * call, self.route + OWN.1 * machine + login * call)
    }
}

fn middle_cost(costs: &[Cost]) -> Cost {
    let figures = |of: fn(&Cost) -> f64| middle(&mut costs.iter().map(of).collect::<Vec<_>>());
    Cost { cpu: figures(|cost| cost.cpu), per_second: figures(|cost| cost.per_second) }
}

/// The median of 400 undisturbed validations, in milliseconds.
async fn alone(server: &Server) -> Outcome<f64> {
    let mut connection = server.connect().await?;
    let consumer = consumer(&mut connection).await?;
    let (mut alone, requests) = (Vec::new(), validations(&mut connection, &consumer, 400).await?);
    for request in requests {
        let started = Instant::now();
        connection.call(&request).await?;
        alone.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(middle(&mut alone))
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
    let bare = Server::start("bare")?;
    let cores = std::thread::available_parallelism()?.get() as f64;
    let mut all_hold = true;
    for store in stores(folder.path()) {
        let server = Server::start(&store.url)?;
        let before = bcrypt_check()?;
        let costs = Costs::measure(&store, &server, &bare).await?;
        let bcrypt = f64::midpoint(before, bcrypt_check()?);
        let Costs { route, two_calls, totp, login } = &costs;
        println!(
            "\n{}: validation {:.1} µs, {:.0}/s; login {:.1} µs, {:.0}/s; bare route {route:.1} µs, two calls \
             {two_calls:.1} µs, bcrypt check {:.1} ms",
            store.name,
            totp.cpu,
            totp.per_second,
            login.cpu,
            login.per_second,
            bcrypt / 1e3
        );
        let (as_it_was, with_ours) = (costs.prototype(ITS_CALLS), costs.prototype(OUR_CALLS));
        println!(
            "times the prototype as it was: validation {:.2}, login {:.2}",
            totp.cpu / as_it_was.0,
            login.cpu / as_it_was.1
        );
        let what = "times the prototype with as many calls";
        all_hold &= target(&format!("validation, {what}"), totp.cpu / with_ours.0, SHARE, false);
        all_hold &= target(&format!("login, {what}"), login.cpu / with_ours.1, SHARE, false);
        match store.name {
            "redis" => {
                all_hold &= target("T4, times a bcrypt check's CPU", bcrypt / totp.cpu, 2_000.0, true);
            }
            "postgres" => {
                let bound = cores * 1e6 / bcrypt;
                all_hold &= target("T5, times a bcrypt check's rate", login.per_second / bound, 70.0, true);
                let alone = alone(&server).await?;
                all_hold &= target("T10, ms for a validation alone, median", alone, 1.0, false);
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
