//! The floor of API keys, on the whole service: what a store that went back in time brings back is refused.

use std::sync::Arc;
use std::time::Duration;

use mfa_core::Consumer;
use mfa_core::clock::{Clock as _, UnixTime};
use mfa_core::code::Code;
use mfa_core::store::{ApiKeyRecord, ApiKeyState, Expect, Stores, UserId};
use mfa_core::totp::{EnrolledTotp, TotpOptions};
use mfa_core::u2f::{U2fAuthenticationResponse, U2fError, U2fRegistrationResponse};
use mfa_core::webauthn::{AuthenticationResponse, RegistrationResponse};

use crate::kit::authenticator::{Key as SigningKey, SoftAuthenticator, SoftU2fKey, certificate};
use crate::kit::factors::{
    NOW, authenticate, begin_login, begin_registration, finish_login, finish_registration, fresh_key,
    register, rotate,
};
use crate::kit::past::{Recurring, Snapshot};
use crate::kit::sample::{api_key, at_once};
use crate::kit::service::{code_at, mfa_at};

const APP_ID: &str = "https://example.com";
const STEP: Duration = Duration::from_secs(30);

/// The keys and the authenticator app of the users.
struct Users {
    totp: EnrolledTotp,
    passkey: (UserId, SoftAuthenticator),
    u2f: (UserId, SoftU2fKey),
}

impl Users {
    async fn enroll(consumer: &Consumer) -> Self {
        let totp = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
        let mut passkey = SoftAuthenticator::new(-7);
        let user = register(consumer, &passkey).await.unwrap();
        passkey.counter = 2;
        let u2f = SoftU2fKey::new();
        let (id, response) = begin_u2f_registration(consumer, &u2f).await;
        consumer.u2f().finish_registration(id, &response).await.unwrap();
        Self { totp, passkey: (user, passkey), u2f: (id, u2f) }
    }

    /// Begins a ceremony of every kind, and answers it.
    async fn begin(&mut self, consumer: &Consumer) -> Begun {
        let (user, passkey) = &mut self.passkey;
        let login = (*user, begin_login(consumer, *user, passkey).await.unwrap());
        let registration = begin_registration(consumer, &SoftAuthenticator::new(-7)).await.unwrap();
        let (id, u2f) = &mut self.u2f;
        let begun = consumer.u2f().begin_authentication(*id).await.unwrap();
        let challenge = data_encoding::BASE64URL_NOPAD.encode(begun.challenge.as_bytes());
        let answer = u2f.authenticate("navigator.id.getAssertion", APP_ID, APP_ID, &challenge);
        let text = |name: &str| answer[name].as_str().unwrap();
        let response = U2fAuthenticationResponse::new(
            text("clientData"),
            text("signatureData"),
            answer["keyHandle"].as_str(),
        );
        let u2f_login = (*id, response.unwrap());
        let u2f_registration = begin_u2f_registration(consumer, &SoftU2fKey::new()).await;
        Begun { login, registration, u2f_login, u2f_registration }
    }

    async fn verify(&self, consumer: &Consumer, at: UnixTime) -> Result<(), Code> {
        let code = code_at(&self.totp.secret_base32, at);
        consumer.totp().verify(self.totp.id, &code).await.map_err(|error| error.code())
    }
}

async fn begin_u2f_registration(consumer: &Consumer, key: &SoftU2fKey) -> (UserId, U2fRegistrationResponse) {
    let begun = consumer.u2f().begin_registration(APP_ID).await.unwrap();
    let challenge = data_encoding::BASE64URL_NOPAD.encode(begun.challenge.as_bytes());
    let batch = SigningKey::generate(-7);
    let (typ, certificate) = ("navigator.id.finishEnrollment", certificate(&batch));
    let answer = key.register(typ, APP_ID, APP_ID, &challenge, &certificate, &batch);
    let text = |name: &str| answer[name].as_str().unwrap();
    let response = U2fRegistrationResponse::new(text("clientData"), text("registrationData"));
    (begun.id, response.unwrap())
}

/// Ceremonies that were begun, with the authenticators' answers.
struct Begun {
    login: (UserId, AuthenticationResponse),
    registration: (UserId, RegistrationResponse),
    u2f_login: (UserId, U2fAuthenticationResponse),
    u2f_registration: (UserId, U2fRegistrationResponse),
}

impl Begun {
    async fn finish(&self, consumer: &Consumer) -> [Result<(), Code>; 4] {
        let Self { login, registration, u2f_login, u2f_registration } = self;
        let u2f = consumer.u2f();
        [
            finish_login(consumer, login.0, &login.1).await.map_err(|error| error.code()),
            finish_registration(consumer, registration.0, &registration.1)
                .await
                .map_err(|error| error.code()),
            u2f.finish_authentication(u2f_login.0, &u2f_login.1)
                .await
                .map_err(|error| U2fError::code(&error)),
            u2f.finish_registration(u2f_registration.0, &u2f_registration.1)
                .await
                .map_err(|error| U2fError::code(&error)),
        ]
    }
}

/// R79: a restored snapshot brings used time steps and ceremonies back. They are accepted again, until the floor is
/// raised. Fresh ones are accepted after it.
pub async fn what_a_snapshot_brings_back_is_refused(stores: &Stores) {
    let ceremonies = Arc::new(Recurring::new(Arc::clone(&stores.ceremonies)));
    let stores = &Stores { ceremonies: Arc::clone(&ceremonies) as _, ..stores.clone() };
    let (mfa, clock) = mfa_at(stores, NOW);
    let key = fresh_key(&mfa).await;
    let consumer = authenticate(&mfa, &key).await;
    let mut users = Users::enroll(&consumer).await;
    let begun = users.begin(&consumer).await;
    let snapshot = Snapshot::of(stores, consumer.id()).await;
    let (refused, unknown) = ([Err(Code::CodeNotAccepted); 2], [Err(Code::Challenge); 4]);

    // The second code comes from an app whose clock is fast.
    let codes = [NOW, NOW.after(STEP)];
    let verify = async |users: &Users, consumer: &Consumer| {
        [users.verify(consumer, codes[0]).await, users.verify(consumer, codes[1]).await]
    };
    assert_eq!((verify(&users, &consumer).await, begun.finish(&consumer).await), ([Ok(()); 2], [Ok(()); 4]));
    assert_eq!((verify(&users, &consumer).await, begun.finish(&consumer).await), (refused, unknown));

    // Without a floor, everything is accepted again.
    snapshot.restore(stores).await;
    ceremonies.bring_back().await;
    assert_eq!((verify(&users, &consumer).await, begun.finish(&consumer).await), ([Ok(()); 2], [Ok(()); 4]));

    snapshot.restore(stores).await;
    ceremonies.bring_back().await;
    clock.advance(Duration::from_millis(1));
    let floor = clock.now();
    let raised = mfa.raise_floor().await.unwrap();
    assert_eq!((raised.not_before, raised.raised, raised.damaged), (floor, 1, vec![]));
    let consumer = authenticate(&mfa, &key).await;
    assert_eq!((verify(&users, &consumer).await, begun.finish(&consumer).await), (refused, unknown));
    assert_eq!(consumer.totp().status(users.totp.id).await.unwrap().failures, 2);

    // A ceremony of the floor's own millisecond is fresh.
    let fresh = users.begin(&consumer).await;
    assert_eq!(fresh.finish(&consumer).await, [Ok(()); 4]);
    // The step after the floor's could have been used before it. The one after that is fresh.
    clock.set(codes[1]);
    assert_eq!(users.verify(&consumer, codes[1]).await, refused[0]);
    assert_eq!(users.verify(&consumer, codes[1].after(STEP)).await, Ok(()));
}

/// The floor of every key is raised, whatever its state, except those of revoked keys, and nothing else changes. A
/// later floor stays.
pub async fn every_key_that_may_be_used_gets_the_floor(stores: &Stores) {
    let active = api_key("a1", "a1");
    let revoked_at = UnixTime::from_millis(6);
    let keys = [
        active.clone(),
        ApiKeyRecord { not_before: None, rotation: None, expires_at: None, ..api_key("a2", "a1") },
        ApiKeyRecord { state: ApiKeyState::Pending, ..api_key("a3", "a3") },
        ApiKeyRecord {
            state: active.state.clone().named(Some("suspended".to_owned())),
            ..api_key("a4", "a4")
        },
        ApiKeyRecord { not_before: Some(NOW.after(STEP)), ..api_key("a5", "a5") },
        ApiKeyRecord {
            state: ApiKeyState::Revoked { activated_at: None, revoked_at },
            ..api_key("a6", "a6")
        },
    ];
    for key in &keys {
        stores.api_keys.save(key, Expect::Absent).await.unwrap();
    }
    let (mfa, _clock) = mfa_at(stores, NOW);
    for expected in [4, 0] {
        let report = mfa.raise_floor().await.unwrap();
        assert_eq!((report.raised, report.revoked, report.damaged), (expected, 1, vec![]));
        for (n, key) in keys.iter().enumerate() {
            let not_before = if n < 4 { Some(NOW) } else { key.not_before };
            let stored = stores.api_keys.get(&key.key).await.unwrap().unwrap();
            assert_eq!(stored.record, ApiKeyRecord { not_before, ..key.clone() });
        }
    }
}

/// Operators and servers that write the same keys at once lose no floor.
pub async fn of_floors_raised_at_once_the_latest_stays(stores: &Stores) {
    let keys: Vec<_> = (0..8).map(|n| api_key(&format!("key-{n}"), "key-0")).collect();
    for key in &keys {
        stores.api_keys.save(key, Expect::Absent).await.unwrap();
    }
    let times = [3, 1, 4, 2].map(|n| NOW.after(n * STEP));
    let reports = at_once(times.map(|time| {
        let (mfa, _clock) = mfa_at(stores, time);
        async move { mfa.raise_floor().await.unwrap() }
    }))
    .await;
    assert_eq!(reports[2].raised, 8);
    for key in &keys {
        let stored = stores.api_keys.get(&key.key).await.unwrap().unwrap();
        assert_eq!(stored.record, ApiKeyRecord { not_before: Some(times[2]), ..key.clone() });
    }
}

/// A key that joins a consumer, by its activation or by a rotation, has the consumer's floor. The old key of a
/// rotation has the new one's too, if that is later.
pub async fn keys_that_join_inherit_the_floor(stores: &Stores) {
    let (mfa, clock) = mfa_at(stores, NOW);
    let floor_of = async |key: &crate::kit::factors::Key| {
        stores.api_keys.get(&key.0).await.unwrap().unwrap().record.not_before
    };
    let first = fresh_key(&mfa).await;
    mfa.raise_floor().await.unwrap();
    let pending = mfa.create_api_key("jo@example.com").await.unwrap();
    let secret = authenticate(&mfa, &first).await.activate_api_key(&pending, "jo@example.com").await.unwrap();
    let joined = (pending, Arc::new(secret));
    assert_eq!(floor_of(&joined).await, Some(NOW));
    mfa.revoke_api_key(&first.0).await.unwrap();

    let second = fresh_key(&mfa).await;
    assert_eq!(floor_of(&second).await, None);
    assert!(rotate(&mfa, &joined, &second, false).await.unwrap().done);
    assert_eq!(floor_of(&second).await, Some(NOW));
    mfa.revoke_api_key(&joined.0).await.unwrap();

    let third = fresh_key(&mfa).await;
    clock.advance(STEP);
    let stored = stores.api_keys.get(&third.0).await.unwrap().unwrap();
    let later = ApiKeyRecord { not_before: Some(clock.now()), ..stored.record };
    stores.api_keys.save(&later, Expect::At(stored.revision)).await.unwrap();
    assert!(rotate(&mfa, &second, &third, false).await.unwrap().done);
    assert_eq!(floor_of(&second).await, Some(clock.now()));
    assert_eq!(floor_of(&third).await, Some(clock.now()));
}
