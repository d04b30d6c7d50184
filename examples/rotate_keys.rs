//! A consumer moves from one API key to another while it keeps working. Shows what each key opens before,
//! during and after, then revokes the old one. `docs/rotation.md` describes the states. `mfa-http api-key
//! rotate` does the same.
//!
//! ```sh
//! cargo run -p mfa-examples --example rotate_keys
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

mod authenticator_app;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use mfa_core::api_key::{ApiKey, ApiKeyError, ApiSecret};
use mfa_core::clock::{Clock as _, ManualClock, UnixTime};
use mfa_core::rotation::{RotationError, RotationOptions};
use mfa_core::store::memory::MemoryStore;
use mfa_core::totp::{EnrolledTotp, TotpError, TotpOptions};
use mfa_core::{Consumer, Mfa};

#[tokio::main]
async fn main() -> Result<()> {
    // A code works once and lasts half a minute. This example moves its own clock instead of waiting.
    let clock = Arc::new(ManualClock::at(UnixTime::from_secs(1_800_000_000)));
    let mfa = Mfa::builder(MemoryStore::default()).clock(Arc::clone(&clock) as _).build();

    let (old, old_secret) = fresh_key(&mfa).await?;
    let mut totps = Vec::new();
    for n in 0..6 {
        let options = TotpOptions::new("Acme", format!("user-{n}@example.com"));
        totps.push(mfa.authenticate(&old, &old_secret).await?.totp().enroll(options).await?);
    }

    let (new, new_secret) = fresh_key(&mfa).await?;
    let stranger = mfa.authenticate(&new, &new_secret).await?.totp().status(totps[0].id).await;
    ensure!(matches!(stranger, Err(TotpError::NotFound)), "a fresh key sees the old one's: {stranger:?}");
    println!("before: the old key opens 6 TOTPs, the new one is a consumer of its own and sees none");

    // Without `patience`, one call does everything. With no patience, it stops after a batch, as if the
    // process were killed.
    let patience = Some(Duration::ZERO);
    let hurried = RotationOptions { batch: 2, patience, ..RotationOptions::default() };
    let report = mfa.rotate((&old, &old_secret), (&new, &new_secret), &hurried).await?;
    ensure!(!report.done && (report.totp_complete, report.totp_incomplete) == (2, 4), "{report:?}");
    for (key, secret) in [(&old, &old_secret), (&new, &new_secret)] {
        all_work(&mfa.authenticate(key, secret).await?, &totps, &clock).await?;
    }
    let late = TotpOptions::new("Acme", "latecomer@example.com");
    totps.push(mfa.authenticate(&old, &old_secret).await?.totp().enroll(late).await?);
    println!("during: 2 of 6 records are under the fresh data key; both keys open all, and enrol");

    // Called again with the same keys, it continues.
    let mut calls = 1;
    while !mfa.rotate((&old, &old_secret), (&new, &new_secret), &hurried).await?.done {
        calls += 1;
    }
    for (key, secret) in [(&old, &old_secret), (&new, &new_secret)] {
        all_work(&mfa.authenticate(key, secret).await?, &totps, &clock).await?;
    }
    println!("after: {calls} more calls, and nothing is left under the old data key; both keys still work");

    // Revoke the old key when the application has the new one. The option `revoke_old` does it in the last
    // call.
    mfa.revoke_api_key(&old).await?;
    let refused = mfa.authenticate(&old, &old_secret).await.map(drop);
    ensure!(matches!(refused, Err(ApiKeyError::Unauthorized)), "a revoked key works: {refused:?}");
    all_work(&mfa.authenticate(&new, &new_secret).await?, &totps, &clock).await?;
    let again = mfa.rotate((&old, &old_secret), (&new, &new_secret), &RotationOptions::default()).await;
    ensure!(matches!(again, Err(RotationError::Old(ApiKeyError::Unauthorized))), "{again:?}");
    println!("revoked: the old key opens nothing, at once; the new one opens all {}", totps.len());
    Ok(())
}

async fn fresh_key(mfa: &Mfa) -> Result<(ApiKey, ApiSecret)> {
    let key = mfa.create_api_key("dev@example.com").await?;
    let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
    Ok((key, secret))
}

/// Every user logs in with the code of the next half minute.
async fn all_work(consumer: &Consumer, totps: &[EnrolledTotp], clock: &ManualClock) -> Result<()> {
    clock.advance(Duration::from_secs(30));
    for totp in totps {
        let code = authenticator_app::code_at(&totp.secret_base32, clock.now())?;
        consumer.totp().verify(totp.id, &code).await?;
    }
    Ok(())
}
