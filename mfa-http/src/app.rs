//! The state that every handler shares.

use std::fmt;
use std::sync::Arc;

use axum::http::StatusCode;
use mfa_core::Mfa;
use mfa_core::secret::SecretBytes;

use crate::metrics::{Metrics, StoreMetrics};

/// The key that administrators send as `x-api-key`.
///
/// ```
/// use mfa_http::AdminKey;
///
/// let key = AdminKey::new("0123456789abcdef".to_owned());
/// assert_eq!(format!("{key:?}"), "AdminKey(..)");
/// ```
pub struct AdminKey(Option<SecretBytes>);

impl AdminKey {
    /// Wraps the operator's key.
    pub fn new(key: String) -> Self {
        Self(Some(SecretBytes::new(key.into_bytes())))
    }

    /// A key that nobody has. Every administrator is refused.
    pub fn of_nobody() -> Self {
        Self(None)
    }

    /// Whether `presented` is the key, compared in constant time.
    pub(crate) fn is(&self, presented: &[u8]) -> bool {
        self.0.as_ref().is_some_and(|key| *key == SecretBytes::new(presented.to_vec()))
    }
}

impl fmt::Debug for AdminKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminKey(..)")
    }
}

/// The service and its administrator's key.
/// [`router`](crate::router) serves it. Clones share everything.
///
/// ```
/// use mfa_core::{Mfa, store::memory::MemoryStore};
/// use mfa_http::{AdminKey, App};
///
/// let mfa = Mfa::builder(MemoryStore::default()).build();
/// let app = App::new(mfa, AdminKey::of_nobody()); // refuses every administrator
/// let service = mfa_http::router(app);
/// ```
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) mfa: Mfa,
    pub(crate) admin_key: Arc<AdminKey>,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) throttled_status: StatusCode,
}

impl App {
    /// An application around `mfa`.
    pub fn new(mfa: Mfa, admin_key: AdminKey) -> Self {
        Self {
            mfa,
            admin_key: Arc::new(admin_key),
            metrics: Arc::new(Metrics::new(&StoreMetrics::default())),
            throttled_status: StatusCode::TOO_MANY_REQUESTS,
        }
    }

    /// Shows the counts of the stores at `/metrics` too.
    #[must_use]
    pub fn store_metrics(self, stores: &StoreMetrics) -> Self {
        Self { metrics: Arc::new(Metrics::new(stores)), ..self }
    }

    /// Sets the status of a one-time password that is refused for now, because its authenticator is throttled or
    /// disabled. Use 401 for clients that know no other refusal of a code.
    #[must_use]
    pub fn throttled_status(self, throttled_status: StatusCode) -> Self {
        Self { throttled_status, ..self }
    }
}
