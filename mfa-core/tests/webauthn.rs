//! The rules of WebAuthn ceremonies, answered by a soft authenticator.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::event::{Action, Event, EventSink};
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{Stores, UserId};
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, OFFERED_ALGORITHMS, Refusal, RegistrationResponse, RelyingParty,
    ResidentKey, UserVerification, WebauthnError,
};
use mfa_core::{Consumer, Mfa};
use mfa_store_conformance::authenticator::{BE, BS, Browser, SoftAuthenticator, UP, UV};
use mfa_store_conformance::races::new_consumer;
use serde_json::{Value, json};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ORIGIN: &str = "https://login.example.com";

#[derive(Debug, Default)]
struct Recorded(Mutex<Vec<Action>>);

impl EventSink for Recorded {
    fn record(&self, event: &Event) {
        self.0.lock().unwrap().push(event.action);
    }
}

struct Setup {
    stores: Stores,
    clock: Arc<ManualClock>,
    events: Arc<Recorded>,
    consumer: Consumer,
}

impl Setup {
    async fn new() -> Self {
        let stores = Stores::from(MemoryStore::default());
        let (clock, events) = (Arc::new(ManualClock::at(NOW)), Arc::new(Recorded::default()));
        let builder = Mfa::builder(stores.clone()).clock(Arc::clone(&clock) as _);
        let consumer = new_consumer(&builder.events(Arc::clone(&events) as _).build()).await;
        Self { stores, clock, events, consumer }
    }

    async fn begin_registration(&self, party: &RelyingParty, id: Option<UserId>) -> (UserId, Value) {
        let user = NewUser { id, name: "jo".to_owned(), display_name: "Jo Äöü".to_owned() };
        let (user, options) = self.consumer.webauthn(party.clone()).begin_registration(&user).await.unwrap();
        (user, serde_json::to_value(options).unwrap())
    }

    async fn finish_registration(
        &self,
        party: &RelyingParty,
        user: UserId,
        answer: &Value,
    ) -> Result<(), WebauthnError> {
        let response = RegistrationResponse::from_json(answer.to_string().as_bytes())?;
        self.consumer.webauthn(party.clone()).finish_registration(user, &response).await.map(drop)
    }

    async fn register(&self, party: &RelyingParty, authenticator: &SoftAuthenticator) -> UserId {
        let (user, options) = self.begin_registration(party, None).await;
        let answer = authenticator.create(&Browser::new(ORIGIN, &options));
        self.finish_registration(party, user, &answer).await.unwrap();
        user
    }

    async fn begin_login(&self, party: &RelyingParty, user: UserId) -> Value {
        let options = self.consumer.webauthn(party.clone()).begin_authentication(user).await.unwrap();
        serde_json::to_value(options).unwrap()
    }

    async fn finish_login(
        &self,
        party: &RelyingParty,
        user: UserId,
        answer: &Value,
    ) -> Result<(), WebauthnError> {
        let response = AuthenticationResponse::from_json(answer.to_string().as_bytes())?;
        self.consumer.webauthn(party.clone()).finish_authentication(user, &response).await.map(drop)
    }
}

fn party() -> RelyingParty {
    RelyingParty::new("example.com", "Acme", [ORIGIN]).unwrap()
}

fn refusal(outcome: Result<(), WebauthnError>) -> Refusal {
    match outcome {
        Err(WebauthnError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

/// R41: whatever is offered registers, with and without attestation, and logs in.
#[tokio::test]
async fn every_offered_algorithm_registers_and_logs_in() {
    let setup = Setup::new().await;
    for algorithm in OFFERED_ALGORITHMS {
        for packed in [false, true] {
            let mut authenticator = SoftAuthenticator::new(algorithm.number());
            let (user, options) = setup.begin_registration(&party(), None).await;
            let browser = Browser::new(ORIGIN, &options);
            let answer =
                if packed { authenticator.create_packed(&browser) } else { authenticator.create(&browser) };
            setup.finish_registration(&party(), user, &answer).await.unwrap();
            for _ in 0..2 {
                let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
                setup.finish_login(&party(), user, &authenticator.get(&browser)).await.unwrap();
            }
        }
    }
    for algorithm in [-36, -8] {
        let (user, options) = setup.begin_registration(&party(), None).await;
        let answer = SoftAuthenticator::new(algorithm).create(&Browser::new(ORIGIN, &options));
        assert_eq!(refusal(setup.finish_registration(&party(), user, &answer).await), Refusal::Algorithm);
    }
}

/// The options are what the Go seed sent (`compat.md` §5), but for the algorithms that cannot be had.
#[tokio::test]
async fn options_are_the_seeds() {
    let setup = Setup::new().await;
    let party = RelyingParty::from_headers("example.com", "ACME Inc.", ORIGIN).unwrap();
    let (user, mut options) = setup.begin_registration(&party, None).await;
    let challenge = options["publicKey"]["challenge"].take();
    assert_eq!(challenge.as_str().unwrap().len(), 43);
    assert_eq!(
        options,
        json!({"publicKey": {
            "rp": {"name": "ACME Inc.", "id": "example.com"},
            "user": {"name": "jo", "displayName": "Jo Äöü",
                     "id": data_encoding::BASE64URL_NOPAD.encode(user.to_string().as_bytes())},
            "challenge": null,
            "pubKeyCredParams": [{"type": "public-key", "alg": -7}, {"type": "public-key", "alg": -35},
                                 {"type": "public-key", "alg": -257}],
            "timeout": 120_000,
            "authenticatorSelection": {"requireResidentKey": false, "userVerification": "discouraged"},
        }})
    );

    let authenticator = SoftAuthenticator::new(-7);
    let user = setup.register(&party, &authenticator).await;
    let mut options = setup.begin_login(&party, user).await;
    options["publicKey"]["challenge"].take();
    let id = data_encoding::BASE64URL_NOPAD.encode(&authenticator.credential_id);
    assert_eq!(
        options,
        json!({"publicKey": {
            "challenge": null, "timeout": 120_000, "rpId": "example.com", "userVerification": "discouraged",
            "allowCredentials": [{"type": "public-key", "id": id, "transports": ["usb", "nfc"]}],
        }})
    );

    let own =
        self::party().resident_key(ResidentKey::Required).user_verification(UserVerification::Preferred);
    let (_, options) = setup.begin_registration(&own, Some(user)).await;
    assert_eq!(options["publicKey"]["excludeCredentials"][0]["id"], id);
    let selection =
        json!({"residentKey": "required", "requireResidentKey": true, "userVerification": "preferred"});
    assert_eq!(options["publicKey"]["authenticatorSelection"], selection);
}

type Spoil = fn(&mut SoftAuthenticator, &mut Browser);

/// R35, §7.2: each check of a login, one wrong thing at a time. The ceremony is used up each time.
#[tokio::test]
async fn a_login_with_one_thing_wrong_is_refused() {
    let wrongs: [(Spoil, Refusal); 13] = [
        (|_, browser| browser.kind = Some("webauthn.create"), Refusal::ClientDataType),
        (|_, browser| browser.origin = "https://evil.example.com".to_owned(), Refusal::Origin),
        (|_, browser| browser.origin = "http://login.example.com".to_owned(), Refusal::Origin),
        (|_, browser| browser.extra = json!({"crossOrigin": true}), Refusal::CrossOrigin),
        (|_, browser| browser.extra = json!({"topOrigin": "https://example.com"}), Refusal::TopOrigin),
        (|_, browser| browser.rp_id = "example.org".to_owned(), Refusal::RpIdHash),
        (|authenticator, _| authenticator.flags = UV, Refusal::UserPresence),
        (|authenticator, _| authenticator.flags = UP, Refusal::UserVerification),
        (|authenticator, _| authenticator.flags = UP | UV | BS, Refusal::BackupState),
        (|authenticator, _| authenticator.flags = UP | UV | BE, Refusal::BackupEligibility),
        (|authenticator, _| authenticator.key = SoftAuthenticator::new(-7).key, Refusal::Signature),
        (|authenticator, _| authenticator.counter = 4, Refusal::SignCount),
        (|_, browser| browser.user_handle = Some(b"another user".to_vec()), Refusal::UserHandle),
    ];
    let setup = Setup::new().await;
    let party = party().user_verification(UserVerification::Required);
    for (number, (spoil, expected)) in wrongs.into_iter().enumerate() {
        let mut authenticator = SoftAuthenticator::new(-7);
        authenticator.counter = 5;
        let user = setup.register(&party, &authenticator).await;
        authenticator.counter = 6;
        let mut browser = Browser::new(ORIGIN, &setup.begin_login(&party, user).await);
        spoil(&mut authenticator, &mut browser);
        let answer = authenticator.get(&browser);
        assert_eq!(refusal(setup.finish_login(&party, user, &answer).await), expected, "wrong {number}");
        assert_eq!(
            refusal(setup.finish_login(&party, user, &answer).await),
            Refusal::Challenge,
            "wrong {number}"
        );
    }
}

/// R34, §7.1: the same for a registration.
#[tokio::test]
async fn a_registration_with_one_thing_wrong_is_refused() {
    let wrongs: [(Spoil, Refusal); 10] = [
        (|_, browser| browser.kind = Some("webauthn.get"), Refusal::ClientDataType),
        (|_, browser| browser.origin = "https://evil.com".to_owned(), Refusal::Origin),
        (|_, browser| browser.extra = json!({"crossOrigin": true}), Refusal::CrossOrigin),
        (|_, browser| browser.extra = json!({"topOrigin": "https://example.com"}), Refusal::TopOrigin),
        (|_, browser| browser.rp_id = "evil.com".to_owned(), Refusal::RpIdHash),
        (|authenticator, _| authenticator.flags = UV, Refusal::UserPresence),
        (|authenticator, _| authenticator.flags = UP, Refusal::UserVerification),
        (|authenticator, _| authenticator.flags = UP | UV | BS, Refusal::BackupState),
        (|authenticator, _| authenticator.credential_id = Vec::new(), Refusal::CredentialIdLength),
        (|authenticator, _| authenticator.credential_id = vec![1; 1024], Refusal::CredentialIdLength),
    ];
    let setup = Setup::new().await;
    let party = party().user_verification(UserVerification::Required);
    for (number, (spoil, expected)) in wrongs.into_iter().enumerate() {
        let mut authenticator = SoftAuthenticator::new(-7);
        let (user, options) = setup.begin_registration(&party, None).await;
        let mut browser = Browser::new(ORIGIN, &options);
        spoil(&mut authenticator, &mut browser);
        let mut answer = authenticator.create(&browser);
        // Unsigned, and not read at a registration.
        answer["id"] = "AAAA".into();
        assert_eq!(
            refusal(setup.finish_registration(&party, user, &answer).await),
            expected,
            "wrong {number}"
        );
        assert_eq!(refusal(setup.finish_registration(&party, user, &answer).await), Refusal::Challenge);
    }
}

/// R42: a statement that is there must verify, in a format that is known.
#[tokio::test]
async fn an_attestation_that_does_not_verify_is_refused() {
    let setup = Setup::new().await;
    let authenticator = SoftAuthenticator::new(-7);
    // The attestation object with the first `from` in it replaced.
    let forge = |answer: &mut Value, from: &[u8], to: &[u8]| {
        let object = answer["response"]["attestationObject"].as_str().unwrap();
        let mut bytes = data_encoding::BASE64URL_NOPAD.decode(object.as_bytes()).unwrap();
        let at = bytes.windows(from.len()).position(|window| window == from).unwrap();
        bytes.splice(at..at + from.len(), to.iter().copied());
        answer["response"]["attestationObject"] = data_encoding::BASE64URL_NOPAD.encode(&bytes).into();
    };
    for (from, to, expected) in [
        (&b"dnone"[..], &b"dnull"[..], Refusal::AttestationFormat),
        (b"dnone", b"fpacked", Refusal::Attestation),
        (b"gattStmt\xa0", b"gattStmt\xa1aa\x01", Refusal::AttestationFormat),
        (b"hauthData", b"hauthDatb", Refusal::AuthenticatorData),
    ] {
        let (user, options) = setup.begin_registration(&party(), None).await;
        let mut answer = authenticator.create(&Browser::new(ORIGIN, &options));
        forge(&mut answer, from, to);
        assert_eq!(refusal(setup.finish_registration(&party(), user, &answer).await), expected);
    }
    // Self attestation with one bit of the signature changed (its DER begins csig, length, 30).
    let (user, options) = setup.begin_registration(&party(), None).await;
    let mut answer = authenticator.create_packed(&Browser::new(ORIGIN, &options));
    let object = answer["response"]["attestationObject"].as_str().unwrap();
    let mut bytes = data_encoding::BASE64URL_NOPAD.decode(object.as_bytes()).unwrap();
    let signature = bytes.windows(4).position(|window| window == b"csig").unwrap();
    bytes[signature + 20] ^= 1;
    answer["response"]["attestationObject"] = data_encoding::BASE64URL_NOPAD.encode(&bytes).into();
    assert_eq!(refusal(setup.finish_registration(&party(), user, &answer).await), Refusal::Attestation);
}

/// R36, R37: a challenge has one purpose, one user, one relying party, and five minutes.
#[tokio::test]
async fn a_challenge_serves_what_it_was_made_for() {
    let setup = Setup::new().await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let user = setup.register(&party(), &authenticator).await;
    let elsewhere = RelyingParty::new("example.com", "Acme", ["https://www.example.com", ORIGIN]).unwrap();
    let sibling = RelyingParty::new("login.example.com", "Acme", [ORIGIN]).unwrap();

    // A registration's challenge for a login, and the reverse.
    let (_, options) = setup.begin_registration(&party(), Some(user)).await;
    let mut browser = Browser::new(ORIGIN, &options);
    let crossed = setup.finish_login(&party(), user, &authenticator.get(&browser)).await;
    assert_eq!(refusal(crossed), Refusal::Challenge);
    browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    let crossed =
        setup.finish_registration(&party(), user, &SoftAuthenticator::new(-7).create(&browser)).await;
    assert_eq!(refusal(crossed), Refusal::Challenge);

    // Another user, other origins, another RP ID.
    let other_user = setup.register(&party(), &SoftAuthenticator::new(-7)).await;
    for (party_at_finish, user_at_finish, expected) in [
        (&party(), other_user, Refusal::User),
        (&elsewhere, user, Refusal::RelyingParty),
        (&sibling, user, Refusal::RelyingParty),
    ] {
        let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
        let answer = authenticator.get(&browser);
        assert_eq!(refusal(setup.finish_login(party_at_finish, user_at_finish, &answer).await), expected);
        assert_eq!(refusal(setup.finish_login(&party(), user, &answer).await), Refusal::Challenge);
    }

    // To the millisecond.
    for (wait, works) in [(299_999, true), (300_000, false)] {
        let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
        setup.clock.advance(Duration::from_millis(wait));
        assert_eq!(setup.finish_login(&party(), user, &authenticator.get(&browser)).await.is_ok(), works);
    }

    // A credential that the list did not have; an id that says otherwise than rawId.
    let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    let stranger = SoftAuthenticator::new(-7).get(&browser);
    assert_eq!(refusal(setup.finish_login(&party(), user, &stranger).await), Refusal::CredentialNotAllowed);
    let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    let mut answer = authenticator.get(&browser);
    answer["id"] = "AAAA".into();
    assert_eq!(refusal(setup.finish_login(&party(), user, &answer).await), Refusal::CredentialId);
}

/// R39: a counter must grow once it is in use; an event tells of the second copy. Zero throughout is no counter.
#[tokio::test]
async fn a_counter_that_does_not_grow_is_refused_and_reported() {
    let setup = Setup::new().await;
    let mut authenticator = SoftAuthenticator::new(-7);
    authenticator.counter = 5;
    let user = setup.register(&party(), &authenticator).await;
    for (counter, accepted) in
        [(6, true), (6, false), (5, false), (0, false), (7, true), (u32::MAX, true), (0, false)]
    {
        authenticator.counter = counter;
        let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
        let outcome = setup.finish_login(&party(), user, &authenticator.get(&browser)).await;
        if accepted {
            outcome.unwrap();
        } else {
            assert_eq!(refusal(outcome), Refusal::SignCount, "{counter}");
            assert_eq!(setup.events.0.lock().unwrap().last(), Some(&Action::CredentialCloned));
        }
    }

    let mut passkey = SoftAuthenticator::new(-7);
    passkey.counter = 0;
    let user = setup.register(&party(), &passkey).await;
    for _ in 0..3 {
        passkey.counter = 0;
        let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
        setup.finish_login(&party(), user, &passkey.get(&browser)).await.unwrap();
    }
}

#[tokio::test]
async fn credentials_are_listed_renamed_and_deleted() {
    let setup = Setup::new().await;
    let mut first = SoftAuthenticator::new(-7);
    let user = setup.register(&party(), &first).await;
    let (_, options) = setup.begin_registration(&party(), Some(user)).await;
    let second = SoftAuthenticator::new(-257);
    let answer = second.create(&Browser::new(ORIGIN, &options));
    setup.finish_registration(&party(), user, &answer).await.unwrap();
    // The same credential again, by another ceremony.
    let (_, options) = setup.begin_registration(&party(), Some(user)).await;
    let again =
        setup.finish_registration(&party(), user, &second.create(&Browser::new(ORIGIN, &options))).await;
    assert_eq!(refusal(again), Refusal::DuplicateCredential);

    setup.clock.advance(Duration::from_secs(60));
    let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    setup.finish_login(&party(), user, &first.get(&browser)).await.unwrap();
    let listed = setup.consumer.user_credentials(user).await.unwrap().credentials;
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (listed[0].created_at, listed[0].last_used_at),
        (Some(NOW), Some(NOW.after(Duration::from_secs(60))))
    );
    assert_eq!((listed[0].aaguid, listed[0].rp_id.as_deref()), ([7; 16], Some("example.com")));
    assert_eq!(listed[1].last_used_at, None);

    let hash = listed[1].id.key_handle_hash();
    setup.consumer.rename_credential(user, hash, Some("Jö's key")).await.unwrap();
    let listed = setup.consumer.user_credentials(user).await.unwrap().credentials;
    assert_eq!(listed[1].label.as_deref(), Some("Jö's key"));
    setup.consumer.delete_credential(user, hash).await.unwrap();
    assert!(matches!(setup.consumer.delete_credential(user, hash).await, Err(WebauthnError::NotFound)));
    setup.consumer.delete_credential(user, listed[0].id.key_handle_hash()).await.unwrap();
    assert!(matches!(setup.consumer.delete_credential(user, hash).await, Err(WebauthnError::NoCredentials)));
    let none = setup.consumer.webauthn(party()).begin_authentication(user).await;
    assert!(matches!(none, Err(WebauthnError::NoCredentials)));
    assert!(setup.consumer.delete_user(user).await.unwrap());
    assert!(!setup.consumer.delete_user(user).await.unwrap());
}

/// R45, R46: another consumer's user is one that nobody has; its ceremonies cannot be taken.
#[tokio::test]
async fn another_consumers_user_is_an_unknown_one() {
    let setup = Setup::new().await;
    let mut authenticator = SoftAuthenticator::new(-7);
    let user = setup.register(&party(), &authenticator).await;
    let hash = setup.consumer.user_credentials(user).await.unwrap().credentials[0].id.key_handle_hash();
    let clock = Arc::clone(&setup.clock);
    let stranger = new_consumer(&Mfa::builder(setup.stores.clone()).clock(clock).build()).await;

    let nobody = UserId("00000000-0000-4000-8000-000000000000".parse::<UserId>().unwrap().0);
    for user in [user, nobody] {
        let begun = stranger.webauthn(party()).begin_authentication(user).await;
        assert!(matches!(begun, Err(WebauthnError::NoCredentials)));
        assert!(matches!(stranger.delete_credential(user, hash).await, Err(WebauthnError::NotFound)));
        assert!(matches!(stranger.rename_credential(user, hash, None).await, Err(WebauthnError::NotFound)));
        assert_eq!(stranger.user_credentials(user).await.unwrap().credentials, []);
        assert!(!stranger.delete_user(user).await.unwrap());
    }
    let browser = Browser::new(ORIGIN, &setup.begin_login(&party(), user).await);
    let answer = authenticator.get(&browser);
    let response = AuthenticationResponse::from_json(answer.to_string().as_bytes()).unwrap();
    let stolen = stranger.webauthn(party()).finish_authentication(user, &response).await;
    assert!(matches!(stolen, Err(WebauthnError::Refused(Refusal::Challenge))), "{stolen:?}");
    setup.finish_login(&party(), user, &answer).await.unwrap();
}
