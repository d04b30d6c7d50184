//! A consumer's data keys.

use std::fmt;

use zeroize::Zeroizing;

use super::seal::{VERSION, open, seal};
use super::{Context, DoesNotOpen, RecordKind, Sealed, kdf, legacy};
use crate::api_key::{ApiKey, ApiSecret};
use crate::id::ConsumerId;
use crate::random::{RandomError, SecureRandom, random_bytes};
use crate::secret::SecretBytes;

/// The number of a data key within its keyring. Zero is reserved for sealing the keyring itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct DataKeyId(pub(super) u32);

const KEY_ENCRYPTION_KEY: DataKeyId = DataKeyId(0);

impl DataKeyId {
    /// The number to store.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Wraps a number that was stored.
    pub const fn from_stored(number: u32) -> Self {
        Self(number)
    }

    /// The data key that sealed `bytes`; `None` if they are not in our format, usually a legacy ciphertext.
    pub fn of_sealed(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        let id = rest.first_chunk::<4>()?;
        (*version == VERSION).then(|| Self(u32::from_be_bytes(*id)))
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Algorithm {
    Aes256Gcm,
    /// AES-256-GCM in pre-activation (SP 800-57 part 1 §7). Until every copy of the keyring has this key, it opens
    /// fields, and seals only those that it sealed before.
    PreActive,
    /// The predecessors' AES-CTR: opens, never seals.
    LegacyCtr,
}

struct DataKey {
    id: DataKeyId,
    algorithm: Algorithm,
    key: SecretBytes,
}

impl DataKey {
    fn copy(&self) -> Self {
        Self { id: self.id, algorithm: self.algorithm, key: SecretBytes::new(self.key.expose().to_vec()) }
    }

    fn is_gcm(&self) -> bool {
        self.algorithm != Algorithm::LegacyCtr
    }
}

/// A consumer's data keys. Seals with the newest, opens with the one that a record names. Wiped when dropped.
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

    /// A keyring with a fresh data key, and the AES key that a predecessor derived from the API secret, if
    /// there is one.
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
    /// [`RandomError`] if the random generator failed.
    pub fn seal<T>(
        &self,
        context: &Context<'_>,
        plaintext: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Sealed<T>, RandomError> {
        self.seal_again(None, context, plaintext, random)
    }

    /// Seals for the same place again what was sealed under `found`. It never uses an older data key than
    /// `found`, or a caller with an old copy of the keyring would undo a rotation.
    pub(crate) fn seal_again<T>(
        &self,
        found: Option<DataKeyId>,
        context: &Context<'_>,
        plaintext: &[u8],
        random: &dyn SecureRandom,
    ) -> Result<Sealed<T>, RandomError> {
        let key = self.sealing(found);
        seal(&kdf::record_key(key.key.expose(), context), key.id, context, plaintext, random)
    }

    /// Opens a value that any data key of this ring sealed for the place `context`.
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
        let named = |key: &&DataKey| key.id == id && key.is_gcm();
        let data_key = self.keys.iter().find(named).ok_or(DoesNotOpen)?;
        open(&kdf::record_key(data_key.key.expose(), context), id, context, sealed)
    }

    /// Opens a legacy ciphertext, if this ring has the predecessor's key. The plaintext is not authentic: check its
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

    /// Whether this ring has the sealing data key `id`.
    pub(crate) fn has(&self, id: DataKeyId) -> bool {
        self.keys.iter().any(|key| key.id == id && key.is_gcm())
    }

    /// The data key to seal with again what was sealed under `found`.
    pub(crate) fn sealing_id(&self, found: Option<DataKeyId>) -> DataKeyId {
        self.sealing(found).id
    }

    /// Like [`sealing_id`](Self::sealing_id), for several fields.
    pub(crate) fn sealing_id_of(&self, found: &[DataKeyId]) -> DataKeyId {
        let newest = self.newest_id();
        let is_one = |key: &&DataKey| key.id == newest || key.is_gcm() && found.contains(&key.id);
        self.keys.iter().rfind(is_one).map_or(newest, |key| key.id)
    }

    /// Whether sealing again would change no field's data key.
    pub(crate) fn are_newest(&self, found: &[DataKeyId]) -> bool {
        let under = self.sealing_id_of(found);
        found.iter().all(|id| *id == under)
    }

    fn sealing(&self, found: Option<DataKeyId>) -> &DataKey {
        let newest = self.newest();
        let is_newest = |key: &&DataKey| key.id == newest.id || Some(key.id) == found && key.is_gcm();
        self.keys.iter().rfind(is_newest).unwrap_or(newest)
    }

    pub(crate) fn copy(&self) -> Self {
        Self { keys: self.keys.iter().map(DataKey::copy).collect() }
    }

    /// This ring with a fresh data key in pre-activation, and that key's number.
    pub(crate) fn with_fresh(&self, random: &dyn SecureRandom) -> Result<(Self, DataKeyId), RandomError> {
        let mut keys: Vec<DataKey> = self.keys.iter().map(DataKey::copy).collect();
        let key = SecretBytes::new(random_bytes::<32>(random)?.to_vec());
        // A random number, so that two concurrent rotations do not use one number for different keys.
        let mut id = DataKeyId(0);
        while id.0 < 256 || self.has(id) {
            id = DataKeyId(u32::from_be_bytes(*random_bytes::<4>(random)?));
        }
        keys.push(DataKey { id, algorithm: Algorithm::PreActive, key });
        Ok((Self { keys }, id))
    }

    /// Whether a data key waits for its activation.
    pub(crate) fn is_rotating(&self) -> bool {
        self.keys.iter().any(|key| key.algorithm == Algorithm::PreActive)
    }

    /// This ring with the data keys that only `other` has; `None` if there are none. They keep the order of
    /// `other`, which is by age: an older data key must not become the newest by coming late.
    pub(crate) fn joined(&self, other: &Self) -> Option<Self> {
        let own = |id| self.keys.iter().find(|key| key.id == id);
        if other.keys.iter().all(|key| own(key.id).is_some()) {
            return None;
        }
        let alone = self.keys.iter().filter(|key| !other.keys.iter().any(|theirs| theirs.id == key.id));
        let all = other.keys.iter().map(|theirs| own(theirs.id).unwrap_or(theirs));
        Some(Self { keys: alone.chain(all).map(DataKey::copy).collect() })
    }

    /// This ring with the data keys of `before`, as the oldest and for opening only. A call that outlasts a
    /// rotation may have sealed under a data key that was dropped since.
    pub(crate) fn remembering(mut self, before: &Self) -> Self {
        let forgotten = before.keys.iter().filter(|key| !self.keys.iter().any(|own| own.id == key.id));
        let mut keys: Vec<_> = forgotten.map(DataKey::copy).collect();
        for key in keys.iter_mut().filter(|key| key.is_gcm()) {
            key.algorithm = Algorithm::PreActive;
        }
        keys.append(&mut self.keys);
        Self { keys }
    }

    /// This ring with the data key `id` active, as the newest.
    pub(crate) fn activated(&self, id: DataKeyId) -> Self {
        let mut keys: Vec<DataKey> = self.keys.iter().map(DataKey::copy).collect();
        keys.sort_by_key(|key| key.id == id);
        for key in keys.iter_mut().filter(|key| key.id == id) {
            key.algorithm = Algorithm::Aes256Gcm;
        }
        Self { keys }
    }

    /// This ring with only the data key `id`. A ring that lacks it stays as it is, since a ring cannot be
    /// empty.
    pub(crate) fn only(&self, id: DataKeyId) -> Self {
        let keys: Vec<_> = self.keys.iter().filter(|key| key.id == id).map(DataKey::copy).collect();
        if keys.is_empty() { self.copy() } else { Self { keys } }
    }

    /// Whether the data key `id` is the only one.
    pub(crate) fn is_only(&self, id: DataKeyId) -> bool {
        self.keys.iter().all(|key| key.id == id)
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
                Algorithm::PreActive => 3,
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
                (3, 32) => Algorithm::PreActive,
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

/// The key-encryption key of one API key: opens its copy of the keyring. Wiped when dropped.
pub(crate) struct KeyEncryptionKey {
    key: Zeroizing<[u8; 32]>,
    api_key: ApiKey,
    consumer: ConsumerId,
}

impl KeyEncryptionKey {
    pub(crate) fn new(secret: &ApiSecret, api_key: &ApiKey, consumer: &ConsumerId) -> Self {
        let key = kdf::key_encryption_key(secret, api_key, consumer);
        Self { key, api_key: api_key.clone(), consumer: consumer.clone() }
    }

    /// The key whose copy it opens.
    pub(crate) const fn api_key(&self) -> &ApiKey {
        &self.api_key
    }

    /// Wraps the copy of a keyring that belongs to the API key.
    pub(crate) fn wrap_keyring(
        &self,
        keyring: &Keyring,
        random: &dyn SecureRandom,
    ) -> Result<Sealed<Keyring>, RandomError> {
        seal(&self.key, KEY_ENCRYPTION_KEY, &self.place(), &keyring.encode(), random)
    }

    /// Unwraps what [`wrap_keyring`](Self::wrap_keyring) wrapped.
    pub(crate) fn unwrap_keyring(&self, sealed: &Sealed<Keyring>) -> Result<Keyring, DoesNotOpen> {
        let encoded = open(&self.key, KEY_ENCRYPTION_KEY, &self.place(), sealed)?;
        Keyring::decode(&encoded).ok_or(DoesNotOpen)
    }

    fn place(&self) -> Context<'_> {
        let Self { api_key, consumer, .. } = self;
        Context { consumer, kind: RecordKind::ApiKey, record_id: api_key.as_str(), field: "keyring" }
    }
}

impl fmt::Debug for KeyEncryptionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyEncryptionKey(..)")
    }
}
