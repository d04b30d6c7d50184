//! API keys and secrets: creating, activating, authenticating, revoking.

mod activation;
mod authentication;
mod check_tag;
mod error;
mod failures;
mod floor;
mod hash;
mod key;
mod secret;
mod service;
mod untagged;
mod verified;

pub use check_tag::CheckTag;
pub use error::ApiKeyError;
pub use floor::RaisedFloor;
pub use hash::{Argon2Hasher, HashError, SecretHash, SecretHasher};
pub use key::{ApiKey, InvalidApiKey};
pub use secret::{ApiSecret, InvalidApiSecret};
pub use service::{DeliveryError, KeyDelivery, NoDelivery};

pub(crate) use failures::FailureLimit;
pub(crate) use untagged::UntaggedChecks;
pub(crate) use verified::{Flights, VerifiedMemo};
