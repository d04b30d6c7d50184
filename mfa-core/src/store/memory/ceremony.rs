use async_trait::async_trait;

use super::MemoryStore;
use crate::clock::UnixTime;
use crate::envelope::Sealed;
use crate::store::{CeremonyId, CeremonyState, CeremonyStore, StoreError};

/// Ceremonies kept at most, expired ones included: beyond it new ones are refused rather than memory exhausted.
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
            return Err(StoreError::Unavailable { backend: "memory", source: std::sync::Arc::new(Full) });
        }
        ceremonies.insert(id, (state, expires_at));
        Ok(())
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let ceremonies = &mut self.tables().ceremonies;
        if ceremonies.len() >= CAPACITY / 2 {
            ceremonies.retain(|_, (_, expires_at)| now < *expires_at);
        }
        Ok(ceremonies.remove(&id).filter(|(_, expires_at)| now < *expires_at).map(|(state, _)| state))
    }
}
