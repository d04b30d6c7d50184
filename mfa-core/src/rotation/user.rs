//! A user's record in a rotation. `user_off.rs` stands in without the feature `webauthn`.

use super::RotationError;
use super::reencrypt::Outcome;
use crate::Consumer;
use crate::store::{Stored, UserRecord};
use crate::webauthn::WebauthnError;

/// Puts a user's record under the newest data key.
pub(super) async fn reencrypt(
    consumer: &Consumer,
    stored: Stored<UserRecord>,
) -> Result<Outcome, RotationError> {
    match consumer.reencrypt_user(stored).await {
        Ok(how) => Ok(Outcome::Readable(how)),
        Err(WebauthnError::ApiKey(error)) => Err(RotationError::New(error)),
        Err(WebauthnError::Random(error)) => Err(error.into()),
        Err(WebauthnError::Store(error)) => Err(error.into()),
        Err(_) => Ok(Outcome::Unreadable),
    }
}
