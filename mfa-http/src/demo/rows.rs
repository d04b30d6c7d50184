//! Deletes what the visitors enrolled, so that nothing of the demo stays in the operator's store.

use std::time::Duration;

use axum::http::{Method, StatusCode};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::Demo;
use super::account::Row;
use super::consumer::{Answer, Call};
use super::relying_party;

/// The time for deleting at the end. Supervisors kill processes that do not stop.
const PATIENCE: Duration = Duration::from_secs(8);
/// Rows deleted concurrently.
const AT_A_TIME: usize = 8;

impl Demo {
    /// Asks the service to delete the row.
    pub(super) async fn delete(&self, row: &Row) -> Answer {
        let (path, headers) = match row {
            Row::Totp(id) => (format!("/totp/{id}"), Vec::new()),
            // Any relying party works: the user is deleted with all credentials.
            Row::User(id) => {
                let mut headers = relying_party::headers("localhost");
                headers.push(("x-mfa-UserUUID", id.as_str()));
                ("/webauthn/user".to_owned(), headers)
            }
        };
        self.consumer.call(Call { method: Method::DELETE, path, headers, body: None }).await
    }

    /// Deletes a row without an account now, or at the end if that fails.
    pub(super) async fn discard(&self, row: Row) -> Answer {
        let deleted = self.delete(&row).await;
        if !is_gone(&deleted) {
            self.accounts.orphan(row);
        }
        deleted
    }

    /// Deletes every row. Returns how many remain.
    pub(super) async fn discard_all(&self) -> usize {
        let rows = self.accounts.clear();
        let mut left = rows.len();
        let deleting = async {
            for some in rows.chunks(AT_A_TIME) {
                let mut deletions = JoinSet::new();
                for row in some {
                    let (demo, row) = (self.clone(), row.clone());
                    deletions.spawn(async move { is_gone(&demo.delete(&row).await) });
                }
                while let Some(deleted) = deletions.join_next().await {
                    left -= usize::from(matches!(deleted, Ok(true)));
                }
            }
        };
        // `left` shows whether it finished in time.
        let _ = timeout(PATIENCE, deleting).await;
        left
    }
}

/// Whether the row is gone.
pub(super) fn is_gone(deleted: &Answer) -> bool {
    matches!(deleted.status, StatusCode::NO_CONTENT | StatusCode::NOT_FOUND)
}
