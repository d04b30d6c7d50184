//! Sample records.

use std::future::Future;
use std::sync::Arc;

use mfa_core::ConsumerId;
use mfa_core::api_key::{CheckTag, SecretHash};
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{
    ApiKeyRecord, ApiKeyState, Record, RecordStore, RotationMark, Stores, TotpRecord, UserId, UserRecord,
};
use mfa_core::totp::{TimeStep, TotpId};
use uuid::Uuid;

/// A consumer; equal names are equal consumers.
pub fn consumer(name: &str) -> ConsumerId {
    ConsumerId::of_first_key(&name.parse().unwrap())
}

/// All 256 bytes, including those that a backend might mistake for text, an end or an escape.
pub fn bytes<T>(tail: u8) -> Sealed<T> {
    let mut bytes: Vec<u8> = (0..=255).collect();
    bytes.push(tail);
    Sealed::from_stored(bytes)
}

/// The id for `n`. Ids do not sort like `n`.
pub fn uuid(n: u32) -> Uuid {
    Uuid::from_u128(u128::from(n.reverse_bits()) << 96 | u128::from(n) | 0x4000_8000_0000_0000_0000)
}

/// An active key of `owner`.
pub fn api_key(value: &str, owner: &str) -> ApiKeyRecord {
    ApiKeyRecord {
        key: value.parse().unwrap(),
        consumer: consumer(owner),
        email: "jö+\"quotes\"'; --\\@example.com".to_owned(),
        created_at: UnixTime::from_millis(1_795_294_185_320),
        expires_at: Some(UnixTime::from_millis(1_995_294_185_321)),
        last_used_at: Some(UnixTime::from_millis(1_795_294_185_322)),
        not_before: Some(UnixTime::from_millis(1_795_294_185_324)),
        rotation: Some(RotationMark {
            started_at: UnixTime::from_millis(1_795_294_185_323),
            data_key: u32::MAX,
            stage: "!user/00000000-0000-4000-8000-000000000000".parse().unwrap(),
        }),
        state: ApiKeyState::Active {
            activated_at: UnixTime::from_millis(1_795_294_185_363),
            hash: SecretHash::from_stored("$argon2id$v=19$…".to_owned()),
            check_tag: Some(CheckTag::from_stored(u32::MAX)),
            keyring: Some(bytes(0)),
        },
    }
}

/// A TOTP of `owner`.
pub fn totp(n: u32, owner: &str) -> TotpRecord {
    TotpRecord {
        id: TotpId(uuid(n)),
        consumer: consumer(owner),
        secret: bytes(7),
        created_at: Some(UnixTime::from_millis(1_795_294_185_001)),
        last_accepted_step: Some(TimeStep::from_stored(59_843_139)),
        failures: n,
        failed_at: Some(UnixTime::from_millis(1_795_294_185_999)),
    }
}

/// A user of `owner`.
pub fn user(n: u32, owner: &str) -> UserRecord {
    UserRecord {
        id: UserId(uuid(n)),
        consumer: consumer(owner),
        credentials: Some(bytes(1)),
        u2f_app_id: None,
        u2f_key_handle: Some(Sealed::from_stored(n.to_be_bytes().to_vec())),
        u2f_public_key: Some(bytes(3)),
        u2f_sign_count: Some(u32::MAX),
    }
}

/// A kind of record, as the suite needs it.
pub trait Kind: Record + Eq {
    /// Its store.
    fn store(stores: &Stores) -> &Arc<dyn RecordStore<Self>>;
    /// Record number `n` of `owner`; `change` makes different contents of the same record.
    fn sample(n: u32, owner: &str, change: u8) -> Self;
}

impl Kind for TotpRecord {
    fn store(stores: &Stores) -> &Arc<dyn RecordStore<Self>> {
        &stores.totp
    }

    fn sample(n: u32, owner: &str, change: u8) -> Self {
        Self { secret: bytes(change), ..totp(n, owner) }
    }
}

impl Kind for UserRecord {
    fn store(stores: &Stores) -> &Arc<dyn RecordStore<Self>> {
        &stores.users
    }

    fn sample(n: u32, owner: &str, change: u8) -> Self {
        Self { credentials: Some(bytes(change)), ..user(n, owner) }
    }
}

/// Runs all tasks concurrently and returns their outputs.
pub async fn at_once<F>(tasks: impl IntoIterator<Item = F>) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    let running: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    let mut outputs = Vec::with_capacity(running.len());
    for task in running {
        outputs.push(task.await.unwrap());
    }
    outputs
}
