//! Tests of the census: each flaw, and which format a row counts as.

use super::{Census, Flaw, Report};
use crate::ConsumerId;
use crate::api_key::{ApiKey, SecretHash};
use crate::clock::UnixTime;
use crate::envelope::{RecordKind, Sealed};
use crate::rotation::RotationStage;
use crate::store::{ApiKeyRecord, ApiKeyState, RotationMark, TotpRecord, UserId, UserRecord};
use crate::totp::{MAX_FAILURES, TotpId};
use uuid::Uuid;

const NOW: UnixTime = UnixTime::from_millis(1_000);
const LEGACY: &[u8] = b"zg4D4S783Ph3czAhZNx8oQ==:flOwR/ol74YeaA==";
const BCRYPT: &str = "$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy";

fn key(value: &str) -> ApiKey {
    value.parse().unwrap()
}

fn owner(value: &str) -> ConsumerId {
    ConsumerId::of_first_key(&key(value))
}

fn ours() -> Vec<u8> {
    [&[1, 0, 0, 0, 7][..], &[9; 40]].concat()
}

fn api_key(value: &str, state: ApiKeyState) -> ApiKeyRecord {
    ApiKeyRecord {
        key: key(value),
        consumer: owner(value),
        email: "dev@example.com".to_owned(),
        created_at: UnixTime::from_millis(1),
        expires_at: None,
        last_used_at: None,
        not_before: None,
        rotation: None,
        state,
    }
}

fn argon2_hash() -> SecretHash {
    SecretHash::from_stored(
        "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$uUZRnDHfRTgkVDZ0mJbhdTVoJ1KNBfXBvYnXOnSqcXs"
            .to_owned(),
    )
}

fn active(hash: SecretHash, keyring: Option<Vec<u8>>) -> ApiKeyState {
    let keyring = keyring.map(Sealed::from_stored);
    ApiKeyState::Active { activated_at: UnixTime::from_millis(2), hash, check_tag: None, keyring }
}

fn totp(consumer: &str, secret: &[u8]) -> TotpRecord {
    TotpRecord {
        id: TotpId(Uuid::from_u128(0x1234_5678 << 96)),
        consumer: owner(consumer),
        secret: Sealed::from_stored(secret.to_vec()),
        created_at: None,
        last_accepted_step: None,
        failures: 0,
        failed_at: None,
    }
}

fn user(consumer: &str) -> UserRecord {
    UserRecord {
        id: UserId(Uuid::from_u128(0xabcd_ef01 << 96)),
        consumer: owner(consumer),
        credentials: None,
        u2f_app_id: None,
        u2f_key_handle: None,
        u2f_public_key: None,
        u2f_sign_count: None,
    }
}

fn sealed(bytes: &[u8]) -> Option<Sealed<Vec<u8>>> {
    Some(Sealed::from_stored(bytes.to_vec()))
}

fn census() -> Census {
    Report::new(NOW).census
}

/// A key in each state; the values are the states.
fn keys(census: &mut Census) {
    let revoked = ApiKeyState::Revoked { activated_at: None, revoked_at: UnixTime::from_millis(3) };
    census.api_key(&api_key("pending-key", ApiKeyState::Pending));
    census.api_key(&api_key("active-key", active(argon2_hash(), Some(ours()))));
    census.api_key(&api_key("legacy-key", active(SecretHash::from_stored(BCRYPT.to_owned()), None)));
    census.api_key(&api_key("revoked-key", revoked));
    let mut expired = api_key("expired-key", active(argon2_hash(), Some(ours())));
    expired.expires_at = Some(NOW);
    census.api_key(&expired);
    let suspended = active(argon2_hash(), Some(ours())).named(Some("suspended".to_owned()));
    census.api_key(&api_key("suspended-key", suspended));
    census.end(RecordKind::ApiKey);
}

fn found(census: &Census) -> Vec<(Flaw, &str, u64, Vec<&str>)> {
    let problems = census.problems().iter();
    problems.map(|p| (p.flaw, p.kind, p.count, p.examples.iter().map(String::as_str).collect())).collect()
}

#[test]
fn keys_are_counted_by_their_state() {
    let mut census = census();
    keys(&mut census);
    let counts = census.api_keys.unwrap();
    assert_eq!((counts.pending, counts.active, counts.active_legacy), (1, 1, 1));
    assert_eq!((counts.revoked, counts.expired, counts.unknown, counts.damaged), (1, 1, 1, 0));
    assert_eq!(found(&census), []);
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let mut census = census();
    census.api_key(&api_key("md5-hashed-key", active(SecretHash::from_stored("$1$x".to_owned()), None)));
    census.api_key(&api_key("cut-keyring-key", active(argon2_hash(), Some(vec![1; 20]))));
    census.api_key(&api_key("later-keyring-key", active(argon2_hash(), Some(vec![9; 90]))));
    let mut rotating = api_key("rotating-key", active(argon2_hash(), Some(ours())));
    let stage: RotationStage = "user/6f1d2c9e-43ab-4f0e-9c39-6b1de1a8c001".parse().unwrap();
    rotating.rotation = Some(RotationMark { started_at: NOW, data_key: 700, stage });
    census.api_key(&rotating);
    census.unreadable(RecordKind::ApiKey, "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33", "createdAt", true);
    assert_eq!(
        found(&census),
        [
            (Flaw::UnknownHash, "api-key", 1, vec!["md5-hash…"]),
            (Flaw::Shapeless, "api-key", 1, vec!["cut-keyr…"]),
            (Flaw::UnknownVersion, "api-key", 1, vec!["later-ke… (version 9)"]),
            (Flaw::HalfRotated, "api-key", 1, vec!["rotating…"]),
            (Flaw::Damaged, "api-key", 1, vec!["f11ddd1f… (createdAt)"]),
        ]
    );
    assert_eq!((census.api_keys.unwrap().half_rotated, census.api_keys.unwrap().damaged), (1, 1));
}

#[test]
fn totp_rows_are_counted_by_their_format() {
    let mut census = census();
    census.totp(&totp("active-key", &ours()), true);
    census.totp(&totp("legacy-key", LEGACY), false);
    census.totp(&totp("active-key", &[2; 60]), true);
    census.totp(&totp("active-key", &ours()[..30]), true);
    census.totp(&totp("active-key", b"x:y"), true);
    census.totp(&TotpRecord { failures: MAX_FAILURES, ..totp("active-key", &ours()) }, true);
    census.unreadable(RecordKind::Totp, "1234567890", "consumer", false);
    keys(&mut census);
    let counts = census.totp.unwrap();
    assert_eq!((counts.ours, counts.legacy, counts.unusable, counts.disabled), (2, 1, 4, 1));
    assert_eq!(
        found(&census),
        [
            (Flaw::UnknownVersion, "totp", 1, vec!["12345678… (version 2)"]),
            (Flaw::Shapeless, "totp", 2, vec!["12345678…"]),
            (Flaw::NoOwner, "totp", 1, vec!["12345678…"]),
        ]
    );
}

#[test]
fn rows_that_no_key_opens_are_found() {
    let mut census = census();
    for consumer in ["pending-key", "revoked-key", "expired-key", "expired-key", "unknown-key"] {
        census.totp(&totp(consumer, &ours()), true);
    }
    // A predecessor's key without keyring opens a legacy row, and none of ours.
    census.totp(&totp("legacy-key", LEGACY), true);
    census.totp(&totp("legacy-key", &ours()), true);
    keys(&mut census);
    assert_eq!(
        found(&census),
        [
            (Flaw::NoUsableKey, "totp", 4, vec!["owner expired-…", "owner pending-…", "owner revoked-…"]),
            (Flaw::NoKeyring, "totp", 1, vec!["owner legacy-k…"]),
            (Flaw::NoApiKey, "totp", 1, vec!["owner unknown-…"]),
        ]
    );
}

/// Without the API keys, every owner would seem to be gone.
#[test]
fn without_the_api_keys_nobody_is_called_an_orphan() {
    let mut census = census();
    census.totp(&totp("unknown-key", &ours()), true);
    census.api_key(&api_key("active-key", active(argon2_hash(), Some(ours()))));
    assert_eq!(found(&census), []);
}

#[test]
fn users_are_counted_by_their_format() {
    let mut census = census();
    let empty = b"mCMD+TxNAMLXJKtwxk92Lg==:";
    let u2f = |base: UserRecord| UserRecord {
        u2f_app_id: sealed(LEGACY),
        u2f_key_handle: sealed(LEGACY),
        u2f_public_key: sealed(LEGACY),
        ..base
    };
    census.user(&UserRecord { credentials: sealed(&ours()), ..user("active-key") }, true);
    census.user(&UserRecord { credentials: sealed(&[7; 90]), ..user("legacy-key") }, false);
    census.user(&UserRecord { credentials: sealed(&[1; 90]), ..user("legacy-key") }, false);
    census.user(&u2f(user("legacy-key")), false);
    census.user(&u2f(UserRecord { credentials: sealed(&[7; 90]), ..user("legacy-key") }), false);
    census.user(&UserRecord { u2f_app_id: sealed(LEGACY), ..user("legacy-key") }, false);
    census.user(&UserRecord { u2f_public_key: sealed(empty), ..user("legacy-key") }, false);
    keys(&mut census);
    let counts = census.users.unwrap();
    assert_eq!((counts.ours, counts.go_legacy, counts.node_u2f, counts.empty), (1, 3, 1, 2));
    assert_eq!(found(&census), []);
}

#[test]
fn users_that_cannot_log_in_are_found() {
    let mut census = census();
    let base = || user("active-key");
    census.user(&UserRecord { credentials: sealed(&[1; 8]), ..base() }, true);
    census.user(&UserRecord { credentials: sealed(&ours()), u2f_app_id: sealed(LEGACY), ..base() }, true);
    census.user(&UserRecord { u2f_key_handle: sealed(LEGACY), ..base() }, false);
    census.user(&UserRecord { u2f_app_id: sealed(&[3; 50]), ..base() }, true);
    census.user(&UserRecord { credentials: sealed(&ours()), ..user("unknown-key") }, true);
    // An empty row needs no owner.
    census.user(&user("unknown-key"), true);
    keys(&mut census);
    let counts = census.users.unwrap();
    assert_eq!((counts.ours, counts.unusable, counts.empty), (1, 4, 1));
    assert_eq!(
        found(&census),
        [
            (Flaw::Shapeless, "user", 1, vec!["abcdef01…"]),
            (Flaw::MixedFormats, "user", 1, vec!["abcdef01…"]),
            (Flaw::IncompleteU2fKey, "user", 1, vec!["abcdef01…"]),
            (Flaw::UnknownVersion, "user", 1, vec!["abcdef01… (version 3)"]),
            (Flaw::NoApiKey, "user", 1, vec!["owner unknown-…"]),
        ]
    );
}
