//! API keys and secrets: creating, activating, authenticating, revoking.

mod activation;
mod error;
mod failures;
mod hash;
mod key;
mod secret;
mod service;
mod verified;

pub use error::ApiKeyError;
pub use hash::{Argon2Hasher, HashError, SecretHash, SecretHasher};
pub use key::{ApiKey, InvalidApiKey};
pub use secret::{ApiSecret, InvalidApiSecret};
pub use service::{DeliveryError, KeyDelivery, NoDelivery};

pub(crate) use failures::FailureLimit;
pub(crate) use verified::{Flights, VerifiedMemo};
