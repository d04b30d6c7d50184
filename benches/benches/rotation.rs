//! A rotation of 100,000 TOTP records: its speed compared with the store's conditional saves in the same run,
//! and its memory.
//!
//! `scripts/test --run cargo bench -p mfa-benches --bench rotation` starts the servers and runs this.

use std::process::ExitCode;
use std::sync::Arc;

use mfa_benches::Outcome;
use mfa_benches::load::open;
use mfa_core::rotation::RotationOptions;
use mfa_core::store::{Expect, Stores, TotpRecord};
use mfa_core::totp::{TotpId, TotpOptions};
use mfa_core::{Consumer, Mfa};
use tokio::time::Instant;

const RECORDS: u32 = 100_000;
const SAMPLE: u32 = 4_000;

/// Kilobytes this process has in memory.
fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("VmRSS")?;
    Ok(line.split_whitespace().nth(1).ok_or("VmRSS")?.parse()?)
}

/// Enrols concurrently, and returns the first few ids.
async fn enroll(consumer: &Arc<Consumer>) -> Outcome<Vec<TotpId>> {
    let lanes: Vec<_> = (0..64)
        .map(|lane| {
            let consumer = Arc::clone(consumer);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for n in (lane..RECORDS).step_by(64) {
                    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await?;
                    if n < SAMPLE {
                        ids.push(enrolled.id);
                    }
                }
                Ok::<_, mfa_core::totp::TotpError>(ids)
            })
        })
        .collect();
    let mut ids = Vec::new();
    for lane in lanes {
        ids.extend(lane.await??);
    }
    Ok(ids)
}

/// Concurrent conditional saves per second.
async fn own_rate(stores: &Stores, consumer: &Consumer, ids: &[TotpId], lanes: usize) -> Outcome<f64> {
    let mut records: Vec<(TotpRecord, Expect)> = Vec::new();
    for id in ids {
        let stored = stores.totp.get(consumer.id(), *id).await?.ok_or("it is gone")?;
        records.push((stored.record, Expect::At(stored.revision)));
    }
    let (records, started) = (Arc::new(records), Instant::now());
    let saving: Vec<_> = (0..lanes)
        .map(|lane| {
            let (store, records) = (Arc::clone(&stores.totp), Arc::clone(&records));
            tokio::spawn(async move {
                for (record, expect) in records.iter().skip(lane).step_by(lanes) {
                    store.save(record, *expect).await?;
                }
                Ok::<_, mfa_core::store::StoreError>(())
            })
        })
        .collect();
    for lane in saving {
        lane.await??;
    }
    Ok(ids.len() as f64 / started.elapsed().as_secs_f64())
}

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
async fn run() -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    // One at a time on SQLite, which has one writer; sixteen at once on PostgreSQL, as many as connections.
    let mut urls = vec![("sqlite", format!("sqlite://{}", folder.path().join("mfa.db").display()), 1)];
    urls.extend(std::env::var("MFA_TEST_POSTGRES").ok().map(|url| ("postgres", url, 16)));
    let mut all_hold = true;
    for (name, url, lanes) in urls {
        let stores = open(&url).await?;
        let mfa = Mfa::builder(stores.clone()).build();
        let mut keys = Vec::new();
        for _ in 0..2 {
            let key = mfa.create_api_key("dev@example.com").await?;
            let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
            keys.push((key, secret));
        }
        let (old, new) = (&keys[0], &keys[1]);
        let consumer = Arc::new(mfa.authenticate(&old.0, &old.1).await?);
        let ids = enroll(&consumer).await?;
        let own = own_rate(&stores, &consumer, &ids, lanes).await?;
        let (before, started) = (resident()?, Instant::now());
        let options = RotationOptions::default();
        let report = mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await?;
        let rate = f64::from(RECORDS) / started.elapsed().as_secs_f64();
        let growth = resident()?.saturating_sub(before) / 1024;
        if !report.done || report.totp_complete != u64::from(RECORDS) {
            return Err(format!("not done: {report:?}").into());
        }
        let (share, fits) = (rate / own, growth < 64);
        println!(
            "{name}: {rate:.0} records/s, {lanes} at a time the store saves {own:.0}/s: share {share:.2} (at least 0.60: {}); \
             {growth} MiB more memory (at most 64: {})",
            if share >= 0.6 { "holds" } else { "DOES NOT HOLD" },
            if fits { "holds" } else { "DOES NOT HOLD" },
        );
        all_hold &= share >= 0.6 && fits;
    }
    Ok(all_hold)
}

fn main() -> ExitCode {
    mfa_benches::main(|| tokio::runtime::Runtime::new()?.block_on(run()))
}
