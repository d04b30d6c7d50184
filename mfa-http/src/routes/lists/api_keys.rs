//! The operations that return each error of API keys and rotation.

use mfa_core::api_key::{ApiKeyError, DeliveryError, HashError};
use mfa_core::code::Code;
use mfa_core::envelope::DoesNotOpen;
use mfa_core::random::RandomError;
use mfa_core::rotation::RotationError;
use strum::EnumCount as _;

use super::{Row, store_failure};

pub(super) fn rows() -> Vec<Row> {
    let mut rows: Vec<Row> =
        api_key_errors().into_iter().map(|(error, operations)| Row(error.into(), operations)).collect();
    rows.extend(rotation_errors().into_iter().map(|error| Row(error.into(), &["rotateApiKey"])));
    rows
}

/// `authenticate` begins every consumer's operation. `present` does the same for a rotation.
fn api_key_errors() -> [(ApiKeyError, &'static [&'static str]); ApiKeyError::COUNT] {
    [
        (ApiKeyError::EmailRequired, &["createApiKey", "activateApiKey"]),
        (ApiKeyError::NotFound, &["activateApiKey", "revokeApiKey"]),
        (ApiKeyError::AlreadyActivated, &["activateApiKey"]),
        (ApiKeyError::RotationUnderWay, &["activateApiKey"]),
        (ApiKeyError::Unauthorized, &["authenticate", "activateApiKey"]),
        (ApiKeyError::Throttled { retry_after: Default::default() }, &["authenticate", "activateApiKey"]),
        (ApiKeyError::Damaged(DoesNotOpen), &["authenticate", "activateApiKey"]),
        (ApiKeyError::Delivery(DeliveryError(String::new())), &["createApiKey"]),
        (ApiKeyError::Hash(HashError::Busy), &["authenticate", "activateApiKey"]),
        (ApiKeyError::Random(RandomError), &["authenticate", "createApiKey", "activateApiKey"]),
        (
            ApiKeyError::Store(store_failure()),
            &["authenticate", "createApiKey", "listApiKeys", "activateApiKey", "revokeApiKey"],
        ),
    ]
}

/// Every variant. Variants about a key hold the errors of checking, reading and revoking a key.
fn rotation_errors() -> Vec<RotationError> {
    let variants: [fn() -> RotationError; RotationError::COUNT] = [
        || RotationError::Old(ApiKeyError::Unauthorized),
        || RotationError::New(ApiKeyError::Unauthorized),
        || RotationError::SameKey,
        || RotationError::NewKeyInUse,
        || RotationError::ThirdKey(String::new()),
        || RotationError::Interfered,
        || RotationError::Random(RandomError),
        || RotationError::Store(store_failure()),
    ];
    let of_a_key = api_key_errors().into_iter().filter(|(error, operations)| {
        operations.contains(&"authenticate") || error.code() == Code::ApiKeyNotFound
    });
    variants
        .into_iter()
        .map(|variant| variant())
        .chain(of_a_key.map(|row| RotationError::Old(row.0)))
        .collect()
}
