//! [`CeremonyStore`] in Redis: a string with a time to live for each ceremony. `take` is one `GETDEL`.

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{CeremonyId, CeremonyState, CeremonyStore, MAX_LIFETIME, StoreError};
use redis::cmd;

use crate::RedisStore;
use crate::error::RedisError;

#[async_trait]
impl CeremonyStore for RedisStore {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        let mut value = expires_at.as_millis().to_be_bytes().to_vec();
        value.extend_from_slice(state.as_bytes());
        // The server's clock deletes it after the longest possible life. Our clock judges its expiry when it
        // is taken.
        let lifetime = u64::try_from(MAX_LIFETIME.as_millis()).unwrap_or(u64::MAX);
        let key = self.keys.ceremony(id);
        let mut put = cmd("SET");
        put.arg(&key).arg(&value).arg("NX").arg("PX").arg(lifetime);
        if self.connection.write(put).await? {
            return Ok(());
        }
        // A Cluster's client repeats a call whose answer was lost. Then the state there is this one.
        let stored: Option<Vec<u8>> = self.connection.call(cmd("GET").arg(&key)).await?;
        if stored == Some(value) { Ok(()) } else { Err(StoreError::AlreadyExists) }
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let take = cmd("GETDEL").arg(self.keys.ceremony(id)).to_owned();
        let taken: Option<Vec<u8>> = self.connection.write(take).await?;
        let Some(value) = taken else { return Ok(None) };
        let (expires_at, state) = value.split_first_chunk::<8>().ok_or(RedisError::Field("ceremony"))?;
        let expired = u64::from_be_bytes(*expires_at) <= now.as_millis();
        Ok(if expired { None } else { Some(Sealed::from_stored(state.to_vec())) })
    }
}
