//! A service on a store: its clock, its hasher, a consumer, and the codes of an authenticator app.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use mfa_core::api_key::{Argon2Hasher, HashError, SecretHash, SecretHasher};
use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::secret::SecretBytes;
use mfa_core::store::Stores;
use mfa_core::totp::{SharedSecret, TimeStep};
use mfa_core::{Consumer, Mfa};

/// Counts how often a secret is hashed or checked.
#[derive(Debug, Default)]
pub struct CountingHasher {
    /// Hashes made.
    pub hashed: AtomicUsize,
    /// Hashes checked.
    pub verified: AtomicUsize,
}

#[async_trait]
impl SecretHasher for CountingHasher {
    async fn hash(&self, input: SecretBytes, salt: [u8; 16]) -> Result<SecretHash, HashError> {
        self.hashed.fetch_add(1, Ordering::SeqCst);
        tokio::task::spawn_blocking(move || Argon2Hasher::hash_blocking(&input, &salt)).await.unwrap()
    }

    async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError> {
        self.verified.fetch_add(1, Ordering::SeqCst);
        tokio::task::spawn_blocking(move || Argon2Hasher::verify_blocking(&input, &hash)).await.unwrap()
    }
}

/// A service on `stores`, and its clock, which stands at `now`.
pub fn mfa_at(stores: &Stores, now: UnixTime) -> (Mfa, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(now));
    (Mfa::builder(stores.clone()).clock(Arc::clone(&clock) as _).build(), clock)
}

/// A new consumer of `mfa`.
pub async fn new_consumer(mfa: &Mfa) -> Consumer {
    let key = mfa.create_api_key("dev@example.com").await.unwrap();
    let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
    mfa.authenticate(&key, &secret).await.unwrap()
}

/// The code that an authenticator app shows for `secret_base32` at `now`.
pub fn code_at(secret_base32: &str, now: UnixTime) -> String {
    let key = data_encoding::BASE32_NOPAD.decode(secret_base32.as_bytes()).unwrap();
    SharedSecret::from_key(SecretBytes::new(key)).code_at(TimeStep::at(now, 30)).expose_text()
}
