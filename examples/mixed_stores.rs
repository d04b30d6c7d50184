//! Ceremonies in one store, the rest in another. Ceremonies live five minutes at most and are written at
//! every login, so they suit Redis. Factors belong in a database. A passkey registers and logs in across the
//! two.
//!
//! ```sh
//! cargo run -p mfa-examples --example mixed_stores                                # memory and SQLite
//! scripts/test --run cargo run -p mfa-examples --example mixed_stores             # Redis and PostgreSQL
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to its reader")]

use std::env;
use std::sync::Arc;

use anyhow::{Result, ensure};
use mfa_core::Mfa;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{CeremonyStore, Stores};
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, Refusal, RegistrationResponse, RelyingParty, WebauthnError,
};
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use mfa_store_postgres::PostgresStore;
use mfa_store_redis::RedisStore;
use mfa_store_sqlite::SqliteStore;

/// The origin of the page that asks for the passkey.
const ORIGIN: &str = "https://login.example.com";

#[tokio::main]
async fn main() -> Result<()> {
    let folder = tempfile::tempdir()?;
    // URLs with passwords come from the environment, because everybody on the machine can see arguments.
    let servers = env::var("MFA_TEST_POSTGRES").ok().zip(env::var("MFA_TEST_REDIS").ok());
    let (rest, ceremonies): (Stores, Arc<dyn CeremonyStore>) = match servers {
        Some((postgres, redis)) => {
            println!("factors in PostgreSQL, ceremonies in Redis");
            (PostgresStore::open(&postgres).await?.into(), RedisStore::open_for_ceremonies(&redis).await?)
        }
        None => {
            println!("factors in SQLite, ceremonies in memory");
            let sqlite = SqliteStore::open(folder.path().join("mfa.db")).await?;
            (sqlite.into(), Arc::new(MemoryStore::default()))
        }
    };
    let unmixed = Mfa::builder(rest.clone()).build();
    let mfa = Mfa::builder(Stores { ceremonies, ..rest }).build();

    let key = mfa.create_api_key("dev@example.com").await?;
    let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
    let consumer = mfa.authenticate(&key, &secret).await?;
    let acme = RelyingParty::new("example.com", "Acme", [ORIGIN])?;
    let passkeys = consumer.webauthn(acme.clone());

    // The options go to `navigator.credentials.create()`, whose result comes back.
    let jo = NewUser { id: None, name: "jo@example.com".to_owned(), display_name: "Jo".to_owned() };
    let (user, options) = passkeys.begin_registration(&jo).await?;
    let mut authenticator = SoftAuthenticator::new(-7); // ES256
    let created = authenticator.create(&Browser::new(ORIGIN, &serde_json::to_value(options)?));
    let created = RegistrationResponse::from_json(created.to_string().as_bytes())?;
    passkeys.finish_registration(user, &created).await?;
    println!("registered a passkey of user {user}");

    let options = passkeys.begin_authentication(user).await?;
    let answer = authenticator.get(&Browser::new(ORIGIN, &serde_json::to_value(options)?));
    let answer = AuthenticationResponse::from_json(answer.to_string().as_bytes())?;
    // The same factors with another store for ceremonies, which lacks the one that was begun.
    let elsewhere = unmixed.authenticate(&key, &secret).await?;
    let refused = elsewhere.webauthn(acme).finish_authentication(user, &answer).await;
    let unknown = |outcome: &Result<_, _>| matches!(outcome, Err(WebauthnError::Refused(Refusal::Challenge)));
    ensure!(unknown(&refused), "the ceremony is not where it should be: {refused:?}");
    passkeys.finish_authentication(user, &answer).await?;
    println!("logged in; the ceremony was in its own store only");

    // Finishing a ceremony removes it from its store.
    let replayed = passkeys.finish_authentication(user, &answer).await;
    ensure!(unknown(&replayed), "an answer was accepted twice: {replayed:?}");
    println!("refused the same answer a second time");

    ensure!(consumer.delete_user(user).await?, "the user is not there");
    mfa.revoke_api_key(&key).await?;
    Ok(())
}
