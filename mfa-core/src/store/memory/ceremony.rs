//! [`CeremonyStore`] in memory: a map from id to sealed state and expiry, with an upper bound.

use async_trait::async_trait;

use super::MemoryStore;
use crate::clock::UnixTime;
use crate::envelope::Sealed;
use crate::store::{CeremonyId, CeremonyState, CeremonyStore, MAX_LIFETIME, StoreError};

/// The most ceremonies kept, including expired ones. Beyond it, new ones are refused so that memory does not
/// run out.
const CAPACITY: usize = 100_000;

#[derive(Debug, thiserror::Error)]
#[error("too many open ceremonies")]
struct Full;

#[async_trait]
impl CeremonyStore for MemoryStore {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        let ceremonies = &mut self.tables().ceremonies;
        if ceremonies.contains_key(&id) {
            return Err(StoreError::AlreadyExists);
        }
        if ceremonies.len() >= CAPACITY {
            ceremonies.retain(|_, (_, other)| expires_at.since(*other) < MAX_LIFETIME);
        }
        if ceremonies.len() >= CAPACITY {
            return Err(StoreError::Unavailable { backend: "memory", source: std::sync::Arc::new(Full) });
        }
        ceremonies.insert(id, (state, expires_at));
        Ok(())
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let ceremonies = &mut self.tables().ceremonies;
        Ok(ceremonies.remove(&id).filter(|(_, expires_at)| now < *expires_at).map(|(state, _)| state))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::store::Stores;

    /// R55: a store full of unfinished ceremonies accepts new ones when those have expired.
    #[tokio::test]
    async fn a_full_store_has_room_again_when_ceremonies_expire() {
        let stores = Stores::from(MemoryStore::default());
        let put = async |n: usize, expires_at| {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&n.to_be_bytes());
            stores.ceremonies.put(CeremonyId(id), Sealed::from_stored(vec![1]), expires_at).await
        };
        let expires_at = UnixTime::from_secs(300);
        for n in 0..CAPACITY {
            put(n, expires_at).await.unwrap();
        }
        let full = put(CAPACITY, expires_at.after(Duration::from_secs(299))).await;
        assert!(matches!(full, Err(StoreError::Unavailable { .. })), "{full:?}");
        put(CAPACITY, expires_at.after(MAX_LIFETIME)).await.unwrap();
    }
}
