//! The storage ports. Each trait's documentation is its contract; `mfa-store-conformance` holds every backend
//! to it.
//!
//! Common to all: reads are strongly consistent; a write either has the effect its condition allows, or none;
//! a failed or undecodable read is an error, never an absence; secrets arrive as [`Sealed`](crate::envelope::Sealed).

mod api_key;
mod ceremony;
mod error;
pub mod inspect;
pub mod memory;
mod page;
mod revision;
mod totp;
mod user;

use std::sync::Arc;

pub use api_key::{ApiKeyRecord, ApiKeyState, ApiKeyStore, RotationMark};
pub use ceremony::{CeremonyId, CeremonyState, CeremonyStore, MAX_LIFETIME};
pub use error::StoreError;
pub use page::{Cursor, Listing, Page};
pub use revision::{Expect, Revision, Stored};
pub use totp::{TotpRecord, TotpStore};
pub use user::{UserId, UserRecord, UserStore};

/// The stores a service works on. One backend as a rule, but ceremonies may live elsewhere than the rest.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "embedders mix stores by writing this struct")]
pub struct Stores {
    /// API keys.
    pub api_keys: Arc<dyn ApiKeyStore>,
    /// TOTP authenticators.
    pub totp: Arc<dyn TotpStore>,
    /// WebAuthn users.
    pub users: Arc<dyn UserStore>,
    /// Ceremonies between their two halves.
    pub ceremonies: Arc<dyn CeremonyStore>,
}

impl Stores {
    /// One store for everything.
    pub fn of(store: impl ApiKeyStore + TotpStore + UserStore + CeremonyStore) -> Self {
        let store = Arc::new(store);
        Self {
            api_keys: Arc::clone(&store) as _,
            totp: Arc::clone(&store) as _,
            users: Arc::clone(&store) as _,
            ceremonies: store,
        }
    }
}
