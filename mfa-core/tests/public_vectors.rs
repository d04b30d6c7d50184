//! Known answers from the predecessors' public tests, if the shared file exists. It is not part of this
//! repository.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use data_encoding::HEXLOWER;
use mfa_core::api_key::{Argon2Hasher, SecretHash};
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::secret::SecretBytes;
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{ApiKeyRecord, ApiKeyState, Expect, Stores, UserRecord};
use mfa_core::webauthn::CredentialId;
use mfa_core::{ConsumerId, Mfa};
use serde_json::Value;

fn vectors() -> Option<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/vectors/seeds/public_vectors.json");
    let Ok(file) = std::fs::read(path) else {
        eprintln!("skipped: {path} is not here");
        return None;
    };
    Some(serde_json::from_slice(&file).unwrap())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[test]
fn hashes_and_names_are_the_predecessors() {
    let Some(vectors) = vectors() else { return };
    for case in vectors["bcrypt"].as_array().unwrap() {
        let input = SecretBytes::new(text(&case["password"]).into_bytes());
        let hash = SecretHash::from_stored(text(&case["hash"]));
        assert_eq!(Argon2Hasher::verify_blocking(&input, &hash), Ok(case["matches"] == true), "{case}");
    }
    for case in vectors["key_handle_hash"].as_array().unwrap() {
        let id = CredentialId(text(&case["credential_id_ascii"]).into_bytes());
        assert_eq!(id.key_handle_hash().to_string(), case["key_handle_hash"], "{case}");
    }
}

/// A secret that is no base64 is an AES key itself; the oldest JSON, with a credential that has no key, is read,
/// told of, and not lost.
#[tokio::test]
async fn a_row_under_a_raw_text_secret_opens() {
    let Some(vectors) = vectors() else { return };
    let (case, hashes) = (&vectors["raw_secret_cipher"], vectors["bcrypt"].as_array().unwrap());
    let hash = hashes.iter().find(|hash| hash["password"] == case["secret"]).unwrap();
    let stores = Stores::from(MemoryStore::default());
    let key = text(&hash["api_key_value"]).parse().unwrap();
    let consumer = ConsumerId::of_first_key(&key);
    let record = ApiKeyRecord {
        key: key.clone(),
        consumer: consumer.clone(),
        email: "dev@example.com".to_owned(),
        created_at: UnixTime::from_secs(1),
        expires_at: None,
        last_used_at: None,
        not_before: None,
        rotation: None,
        state: ApiKeyState::Active {
            activated_at: UnixTime::from_secs(1),
            hash: SecretHash::from_stored(text(&hash["hash"])),
            check_tag: None,
            keyring: None,
        },
    };
    stores.api_keys.save(&record, Expect::Absent).await.unwrap();
    let ciphertext = HEXLOWER.decode(text(&case["ciphertext_hex"]).as_bytes()).unwrap();
    let user = UserRecord {
        id: text(&case["uuid"]).parse().unwrap(),
        consumer,
        credentials: Some(Sealed::from_stored(ciphertext)),
        u2f_app_id: None,
        u2f_key_handle: None,
        u2f_public_key: None,
        u2f_sign_count: None,
    };
    stores.users.save(&user, Expect::Absent).await.unwrap();

    let mfa = Mfa::builder(stores).build();
    let consumer = mfa.authenticate(&key, &text(&case["secret"]).parse().unwrap()).await.unwrap();
    let found = consumer.user_credentials(user.id).await.unwrap();
    assert_eq!((found.credentials.len(), found.unreadable), (0, 1));
}
