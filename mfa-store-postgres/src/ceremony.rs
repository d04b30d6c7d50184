//! [`CeremonyStore`] on the table `mfa_ceremony`. `take` is one `DELETE … RETURNING`, so a ceremony is taken once.

use std::error::Error;
use std::sync::atomic::Ordering;

use async_trait::async_trait;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{CeremonyId, CeremonyState, CeremonyStore, MAX_LIFETIME, StoreError};

use crate::PostgresStore;
use crate::column::{get, stamp, time};
use crate::error::PostgresError;

const PUT: &str = "INSERT INTO mfa_ceremony (id, state, expires_at) VALUES ($1, $2, $3) \
    ON CONFLICT DO NOTHING RETURNING expires_at";
const TAKE: &str = "DELETE FROM mfa_ceremony WHERE id = $1 RETURNING state, expires_at";
/// A bounded sweep that skips rows which other servers are sweeping.
const SWEEP: &str = "DELETE FROM mfa_ceremony WHERE id IN (SELECT id FROM mfa_ceremony \
    WHERE expires_at <= $1 ORDER BY expires_at LIMIT 1000 FOR UPDATE SKIP LOCKED)";
/// Puts between two sweeps. Each sweep deletes more unfinished ceremonies than were put since the last.
const PUTS_PER_SWEEP: u32 = 256;

#[async_trait]
impl CeremonyStore for PostgresStore {
    async fn put(
        &self,
        id: CeremonyId,
        state: Sealed<CeremonyState>,
        expires_at: UnixTime,
    ) -> Result<(), StoreError> {
        let query = sqlx::query(PUT).bind(id.0.as_slice()).bind(state.into_bytes()).bind(stamp(expires_at)?);
        self.one(query).await?.ok_or(StoreError::AlreadyExists)?;
        if self.puts.fetch_add(1, Ordering::Relaxed).is_multiple_of(PUTS_PER_SWEEP) {
            self.sweep(expires_at).await;
        }
        Ok(())
    }

    async fn take(&self, id: CeremonyId, now: UnixTime) -> Result<Option<Sealed<CeremonyState>>, StoreError> {
        let Some(row) = self.one(sqlx::query(TAKE).bind(id.0.as_slice())).await? else { return Ok(None) };
        let expires_at = time(&row, "expires_at")?.ok_or(PostgresError::Column("expires_at"))?;
        Ok(if expires_at <= now { None } else { Some(Sealed::from_stored(get(&row, "state")?)) })
    }
}

impl PostgresStore {
    /// Deletes ceremonies that have certainly ended. If it fails, the next sweep deletes them.
    async fn sweep(&self, latest: UnixTime) {
        let lifetime = u64::try_from(MAX_LIFETIME.as_millis()).unwrap_or(u64::MAX);
        let over = UnixTime::from_millis(latest.as_millis().saturating_sub(lifetime));
        let swept = match stamp(over) {
            Ok(over) => self.all(sqlx::query(SWEEP).bind(over)).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = swept {
            tracing::warn!(error = &error as &dyn Error, "expired ceremonies were not swept");
        }
    }
}
