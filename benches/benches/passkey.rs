//! The cost of a passkey login in the domain, on the in-memory store. The same run measures one bare
//! verification of its P-256 signature. The report fails if finishing costs twice that, or beginning a third
//! of it.

use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use criterion::Criterion;
use mfa_benches::{Outcome, median, output_folder};
use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::store::UserId;
use mfa_core::store::memory::MemoryStore;
use mfa_core::webauthn::{AuthenticationResponse, NewUser, RegistrationResponse, RelyingParty};
use mfa_core::{Consumer, Mfa};
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use tokio::runtime::{Builder, Runtime};

const ORIGIN: &str = "https://login.example.com";

struct Login {
    runtime: Runtime,
    consumer: Consumer,
    party: RelyingParty,
    authenticator: SoftAuthenticator,
    user: UserId,
    clock: Arc<ManualClock>,
}

impl Login {
    fn new() -> Outcome<Self> {
        let runtime = Builder::new_current_thread().build()?;
        let clock = Arc::new(ManualClock::at(UnixTime::from_secs(1_800_000_000)));
        let mfa = Mfa::builder(MemoryStore::default()).clock(Arc::clone(&clock) as _).build();
        let party = RelyingParty::new("example.com", "Acme", [ORIGIN])?;
        let authenticator = SoftAuthenticator::new(-7);
        let new_user = NewUser { id: None, name: "jo".to_owned(), display_name: "Jo".to_owned() };
        let (consumer, user) = runtime.block_on(async {
            let key = mfa.create_api_key("dev@example.com").await?;
            let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
            let consumer = mfa.authenticate(&key, &secret).await?;
            let webauthn = consumer.webauthn(party.clone());
            let (user, options) = webauthn.begin_registration(&new_user).await?;
            let answer = authenticator.create(&Browser::new(ORIGIN, &serde_json::to_value(options)?));
            let response = RegistrationResponse::from_json(answer.to_string().as_bytes())?;
            webauthn.finish_registration(user, &response).await?;
            Ok::<_, Box<dyn std::error::Error>>((consumer, user))
        })?;
        Ok(Self { runtime, consumer, party, authenticator, user, clock })
    }

    /// Begins a login, and returns the body of the request that finishes it.
    fn answered(&mut self) -> Outcome<Vec<u8>> {
        let webauthn = self.consumer.webauthn(self.party.clone());
        let options = self.runtime.block_on(webauthn.begin_authentication(self.user))?;
        let browser = Browser::new(ORIGIN, &serde_json::to_value(options)?);
        Ok(self.authenticator.get(&browser).to_string().into_bytes())
    }
}

fn run_benches(criterion: &mut Criterion) -> Outcome<()> {
    let login = Login::new()?;
    let message = vec![7; 69];
    let (point, signature) = (login.authenticator.key.point(), login.authenticator.key.sign(&message));
    criterion.bench_function("bare P-256 verification", |b| {
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, &point);
        b.iter(|| black_box(key.verify(&message, &signature).is_ok()));
    });
    criterion.bench_function("begin a login", |b| {
        let webauthn = login.consumer.webauthn(login.party.clone());
        b.iter(|| {
            // Move the clock on, so that the store deletes unfinished ceremonies.
            login.clock.advance(Duration::from_millis(10));
            let begun = login.runtime.block_on(webauthn.begin_authentication(login.user));
            assert!(begun.is_ok(), "the store has room");
            black_box(begun.is_ok())
        });
    });
    criterion.bench_function("begin a registration", |b| {
        let webauthn = login.consumer.webauthn(login.party.clone());
        let new_user = NewUser { id: Some(login.user), name: "jo".to_owned(), display_name: "Jo".to_owned() };
        b.iter(|| {
            login.clock.advance(Duration::from_millis(10));
            black_box(login.runtime.block_on(webauthn.begin_registration(&new_user)).is_ok())
        });
    });
    let mut login = Login::new()?;
    criterion.bench_function("finish a login", |b| {
        b.iter_custom(|rounds| {
            let mut spent = Duration::ZERO;
            for _ in 0..rounds {
                let Ok(body) = login.answered() else { unreachable!("the user has a credential") };
                let webauthn = login.consumer.webauthn(login.party.clone());
                let started = tokio::time::Instant::now();
                let finished = login.runtime.block_on(async {
                    let response = AuthenticationResponse::from_json(&body).ok()?;
                    webauthn.finish_authentication(login.user, &response).await.ok()
                });
                spent += started.elapsed();
                assert!(finished.is_some(), "the answer is right");
            }
            spent
        });
    });
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the report is for the terminal")]
fn run() -> Outcome<bool> {
    let folder = output_folder();
    let mut criterion = Criterion::default().output_directory(&folder).configure_from_args();
    run_benches(&mut criterion)?;
    criterion.final_summary();
    let bare = median(&folder, "bare P-256 verification")?;
    println!("\none bare P-256 verification: {:.1} µs", bare / 1e3);
    let mut all_hold = true;
    for (name, at_most) in [("finish a login", 2.0), ("begin a login", 0.32), ("begin a registration", 0.32)]
    {
        let (cost, ratio) = (median(&folder, name)?, median(&folder, name)? / bare);
        let verdict = if ratio <= at_most { "holds" } else { "DOES NOT HOLD" };
        println!("{name}: {:.1} µs, {ratio:.2} times as much (at most {at_most}: {verdict})", cost / 1e3);
        all_hold &= ratio <= at_most;
    }
    Ok(all_hold)
}

fn main() -> ExitCode {
    mfa_benches::main(run)
}
