//! T13: conditional saves by 64 concurrent callers, compared with one at a time, on one SQLite file with
//! every commit flushed. The writer commits waiting writes together, so the ratio must be at least 5.

use std::process::ExitCode;
use std::time::Duration;

use mfa_core::ConsumerId;
use mfa_core::envelope::Sealed;
use mfa_core::store::{Expect, Revision, Stores, TotpRecord};
use mfa_core::totp::TotpId;
use mfa_store_sqlite::SqliteStore;
use tokio::time::Instant;

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const CALLERS: u32 = 64;
const ROUNDS: u32 = 4;
const ROUND: Duration = Duration::from_secs(2);

fn record(n: u32) -> Outcome<TotpRecord> {
    Ok(TotpRecord {
        id: TotpId(format!("00000000-0000-4000-8000-{n:012}").parse::<TotpId>()?.0),
        consumer: ConsumerId::of_first_key(&"f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse()?),
        secret: Sealed::from_stored(vec![7; 58]),
        created_at: None,
        last_accepted_step: None,
        failures: 0,
        failed_at: None,
    })
}

/// Saves one record repeatedly until `end`. Returns the number of saves and the last revision.
async fn save(stores: Stores, n: u32, mut at: Revision, end: Instant) -> Outcome<(u32, Revision)> {
    let record = record(n)?;
    let mut saves = 0;
    while Instant::now() < end {
        at = stores.totp.save(&record, Expect::At(at)).await?;
        saves += 1;
    }
    Ok((saves, at))
}

async fn round(stores: &Stores, revisions: &mut [Revision]) -> Outcome<f64> {
    let started = Instant::now();
    let mut tasks = Vec::new();
    for (n, at) in (0..).zip(revisions.iter()) {
        tasks.push(tokio::spawn(save(stores.clone(), n, *at, started + ROUND)));
    }
    let mut saves = 0;
    for (task, revision) in tasks.into_iter().zip(revisions) {
        let (done, at) = task.await??;
        saves += done;
        *revision = at;
    }
    Ok(f64::from(saves) / started.elapsed().as_secs_f64())
}

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
async fn run() -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let stores = Stores::from(SqliteStore::open(folder.path().join("mfa.db")).await?);
    let mut revisions = Vec::new();
    for n in 0..CALLERS {
        revisions.push(stores.totp.save(&record(n)?, Expect::Absent).await?);
    }
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        let alone = round(&stores, &mut revisions[..1]).await?;
        let together = round(&stores, &mut revisions).await?;
        println!(
            "one at a time {alone:.0}/s, {CALLERS} at once {together:.0}/s, ratio {:.1}",
            together / alone
        );
        ratios.push(together / alone);
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios[ratios.len() / 2];
    let holds = median >= 5.0;
    println!("T13: ratio {median:.1} (at least 5: {})", if holds { "holds" } else { "DOES NOT HOLD" });
    Ok(holds)
}

fn main() -> ExitCode {
    mfa_benches::main(|| {
        Ok(tokio::runtime::Runtime::new()?.block_on(run()).map_err(|error| error.to_string())?)
    })
}
