//! U2F keys with raw messages, as the Node predecessor's clients use them.

use super::{
    AppId, U2fAuthenticationResponse, U2fError, U2fRefusal, U2fRegistrationResponse,
    verify_u2f_authentication, verify_u2f_registration,
};
use crate::Consumer;
use crate::event::Action;
use crate::id::UserId;
use crate::random::random_uuid;
use crate::store::retry::until_saved;
use crate::webauthn::{Ceremony, Challenge, OpenUser, Purpose, RelyingParty, WebauthnError};

/// A registration that was begun: the new record, and the request to the key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct U2fRegistrationRequest {
    /// The new record.
    pub id: UserId,
    /// The challenge.
    pub challenge: Challenge,
}

/// An authentication that was begun: the request to the key.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct U2fAuthenticationRequest {
    /// The challenge.
    pub challenge: Challenge,
    /// The AppID that the key was registered for.
    pub app_id: String,
    /// The key's handle.
    pub key_handle: Vec<u8>,
}

/// A record that holds a legacy key, or will hold one.
struct OpenRecord {
    user: OpenUser,
    app_id: AppId,
}

/// The U2F keys of one consumer.
#[derive(Clone, Copy, Debug)]
pub struct U2fService<'a> {
    consumer: &'a Consumer,
}

impl Consumer {
    /// Legacy U2F ceremonies with raw messages.
    pub const fn u2f(&self) -> U2fService<'_> {
        U2fService { consumer: self }
    }
}

impl U2fService<'_> {
    /// Creates a record for a key of `app_id` and begins its registration.
    ///
    /// # Errors
    ///
    /// [`U2fError::AppId`] if it is not an AppID.
    pub async fn begin_registration(&self, app_id: &str) -> Result<U2fRegistrationRequest, U2fError> {
        let app_id = AppId::parse(app_id)?;
        let random = &*self.consumer.mfa.parts.random;
        let id = UserId(random_uuid(random).map_err(WebauthnError::from)?);
        let mut user = OpenUser::new(id);
        user.set_legacy(Some(app_id.as_str()), None, None);
        self.consumer.save_user(&user).await?;
        let challenge = self.begin(Purpose::U2fRegistration, id, &app_id).await?;
        Ok(U2fRegistrationRequest { id, challenge })
    }

    /// Finishes a registration and keeps the key.
    ///
    /// # Errors
    ///
    /// [`U2fError::NotFound`], or [`U2fError::Refused`] with the check that failed.
    pub async fn finish_registration(
        &self,
        id: UserId,
        response: &U2fRegistrationResponse,
    ) -> Result<(), U2fError> {
        let OpenRecord { user, app_id } = self.open(id).await?;
        let challenge = response.challenge()?;
        self.take(Purpose::U2fRegistration, id, &app_id, &challenge).await?;
        let key = verify_u2f_registration(response, &challenge, &app_id)?;
        let mut read = Some(user);
        until_saved(|| {
            let read = read.take();
            let key = &key;
            async move {
                let mut user = self.or_open(read, id).await?;
                user.set_legacy(Some(&key.app_id), Some(&key.key_handle), Some(&key.public_key));
                user.u2f_sign_count = None;
                Ok::<_, U2fError>(self.consumer.save_user(&user).await?)
            }
        })
        .await?;
        self.consumer.record(Action::CredentialRegistered, id.0);
        Ok(())
    }

    /// Begins an authentication.
    ///
    /// # Errors
    ///
    /// [`U2fError::NotFound`], [`U2fError::NotRegistered`].
    pub async fn begin_authentication(&self, id: UserId) -> Result<U2fAuthenticationRequest, U2fError> {
        let OpenRecord { user, app_id } = self.open(id).await?;
        let key = user.legacy.ok_or(U2fError::NotRegistered)?;
        let challenge = self.begin(Purpose::U2fAuthentication, id, &app_id).await?;
        Ok(U2fAuthenticationRequest { challenge, app_id: key.app_id, key_handle: key.key_handle })
    }

    /// Finishes an authentication. Saves the counter before returning the result.
    ///
    /// # Errors
    ///
    /// [`U2fError::NotFound`], or [`U2fError::Refused`] with the check that failed.
    pub async fn finish_authentication(
        &self,
        id: UserId,
        response: &U2fAuthenticationResponse,
    ) -> Result<(), U2fError> {
        let OpenRecord { user, app_id } = self.open(id).await?;
        let challenge = response.challenge()?;
        self.take(Purpose::U2fAuthentication, id, &app_id, &challenge).await?;
        let mut read = Some(user);
        until_saved(|| {
            let read = read.take();
            let (challenge, app_id) = (&challenge, &app_id);
            async move {
                let mut user = self.or_open(read, id).await?;
                let key = user.legacy.as_ref().ok_or(U2fError::NotRegistered)?;
                let counter =
                    verify_u2f_authentication(response, challenge, app_id, key, user.u2f_sign_count);
                let counter = counter.inspect_err(|refusal| {
                    let cloned = *refusal == U2fRefusal::Counter;
                    let action = if cloned { Action::CredentialCloned } else { Action::CredentialRefused };
                    self.consumer.record(action, id.0);
                })?;
                user.u2f_sign_count = Some(counter);
                Ok::<_, U2fError>(self.consumer.save_user(&user).await?)
            }
        })
        .await?;
        self.consumer.record(Action::CredentialAccepted, id.0);
        Ok(())
    }

    /// Deletes a user's legacy key and keeps the rest of the user. It is not an error if the user has none.
    ///
    /// # Errors
    ///
    /// [`U2fError::User`] if the store failed or the record does not open.
    pub async fn forget_key(&self, id: UserId) -> Result<(), U2fError> {
        until_saved(|| async {
            let Some(mut user) = self.consumer.open_user(id).await? else { return Ok(()) };
            user.set_legacy(None, None, None);
            user.u2f_sign_count = None;
            self.consumer.save_user(&user).await?;
            self.consumer.record(Action::CredentialDeleted, id.0);
            Ok(())
        })
        .await
    }

    async fn open(&self, id: UserId) -> Result<OpenRecord, U2fError> {
        let user = self.consumer.open_user(id).await?.ok_or(U2fError::NotFound)?;
        let app_id = user.app_id().map_err(WebauthnError::from)?;
        let app_id = AppId::parse(app_id.ok_or(U2fError::NotRegistered)?)?;
        Ok(OpenRecord { user, app_id })
    }

    /// The record that was read already, or the current one.
    async fn or_open(&self, read: Option<OpenUser>, id: UserId) -> Result<OpenUser, U2fError> {
        match read {
            Some(user) => Ok(user),
            None => Ok(self.open(id).await?.user),
        }
    }

    async fn begin(&self, purpose: Purpose, id: UserId, app_id: &AppId) -> Result<Challenge, U2fError> {
        let party = RelyingParty::as_given(app_id.as_str(), "", Vec::new());
        Ok(Ceremony::new(purpose, id, &party, std::iter::empty()).begin(self.consumer).await?)
    }

    async fn take(
        &self,
        purpose: Purpose,
        id: UserId,
        app_id: &AppId,
        challenge: &Challenge,
    ) -> Result<(), U2fError> {
        let party = RelyingParty::as_given(app_id.as_str(), "", Vec::new());
        let ceremony = Ceremony::take(self.consumer, challenge).await?;
        Ok(ceremony.check(purpose, id, &party).map_err(WebauthnError::from)?)
    }
}
