//! Counts the calls of a store by outcome, and times them.

use std::fmt;
use std::sync::Arc;

use mfa_core::store::StoreError;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::{Registry, Unit};
use tokio::time::Instant;

use super::durations::Durations;

/// How a call ended.
#[derive(Clone, Copy)]
enum Outcome {
    Ok,
    /// Another writer was first.
    Conflict,
    /// The record exists already.
    Refused,
    /// The store did not answer, or holds a damaged record.
    Failed,
    /// The caller stopped waiting: the client hung up, or the request's time was over.
    Abandoned,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Ok, Self::Conflict, Self::Refused, Self::Failed, Self::Abandoned];

    const fn of<T>(result: &Result<T, StoreError>) -> Self {
        match result {
            Ok(_) => Self::Ok,
            Err(StoreError::Conflict) => Self::Conflict,
            Err(StoreError::AlreadyExists) => Self::Refused,
            Err(_) => Self::Failed,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Conflict => "conflict",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Abandoned => "abandoned",
        }
    }
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Operation {
    store: &'static str,
    operation: &'static str,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Ended {
    store: &'static str,
    operation: &'static str,
    outcome: &'static str,
}

/// The counts of all stores. Clones share them.
#[derive(Clone, Default)]
pub(super) struct Calls {
    ended: Family<Ended, Counter>,
    durations: Family<Operation, Durations>,
}

impl Calls {
    pub(super) fn register(&self, registry: &mut Registry) {
        registry.register("store_calls", "Calls of the stores", self.ended.clone());
        let about = "Time from a call of a store to its answer";
        registry.register_with_unit("store_call_duration", about, Unit::Seconds, self.durations.clone());
    }

    /// The counts of one operation. They appear as zeros, so that an alert sees the first failure.
    pub(super) fn of(&self, store: &'static str, operation: &'static str) -> Call {
        let ended = Outcome::ALL.map(|outcome| {
            let labels = Ended { store, operation, outcome: outcome.as_str() };
            self.ended.get_or_create_owned(&labels)
        });
        Call { ended, durations: self.durations.get_or_create_owned(&Operation { store, operation }) }
    }
}

impl fmt::Debug for Calls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calls(..)")
    }
}

/// The counts of one operation of one store.
#[derive(Debug)]
pub(super) struct Call {
    ended: [Counter; Outcome::ALL.len()],
    durations: Durations,
}

/// A call under way. It is counted when this is dropped, because the caller may stop waiting.
struct Running<'a> {
    call: &'a Call,
    began: Instant,
    outcome: Outcome,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.call.durations.observe(self.began.elapsed());
        self.call.ended[self.outcome as usize].inc();
    }
}

/// A store that can be called in one way only, which counts.
#[derive(Debug)]
pub(super) struct Counted<S: ?Sized>(Arc<S>);

impl<S: ?Sized> Counted<S> {
    pub(super) const fn new(store: Arc<S>) -> Self {
        Self(store)
    }

    /// Does `work` and counts it as a `call`.
    pub(super) async fn call<'a, T, W>(
        &'a self,
        call: &Call,
        work: impl FnOnce(&'a S) -> W + Send,
    ) -> Result<T, StoreError>
    where
        S: Sync + Send,
        W: Future<Output = Result<T, StoreError>> + Send,
    {
        let mut running = Running { call, began: Instant::now(), outcome: Outcome::Abandoned };
        let result = work(&self.0).await;
        running.outcome = Outcome::of(&result);
        result
    }
}
