//! The storage ports. Each trait's documentation is its contract; `mfa-store-conformance` holds every backend
//! to it.
//!
//! All ports share these rules. Reads are strongly consistent. A write has the effect that its condition
//! allows, or none. A failed or undecodable read is an error, never an absence. Secrets arrive as
//! [`Sealed`](crate::envelope::Sealed).

mod api_key;
mod by_kind;
mod ceremony;
mod error;
pub mod inspect;
pub mod memory;
mod page;
mod pool;
mod record;
pub(crate) mod retry;
mod revision;
mod row;
mod totp;
mod user;

use std::sync::Arc;

pub use crate::id::UserId;
pub use api_key::{ApiKeyRecord, ApiKeyState, ApiKeyStore, RotationMark};
pub use by_kind::ByKind;
pub use ceremony::{CeremonyId, CeremonyState, CeremonyStore, MAX_LIFETIME};
pub use error::StoreError;
pub use page::{Cursor, Listing, Page};
pub use pool::{Pool, PoolStatus};
pub use record::{Record, RecordStore, SHAPES};
pub use revision::{Expect, Revision, Stored};
pub use row::{Holds, Open, Row, Shape, UnreadableField};
pub use totp::TotpRecord;
pub use user::UserRecord;

/// The stores of a service. Usually this is one backend. Ceremonies may live in another.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "embedders mix stores by writing this struct")]
pub struct Stores {
    /// API keys.
    pub api_keys: Arc<dyn ApiKeyStore>,
    /// TOTP authenticators.
    pub totp: Arc<dyn RecordStore<TotpRecord>>,
    /// WebAuthn users.
    pub users: Arc<dyn RecordStore<UserRecord>>,
    /// Ceremonies between their two halves.
    pub ceremonies: Arc<dyn CeremonyStore>,
}

impl Stores {
    /// One store for everything.
    pub fn of(
        store: impl ApiKeyStore + RecordStore<TotpRecord> + RecordStore<UserRecord> + CeremonyStore,
    ) -> Self {
        let store = Arc::new(store);
        Self {
            api_keys: Arc::clone(&store) as _,
            totp: Arc::clone(&store) as _,
            users: Arc::clone(&store) as _,
            ceremonies: store,
        }
    }
}
