//! A later version of this program on the same store.

use async_trait::async_trait;
use mfa_core::api_key::{ApiKey, ApiKeyError};
use mfa_core::clock::UnixTime;
use mfa_core::store::{ApiKeyState, Expect, Listing, StoreError, Stored, Stores};
use mfa_core::totp::TotpOptions;

use super::sample::at_once;
use super::service::{code_at, mfa_at};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// What a later version writes. A test of an adapter does so with the store's own client.
#[async_trait]
pub trait Later: Sync {
    /// Gives an API key and an authenticator a field that this version does not know, with this text.
    async fn add_field(&self, key: &str, totp: &str, text: &str);
    /// The texts of that field.
    async fn field(&self, key: &str, totp: &str) -> [String; 2];
    /// Writes the name of a key's state, or removes it.
    async fn set_state(&self, key: &str, name: Option<&str>);
}

/// This version serves every call, keeps fields that it does not know, and refuses a key in an unknown state.
pub async fn runs_beside_a_later_version(stores: &Stores, later: &impl Later) {
    let (mfa, _) = mfa_at(stores, NOW);
    let key = mfa.create_api_key("dev@example.com").await.unwrap();
    let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
    let consumer = mfa.authenticate(&key, &secret).await.unwrap();
    let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
    let (value, totp) = (key.as_str(), enrolled.id.to_string());
    let totp = totp.as_str();

    // Every pooled connection knows the statements before the field comes.
    assert_eq!(failed_reads(stores, &key).await, [""; 0]);
    later.add_field(value, totp, "later").await;
    assert_eq!(failed_reads(stores, &key).await, [""; 0]);

    consumer.totp().verify(enrolled.id, "0000000").await.unwrap_err();
    consumer.totp().verify(enrolled.id, &code_at(&enrolled.secret_base32, NOW)).await.unwrap();
    save_again(stores, &key).await.unwrap();
    assert_eq!(later.field(value, totp).await, ["later", "later"]);

    later.set_state(value, Some("suspended")).await;
    for _ in 0..2 {
        let refused = mfa.authenticate(&key, &secret).await.map(drop);
        assert!(matches!(refused, Err(ApiKeyError::Unauthorized)), "{refused:?}");
        let refused = mfa.activate_api_key(&key, "dev@example.com").await.map(drop);
        assert!(matches!(refused, Err(ApiKeyError::AlreadyActivated)), "{refused:?}");
        let listed = stores.api_keys.page_by_consumer(consumer.id(), None, 10).await.unwrap();
        assert_eq!(listed.items[0].record.state.unknown(), Some("suspended"));
        // Nothing is lost if this version writes the key.
        save_again(stores, &key).await.unwrap();
    }
    later.set_state(value, None).await;
    mfa.authenticate(&key, &secret).await.unwrap();

    later.set_state(value, Some("suspended")).await;
    mfa.revoke_api_key(&key).await.unwrap();
    let revoked = stores.api_keys.get(&key).await.unwrap().unwrap().record.state;
    assert!(matches!(revoked, ApiKeyState::Revoked { activated_at: Some(_), .. }), "{revoked:?}");
    assert_eq!(later.field(value, totp).await, ["later", "later"]);
}

async fn save_again(stores: &Stores, key: &ApiKey) -> Result<(), StoreError> {
    let Stored { record, revision } = stores.api_keys.get(key).await?.unwrap();
    stores.api_keys.save(&record, Expect::At(revision)).await.map(drop)
}

/// The errors of forty reads of each kind at once.
async fn failed_reads(stores: &Stores, key: &ApiKey) -> Vec<String> {
    let reads: Vec<Result<(), StoreError>> = at_once((0..40).map(|_| {
        let (stores, key) = (stores.clone(), key.clone());
        async move {
            let consumer = stores.api_keys.get(&key).await?.unwrap().record.consumer;
            stores.totp.page_by_consumer(&consumer, None, 10, Listing::Exact).await?;
            stores.api_keys.page(None, 10).await.map(drop)
        }
    }))
    .await;
    reads.into_iter().filter_map(|read| Some(read.err()?.to_string())).collect()
}
