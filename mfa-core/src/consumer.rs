//! The authenticated consumer.

use std::fmt;

use uuid::Uuid;

use crate::Mfa;
use crate::api_key::ApiKey;
use crate::envelope::Keyring;
use crate::event::{Action, Event};
use crate::totp::TotpService;
use crate::u2f::U2fService;
use crate::webauthn::{RelyingParty, WebauthnService};

/// Names a consumer: the value of its first API key, which the seeds' `apiKey` attribute holds already.
///
/// `Debug` shows eight characters, as for [`ApiKey`].
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ConsumerId(ApiKey);

impl ConsumerId {
    /// The consumer whose first key is `key`.
    pub fn of_first_key(key: &ApiKey) -> Self {
        Self(key.clone())
    }

    /// The id as stores hold it.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The first characters, for logs.
    pub fn abbreviated(&self) -> &str {
        self.0.abbreviated()
    }
}

impl fmt::Debug for ConsumerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConsumerId({}…)", self.abbreviated())
    }
}

/// Proof that a consumer authenticated, and the only way to its data. Holds its opened keyring, which is
/// wiped when the value is dropped.
#[derive(Debug)]
pub struct Consumer {
    pub(crate) mfa: Mfa,
    pub(crate) id: ConsumerId,
    pub(crate) keyring: Keyring,
}

impl Consumer {
    pub(crate) const fn new(mfa: Mfa, id: ConsumerId, keyring: Keyring) -> Self {
        Self { mfa, id, keyring }
    }

    /// Who authenticated.
    pub const fn id(&self) -> &ConsumerId {
        &self.id
    }

    /// Time-based one-time passwords of this consumer's users.
    pub const fn totp(&self) -> TotpService<'_> {
        TotpService::new(self)
    }

    /// WebAuthn ceremonies of this consumer's users, for one relying party.
    pub const fn webauthn(&self, relying_party: RelyingParty) -> WebauthnService<'_> {
        WebauthnService::new(self, relying_party)
    }

    /// Legacy U2F ceremonies by raw messages.
    pub const fn u2f(&self) -> U2fService<'_> {
        U2fService::new(self)
    }

    pub(crate) fn record(&self, action: Action, factor: Uuid) {
        let event = Event::of_factor(self.mfa.parts.clock.now(), action, self.id.clone(), factor);
        self.mfa.parts.events.record(&event);
    }
}
