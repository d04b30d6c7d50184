//! The service as one value: stores, clock, randomness, hashing.

use std::sync::Arc;

use crate::api_key::{
    ApiKey, ApiKeyError, Argon2Hasher, FailureLimit, Flights, KeyDelivery, NoDelivery, SecretHasher,
    UntaggedChecks, VerifiedMemo,
};
use crate::clock::{Clock, SystemClock};
use crate::event::{EventSink, NoEvents};
use crate::random::{OsRandom, SecureRandom};
use crate::store::{CeremonyId, Stores};

/// The service. Cheap to clone: clones share everything, the memory of verified secrets included.
#[derive(Clone, Debug)]
pub struct Mfa {
    pub(crate) parts: Arc<Parts>,
}

/// What the service is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) stores: Stores,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn SecureRandom>,
    pub(crate) hasher: Arc<dyn SecretHasher>,
    pub(crate) delivery: Arc<dyn KeyDelivery>,
    pub(crate) events: Arc<dyn EventSink>,
    pub(crate) memo: VerifiedMemo,
    pub(crate) flights: Flights,
    pub(crate) failures: FailureLimit,
    pub(crate) untagged: UntaggedChecks,
}

impl Mfa {
    /// Builds the service on `stores`: one store for everything, or [`Stores`] that mixes several.
    pub fn builder(stores: impl Into<Stores>) -> MfaBuilder {
        MfaBuilder {
            stores: stores.into(),
            clock: Arc::new(SystemClock),
            random: Arc::new(OsRandom),
            hasher: Arc::new(Argon2Hasher),
            delivery: Arc::new(NoDelivery),
            events: Arc::new(NoEvents),
        }
    }

    /// Whether the stores answer: the one of the keys, and that of the ceremonies, which may be another.
    ///
    /// # Errors
    ///
    /// [`ApiKeyError::Store`] if one does not.
    pub async fn ready(&self) -> Result<(), ApiKeyError> {
        let nobody = ApiKey::generate(&*self.parts.random)?;
        let mut nothing = CeremonyId([0; 32]);
        self.parts.random.fill(&mut nothing.0)?;
        let stores = &self.parts.stores;
        stores.api_keys.get(&nobody).await?;
        stores.ceremonies.take(nothing, self.parts.clock.now()).await?;
        Ok(())
    }
}

/// Builds an [`Mfa`]; what is not set is the system's.
#[derive(Debug)]
pub struct MfaBuilder {
    stores: Stores,
    clock: Arc<dyn Clock>,
    random: Arc<dyn SecureRandom>,
    hasher: Arc<dyn SecretHasher>,
    delivery: Arc<dyn KeyDelivery>,
    events: Arc<dyn EventSink>,
}

impl MfaBuilder {
    /// Tells the time by `clock`.
    #[must_use]
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Takes randomness from `random`.
    #[must_use]
    pub fn random(self, random: Arc<dyn SecureRandom>) -> Self {
        Self { random, ..self }
    }

    /// Hashes secrets with `hasher`; the default hashes on the calling thread.
    #[must_use]
    pub fn hasher(self, hasher: Arc<dyn SecretHasher>) -> Self {
        Self { hasher, ..self }
    }

    /// Delivers new API keys by `delivery`.
    #[must_use]
    pub fn delivery(self, delivery: Arc<dyn KeyDelivery>) -> Self {
        Self { delivery, ..self }
    }

    /// Sends audit events to `events`.
    #[must_use]
    pub fn events(self, events: Arc<dyn EventSink>) -> Self {
        Self { events, ..self }
    }

    /// The service.
    pub fn build(self) -> Mfa {
        let memo = VerifiedMemo::new(Arc::clone(&self.random));
        let parts = Parts {
            stores: self.stores,
            clock: self.clock,
            random: self.random,
            hasher: self.hasher,
            delivery: self.delivery,
            events: self.events,
            memo,
            flights: Flights::default(),
            failures: FailureLimit::default(),
            untagged: UntaggedChecks::default(),
        };
        Mfa { parts: Arc::new(parts) }
    }
}
