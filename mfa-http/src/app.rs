//! What every handler shares.

use std::fmt;
use std::sync::Arc;

use mfa_core::Mfa;
use mfa_core::secret::SecretBytes;

use crate::metrics::Metrics;

/// The key that administrators present as `x-api-key`.
pub struct AdminKey(Option<SecretBytes>);

impl AdminKey {
    /// Wraps the operator's key.
    pub fn new(key: String) -> Self {
        Self(Some(SecretBytes::new(key.into_bytes())))
    }

    /// A key that nobody has: whoever presents one is refused.
    pub fn of_nobody() -> Self {
        Self(None)
    }

    /// Whether `presented` is the key; in constant time.
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
#[derive(Clone, Debug)]
pub struct App {
    pub(crate) mfa: Mfa,
    pub(crate) admin_key: Arc<AdminKey>,
    pub(crate) metrics: Arc<Metrics>,
}

impl App {
    /// An application around `mfa`.
    pub fn new(mfa: Mfa, admin_key: AdminKey) -> Self {
        Self { mfa, admin_key: Arc::new(admin_key), metrics: Arc::default() }
    }
}
