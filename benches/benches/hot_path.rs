//! The cost of a call in the domain, on the in-memory store. The report compares it with one Argon2id
//! verification of the same run, and fails unless the hot path is hundreds of times cheaper.

use std::hint::black_box;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use criterion::{BatchSize, Criterion};
use mfa_benches::{Outcome, median, output_folder};
use mfa_core::api_key::{ApiKey, ApiSecret, Argon2Hasher};
use mfa_core::clock::{Clock as _, ManualClock, UnixTime};
use mfa_core::envelope::{Context, Keyring, RecordKind, Sealed};
use mfa_core::random::OsRandom;
use mfa_core::secret::SecretBytes;
use mfa_core::store::Stores;
use mfa_core::store::memory::MemoryStore;
use mfa_core::totp::{SharedSecret, TimeStep, TotpId, TotpOptions};
use mfa_core::{ConsumerId, Mfa};
use tokio::runtime::{Builder, Runtime};

struct Service {
    runtime: Runtime,
    stores: Stores,
    clock: Arc<ManualClock>,
    mfa: Mfa,
    key: ApiKey,
    secret: ApiSecret,
}

impl Service {
    fn new() -> Outcome<Self> {
        let runtime = Builder::new_current_thread().build()?;
        let stores = Stores::from(MemoryStore::default());
        let clock = Arc::new(ManualClock::at(UnixTime::from_secs(1_800_000_000)));
        let mfa = Mfa::builder(stores.clone()).clock(Arc::clone(&clock) as _).build();
        let key = runtime.block_on(mfa.create_api_key("dev@example.com"))?;
        let secret = runtime.block_on(mfa.activate_api_key(&key, "dev@example.com"))?;
        Ok(Self { runtime, stores, clock, mfa, key, secret })
    }
}

fn argon2id(criterion: &mut Criterion) -> Outcome<()> {
    let input = SecretBytes::new(vec![7; 32]);
    let hash = Argon2Hasher::hash_blocking(&input, &[1; 16])?;
    criterion.bench_function("argon2id verification", |b| {
        b.iter(|| black_box(Argon2Hasher::verify_blocking(&input, &hash)));
    });
    Ok(())
}

fn authenticate(criterion: &mut Criterion) -> Outcome<()> {
    let Service { runtime, stores, mfa, key, secret, .. } = Service::new()?;
    runtime.block_on(mfa.authenticate(&key, &secret))?;
    criterion.bench_function("authenticate, first call", |b| {
        let fresh = || Mfa::builder(stores.clone()).build();
        let call = |mfa: Mfa| black_box(runtime.block_on(mfa.authenticate(&key, &secret)).is_ok());
        b.iter_batched(fresh, call, BatchSize::PerIteration);
    });
    criterion.bench_function("authenticate, later calls", |b| {
        b.iter(|| black_box(runtime.block_on(mfa.authenticate(&key, &secret)).is_ok()));
    });
    Ok(())
}

fn seal_and_open(criterion: &mut Criterion) -> Outcome<()> {
    let keyring = Keyring::generate(&OsRandom)?;
    let consumer = ConsumerId::of_first_key(&"f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse()?);
    let context = Context { consumer: &consumer, kind: RecordKind::Totp, record_id: "1", field: "secret" };
    for len in [25, 2048] {
        let plaintext = vec![7; len];
        criterion.bench_function(&format!("seal {len} bytes"), |b| {
            b.iter(|| black_box(keyring.seal::<()>(&context, &plaintext, &OsRandom).is_ok()));
        });
        let sealed: Sealed<()> = keyring.seal(&context, &plaintext, &OsRandom)?;
        criterion.bench_function(&format!("open {len} bytes"), |b| {
            b.iter(|| black_box(keyring.open(&context, &sealed).is_ok()));
        });
    }
    Ok(())
}

fn totp_verify(criterion: &mut Criterion) -> Outcome<()> {
    let Service { runtime, clock, mfa, key, secret, .. } = Service::new()?;
    let consumer = runtime.block_on(mfa.authenticate(&key, &secret))?;
    // A code is accepted once, so each call gets its own authenticator. Making it is not measured.
    let enroll = || {
        let totp = runtime.block_on(consumer.totp().enroll(TotpOptions::new("Acme", "jo"))).ok()?;
        let shared = data_encoding::BASE32_NOPAD.decode(totp.secret_base32.as_bytes()).ok()?;
        let code = SharedSecret::from_key(SecretBytes::new(shared)).code_at(TimeStep::at(clock.now(), 30));
        Some((totp.id, code.expose_text()))
    };
    criterion.bench_function("TOTP verification by a Consumer", |b| {
        let verify = |enrolled: Option<(TotpId, String)>| {
            let verified = runtime.block_on(async {
                let (id, code) = enrolled?;
                consumer.totp().verify(id, &code).await.ok()
            });
            assert!(verified.is_some(), "the code is right");
        };
        b.iter_batched(enroll, verify, BatchSize::PerIteration);
    });
    criterion.bench_function("authenticate and verify a TOTP", |b| {
        let call = |enrolled: Option<(TotpId, String)>| {
            let verified = runtime.block_on(async {
                let (id, code) = enrolled?;
                let consumer = mfa.authenticate(&key, &secret).await.ok()?;
                consumer.totp().verify(id, &code).await.ok()
            });
            assert!(verified.is_some(), "the code is right");
        };
        b.iter_batched(enroll, call, BatchSize::PerIteration);
    });
    Ok(())
}

/// Prints how many times cheaper each call is than one Argon2id verification. Returns whether all meet the
/// bounds (100 and 150 µs if a verification takes 20 ms).
#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
fn report(folder: &Path) -> Outcome<bool> {
    let argon2id = median(folder, "argon2id verification")?;
    println!("\none Argon2id verification: {:.2} ms", argon2id / 1e6);
    let mut all_hold = true;
    for (name, at_least) in [
        ("authenticate, later calls", 200.0),
        ("TOTP verification by a Consumer", 133.0),
        ("authenticate and verify a TOTP", 133.0),
    ] {
        let (median, holds) = (median(folder, name)?, argon2id / median(folder, name)? >= at_least);
        let verdict = if holds { "holds" } else { "DOES NOT HOLD" };
        println!(
            "{name}: {:.2} µs, {:.0} times cheaper (at least {at_least}: {verdict})",
            median / 1e3,
            argon2id / median
        );
        all_hold &= holds;
    }
    Ok(all_hold)
}

fn run() -> Outcome<bool> {
    let folder = output_folder();
    let mut criterion = Criterion::default().output_directory(&folder).configure_from_args();
    argon2id(&mut criterion)?;
    authenticate(&mut criterion)?;
    seal_and_open(&mut criterion)?;
    totp_verify(&mut criterion)?;
    criterion.final_summary();
    report(&folder)
}

fn main() -> ExitCode {
    mfa_benches::main(run)
}
