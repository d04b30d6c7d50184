//! A consumer's data keys.

use std::fmt;

use zeroize::Zeroizing;

use super::seal::{open, seal};
use super::{Context, DoesNotOpen, RecordKind, Sealed, kdf, legacy};
use crate::api_key::{ApiKey, ApiSecret};
use crate::consumer::ConsumerId;
use crate::random::{RandomError, SecureRandom, random_bytes};
use crate::secret::SecretBytes;

/// The number of a data key within its keyring. Zero names no data key: the keyring itself is sealed under it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DataKeyId(pub(super) u32);

const KEY_ENCRYPTION_KEY: DataKeyId = DataKeyId(0);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Algorithm {
    Aes256Gcm,
    /// The seeds' AES-CTR: opens, never seals.
    LegacyCtr,
}

struct DataKey {
    id: DataKeyId,
    algorithm: Algorithm,
    key: SecretBytes,
}

/// A consumer's data keys. Seals with the newest, opens with whichever a record names; wiped when dropped.
///
/// ```
/// use mfa_core::ConsumerId;
/// use mfa_core::envelope::{Context, DoesNotOpen, Keyring, RecordKind, Sealed};
/// use mfa_core::random::OsRandom;
///
/// let keyring = Keyring::generate(&OsRandom)?;
/// let consumer = ConsumerId::of_first_key(&"f11ddd1f3dfa92bfa4646fa64ea9fe982dc12c33".parse()?);
/// let here = Context { consumer: &consumer, kind: RecordKind::Totp, record_id: "1", field: "secret" };
/// let elsewhere = Context { record_id: "2", ..here };
///
/// let sealed: Sealed<String> = keyring.seal(&here, b"plaintext", &OsRandom)?;
/// assert_eq!(keyring.open(&here, &sealed)?.as_slice(), b"plaintext");
/// assert_eq!(keyring.open(&elsewhere, &sealed), Err(DoesNotOpen));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Keyring {
    keys: Vec<DataKey>,
}

impl Keyring {
    /// A keyring with one fresh data key.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if the random generator failed.
    pub fn generate(random: &dyn SecureRandom) -> Result<Self, RandomError> {
        Self::upgraded(None, random)
    }

    /// A keyring with a fresh data key, and the AES key that a seed made of the API secret if there is one.
    pub(crate) fn upgraded(
        legacy_key: Option<SecretBytes>,
        random: &dyn SecureRandom,
    ) -> Result<Self, RandomError> {
        let mut keys = Vec::with_capacity(2);
        if let Some(key) = legacy_key {
            keys.push(DataKey { id: DataKeyId(1), algorithm: Algorithm::LegacyCtr, key });
        }
        let key = SecretBytes::new(random_bytes::<32>(random)?.to_vec());
        let id = DataKeyId(if keys.is_empty() { 1 } else { 2 });
        keys.push(DataKey { id, algorithm: Algorithm::Aes256Gcm, key });
        Ok(Self { keys })
    }

    /// Seals `plaintext` for the place `context` with the newest data key.
    ///
    /// # Errors
    ///
    /// [`RandomError`] if there was no nonce to be had.
    pub fn seal<T>(
        &self,
        context: &Context<'_>,
        plaintext: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Sealed<T>, RandomError> {
        let newest = self.newest();
        seal(&kdf::record_key(newest.key.expose(), context), newest.id, context, plaintext, random)
    }

    /// Opens what was sealed for the place `context` under any data key of this ring.
    ///
    /// # Errors
    ///
    /// [`DoesNotOpen`], whatever the reason.
    pub fn open<T>(
        &self,
        context: &Context<'_>,
        sealed: &Sealed<T>,
    ) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let id = sealed.data_key_id().ok_or(DoesNotOpen)?;
        let gcm = |key: &&DataKey| key.id == id && key.algorithm == Algorithm::Aes256Gcm;
        let data_key = self.keys.iter().find(gcm).ok_or(DoesNotOpen)?;
        open(&kdf::record_key(data_key.key.expose(), context), id, context, sealed)
    }

    /// Opens a seed's ciphertext, if this ring has the seed's key. The plaintext is not authentic: check its
    /// structure.
    ///
    /// # Errors
    ///
    /// [`DoesNotOpen`] if it is too short, or the ring has no such key.
    pub(crate) fn open_legacy<T>(&self, sealed: &Sealed<T>) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
        let is_legacy = |key: &&DataKey| key.algorithm == Algorithm::LegacyCtr;
        let data_key = self.keys.iter().find(is_legacy).ok_or(DoesNotOpen)?;
        legacy::open(data_key.key.expose(), sealed.as_bytes())
    }

    /// Whether `id` is one of this ring's data keys that seal.
    pub(crate) fn has(&self, id: DataKeyId) -> bool {
        self.keys.iter().any(|key| key.id == id && key.algorithm == Algorithm::Aes256Gcm)
    }

    /// The data key that seals.
    pub(crate) fn newest_id(&self) -> DataKeyId {
        self.newest().id
    }

    #[expect(clippy::expect_used, reason = "a keyring is made, and read, with at least one such key")]
    fn newest(&self) -> &DataKey {
        let mut sealing = self.keys.iter().filter(|key| key.algorithm == Algorithm::Aes256Gcm);
        sealing.next_back().expect("a data key that seals")
    }

    /// `version (1)`, then for each key, oldest first: `id (4) ‖ algorithm (1) ‖ length (1) ‖ key`.
    fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + self.keys.len() * 38));
        bytes.push(1);
        for DataKey { id, algorithm, key } in &self.keys {
            bytes.extend_from_slice(&id.0.to_be_bytes());
            bytes.push(match algorithm {
                Algorithm::Aes256Gcm => 1,
                Algorithm::LegacyCtr => 2,
            });
            let key = key.expose();
            bytes.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
            bytes.extend_from_slice(key);
        }
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (1, mut rest) = bytes.split_first()? else { return None };
        let mut keys = Vec::new();
        while let Some((id, tail)) = rest.split_first_chunk::<4>() {
            let ([algorithm, len], tail) = tail.split_first_chunk::<2>()?;
            let (key, tail) = tail.split_at_checked(usize::from(*len))?;
            let algorithm = match (algorithm, key.len()) {
                (1, 32) => Algorithm::Aes256Gcm,
                (2, 16 | 24 | 32) => Algorithm::LegacyCtr,
                _ => return None,
            };
            let key = SecretBytes::new(key.to_vec());
            keys.push(DataKey { id: DataKeyId(u32::from_be_bytes(*id)), algorithm, key });
            rest = tail;
        }
        let seals = keys.iter().any(|key| key.algorithm == Algorithm::Aes256Gcm);
        (rest.is_empty() && seals).then_some(Self { keys })
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keyring({} keys)", self.keys.len())
    }
}

/// Wraps the copy of a keyring that belongs to one API key.
pub(crate) fn seal_keyring(
    keyring: &Keyring,
    secret: &ApiSecret,
    key: &ApiKey,
    consumer: &ConsumerId,
    random: &dyn SecureRandom,
) -> Result<Sealed<Keyring>, RandomError> {
    let kek = kdf::key_encryption_key(secret, key, consumer);
    seal(&kek, KEY_ENCRYPTION_KEY, &place(key, consumer), &keyring.encode(), random)
}

/// Unwraps what [`seal_keyring`] wrapped.
pub(crate) fn open_keyring(
    sealed: &Sealed<Keyring>,
    secret: &ApiSecret,
    key: &ApiKey,
    consumer: &ConsumerId,
) -> Result<Keyring, DoesNotOpen> {
    let kek = kdf::key_encryption_key(secret, key, consumer);
    let encoded = open(&kek, KEY_ENCRYPTION_KEY, &place(key, consumer), sealed)?;
    Keyring::decode(&encoded).ok_or(DoesNotOpen)
}

fn place<'a>(key: &'a ApiKey, consumer: &'a ConsumerId) -> Context<'a> {
    Context { consumer, kind: RecordKind::ApiKey, record_id: key.as_str(), field: "keyring" }
}
