//! T6 and T7: the cost of a warm request for the server process, over HTTP, on the in-memory store. Compares
//! a TOTP validation with a bare axum route, and a passkey login with bare verifications of its signature, in
//! the same run.

use std::process::ExitCode;
use std::time::Duration;

use mfa_benches::Outcome;
use mfa_benches::load::{Server, bare_verification, consumer, logins, middle, serve_if_asked, validations};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const REQUESTS: usize = 6_000;

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
async fn run() -> Outcome<bool> {
    let (bare, server) = (Server::start("bare")?, Server::start("memory://")?);
    let mut connection = server.connect().await?;
    let consumer = consumer(&mut connection).await?;
    let echo = |count: usize| {
        let request = (
            format!("POST /totp/x/validate HTTP/1.1\r\n{consumer}content-type: application/json\r\n"),
            json!({"code": "123456"}).to_string(),
        );
        vec![request; count]
    };
    bare.load(echo(REQUESTS)).await?;
    let (mut bare_costs, mut totp_costs) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let requests = validations(&mut connection, &consumer, REQUESTS).await?;
        bare_costs.push(bare.load(echo(2 * REQUESTS)).await?.cpu);
        totp_costs.push(server.load(requests).await?.cpu);
    }
    let (bare_cost, totp_cost) = (middle(&mut bare_costs), middle(&mut totp_costs));
    let (requests, authenticator) = logins(&mut connection, &consumer, REQUESTS).await?;
    let login_cost = server.load(requests).await?.cpu;
    let verification = bare_verification(&authenticator);

    let mut all_hold = true;
    for (target, what, ratio, at_most) in [
        (
            "T6",
            format!("TOTP validation {totp_cost:.1} µs, bare route {bare_cost:.1} µs"),
            totp_cost / bare_cost,
            2.2,
        ),
        (
            "T7",
            format!("passkey login {login_cost:.1} µs, bare verification {verification:.1} µs"),
            login_cost / verification,
            2.5,
        ),
    ] {
        let verdict = if ratio <= at_most { "holds" } else { "DOES NOT HOLD" };
        println!("{target}: {what}, ratio {ratio:.2} (at most {at_most}: {verdict})");
        // Allow a quarter more for the noise of a shared machine.
        all_hold &= ratio <= at_most * 1.25;
    }
    Ok(all_hold)
}

fn main() -> ExitCode {
    mfa_benches::main(|| {
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(serve_if_asked())?;
        let outcome = runtime.block_on(run());
        // Give the connections' tasks no chance to outlive the report.
        runtime.shutdown_timeout(Duration::from_millis(100));
        outcome
    })
}
