//! Retries conditional saves. If a save loses to another writer, the service judges again what that writer
//! left.

use super::StoreError;

/// Attempts before giving up. This many concurrent requests may write to one user's credentials.
const ATTEMPTS: u32 = 64;

/// An error that may report that another writer was first.
pub(crate) trait MayConflict {
    /// Whether it reports that.
    fn is_conflict(&self) -> bool;
}

impl MayConflict for StoreError {
    fn is_conflict(&self) -> bool {
        matches!(self, Self::Conflict)
    }
}

/// The attempts at one conditional save.
#[derive(Debug, Default)]
pub(crate) struct Attempts(u32);

impl Attempts {
    /// Whether the attempt lost to another writer and another attempt is left.
    pub(crate) fn lost<T, E: MayConflict>(&mut self, outcome: &Result<T, E>) -> bool {
        self.0 += 1;
        self.0 < ATTEMPTS && outcome.as_ref().is_err_and(MayConflict::is_conflict)
    }
}

/// Runs `attempt`, which reads, judges and saves, until no other writer comes between its read and its save.
/// Returns the last conflict if each attempt lost.
pub(crate) async fn until_saved<T, E: MayConflict, F: Future<Output = Result<T, E>>>(
    mut attempt: impl FnMut() -> F,
) -> Result<T, E> {
    let mut attempts = Attempts::default();
    loop {
        let outcome = attempt().await;
        if !attempts.lost(&outcome) {
            return outcome;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_lost_save_is_tried_again_and_no_other_error_is() {
        for (lost, expected) in [(0, 1), (3, 4), (ATTEMPTS - 1, ATTEMPTS)] {
            let mut attempts = 0;
            let outcome = until_saved(|| {
                attempts += 1;
                std::future::ready(if attempts > lost { Ok(attempts) } else { Err(StoreError::Conflict) })
            });
            assert_eq!(outcome.await.unwrap(), expected);
        }
        let mut attempts = 0;
        let outcome: Result<(), _> = until_saved(|| {
            attempts += 1;
            std::future::ready(Err(StoreError::AlreadyExists))
        })
        .await;
        assert!(matches!(outcome, Err(StoreError::AlreadyExists)));
        assert_eq!(attempts, 1);
    }

    #[tokio::test]
    async fn who_always_loses_gives_up() {
        let mut attempts = 0;
        let outcome: Result<(), _> = until_saved(|| {
            attempts += 1;
            std::future::ready(Err(StoreError::Conflict))
        })
        .await;
        assert!(matches!(outcome, Err(StoreError::Conflict)));
        assert_eq!(attempts, ATTEMPTS);
    }
}
