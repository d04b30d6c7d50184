//! Runs the whole suite on the in-memory store.

use mfa_core::store::Stores;
use mfa_core::store::memory::MemoryStore;

async fn fresh() -> Option<(Stores, ())> {
    Some((MemoryStore::default().into(), ()))
}

mfa_store_conformance::store_conformance!(crate::fresh);
