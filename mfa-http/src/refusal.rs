//! Refuses wrong credentials after a fixed time, whatever the store did until then.

use std::time::Duration;

use mfa_core::api_key::ApiKeyError;
use mfa_core::rotation::RotationError;
use tokio::time::{Instant, sleep_until};

/// The time from a request to its refusal. A store finds that a key does not exist some microseconds sooner than it reads
/// one that does, and a caller could measure that. The timer's ticks hide it.
const AFTER: Duration = Duration::from_millis(5);

/// An error that may be a refusal of a key or secret.
pub(crate) trait Refusal {
    fn is_refusal(&self) -> bool;
}

impl Refusal for ApiKeyError {
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Unauthorized | Self::Throttled { .. })
    }
}

impl Refusal for RotationError {
    fn is_refusal(&self) -> bool {
        matches!(self, Self::Old(error) | Self::New(error) if error.is_refusal())
    }
}

/// Runs `check`, and delays its refusal.
pub(crate) async fn delayed<T, E: Refusal>(check: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let due = Instant::now() + AFTER;
    let outcome = check.await;
    if outcome.as_ref().is_err_and(Refusal::is_refusal) {
        sleep_until(due).await;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn time_of(outcome: Result<(), ApiKeyError>, work: Duration) -> Duration {
        let began = Instant::now();
        let checked = async {
            tokio::time::sleep(work).await;
            outcome.clone()
        };
        assert_eq!(delayed(checked).await.is_ok(), outcome.is_ok());
        began.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_takes_a_fixed_time_and_nothing_else_is_delayed() {
        let (fast, slow) = (Duration::from_millis(1), Duration::from_millis(4));
        assert_eq!(time_of(Err(ApiKeyError::Unauthorized), fast).await, AFTER);
        assert_eq!(time_of(Err(ApiKeyError::Unauthorized), slow).await, AFTER);
        let throttled = ApiKeyError::Throttled { retry_after: Duration::from_secs(1) };
        assert_eq!(time_of(Err(throttled), fast).await, AFTER);
        assert_eq!(time_of(Ok(()), fast).await, fast);
        assert_eq!(time_of(Err(ApiKeyError::NotFound), fast).await, fast);
    }
}
