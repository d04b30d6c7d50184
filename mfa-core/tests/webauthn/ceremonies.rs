//! Registration and authentication, rightly and with one thing wrong.

use std::time::Duration;

use mfa_core::event::Action;
use mfa_core::webauthn::{OFFERED_ALGORITHMS, Refusal, RelyingParty, UserVerification};
use mfa_store_conformance::kit::authenticator::{BE, BS, Browser, SoftAuthenticator, UP, UV};
use serde_json::{Value, json};

use super::setup::{ORIGIN, Setup, party, refusal};

/// R41: every offered algorithm registers, with and without attestation, and logs in.
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

/// The origin is the one that is named at the finish: a beginning may name none, or another within the RP ID.
#[tokio::test]
async fn a_ceremony_is_judged_by_the_origin_of_its_finish() {
    let setup = Setup::new().await;
    let at = |origin: &str| RelyingParty::from_headers("example.com", "Acme", origin).unwrap();
    for begun in ["", "https://other.example.com", "https://LOGIN.example.com", ORIGIN] {
        let mut authenticator = SoftAuthenticator::new(-7);
        let (user, options) = setup.begin_registration(&at(begun), None).await;
        let answer = authenticator.create(&Browser::new(ORIGIN, &options));
        setup.finish_registration(&at(ORIGIN), user, &answer).await.unwrap();
        let browser = Browser::new(ORIGIN, &setup.begin_login(&at(begun), user).await);
        setup.finish_login(&at(ORIGIN), user, &authenticator.get(&browser)).await.unwrap();

        for finished in ["", "https://other.example.com"] {
            let browser = Browser::new(ORIGIN, &setup.begin_login(&at(begun), user).await);
            let refused = setup.finish_login(&at(finished), user, &authenticator.get(&browser)).await;
            assert_eq!(refusal(refused), Refusal::Origin, "{begun} {finished}");
        }
        // The RP ID is bound all the same.
        let browser = Browser::new(ORIGIN, &setup.begin_login(&at(begun), user).await);
        let elsewhere = RelyingParty::from_headers("login.example.com", "Acme", ORIGIN).unwrap();
        let refused = setup.finish_login(&elsewhere, user, &authenticator.get(&browser)).await;
        assert_eq!(refusal(refused), Refusal::RelyingParty);
    }
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

/// R42: a statement must verify, in a known format.
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

    // Another user, another RP ID.
    let other_user = setup.register(&party(), &SoftAuthenticator::new(-7)).await;
    for (party_at_finish, user_at_finish, expected) in
        [(&party(), other_user, Refusal::User), (&sibling, user, Refusal::RelyingParty)]
    {
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

/// R39: a counter in use must grow, and an event reports a copy. Zero throughout means that there is no
/// counter.
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
