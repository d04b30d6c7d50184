//! Key derivation: HKDF-SHA256 (RFC 5869) with one label per purpose.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::Context;
use crate::api_key::{ApiKey, ApiSecret};
use crate::id::ConsumerId;
use crate::secret::SecretBytes;

const VERIFIER: &[u8] = b"mfa/1/verifier";
const CHECK: &[u8] = b"mfa/1/check";
const KEY_ENCRYPTION: &[u8] = b"mfa/1/kek";
const RECORD: &[u8] = b"mfa/1/record";

/// The value that Argon2id hashes instead of the secret, so that the hash reveals nothing about the KEK.
pub(crate) fn verifier(key: &ApiKey, secret: &ApiSecret) -> SecretBytes {
    let derived = derive(secret.expose_text().as_bytes(), VERIFIER, |info| append(info, key.as_str()));
    SecretBytes::new(derived.to_vec())
}

/// The four bytes of a secret's check tag.
pub(crate) fn check(key: &ApiKey, secret: &ApiSecret) -> [u8; 4] {
    let derived = derive(secret.expose_text().as_bytes(), CHECK, |info| append(info, key.as_str()));
    let [a, b, c, d, ..] = *derived;
    [a, b, c, d]
}

/// The key-encryption key: wraps the copy of the keyring that belongs to one API key.
pub(super) fn key_encryption_key(
    secret: &ApiSecret,
    key: &ApiKey,
    consumer: &ConsumerId,
) -> Zeroizing<[u8; 32]> {
    derive(secret.expose_text().as_bytes(), KEY_ENCRYPTION, |info| {
        append(info, key.as_str());
        append(info, consumer.as_str());
    })
}

/// The key of one field of one record. Since each field has its own key, random 96-bit nonces stay far below
/// the bound of SP 800-38D §8.3.
pub(super) fn record_key(data_key: &[u8], context: &Context<'_>) -> Zeroizing<[u8; 32]> {
    derive(data_key, RECORD, |info| context.encode_to(info))
}

fn append(info: &mut Vec<u8>, part: &str) {
    info.extend_from_slice(&(part.len() as u64).to_be_bytes());
    info.extend_from_slice(part.as_bytes());
}

#[expect(clippy::expect_used, reason = "infallible: 32 bytes are less than 255 hashes, RFC 5869 §2.3")]
fn derive(key_material: &[u8], label: &[u8], bind: impl FnOnce(&mut Vec<u8>)) -> Zeroizing<[u8; 32]> {
    // Room for the names that are bound, so that the vector need not grow.
    let mut info = Vec::with_capacity(192);
    info.extend_from_slice(label);
    bind(&mut info);
    let mut key = Zeroizing::new([0; 32]);
    Hkdf::<Sha256>::new(None, key_material).expand(&info, key.as_mut_slice()).expect("a short output");
    key
}

#[cfg(test)]
mod tests {
    use data_encoding::HEXLOWER;

    use super::*;
    use crate::envelope::RecordKind;

    /// Expected values come from `scripts/golden-keys.py`, which uses Python's `hmac` alone.
    #[test]
    fn derived_keys_are_the_golden_ones() {
        let secret: ApiSecret = "y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM=".parse().unwrap();
        let key: ApiKey = "f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse().unwrap();
        let consumer = ConsumerId::of_first_key(&key);
        let context =
            Context { consumer: &consumer, kind: RecordKind::Totp, record_id: "id", field: "secret" };

        let golden = include_str!("golden_keys.txt");
        let derived = format!(
            "verifier {}\ncheck {}\nkek {}\nrecord {}\n",
            HEXLOWER.encode(verifier(&key, &secret).expose()),
            HEXLOWER.encode(&check(&key, &secret)),
            HEXLOWER.encode(key_encryption_key(&secret, &key, &consumer).as_slice()),
            HEXLOWER.encode(record_key(&[7; 32], &context).as_slice()),
        );
        assert_eq!(derived, golden);
    }
}
