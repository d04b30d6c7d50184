//! [`CeremonyStore`] on the table `ceremony`. `take` is one `DELETE … RETURNING`, so a ceremony is taken once.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{CeremonyId, CeremonyState, CeremonyStore, MAX_LIFETIME, StoreError};

use crate::SqliteStore;
use crate::column::{get, signed, time};
use crate::error::SqliteError;

const PUT: &str = "INSERT INTO ceremony (id, state, expires_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING RETURNING expires_at";
const TAKE: &str = "DELETE FROM ceremony WHERE id = ?1 RETURNING state, expires_at";
const SWEEP: &str = "DELETE FROM ceremony WHERE id IN \
    (SELECT id FROM ceremony WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 1000)";
/// Puts between two sweeps. Each sweep deletes more unfinished ceremonies than were put since the last.
const PUTS_PER_SWEEP: u32 = 256;

#[async_trait]
impl CeremonyStore for SqliteStore {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        if self.puts.fetch_add(1, Ordering::Relaxed).is_multiple_of(PUTS_PER_SWEEP) {
            let lifetime = u64::try_from(MAX_LIFETIME.as_millis()).unwrap_or(u64::MAX);
            let over = signed(expires_at.as_millis().saturating_sub(lifetime));
            self.writer.write(sqlx::query(SWEEP).bind(over)).await?;
        }
        let query = sqlx::query(PUT)
            .bind(id.0.as_slice())
            .bind(state.into_bytes())
            .bind(signed(expires_at.as_millis()));
        self.writer.write(query).await?.map(drop).ok_or(StoreError::AlreadyExists)
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let Some(row) = self.writer.write(sqlx::query(TAKE).bind(id.0.as_slice())).await? else {
            return Ok(None);
        };
        let expires_at = time(&row, "expires_at")?.ok_or(SqliteError::Column("expires_at"))?;
        Ok(if expires_at <= now { None } else { Some(Sealed::from_stored(get(&row, "state")?)) })
    }
}
