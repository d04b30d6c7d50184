//! Request counts by route and status, and latencies; calls of the stores, and their connections. Labels are the
//! contract's routes and names of our own, never paths, so no id and no text from a client becomes a label.

mod calls;
mod durations;
mod pools;
mod stores;

use std::fmt;
use std::time::Duration;

use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

pub use stores::StoreMetrics;

use crate::route::Route;

/// Upper bounds in seconds. A warm call takes a few milliseconds, and one that hashes takes tens.
const SECONDS: [f64; 8] = [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 20.0];

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Answer {
    method: &'static str,
    route: Route,
    status: u16,
}

#[derive(Clone, Debug, EncodeLabelSet, Eq, Hash, PartialEq)]
struct Asked {
    route: Route,
}

/// The counts since the process started.
pub(crate) struct Metrics {
    registry: Registry,
    answers: Family<Answer, Counter>,
    durations: Family<Asked, Histogram, fn() -> Histogram>,
}

impl Metrics {
    /// No requests yet, and the counts of the stores.
    pub(crate) fn new(stores: &StoreMetrics) -> Self {
        let mut registry = Registry::with_prefix("mfa_http");
        let answers = Family::default();
        let durations = Family::new_with_constructor((|| Histogram::new(SECONDS)) as fn() -> _);
        registry.register("requests", "Requests answered", answers.clone());
        let about = "Time from the head of a request to its answer";
        registry.register_with_unit("request_duration", about, Unit::Seconds, durations.clone());
        stores.register(&mut registry);
        Self { registry, answers, durations }
    }

    /// Counts a response to a request for `route`.
    pub(crate) fn answered(&self, method: &Method, route: Route, status: u16, took: Duration) {
        self.durations.get_or_create(&Asked { route: route.clone() }).observe(took.as_secs_f64());
        self.answers.get_or_create(&Answer { method: name_of(method), route, status }).inc();
    }

    /// All counts in the text format of `OpenMetrics`.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics(..)")
    }
}

/// Other methods share one label, because clients can invent names.
fn name_of(method: &Method) -> &'static str {
    match *method {
        Method::DELETE => "DELETE",
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::POST => "POST",
        Method::PUT => "PUT",
        _ => "other",
    }
}
