//! Recognises a pooler in transaction mode. It hands each transaction to any of its connections, so the
//! statements that one client prepared there run for another: a read can run as a delete.

use std::pin::pin;
use std::time::Duration;

use sqlx::{PgConnection, Row as _};
use tokio::time::timeout;

use crate::error::PostgresError;
use crate::hosts::Hosts;

const ROUNDS: usize = 3;
/// A server answers at once. A pooler whose connections are all taken waits for one.
const PATIENCE: Duration = Duration::from_secs(1);

/// Refuses a pooler in transaction mode. While one connection is in a transaction, the other keeps its process,
/// unless a pooler gave that to the transaction.
pub(crate) async fn refuse(hosts: &Hosts) -> Result<(), PostgresError> {
    let (mut one, mut other) = hosts.pair().await?;
    for _ in 0..ROUNDS {
        let before = process(&mut one).await?;
        sqlx::raw_sql("BEGIN").execute(&mut other).await?;
        let held = process(&mut other).await?;
        let mut asking = pin!(process(&mut one));
        let after = timeout(PATIENCE, &mut asking).await;
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await?;
        let after = match after {
            Ok(after) => Some(after?),
            // It answers now that the transaction is over.
            Err(_) => timeout(PATIENCE, asking).await.is_ok_and(|after| after.is_ok()).then_some(held),
        };
        match after {
            Some(after) if before == after && before != held => {}
            Some(_) => return Err(PostgresError::TransactionPooling),
            None => return Err(PostgresError::TimedOut(2 * PATIENCE.as_millis())),
        }
    }
    Ok(())
}

/// The process that answers, asked in one message that prepares nothing.
async fn process(connection: &mut PgConnection) -> Result<i32, PostgresError> {
    Ok(sqlx::raw_sql("SELECT pg_backend_pid()").fetch_one(connection).await?.try_get(0)?)
}
