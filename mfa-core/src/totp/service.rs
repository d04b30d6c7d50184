//! What a consumer does with its TOTP authenticators.

use std::time::Duration;

use uuid::Uuid;
use zeroize::Zeroizing;

use super::{
    Digits, HashAlgorithm, KeyUri, OtpCode, SharedSecret, TimeStep, TotpError, TotpId, TotpOptions, throttle,
};
use crate::Consumer;
use crate::clock::UnixTime;
use crate::envelope::Reencrypted;
use crate::envelope::{Context, DoesNotOpen, RecordKind, Sealed};
use crate::event::Action;
use crate::random::{RandomError, random_uuid};
use crate::store::retry::until_saved;
use crate::store::{Expect, Revision, Stored, TotpRecord};

/// A new authenticator. Show it to its user once.
#[derive(Debug)]
#[non_exhaustive]
pub struct EnrolledTotp {
    /// Its id.
    pub id: TotpId,
    /// The key, in base32, for users who type it. Wiped when dropped.
    pub secret_base32: Zeroizing<String>,
    /// The key and its label as a URI, for users who scan it.
    pub key_uri: KeyUri,
}

/// The state of an authenticator; never its secret.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TotpStatus {
    /// Its id.
    pub id: TotpId,
    /// When it was enrolled; `None` if a predecessor enrolled it.
    pub created_at: Option<UnixTime>,
    /// The hash of its codes.
    pub algorithm: HashAlgorithm,
    /// The length of its codes.
    pub digits: Digits,
    /// How long a code is valid.
    pub period: Duration,
    /// Consecutive failures.
    pub failures: u32,
    /// How long the next attempt must wait.
    pub retry_after: Duration,
    /// Whether it refuses all attempts until it is reset.
    pub disabled: bool,
}

/// The TOTP authenticators of one consumer.
#[derive(Clone, Copy, Debug)]
pub struct TotpService<'a> {
    consumer: &'a Consumer,
}

impl<'a> TotpService<'a> {
    pub(crate) const fn new(consumer: &'a Consumer) -> Self {
        Self { consumer }
    }

    /// Enrols a new authenticator with a fresh 160-bit secret (RFC 4226 §4 R6).
    ///
    /// # Errors
    ///
    /// [`TotpError::LabelRequired`], [`TotpError::LabelTooLong`], [`TotpError::InvalidParameters`] for
    /// options that no app supports. Nothing is stored then.
    pub async fn enroll(&self, options: TotpOptions) -> Result<EnrolledTotp, TotpError> {
        let parts = &self.consumer.mfa.parts;
        let TotpOptions { algorithm, digits, period, .. } = options;
        let secret = SharedSecret::generate(algorithm, digits, period, &*parts.random)?;
        let key_uri = KeyUri::new(&options, &secret)?;
        let id = TotpId(random_uuid(&*parts.random)?);
        let record = TotpRecord {
            id,
            consumer: self.consumer.id.clone(),
            secret: self.seal(id, &secret)?,
            created_at: Some(parts.clock.now()),
            last_accepted_step: None,
            failures: 0,
            failed_at: None,
        };
        let revision = parts.stores.totp.save(&record, Expect::Absent).await?;
        if let Err(error) = self.settle(record, revision).await {
            // Nobody knows of it, and it might not open. Remove it.
            let _ = parts.stores.totp.delete(&self.consumer.id, id).await;
            return Err(error);
        }
        self.consumer.record(Action::TotpEnrolled, id.0);
        Ok(EnrolledTotp { id, secret_base32: secret.expose_base32(), key_uri })
    }

    /// Accepts `code` once, then never again.
    ///
    /// Returns the outcome, right or wrong, only after the conditional save that records it has won. So
    /// parallel guesses cannot outrun the failure count.
    ///
    /// # Errors
    ///
    /// [`TotpError::NotAccepted`] if the code is malformed, wrong, used or could have been used before the
    /// floor, or there is no such authenticator;
    /// [`TotpError::Throttled`] and [`TotpError::Disabled`] after failures; [`TotpError::Store`] if the store
    /// failed, in which case the code may or may not have been used up.
    pub async fn verify(&self, id: TotpId, code: &str) -> Result<(), TotpError> {
        let Ok(code) = code.parse::<OtpCode>() else { return self.refuse(id) };
        let parts = &self.consumer.mfa.parts;
        until_saved(|| async {
            let stored = parts.stores.totp.get(&self.consumer.id, id).await?;
            let Some(Stored { record, revision }) = stored else { return self.refuse(id) };
            let now = parts.clock.now();
            self.admit(&record, now)?;
            let secret = self.open(&record).await?;

            let step = secret.matching_step(&code, TimeStep::at(now, secret.period));
            // A step is accepted once, RFC 6238 §5.2, and an older one never after it.
            let unused = step.filter(|step| record.last_accepted_step < Some(*step));
            // Below the floor, nobody knows which steps were accepted.
            let accepted = unused.filter(|step| self.consumer.admits_from(step.accepted_from(secret.period)));
            let judged = match accepted {
                Some(_) => {
                    TotpRecord { last_accepted_step: accepted, failures: 0, failed_at: None, ..record }
                }
                None => TotpRecord { failures: record.failures + 1, failed_at: Some(now), ..record },
            };
            let judged = TotpRecord { secret: self.reseal(id, &secret, judged.secret)?, ..judged };
            parts.stores.totp.save(&judged, Expect::At(revision)).await?;
            self.announce(&judged, accepted.is_some())
        })
        .await
    }

    /// The state of an authenticator.
    ///
    /// # Errors
    ///
    /// [`TotpError::NotFound`].
    pub async fn status(&self, id: TotpId) -> Result<TotpStatus, TotpError> {
        let parts = &self.consumer.mfa.parts;
        let stored = parts.stores.totp.get(&self.consumer.id, id).await?.ok_or(TotpError::NotFound)?;
        let secret = self.open(&stored.record).await?;
        Ok(TotpStatus {
            id,
            created_at: stored.record.created_at,
            algorithm: secret.algorithm,
            digits: secret.digits,
            period: Duration::from_secs(secret.period.into()),
            failures: stored.record.failures,
            retry_after: throttle::wait(&stored.record, parts.clock.now()),
            disabled: throttle::is_disabled(&stored.record),
        })
    }

    /// Clears the failures, so that a throttled or disabled authenticator works again. Steps that were
    /// accepted stay used.
    ///
    /// # Errors
    ///
    /// [`TotpError::NotFound`].
    pub async fn reset(&self, id: TotpId) -> Result<(), TotpError> {
        let parts = &self.consumer.mfa.parts;
        until_saved(|| async {
            let stored = parts.stores.totp.get(&self.consumer.id, id).await?;
            let Stored { record, revision } = stored.ok_or(TotpError::NotFound)?;
            let secret = self.open(&record).await?;
            let secret = self.reseal(id, &secret, record.secret)?;
            let reset = TotpRecord { secret, failures: 0, failed_at: None, ..record };
            parts.stores.totp.save(&reset, Expect::At(revision)).await?;
            self.consumer.record(Action::TotpReset, id.0);
            Ok(())
        })
        .await
    }

    /// Deletes an authenticator.
    ///
    /// # Errors
    ///
    /// [`TotpError::NotFound`].
    pub async fn delete(&self, id: TotpId) -> Result<(), TotpError> {
        if !self.consumer.mfa.parts.stores.totp.delete(&self.consumer.id, id).await? {
            return Err(TotpError::NotFound);
        }
        self.consumer.record(Action::TotpDeleted, id.0);
        Ok(())
    }

    /// Refuses an attempt while the authenticator is throttled or disabled.
    fn admit(&self, record: &TotpRecord, now: UnixTime) -> Result<(), TotpError> {
        if throttle::is_disabled(record) {
            self.consumer.record(Action::TotpThrottled, record.id.0);
            return Err(TotpError::Disabled);
        }
        let retry_after = throttle::wait(record, now);
        if !retry_after.is_zero() {
            self.consumer.record(Action::TotpThrottled, record.id.0);
            return Err(TotpError::Throttled { retry_after });
        }
        Ok(())
    }

    /// Refuses a malformed code or an unknown authenticator exactly like a wrong code.
    fn refuse(&self, id: TotpId) -> Result<(), TotpError> {
        self.consumer.record(Action::TotpRefused, id.0);
        Err(TotpError::NotAccepted)
    }

    fn announce(&self, judged: &TotpRecord, accepted: bool) -> Result<(), TotpError> {
        if accepted {
            self.consumer.record(Action::TotpAccepted, judged.id.0);
            return Ok(());
        }
        let disabled = throttle::is_disabled(judged);
        let action = if disabled { Action::TotpDisabled } else { Action::TotpRefused };
        self.consumer.record(action, judged.id.0);
        Err(TotpError::NotAccepted)
    }

    async fn open(&self, record: &TotpRecord) -> Result<SharedSecret, TotpError> {
        if let Some(found) = record.secret.data_key_id() {
            let keyring = self.consumer.keyring_with(Some(found)).await?;
            let mut buffer = Uuid::encode_buffer();
            let place = self.place(record.id.0.as_hyphenated().encode_lower(&mut buffer));
            return Ok(SharedSecret::decode(&keyring.open(&place, &record.secret)?)?);
        }
        // We save only our format, so somebody else put a legacy ciphertext into a record of ours.
        let untouched =
            record.created_at.is_none() && record.last_accepted_step.is_none() && record.failures == 0;
        if !untouched {
            return Err(DoesNotOpen.into());
        }
        let plaintext = self.consumer.keyring().open_legacy(&record.secret)?;
        Ok(SharedSecret::decode_legacy(&plaintext)?)
    }

    fn seal(&self, id: TotpId, secret: &SharedSecret) -> Result<Sealed<SharedSecret>, RandomError> {
        let random = &*self.consumer.mfa.parts.random;
        self.consumer.keyring().seal(&self.place(&id.to_string()), &secret.encode(), random)
    }

    /// Re-seals the secret unless it is under the newest data key. So rows upgrade on use.
    fn reseal(
        &self,
        id: TotpId,
        secret: &SharedSecret,
        sealed: Sealed<SharedSecret>,
    ) -> Result<Sealed<SharedSecret>, RandomError> {
        let (keyring, found) = (self.consumer.keyring(), sealed.data_key_id());
        if found == Some(keyring.sealing_id(found)) {
            return Ok(sealed);
        }
        let random = &*self.consumer.mfa.parts.random;
        keyring.seal_again(found, &self.place(&id.to_string()), &secret.encode(), random)
    }

    /// Re-seals the record under the newest data key.
    pub(crate) async fn reencrypt(&self, stored: Stored<TotpRecord>) -> Result<Reencrypted, TotpError> {
        let (store, id) = (&self.consumer.mfa.parts.stores.totp, stored.record.id);
        let mut read = Some(stored);
        until_saved(|| {
            let read = read.take();
            async move {
                let current = match read {
                    Some(stored) => Some(stored),
                    None => store.get(&self.consumer.id, id).await?,
                };
                let Some(Stored { record, revision }) = current else { return Ok(Reencrypted::Gone) };
                let (found, secret) = (record.secret.data_key_id(), self.open(&record).await?);
                if found == Some(self.consumer.keyring().sealing_id(found)) {
                    return Ok(Reencrypted::BeforeUs);
                }
                let secret = self.reseal(id, &secret, record.secret)?;
                store.save(&TotpRecord { secret, ..record }, Expect::At(revision)).await?;
                Ok(Reencrypted::ByUs)
            }
        })
        .await
    }

    /// Re-seals a new record under the newest data key if a rotation took place meanwhile. The rotation's
    /// pass may have missed it.
    async fn settle(&self, record: TotpRecord, revision: Revision) -> Result<(), TotpError> {
        if Some(self.consumer.read_keyring().await?.newest_id()) == record.secret.data_key_id() {
            return Ok(());
        }
        self.reencrypt(Stored { record, revision }).await.map(drop)
    }

    fn place<'b>(&'b self, id: &'b str) -> Context<'b> {
        Context { consumer: &self.consumer.id, kind: RecordKind::Totp, record_id: id, field: "secret" }
    }
}
