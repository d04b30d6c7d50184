//! The port for API keys.

use std::fmt::Debug;

use async_trait::async_trait;

use super::{Cursor, Expect, Page, Revision, StoreError, Stored, UnreadableField};
use crate::api_key::{ApiKey, CheckTag, SecretHash};
use crate::clock::UnixTime;
use crate::envelope::{Keyring, Sealed};
use crate::id::ConsumerId;
use crate::rotation::RotationStage;

/// An API key as it is stored.
#[expect(clippy::exhaustive_structs, reason = "adapters build records")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiKeyRecord {
    /// The key.
    pub key: ApiKey,
    /// The consumer that owns it.
    pub consumer: ConsumerId,
    /// The e-mail address it was created for. Activation must repeat it.
    pub email: String,
    /// When it was created.
    pub created_at: UnixTime,
    /// When it expires; `None` for never.
    pub expires_at: Option<UnixTime>,
    /// When it was last used, accurate to an hour.
    pub last_used_at: Option<UnixTime>,
    /// Its floor: time steps and ceremonies from before it are refused; `None` for no floor.
    pub not_before: Option<UnixTime>,
    /// The rotation that this key takes part in, or the last one to it.
    pub rotation: Option<RotationMark>,
    /// Its state.
    pub state: ApiKeyState,
}

impl ApiKeyState {
    /// When the key got its secret, if it has.
    pub const fn activated_at(&self) -> Option<UnixTime> {
        match self {
            Self::Pending => None,
            Self::Active { activated_at, .. } => Some(*activated_at),
            Self::Revoked { activated_at, .. } => *activated_at,
            Self::Unknown { kept, .. } => kept.activated_at(),
        }
    }

    /// When it was revoked, if it was.
    pub const fn revoked_at(&self) -> Option<UnixTime> {
        match self {
            Self::Pending | Self::Active { .. } => None,
            Self::Revoked { revoked_at, .. } => Some(*revoked_at),
            Self::Unknown { kept, .. } => kept.revoked_at(),
        }
    }

    /// The hash of its secret, until it is revoked.
    pub const fn hash(&self) -> Option<&SecretHash> {
        match self {
            Self::Active { hash, .. } => Some(hash),
            Self::Unknown { kept, .. } => kept.hash(),
            Self::Pending | Self::Revoked { .. } => None,
        }
    }

    /// The check tag of its secret, until it is revoked.
    pub const fn check_tag(&self) -> Option<CheckTag> {
        match self {
            Self::Active { check_tag, .. } => *check_tag,
            Self::Unknown { kept, .. } => kept.check_tag(),
            Self::Pending | Self::Revoked { .. } => None,
        }
    }

    /// Its copy of the keyring, until it is revoked.
    pub const fn keyring(&self) -> Option<&Sealed<Keyring>> {
        match self {
            Self::Active { keyring, .. } => keyring.as_ref(),
            Self::Unknown { kept, .. } => kept.keyring(),
            Self::Pending | Self::Revoked { .. } => None,
        }
    }

    /// The name of a state that this version does not know. A store keeps it in a field of its own, which is
    /// empty for every other state.
    pub fn unknown(&self) -> Option<&str> {
        match self {
            Self::Unknown { name, .. } => Some(name),
            Self::Pending | Self::Active { .. } | Self::Revoked { .. } => None,
        }
    }

    /// The state with the stored name, if there is one. This version knows no names, so each makes the key
    /// unusable.
    #[must_use]
    pub fn named(self, name: Option<String>) -> Self {
        match name {
            Some(name) => Self::Unknown { name, kept: Box::new(self) },
            None => self,
        }
    }

    /// Builds a state from its five stored parts; `None` if they contradict each other.
    pub fn from_parts(
        activated_at: Option<UnixTime>,
        revoked_at: Option<UnixTime>,
        hash: Option<SecretHash>,
        check_tag: Option<u32>,
        keyring: Option<Sealed<Keyring>>,
    ) -> Option<Self> {
        let check_tag = check_tag.map(CheckTag::from_stored);
        match (activated_at, revoked_at, hash) {
            (activated_at, Some(revoked_at), _) => Some(Self::Revoked { activated_at, revoked_at }),
            (Some(activated_at), None, Some(hash)) => {
                Some(Self::Active { activated_at, hash, check_tag, keyring })
            }
            (None, None, None) => Some(Self::Pending),
            _ => None,
        }
    }
}

impl ApiKeyRecord {
    /// Whether the key has expired.
    pub fn is_expired(&self, now: UnixTime) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }

    /// Whether the key is active and not expired.
    pub fn is_usable(&self, now: UnixTime) -> bool {
        matches!(self.state, ApiKeyState::Active { .. }) && !self.is_expired(now)
    }

    /// Whether the key opens its consumer's records, now or after it has left an unknown state.
    pub fn may_open(&self, now: UnixTime) -> bool {
        let is_open = matches!(self.state, ApiKeyState::Active { .. } | ApiKeyState::Unknown { .. });
        is_open && !self.is_expired(now)
    }
}

/// The role of a key in a rotation, and all that a call needs to resume it.
#[expect(clippy::exhaustive_structs, reason = "adapters build marks")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RotationMark {
    /// When it began.
    pub started_at: UnixTime,
    /// The number of the fresh data key.
    pub data_key: u32,
    /// The role of this key, and the rotation's progress.
    pub stage: RotationStage,
}

impl RotationMark {
    /// Builds a mark from its three stored parts; `None` if no rotation began.
    ///
    /// # Errors
    ///
    /// [`UnreadableField`] if a part is missing or invalid.
    pub fn from_parts(
        started_at: Option<UnixTime>,
        data_key: Option<u32>,
        stage: Option<&str>,
    ) -> Result<Option<Self>, UnreadableField> {
        let Some(started_at) = started_at else { return Ok(None) };
        let data_key = data_key.ok_or(UnreadableField("rotation_data_key"))?;
        let stage = stage.and_then(|stage| stage.parse().ok()).ok_or(UnreadableField("rotation_stage"))?;
        Ok(Some(Self { started_at, data_key, stage }))
    }
}

/// The life of an API key (SP 800-57 part 1 §7: pre-activation, active, deactivated).
#[expect(clippy::exhaustive_enums, reason = "adapters store every state")]
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ApiKeyState {
    /// Created, without a secret.
    Pending,
    /// In use.
    Active {
        /// When it got its secret.
        activated_at: UnixTime,
        /// The hash of its secret.
        hash: SecretHash,
        /// Its check tag; `None` if the secret is not 32 decoded bytes or the row is older than tags.
        check_tag: Option<CheckTag>,
        /// Its copy of the keyring; `None` for a predecessor's key that has not been used here.
        keyring: Option<Sealed<Keyring>>,
    },
    /// Out of use for good, without hash and keyring.
    Revoked {
        /// When it got its secret, if it had one.
        activated_at: Option<UnixTime>,
        /// When it was revoked.
        revoked_at: UnixTime,
    },
    /// In a state that a later version set. The key cannot be used, and nothing of it is erased.
    Unknown {
        /// The later version's name for the state.
        name: String,
        /// The state that the other stored parts describe.
        kept: Box<Self>,
    },
}

/// Keeps API keys.
///
/// # Contract
///
/// 1. `save` with [`Expect::Absent`] creates. If the key exists, it is [`StoreError::AlreadyExists`].
/// 2. `save` with [`Expect::At`] replaces everything, including the consumer (a rotation joins a new key). If
///    the key is gone or at another revision, it is [`StoreError::Conflict`]. Of any number of concurrent
///    saves at one revision, exactly one wins.
/// 3. Every later `get` sees a successful `save`, in this process and in others.
/// 4. Following the cursor of `page` or `page_by_consumer` to the end returns each record that exists for the
///    whole listing exactly once.
/// 5. `get` returns what was saved, byte for byte.
#[async_trait]
pub trait ApiKeyStore: Debug + Send + Sync + 'static {
    /// The record of `key`, read with strong consistency.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`], [`StoreError::Damaged`].
    async fn get(&self, key: &ApiKey) -> Result<Option<Stored<ApiKeyRecord>>, StoreError>;

    /// Writes `record` if the stored one is as expected, and returns its new revision.
    ///
    /// # Errors
    ///
    /// [`StoreError::AlreadyExists`], [`StoreError::Conflict`], [`StoreError::Unavailable`].
    async fn save(&self, record: &ApiKeyRecord, expect: Expect) -> Result<Revision, StoreError>;

    /// Up to `limit` records of all consumers, after the cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn page(&self, after: Option<&Cursor>, limit: usize) -> Result<Page<ApiKeyRecord>, StoreError>;

    /// Up to `limit` records of one consumer, after the cursor.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`].
    async fn page_by_consumer(
        &self,
        consumer: &ConsumerId,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ApiKeyRecord>, StoreError>;
}
