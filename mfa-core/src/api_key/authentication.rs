//! Authenticates the calls of a consumer by API key and secret.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;

use super::verified::Landing;
use super::{ApiKey, ApiKeyError, ApiSecret, CheckTag, SecretHash};
use crate::clock::UnixTime;
use crate::envelope::{KeyEncryptionKey, Keyring, verifier};
use crate::event::{Action, Event};
use crate::random::random_bytes;
use crate::store::{ApiKeyRecord, ApiKeyState, Expect, StoreError, Stored};
use crate::{Consumer, Mfa};

/// The precision of a key's last use.
const USE_NOTED: Duration = Duration::from_secs(3600);

impl ApiKeyRecord {
    /// Whether the row's last use is right as it is.
    fn was_used_lately(&self, now: UnixTime) -> bool {
        self.last_used_at.is_some_and(|last| now.since(last) < USE_NOTED)
    }
}

impl Mfa {
    /// Authenticates a call and opens the consumer's keyring.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unauthorized`] for an unknown, inactive or revoked key and for a wrong secret,
    /// [`ApiKeyError::Throttled`] after too many of these, [`ApiKeyError::Store`] if the store failed.
    pub async fn authenticate(&self, key: &ApiKey, secret: &ApiSecret) -> Result<Consumer, ApiKeyError> {
        self.authenticate_from(IpAddr::V6(Ipv6Addr::UNSPECIFIED), key, secret).await
    }

    /// Like [`Mfa::authenticate`], but counts failures against the address that the call came from.
    ///
    /// # Errors
    ///
    /// Those of [`Mfa::authenticate`].
    pub async fn authenticate_from(
        &self,
        source: IpAddr,
        key: &ApiKey,
        secret: &ApiSecret,
    ) -> Result<Consumer, ApiKeyError> {
        let stored = self.authenticate_key(source, key, secret).await?;
        self.admit(&stored.record, secret)
    }

    /// Checks the secret and returns the key's record.
    pub(crate) async fn authenticate_key(
        &self,
        source: IpAddr,
        key: &ApiKey,
        secret: &ApiSecret,
    ) -> Result<Stored<ApiKeyRecord>, ApiKeyError> {
        let stored = self.parts.stores.api_keys.get(key).await?;
        let now = self.parts.clock.now();
        let usable = stored.filter(|stored| stored.record.is_usable(now));
        let is_verified = match usable.as_ref().map(|found| &found.record.state) {
            Some(ApiKeyState::Active { hash, keyring: Some(_), .. }) => {
                self.parts.memo.holds(&self.parts.memo.tag(hash, secret)?, now)
            }
            _ => false,
        };
        if is_verified && let Some(found) = usable {
            return Ok(self.note_use(found, secret).await);
        }

        // Do the same work for active, revoked and unknown keys.
        let presented = CheckTag::of(key, secret);
        let expected = usable.as_ref().and_then(|stored| stored.record.state.check_tag());
        let fits = presented.is_some() && presented == expected;
        // A secret with the right tag passes the throttle, so that nobody can keep the owner out.
        if !fits && let Some(retry_after) = self.parts.failures.wait(key, source, now) {
            return Err(self.refuse(
                key,
                Action::AuthenticationThrottled,
                ApiKeyError::Throttled { retry_after },
            ));
        }
        let checked = match usable {
            Some(stored) if fits || expected.is_none() => self.check_secret(stored, secret).await,
            _ => Err(ApiKeyError::Unauthorized),
        };
        match checked {
            // The failures stay counted: the right secret passes the throttle, and a success of the owner's must not
            // show in how a stranger's guesses are answered.
            Ok(stored) => Ok(Arc::unwrap_or_clone(stored)),
            Err(error @ ApiKeyError::Unauthorized) => {
                self.parts.failures.count(key, source, self.parts.clock.now());
                Err(self.refuse(key, Action::AuthenticationRefused, error))
            }
            Err(error @ ApiKeyError::Throttled { .. }) => {
                Err(self.refuse(key, Action::AuthenticationThrottled, error))
            }
            Err(error) => Err(error),
        }
    }

    /// Records the event of a refusal.
    fn refuse(&self, key: &ApiKey, action: Action, error: ApiKeyError) -> ApiKeyError {
        self.parts.events.record(&Event::of_key(self.parts.clock.now(), action, key.clone()));
        error
    }

    /// Opens the keyring with a verified secret.
    fn admit(&self, record: &ApiKeyRecord, secret: &ApiSecret) -> Result<Consumer, ApiKeyError> {
        let ApiKeyState::Active { keyring: Some(keyring), .. } = &record.state else {
            return Err(ApiKeyError::Unauthorized);
        };
        let kek = KeyEncryptionKey::new(secret, &record.key, &record.consumer);
        let keyring = kek.unwrap_keyring(keyring).map_err(ApiKeyError::Damaged)?;
        Ok(Consumer::new(self.clone(), record, kek, keyring))
    }

    /// Checks the secret of an active key against the stored hash. Concurrent callers with the same secret
    /// share one check.
    async fn check_secret(&self, stored: Stored<ApiKeyRecord>, secret: &ApiSecret) -> Landing {
        let ApiKeyState::Active { hash, keyring, check_tag, .. } = &stored.record.state else {
            return Err(ApiKeyError::Unauthorized);
        };

        let (tag, hash, is_tagged) = (self.parts.memo.tag(hash, secret)?, hash.clone(), check_tag.is_some());
        let own = (keyring.is_some() && !hash.is_legacy()).then(|| Arc::new(stored.clone()));
        let (mfa, secret) = (self.clone(), secret.copy());
        let is_ours = own.is_some();
        let flight = self.parts.flights.join(tag, || {
            async move {
                // Do not repeat a check that finished between our look into the memo and our joining.
                if is_ours && mfa.parts.memo.holds(&tag, mfa.parts.clock.now()) {
                    return Ok(Arc::new(stored));
                }
                if !is_tagged
                    && let Some(retry_after) =
                        mfa.parts.untagged.start(&stored.record.key, mfa.parts.clock.now())
                {
                    return Err(ApiKeyError::Throttled { retry_after });
                }
                let input = hash.input(&stored.record.key, &secret);
                if !mfa.parts.hasher.verify(input, hash.clone()).await? {
                    return Err(ApiKeyError::Unauthorized);
                }
                let stored = match &stored.record.state {
                    ApiKeyState::Active { keyring: Some(_), .. } if !hash.is_legacy() => {
                        // Write nothing if the keyring does not open.
                        if mfa.admit(&stored.record, &secret).is_ok() {
                            mfa.refresh(&stored, &secret).await;
                        }
                        Arc::new(stored)
                    }
                    _ => mfa.upgrade(stored, &secret).await?,
                };
                if let ApiKeyState::Active { hash, .. } = &stored.record.state {
                    mfa.parts.memo.remember(mfa.parts.memo.tag(hash, &secret)?, mfa.parts.clock.now());
                }
                Ok(stored)
            }
            .boxed()
        });
        let landed = flight.await?;
        // A caller that joined later may have read a newer record with the same hash. That record counts.
        Ok(own.unwrap_or(landed))
    }

    /// Hashes a secret for storage, under a fresh salt.
    pub(super) async fn hash_secret(
        &self,
        key: &ApiKey,
        secret: &ApiSecret,
    ) -> Result<SecretHash, ApiKeyError> {
        let salt = random_bytes::<16>(&*self.parts.random)?;
        Ok(self.parts.hasher.hash(verifier(key, secret), *salt).await?)
    }

    /// Notes in a key's row that it is in use, once an hour. A failure does not fail the call. The next call tries
    /// again.
    async fn note_use(&self, found: Stored<ApiKeyRecord>, secret: &ApiSecret) -> Stored<ApiKeyRecord> {
        let now = self.parts.clock.now();
        // Write nothing if the keyring does not open.
        if found.record.was_used_lately(now) || self.admit(&found.record, secret).is_err() {
            return found;
        }
        let record = ApiKeyRecord { last_used_at: Some(now), ..found.record.clone() };
        match self.parts.stores.api_keys.save(&record, Expect::At(found.revision)).await {
            Ok(revision) => Stored { record, revision },
            Err(_) => found,
        }
    }

    /// Updates a key's row after its secret was verified: a hash with other parameters, a missing check tag,
    /// and the time of its last use. A failure does not fail the call. The next call tries again.
    async fn refresh(&self, Stored { record, revision }: &Stored<ApiKeyRecord>, secret: &ApiSecret) {
        let now = self.parts.clock.now();
        let tag = CheckTag::of(&record.key, secret);
        let mut fresh = ApiKeyRecord { last_used_at: Some(now), ..record.clone() };
        let ApiKeyState::Active { hash, check_tag, .. } = &mut fresh.state else { return };
        if hash.is_current() && *check_tag == tag && record.was_used_lately(now) {
            return;
        }
        *check_tag = tag;
        if !hash.is_current()
            && let Ok(current) = self.hash_secret(&record.key, secret).await
        {
            *hash = current.replacing(hash);
        }
        let _ = self.parts.stores.api_keys.save(&fresh, Expect::At(*revision)).await;
    }

    /// Gives a predecessor's key its keyring, an Argon2id hash and a check tag, with one conditional save. If
    /// another process did so first, its keyring counts.
    async fn upgrade(&self, stored: Stored<ApiKeyRecord>, secret: &ApiSecret) -> Landing {
        let Stored { record, revision } = stored;
        let ApiKeyState::Active { activated_at, hash: former, keyring, .. } = record.state else {
            return Err(ApiKeyError::Unauthorized);
        };
        let key = record.key.clone();
        let kek = KeyEncryptionKey::new(secret, &key, &record.consumer);
        let keyring = match keyring {
            // Somebody put a predecessor's hash beside ours. What its secret does not open is never overwritten.
            Some(sealed) => kek.unwrap_keyring(&sealed).map(|_| sealed).map_err(ApiKeyError::Damaged)?,
            None => {
                let keyring = Keyring::upgraded(secret.legacy_key(), &*self.parts.random)?;
                kek.wrap_keyring(&keyring, &*self.parts.random)?
            }
        };
        let hash = self.hash_secret(&key, secret).await?.replacing(&former);
        let check_tag = CheckTag::of(&key, secret);
        let state = ApiKeyState::Active { activated_at, hash, check_tag, keyring: Some(keyring) };

        let last_used_at = Some(self.parts.clock.now());
        let upgraded = ApiKeyRecord { state, last_used_at, ..record };
        match self.parts.stores.api_keys.save(&upgraded, Expect::At(revision)).await {
            Ok(revision) => {
                self.parts.events.record(&Event::of_key(self.parts.clock.now(), Action::ApiKeyUpgraded, key));
                Ok(Arc::new(Stored { record: upgraded, revision }))
            }
            Err(StoreError::Conflict) => {
                let Some(current) = self.parts.stores.api_keys.get(&key).await? else {
                    return Err(ApiKeyError::Unauthorized);
                };
                match &current.record.state {
                    ApiKeyState::Active { hash, keyring: Some(_), .. }
                        if self.parts.hasher.verify(hash.input(&key, secret), hash.clone()).await? =>
                    {
                        Ok(Arc::new(current))
                    }
                    _ => Err(ApiKeyError::Unauthorized),
                }
            }
            Err(error) => Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::api_key::{Argon2Hasher, HashError, SecretHasher};
    use crate::secret::SecretBytes;
    use crate::store::memory::MemoryStore;

    #[derive(Debug, Default)]
    struct Counting(AtomicUsize);

    #[async_trait]
    impl SecretHasher for Counting {
        async fn hash(&self, input: SecretBytes, salt: [u8; 16]) -> Result<SecretHash, HashError> {
            Argon2Hasher::hash_blocking(&input, &salt)
        }

        async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            Argon2Hasher::verify_blocking(&input, &hash)
        }
    }

    /// T9: a first call does not repeat a check that finished between its look into the memo and its joining.
    #[tokio::test]
    async fn a_check_that_landed_meanwhile_is_not_run_again() {
        let hasher = Arc::new(Counting::default());
        let mfa = Mfa::builder(MemoryStore::default()).hasher(Arc::clone(&hasher) as _).build();
        let key = mfa.create_api_key("dev@example.com").await.unwrap();
        let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();

        let missed = mfa.parts.stores.api_keys.get(&key).await.unwrap().unwrap();
        mfa.authenticate(&key, &secret).await.unwrap();
        mfa.check_secret(missed, &secret).await.unwrap();
        assert_eq!(hasher.0.load(Ordering::SeqCst), 1);
    }
}
