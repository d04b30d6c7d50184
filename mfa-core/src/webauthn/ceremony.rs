//! What the server remembers between the two halves of a ceremony. It is sealed, bound to everything it was
//! begun for, and removed before the response is judged (WebAuthn L3 §13.4.3).

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::{Challenge, Refusal, RelyingParty, UserVerification, WebauthnError};
use crate::clock::UnixTime;
use crate::envelope::{Context, RecordKind};
use crate::random::RandomError;
use crate::store::{CeremonyId, MAX_LIFETIME, UserId};
use crate::{Consumer, ConsumerId};

/// What a challenge may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) enum Purpose {
    Registration,
    Authentication,
    U2fRegistration,
    U2fAuthentication,
}

/// A ceremony that was begun.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ceremony {
    pub(crate) purpose: Purpose,
    pub(crate) user: String,
    rp_id: String,
    user_verification: String,
    /// The credential ids that may respond, in base64url.
    allowed: Vec<String>,
    /// When it was begun, in milliseconds since 1970; `None` from servers that do not say so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_at: Option<u64>,
}

impl Ceremony {
    pub(crate) fn new<'a>(
        purpose: Purpose,
        user: UserId,
        relying_party: &RelyingParty,
        allowed: impl Iterator<Item = &'a [u8]>,
    ) -> Self {
        Self {
            purpose,
            user: user.to_string(),
            rp_id: relying_party.id.clone(),
            user_verification: relying_party.user_verification.as_str().to_owned(),
            allowed: allowed.map(|id| BASE64URL_NOPAD.encode(id)).collect(),
            begun_at: None,
        }
    }

    /// Remembers the ceremony under a fresh challenge.
    pub(crate) async fn begin(mut self, consumer: &Consumer) -> Result<Challenge, WebauthnError> {
        let parts = &consumer.mfa.parts;
        let now = parts.clock.now();
        self.begun_at = Some(now.as_millis());
        let challenge = Challenge::generate(&*parts.random)?;
        let id = id_of(&consumer.id, &challenge);
        let sealed = self.seal(consumer, id)?;
        parts.stores.ceremonies.put(id, sealed, now.after(MAX_LIFETIME)).await?;
        Ok(challenge)
    }

    /// Removes and returns the ceremony that awaits `challenge`. The challenge is then used up, whatever the
    /// outcome. One from before the floor is unknown: it may have been taken before.
    pub(crate) async fn take(consumer: &Consumer, challenge: &Challenge) -> Result<Self, WebauthnError> {
        let parts = &consumer.mfa.parts;
        let id = id_of(&consumer.id, challenge);
        let now = parts.clock.now();
        let sealed = parts.stores.ceremonies.take(id, now).await?.ok_or(Refusal::Challenge)?;
        let keyring = consumer.keyring_with(sealed.data_key_id()).await?;
        if sealed.data_key_id().is_some_and(|id| !keyring.has(id)) {
            // It was begun before a rotation and finished after it. Treat it as expired.
            return Err(Refusal::Challenge.into());
        }
        let opened = keyring.open(&place(&consumer.id, &HEXLOWER.encode(&id.0)), &sealed)?;
        let ceremony: Self = serde_json::from_slice(&opened).map_err(|_| crate::envelope::DoesNotOpen)?;
        if !consumer.admits_from(ceremony.begun_at(now)) {
            return Err(Refusal::Challenge.into());
        }
        Ok(ceremony)
    }

    /// When it was begun, at the earliest: it is open at `now`.
    fn begun_at(&self, now: UnixTime) -> UnixTime {
        self.begun_at.map_or(now.before(MAX_LIFETIME), UnixTime::from_millis)
    }

    /// Checks that it was begun for the same purpose, user and RP ID. The origins are those that the authenticated
    /// consumer names at the finish: a beginning need not know where the browser will answer from.
    pub(crate) fn check(
        &self,
        purpose: Purpose,
        user: UserId,
        relying_party: &RelyingParty,
    ) -> Result<(), Refusal> {
        if self.purpose != purpose {
            return Err(Refusal::Challenge);
        }
        if self.user != user.to_string() {
            return Err(Refusal::User);
        }
        if self.rp_id != relying_party.id {
            return Err(Refusal::RelyingParty);
        }
        Ok(())
    }

    /// Whether this credential may respond: WebAuthn L3 §7.2 step 5.
    pub(crate) fn allows(&self, credential_id: &[u8]) -> bool {
        self.allowed.contains(&BASE64URL_NOPAD.encode(credential_id))
    }

    /// The policy the ceremony was begun with.
    pub(crate) fn user_verification(&self) -> UserVerification {
        UserVerification::from_name(&self.user_verification).unwrap_or(UserVerification::Required)
    }

    fn seal(
        &self,
        consumer: &Consumer,
        id: CeremonyId,
    ) -> Result<crate::envelope::Sealed<crate::store::CeremonyState>, RandomError> {
        #[expect(clippy::expect_used, reason = "strings and lists of strings serialise")]
        let json = Zeroizing::new(serde_json::to_vec(self).expect("strings"));
        let id = HEXLOWER.encode(&id.0);
        consumer.keyring().seal(&place(&consumer.id, &id), &json, &*consumer.mfa.parts.random)
    }
}

/// The id depends on the consumer, so another consumer that knows the challenge finds nothing.
fn id_of(consumer: &ConsumerId, challenge: &Challenge) -> CeremonyId {
    let mut hash = Sha256::new();
    hash.update((consumer.as_str().len() as u64).to_be_bytes());
    hash.update(consumer.as_str());
    hash.update(challenge.as_bytes());
    CeremonyId(hash.finalize().into())
}

fn place<'a>(consumer: &'a ConsumerId, id: &'a str) -> Context<'a> {
    Context { consumer, kind: RecordKind::Ceremony, record_id: id, field: "state" }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::Mfa;
    use crate::clock::{Clock as _, ManualClock};
    use crate::store::memory::MemoryStore;
    use crate::store::{ApiKeyStore as _, Expect, Stored};

    /// A ceremony of a server that does not say when it was begun opens, unless it may be from before the floor.
    #[tokio::test]
    async fn a_ceremony_without_a_time_is_as_old_as_it_can_be() {
        let (store, now) = (MemoryStore::default(), UnixTime::from_secs(1_800_000_000));
        let clock = Arc::new(ManualClock::at(now));
        let mfa = Mfa::builder(store.clone()).clock(Arc::clone(&clock) as _).build();
        let key = mfa.create_api_key("dev@example.com").await.unwrap();
        let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
        let party = RelyingParty::from_headers("example.com", "ACME", "https://example.com").unwrap();
        let early = MAX_LIFETIME - Duration::from_millis(1);
        for (floor, taken) in [(None, true), (Some(MAX_LIFETIME), true), (Some(early), false)] {
            let not_before = floor.map(|before| clock.now().before(before));
            let Stored { record, revision } = store.get(&key).await.unwrap().unwrap();
            let record = crate::store::ApiKeyRecord { not_before, ..record };
            store.save(&record, Expect::At(revision)).await.unwrap();
            let consumer = mfa.authenticate(&key, &secret).await.unwrap();

            let challenge = Challenge::generate(&*mfa.parts.random).unwrap();
            let id = id_of(consumer.id(), &challenge);
            let user = UserId(uuid::Uuid::nil());
            let ceremony = Ceremony::new(Purpose::Registration, user, &party, std::iter::empty());
            let json = serde_json::to_value(&ceremony).unwrap();
            assert_eq!(json.as_object().unwrap().len(), 5, "{json}");
            let sealed = ceremony.seal(&consumer, id).unwrap();
            mfa.parts.stores.ceremonies.put(id, sealed, clock.now().after(MAX_LIFETIME)).await.unwrap();
            let outcome = Ceremony::take(&consumer, &challenge).await;
            assert_eq!(outcome.is_ok(), taken, "{floor:?}: {outcome:?}");
        }
    }
}
