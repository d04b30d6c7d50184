//! The route of a request, as a label of metrics.

use std::fmt;
use std::hash::{Hash, Hasher};

use axum::extract::{MatchedPath, Request};
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};

/// A route as the contract names it, or none. A clone copies no text.
#[derive(Clone, Debug)]
pub(crate) struct Route(Option<MatchedPath>);

impl Route {
    pub(crate) fn of(request: &Request) -> Self {
        Self(request.extensions().get().cloned())
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_ref().map_or("none", MatchedPath::as_str)
    }
}

impl Eq for Route {}

impl PartialEq for Route {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Hash for Route {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl EncodeLabelValue for Route {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        EncodeLabelValue::encode(&self.as_str(), encoder)
    }
}
