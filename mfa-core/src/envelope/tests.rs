//! A sealed field must not open after a changed bit, a cut or a move, or under another key.

use std::sync::Mutex;

use proptest::prelude::*;

use super::*;
use crate::api_key::{ApiKey, ApiSecret};
use crate::id::ConsumerId;
use crate::random::{OsRandom, RandomError, SecureRandom};

fn consumer(name: &str) -> ConsumerId {
    ConsumerId::of_first_key(&name.parse().unwrap())
}

fn place<'a>(consumer: &'a ConsumerId, record_id: &'a str, field: &'a str) -> Context<'a> {
    Context { consumer, kind: RecordKind::Totp, record_id, field }
}

fn keys(name: &str, secret: &str) -> (ApiKey, ApiSecret) {
    (name.parse().unwrap(), secret.parse().unwrap())
}

proptest! {
    #[test]
    fn what_was_sealed_opens(plaintext in prop::collection::vec(any::<u8>(), 0..300)) {
        let (keyring, ann) = (Keyring::generate(&OsRandom).unwrap(), consumer("ann"));
        let sealed: Sealed<()> = keyring.seal(&place(&ann, "1", "secret"), &plaintext, &OsRandom).unwrap();
        let opened = keyring.open(&place(&ann, "1", "secret"), &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        prop_assert_eq!(sealed.as_bytes().len(), 5 + 12 + plaintext.len() + 16);
    }

    #[test]
    fn no_flipped_bit_and_no_truncation_opens(plaintext in prop::collection::vec(any::<u8>(), 0..40)) {
        let (keyring, ann) = (Keyring::generate(&OsRandom).unwrap(), consumer("ann"));
        let context = place(&ann, "1", "secret");
        let sealed: Sealed<()> = keyring.seal(&context, &plaintext, &OsRandom).unwrap();
        for bit in 0..sealed.as_bytes().len() * 8 {
            let mut bytes = sealed.as_bytes().to_vec();
            bytes[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(keyring.open(&context, &Sealed::<()>::from_stored(bytes)), Err(DoesNotOpen));
        }
        for len in 0..sealed.as_bytes().len() {
            let bytes = sealed.as_bytes()[..len].to_vec();
            prop_assert_eq!(keyring.open(&context, &Sealed::<()>::from_stored(bytes)), Err(DoesNotOpen));
        }
    }

    /// Names that run into each other ("ab"+"c", "a"+"bc") are different places too.
    #[test]
    fn nothing_opens_at_another_place(
        from in ("[abc]{1,3}", "[abc]{0,3}", "[abc]{0,3}"),
        to in ("[abc]{1,3}", "[abc]{0,3}", "[abc]{0,3}"),
    ) {
        let keyring = Keyring::generate(&OsRandom).unwrap();
        let (from_consumer, to_consumer) = (consumer(&from.0), consumer(&to.0));
        let sealed: Sealed<()> =
            keyring.seal(&place(&from_consumer, &from.1, &from.2), b"x", &OsRandom).unwrap();
        let opened = keyring.open(&place(&to_consumer, &to.1, &to.2), &sealed);
        prop_assert_eq!(opened.is_ok(), from == to);

        let other_kind = Context { kind: RecordKind::User, ..place(&from_consumer, &from.1, &from.2) };
        prop_assert_eq!(keyring.open(&other_kind, &sealed), Err(DoesNotOpen));
    }

    #[test]
    fn arbitrary_bytes_open_nowhere(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let (key, secret) = keys("ann", "0123456789abcdef");
        let ann = consumer("ann");
        let keyring = Keyring::upgraded(secret.legacy_key(), &OsRandom).unwrap();
        let context = place(&ann, "1", "secret");
        prop_assert_eq!(keyring.open(&context, &Sealed::<()>::from_stored(bytes.clone())), Err(DoesNotOpen));
        // The legacy cipher has no tag: it opens or not, but never panics.
        let _ = keyring.open_legacy(&Sealed::<()>::from_stored(bytes.clone()));
        prop_assert!(KeyEncryptionKey::new(&secret, &key, &ann).unwrap_keyring(&Sealed::from_stored(bytes)).is_err());
    }
}

#[test]
fn a_keyring_opens_with_its_own_key_secret_and_consumer_only() {
    let (key, secret) = keys("ann", "0123456789abcdef");
    let ann = consumer("ann");
    let keyring = Keyring::upgraded(secret.legacy_key(), &OsRandom).unwrap();
    let sealed = KeyEncryptionKey::new(&secret, &key, &ann).wrap_keyring(&keyring, &OsRandom).unwrap();
    let field: Sealed<()> = keyring.seal(&place(&ann, "1", "f"), b"x", &OsRandom).unwrap();

    let opened = KeyEncryptionKey::new(&secret, &key, &ann).unwrap_keyring(&sealed).unwrap();
    assert_eq!(opened.open(&place(&ann, "1", "f"), &field).unwrap().as_slice(), b"x");

    let (other_key, other_secret) = keys("bob", "fedcba9876543210");
    assert!(KeyEncryptionKey::new(&other_secret, &key, &ann).unwrap_keyring(&sealed).is_err());
    assert!(KeyEncryptionKey::new(&secret, &other_key, &ann).unwrap_keyring(&sealed).is_err());
    assert!(KeyEncryptionKey::new(&secret, &key, &consumer("bob")).unwrap_keyring(&sealed).is_err());
    for bit in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(
            KeyEncryptionKey::new(&secret, &key, &ann).unwrap_keyring(&Sealed::from_stored(bytes)).is_err(),
            "bit {bit}"
        );
    }
}

#[test]
fn another_keyring_opens_nothing() {
    let ann = consumer("ann");
    let (one, other) = (Keyring::generate(&OsRandom).unwrap(), Keyring::generate(&OsRandom).unwrap());
    let sealed: Sealed<()> = one.seal(&place(&ann, "1", "f"), b"x", &OsRandom).unwrap();
    assert_eq!(other.open(&place(&ann, "1", "f"), &sealed), Err(DoesNotOpen));
    assert_eq!(one.open_legacy(&sealed), Err(DoesNotOpen));
}

/// A ring that gets another's data keys seals under the other's newest. Its own count as older.
#[test]
fn data_keys_that_join_do_not_become_the_newest() {
    let base = Keyring::generate(&OsRandom).unwrap();
    let grown = || {
        let (ring, id) = base.with_fresh(&OsRandom).unwrap();
        (ring.activated(id), id)
    };
    let ((mine, _), (theirs, newest)) = (grown(), grown());
    let joined = mine.joined(&theirs).unwrap();
    assert_eq!(joined.newest_id(), newest);
    assert!(joined.has(mine.newest_id()) && joined.joined(&mine).is_none());
}

/// R11: each seal has a fresh nonce.
#[test]
fn no_nonce_is_used_twice() {
    let (keyring, ann) = (Keyring::generate(&OsRandom).unwrap(), consumer("ann"));
    let mut nonces = std::collections::HashSet::new();
    for _ in 0..2_000 {
        let sealed: Sealed<()> = keyring.seal(&place(&ann, "1", "f"), b"x", &OsRandom).unwrap();
        assert!(nonces.insert(sealed.as_bytes()[5..17].to_vec()));
    }
}

/// Works `n` times, then fails.
#[derive(Debug)]
struct Exhausted(Mutex<u32>);

impl SecureRandom for Exhausted {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), RandomError> {
        let mut left = self.0.lock().unwrap();
        *left = left.checked_sub(1).ok_or(RandomError)?;
        OsRandom.fill(bytes)
    }
}

/// R11: a failing generator is an error, not a nonce of zeros.
#[test]
fn a_failing_generator_seals_nothing() {
    let random = Exhausted(Mutex::new(1));
    let keyring = Keyring::generate(&random).unwrap();
    let ann = consumer("ann");
    let sealed = keyring.seal::<()>(&place(&ann, "1", "f"), b"x", &random);
    assert_eq!(sealed.unwrap_err(), RandomError);
    assert!(Keyring::generate(&random).is_err());
}

#[test]
fn nothing_prints_a_secret() {
    let keyring = Keyring::generate(&OsRandom).unwrap();
    assert_eq!(format!("{keyring:?}"), "Keyring(1 keys)");
    assert_eq!(format!("{:?}", Sealed::<()>::from_stored(vec![1, 2, 3])), "Sealed(3 bytes)");
}
