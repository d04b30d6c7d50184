//! The life of an API key: created, listed, authenticated, revoked.

use std::fmt::Debug;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::verified::Landing;
use super::{ApiKey, ApiKeyError, ApiSecret, HashError, SecretHash};
use crate::clock::UnixTime;
use crate::envelope::{KeyEncryptionKey, Keyring, verifier};
use crate::event::{Action, Event};
use crate::random::random_bytes;
use crate::store::retry::until_saved;
use crate::store::{ApiKeyRecord, ApiKeyState, Cursor, Expect, Page, StoreError, Stored};
use crate::{Consumer, ConsumerId, Mfa};

/// How exact the time of a key's last use is.
const USE_NOTED: Duration = Duration::from_secs(3600);
/// Checks of keys that cannot be used, at a time.
const DUMMIES: usize = 16;

/// A place among the checks of keys that cannot be used; given back when dropped.
struct DummyPlace(Mfa);

impl DummyPlace {
    fn take(mfa: &Mfa) -> Result<Self, HashError> {
        let place = Self(mfa.clone());
        if mfa.parts.dummies.fetch_add(1, Ordering::Relaxed) >= DUMMIES {
            return Err(HashError::Busy);
        }
        Ok(place)
    }
}

impl Drop for DummyPlace {
    fn drop(&mut self) {
        self.0.parts.dummies.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A new API key could not be delivered.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("the API key could not be delivered: {0}")]
pub struct DeliveryError(pub String);

/// Brings a new API key to the person it was created for, by mail for example.
#[async_trait]
pub trait KeyDelivery: Debug + Send + Sync + 'static {
    /// Delivers `key` to `email`.
    ///
    /// # Errors
    ///
    /// [`DeliveryError`] with a reason that may be logged.
    async fn deliver(&self, email: &str, key: &ApiKey) -> Result<(), DeliveryError>;
}

/// Delivers nothing: an operator reads the key from the list.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoDelivery;

#[async_trait]
impl KeyDelivery for NoDelivery {
    async fn deliver(&self, _email: &str, _key: &ApiKey) -> Result<(), DeliveryError> {
        Ok(())
    }
}

impl Mfa {
    /// Creates a pending key for `email`: the first key of a new consumer.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::EmailRequired`] if `email` is blank, [`ApiKeyError::Delivery`] if the key was stored
    /// but could not be delivered.
    pub async fn create_api_key(&self, email: &str) -> Result<ApiKey, ApiKeyError> {
        self.create_expiring_api_key(email, None).await
    }

    /// The same for a key that ends by itself at a time.
    ///
    /// # Errors
    ///
    /// Those of [`Mfa::create_api_key`].
    pub async fn create_expiring_api_key(
        &self,
        email: &str,
        expires_at: Option<UnixTime>,
    ) -> Result<ApiKey, ApiKeyError> {
        if email.trim().is_empty() {
            return Err(ApiKeyError::EmailRequired);
        }
        let (key, created_at) = (ApiKey::generate(&*self.parts.random)?, self.parts.clock.now());
        let record = ApiKeyRecord {
            key: key.clone(),
            consumer: ConsumerId::of_first_key(&key),
            email: email.to_owned(),
            created_at,
            expires_at,
            last_used_at: None,
            rotation: None,
            state: ApiKeyState::Pending,
        };
        self.parts.stores.api_keys.save(&record, Expect::Absent).await?;
        self.parts.delivery.deliver(email, &key).await?;
        self.parts.events.record(&Event::of_key(created_at, Action::ApiKeyCreated, key.clone()));
        Ok(key)
    }

    /// One page of all API keys, for an administrator.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Store`] if the store failed.
    pub async fn api_keys(&self, after: Option<&Cursor>) -> Result<Page<ApiKeyRecord>, ApiKeyError> {
        Ok(self.parts.stores.api_keys.page(after, Page::<ApiKeyRecord>::LIMIT).await?)
    }

    /// Revokes a key at once and for good: its hash and its copy of the keyring are erased.
    /// What only this key opened can then never be opened again.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::NotFound`] if there is no such key. Revoking twice is no error.
    pub async fn revoke_api_key(&self, key: &ApiKey) -> Result<(), ApiKeyError> {
        until_saved(|| async {
            let stored = self.parts.stores.api_keys.get(key).await?;
            let Stored { record, revision } = stored.ok_or(ApiKeyError::NotFound)?;
            let activated_at = match record.state {
                ApiKeyState::Revoked { .. } => return Ok(()),
                ApiKeyState::Active { activated_at, .. } => Some(activated_at),
                ApiKeyState::Pending => None,
            };
            let revoked_at = self.parts.clock.now();
            let revoked = ApiKeyRecord { state: ApiKeyState::Revoked { activated_at, revoked_at }, ..record };
            self.parts.stores.api_keys.save(&revoked, Expect::At(revision)).await?;
            self.parts.events.record(&Event::of_key(revoked_at, Action::ApiKeyRevoked, key.clone()));
            Ok(())
        })
        .await
    }

    /// Authenticates a call and opens the consumer's keyring.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Unauthorized`] for an unknown, inactive or revoked key and for a wrong secret,
    /// [`ApiKeyError::Throttled`] after too many of these, [`ApiKeyError::Store`] if the store failed.
    pub async fn authenticate(&self, key: &ApiKey, secret: &ApiSecret) -> Result<Consumer, ApiKeyError> {
        self.authenticate_from(IpAddr::V6(Ipv6Addr::UNSPECIFIED), key, secret).await
    }

    /// As [`Mfa::authenticate`], counting failures against the address the call came from.
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

    /// Checks a secret, and returns the record of the key that it is right for.
    pub(crate) async fn authenticate_key(
        &self,
        source: IpAddr,
        key: &ApiKey,
        secret: &ApiSecret,
    ) -> Result<Stored<ApiKeyRecord>, ApiKeyError> {
        let stored = self.parts.stores.api_keys.get(key).await?;
        let now = self.parts.clock.now();
        let stored = stored.filter(|stored| !stored.record.is_expired(now));
        if let Some(found) = &stored
            && let ApiKeyState::Active { hash, keyring: Some(_), .. } = &found.record.state
            && self.parts.memo.holds(&self.parts.memo.tag(hash, secret)?, self.parts.clock.now())
        {
            return stored.ok_or(ApiKeyError::Unauthorized);
        }

        // From here on the call costs a hash, whatever comes of it.
        if let Some(retry_after) = self.parts.failures.wait(key, source, self.parts.clock.now()) {
            let event = Event::of_key(self.parts.clock.now(), Action::AuthenticationThrottled, key.clone());
            self.parts.events.record(&event);
            return Err(ApiKeyError::Throttled { retry_after });
        }
        match self.check_secret(key, stored, secret).await {
            Ok(stored) => {
                self.parts.failures.forget(key, source);
                Ok(Arc::unwrap_or_clone(stored))
            }
            Err(ApiKeyError::Unauthorized) => {
                self.parts.failures.count(key, source, self.parts.clock.now());
                let event = Event::of_key(self.parts.clock.now(), Action::AuthenticationRefused, key.clone());
                self.parts.events.record(&event);
                Err(ApiKeyError::Unauthorized)
            }
            Err(error) => Err(error),
        }
    }

    /// Opens the keyring with a secret that was found right.
    fn admit(&self, record: &ApiKeyRecord, secret: &ApiSecret) -> Result<Consumer, ApiKeyError> {
        let ApiKeyState::Active { keyring: Some(keyring), .. } = &record.state else {
            return Err(ApiKeyError::Unauthorized);
        };
        let kek = KeyEncryptionKey::new(secret, &record.key, &record.consumer);
        let keyring = kek.unwrap_keyring(keyring).map_err(ApiKeyError::Damaged)?;
        Ok(Consumer::new(self.clone(), record.consumer.clone(), kek, keyring))
    }

    /// Checks the secret against the stored hash; all who present the same one at once share one check.
    /// A key that cannot be used costs a check too.
    async fn check_secret(
        &self,
        key: &ApiKey,
        stored: Option<Stored<ApiKeyRecord>>,
        secret: &ApiSecret,
    ) -> Landing {
        let stored = stored.filter(|stored| matches!(stored.record.state, ApiKeyState::Active { .. }));
        let Some(stored) = stored else {
            return self.check_dummy(key, secret).await;
        };
        let ApiKeyState::Active { hash, keyring, .. } = &stored.record.state else {
            return Err(ApiKeyError::Unauthorized);
        };

        let (tag, hash) = (self.parts.memo.tag(hash, secret)?, hash.clone());
        let own = (keyring.is_some() && !hash.is_legacy()).then(|| Arc::new(stored.clone()));
        let (mfa, secret) = (self.clone(), secret.copy());
        let is_ours = own.is_some();
        let flight = self.parts.flights.join(tag, || {
            async move {
                // A check that landed after we looked into the memory, and before we joined, is not run again.
                if is_ours && mfa.parts.memo.holds(&tag, mfa.parts.clock.now()) {
                    return Ok(Arc::new(stored));
                }
                let input = hash.input(&stored.record.key, &secret);
                if !mfa.parts.hasher.verify(input, hash.clone()).await? {
                    return Err(ApiKeyError::Unauthorized);
                }
                let stored = match &stored.record.state {
                    ApiKeyState::Active { keyring: Some(_), .. } if !hash.is_legacy() => {
                        // Nothing is written where the keyring does not open.
                        if mfa.admit(&stored.record, &secret).is_ok() {
                            if hash.is_current() {
                                mfa.note_use(&stored).await;
                            } else {
                                mfa.rehash(&stored, &secret).await;
                            }
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
        // Whoever joined later may have read a newer record with the same hash: that one counts.
        Ok(own.unwrap_or(landed))
    }

    /// Costs what a check of a wrong secret costs, shared in the same way. Only few may be under way, so that
    /// made-up keys cannot keep real ones from their turn.
    async fn check_dummy(&self, key: &ApiKey, secret: &ApiSecret) -> Landing {
        let dummy = SecretHash::dummy();
        let name = SecretHash::from_stored(format!("{}{}", dummy.as_str(), key.as_str()));
        let tag = self.parts.memo.tag(&name, secret)?;
        let (mfa, input) = (self.clone(), dummy.input(key, secret));
        let flight = self.parts.flights.join(tag, || {
            async move {
                let _place = DummyPlace::take(&mfa)?;
                mfa.parts.hasher.verify(input, dummy).await?;
                Err(ApiKeyError::Unauthorized)
            }
            .boxed()
        });
        flight.await
    }

    /// Notes that a key is in use: where a hash was computed anyway, and once an hour at most. Not worth failing a
    /// call for.
    async fn note_use(&self, Stored { record, revision }: &Stored<ApiKeyRecord>) {
        let now = self.parts.clock.now();
        if record.last_used_at.is_some_and(|last| now.since(last) < USE_NOTED) {
            return;
        }
        let used = ApiKeyRecord { last_used_at: Some(now), ..record.clone() };
        let _ = self.parts.stores.api_keys.save(&used, Expect::At(*revision)).await;
    }

    /// Replaces a hash that was made under other parameters. The old one is right too, so a failure fails no call: the
    /// next one tries again.
    async fn rehash(&self, Stored { record, revision }: &Stored<ApiKeyRecord>, secret: &ApiSecret) {
        let replaced = async {
            let salt = random_bytes::<16>(&*self.parts.random)?;
            let hash = self.parts.hasher.hash(verifier(&record.key, secret), *salt).await?;
            let mut rehashed = ApiKeyRecord { last_used_at: Some(self.parts.clock.now()), ..record.clone() };
            if let ApiKeyState::Active { hash: stored, .. } = &mut rehashed.state {
                *stored = hash;
            }
            self.parts.stores.api_keys.save(&rehashed, Expect::At(*revision)).await?;
            Ok::<_, ApiKeyError>(())
        };
        let _ = replaced.await;
    }

    /// Gives a seed-made key its keyring and an Argon2id hash, with one conditional save. If another process
    /// did so first, its keyring is the one that counts.
    async fn upgrade(&self, stored: Stored<ApiKeyRecord>, secret: &ApiSecret) -> Landing {
        let Stored { record, revision } = stored;
        let ApiKeyState::Active { activated_at, .. } = record.state else {
            return Err(ApiKeyError::Unauthorized);
        };
        let key = record.key.clone();
        let keyring = Keyring::upgraded(secret.legacy_key(), &*self.parts.random)?;
        let keyring = KeyEncryptionKey::new(secret, &key, &record.consumer)
            .wrap_keyring(&keyring, &*self.parts.random)?;
        let salt = random_bytes::<16>(&*self.parts.random)?;
        let hash = self.parts.hasher.hash(verifier(&key, secret), *salt).await?;
        let state = ApiKeyState::Active { activated_at, hash, keyring: Some(keyring) };

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
