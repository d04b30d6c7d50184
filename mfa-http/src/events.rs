//! Audit events in the log.

use mfa_core::event::{Event, EventSink};

/// Writes each event as one line with the target `audit`. Keys and consumers appear abbreviated.
///
/// ```
/// use std::sync::Arc;
///
/// use mfa_core::{Mfa, store::memory::MemoryStore};
/// use mfa_http::events::LoggedEvents;
///
/// let mfa = Mfa::builder(MemoryStore::default()).events(Arc::new(LoggedEvents)).build();
/// ```
#[derive(Clone, Copy, Debug, Default)]
pub struct LoggedEvents;

impl EventSink for LoggedEvents {
    fn record(&self, event: &Event) {
        tracing::info!(
            target: "audit",
            action = event.action.as_str(),
            api_key = event.api_key.as_ref().map(|key| key.abbreviated()),
            consumer = event.consumer.as_ref().map(|consumer| consumer.abbreviated()),
            factor = event.factor.map(tracing::field::display),
        );
    }
}
