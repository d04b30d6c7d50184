//! Refuses wrong credentials after a fixed time, whatever the store did until then.

use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use mfa_core::api_key::ApiKeyError;
use mfa_core::rotation::RotationError;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The time from a request to its refusal. A store finds that a key does not exist some microseconds sooner than it reads
/// one that does, and a caller could measure that.
const AFTER: Duration = Duration::from_millis(5);

/// A refusal that waits, and when it is due.
type Waiting = (Instant, oneshot::Sender<()>);

/// Refusals are due in the order of their requests, so one thread releases them, one after the other. It exists from the first
/// refusal on. Tokio's timer would not do: it wakes whole milliseconds after a worker falls asleep, which is when the work
/// ended, so the fraction of a millisecond would still tell how long the work took.
static QUEUE: OnceLock<Sender<Waiting>> = OnceLock::new();

fn release(waiting: &Receiver<Waiting>) {
    while let Ok((due, refusal)) = waiting.recv() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        // Nobody waits if the client hung up.
        let _ = refusal.send(());
    }
}

async fn until(due: Instant) {
    let queue = QUEUE.get_or_init(|| {
        let (queue, waiting) = channel();
        // Without a thread its end of the queue is dropped, and refusals are not delayed.
        let _ = thread::Builder::new().name("refusals".to_owned()).spawn(move || release(&waiting));
        queue
    });
    let (refusal, released) = oneshot::channel();
    if queue.send((due, refusal)).is_ok() {
        let _ = released.await;
    }
}

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
        until(due).await;
    }
    outcome
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long it took at least. A busy machine may take longer.
    async fn time_of(outcome: Result<(), ApiKeyError>) -> Duration {
        let began = Instant::now();
        assert_eq!(delayed(async { outcome.clone() }).await.is_ok(), outcome.is_ok());
        began.elapsed()
    }

    #[tokio::test]
    async fn no_refusal_is_sent_before_its_time() {
        let throttled = ApiKeyError::Throttled { retry_after: Duration::from_secs(1) };
        for refusal in [ApiKeyError::Unauthorized, throttled] {
            assert!(time_of(Err(refusal)).await >= AFTER);
        }
    }

    /// The clock of this test stands still, so only a wait would move it.
    #[tokio::test(start_paused = true)]
    async fn nothing_else_is_delayed() {
        assert_eq!(time_of(Ok(())).await, Duration::ZERO);
        assert_eq!(time_of(Err(ApiKeyError::NotFound)).await, Duration::ZERO);
    }
}
