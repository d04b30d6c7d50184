//! Paging through one consumer's records costs in proportion to its records, not to the table. A table of
//! 10,000 TOTP records of 100 consumers grows tenfold. The bench reads the same consumer's hundred records
//! before and after.
//!
//! `scripts/test --run cargo bench -p mfa-benches --bench paging` starts the servers and runs this.

use std::process::ExitCode;
use std::sync::Arc;

use mfa_benches::Outcome;
use mfa_benches::load::{middle, open};
use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{Expect, Listing, Stores, TotpRecord};
use mfa_core::totp::TotpId;
use tokio::time::Instant;

const EACH: u32 = 100;
const GROWTH: [u32; 2] = [100, 1_000];

fn consumer(n: u32) -> Outcome<ConsumerId> {
    Ok(ConsumerId::of_first_key(&format!("{n:040x}").parse()?))
}

fn record(n: u32, consumers: &[ConsumerId]) -> Outcome<TotpRecord> {
    // Ids in an order unlike that of their owners, as random ones are.
    let id = format!("{:08x}-0000-4000-8000-{n:012x}", n.wrapping_mul(2_654_435_761));
    Ok(TotpRecord {
        id: TotpId(id.parse::<TotpId>()?.0),
        consumer: consumers[n as usize % consumers.len()].clone(),
        secret: Sealed::from_stored(vec![7; 58]),
        created_at: None,
        last_accepted_step: None,
        failures: 0,
        failed_at: None,
    })
}

/// Fills the table with a hundred records for each of the consumers from `from` to `to`.
async fn fill(stores: &Stores, from: u32, to: u32) -> Outcome<()> {
    let consumers = Arc::new((from..to).map(consumer).collect::<Outcome<Vec<_>>>()?);
    let mut lanes = Vec::new();
    for lane in 0..64 {
        let records = (from * EACH..to * EACH).filter(|n| n % 64 == lane);
        let records = records.map(|n| record(n, &consumers)).collect::<Outcome<Vec<_>>>()?;
        let store = Arc::clone(&stores.totp);
        lanes.push(tokio::spawn(async move {
            for record in records {
                store.save(&record, Expect::Absent).await?;
            }
            Ok::<_, mfa_core::store::StoreError>(())
        }));
    }
    for lane in lanes {
        lane.await??;
    }
    Ok(())
}

/// Milliseconds to read all of one consumer's records, the median of several.
async fn read(stores: &Stores) -> Outcome<f64> {
    let owner = consumer(7)?;
    let mut rounds = Vec::new();
    for _ in 0..15 {
        let (started, mut found, mut after) = (Instant::now(), 0, None);
        loop {
            let page = stores.totp.page_by_consumer(&owner, after.as_ref(), 50, Listing::Fast).await?;
            found += page.items.len();
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        if found != EACH as usize {
            return Err(format!("{found} records instead of {EACH}").into());
        }
        rounds.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(middle(&mut rounds))
}

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
async fn run() -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let mut urls = vec![("sqlite", format!("sqlite://{}", folder.path().join("mfa.db").display()))];
    for (name, variable) in [("postgres", "MFA_TEST_POSTGRES"), ("redis", "MFA_TEST_REDIS")] {
        urls.extend(std::env::var(variable).ok().map(|url| (name, url)));
    }
    let dynamodb = std::env::var("MFA_TEST_DYNAMODB").ok();
    let tables = "api_key_table=paging-k&totp_table=paging-t&webauthn_table=paging-w&index=create";
    urls.extend(
        dynamodb.map(|url| ("dynamodb, by its index", format!("dynamodb://local?endpoint={url}&{tables}"))),
    );
    let mut all_hold = true;
    for (name, url) in urls {
        let stores = open(&url).await?;
        fill(&stores, 0, GROWTH[0]).await?;
        let small = read(&stores).await?;
        fill(&stores, GROWTH[0], GROWTH[1]).await?;
        let large = read(&stores).await?;
        let ratio = large / small;
        let verdict = if ratio <= 2.0 { "holds" } else { "DOES NOT HOLD" };
        println!(
            "{name}: 100 records of 10,000 in {small:.2} ms, of 100,000 in {large:.2} ms, ratio {ratio:.2} (at most 2: {verdict})"
        );
        all_hold &= ratio <= 2.5;
    }
    Ok(all_hold)
}

fn main() -> ExitCode {
    mfa_benches::main(|| tokio::runtime::Runtime::new()?.block_on(run()))
}
