//! What a consumer does with U2F keys by raw messages, as the Node seed's clients do.

use super::{
    AppId, U2fAuthenticationResponse, U2fError, U2fRefusal, U2fRegistrationResponse,
    verify_u2f_authentication, verify_u2f_registration,
};
use crate::Consumer;
use crate::event::Action;
use crate::random::random_uuid;
use crate::store::{StoreError, UserId};
use crate::webauthn::{Ceremony, OpenUser, Purpose, RelyingParty, WebauthnError};

/// Attempts at a conditional save before giving up.
const ATTEMPTS: u32 = 32;

/// The U2F keys of one consumer.
#[derive(Clone, Copy, Debug)]
pub struct U2fService<'a> {
    consumer: &'a Consumer,
}

impl<'a> U2fService<'a> {
    pub(crate) const fn new(consumer: &'a Consumer) -> Self {
        Self { consumer }
    }

    /// Creates a record for a key of `app_id` and begins its registration. Returns its id and the challenge.
    ///
    /// # Errors
    ///
    /// [`U2fError::AppId`] if it is none.
    pub async fn begin_registration(&self, app_id: &str) -> Result<(UserId, [u8; 32]), U2fError> {
        let app_id = AppId::parse(app_id)?;
        let random = &*self.consumer.mfa.parts.random;
        let id = UserId(random_uuid(random).map_err(WebauthnError::from)?);
        let mut user = OpenUser::new(id);
        user.set_legacy(Some(app_id.as_str()), None, None);
        self.consumer.save_user(&user).await?;
        let challenge = self.begin(Purpose::U2fRegistration, id, &app_id).await?;
        Ok((id, challenge))
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
        let (mut user, app_id) = self.open(id).await?;
        let challenge = response.challenge()?;
        self.take(Purpose::U2fRegistration, id, &app_id, &challenge).await?;
        let key = verify_u2f_registration(response, &challenge, &app_id)?;
        for _ in 0..ATTEMPTS {
            user.set_legacy(Some(&key.app_id), Some(&key.key_handle), Some(&key.public_key));
            user.u2f_sign_count = None;
            match self.consumer.save_user(&user).await {
                Ok(()) => {
                    self.consumer.record(Action::CredentialRegistered, id.0);
                    return Ok(());
                }
                Err(WebauthnError::Store(StoreError::Conflict)) => user = self.open(id).await?.0,
                Err(error) => return Err(error.into()),
            }
        }
        Err(WebauthnError::Store(StoreError::Conflict).into())
    }

    /// Begins an authentication. Returns the challenge, the AppID and the key handle.
    ///
    /// # Errors
    ///
    /// [`U2fError::NotFound`], [`U2fError::NotRegistered`].
    pub async fn begin_authentication(&self, id: UserId) -> Result<([u8; 32], String, Vec<u8>), U2fError> {
        let (user, app_id) = self.open(id).await?;
        let key = user.legacy.ok_or(U2fError::NotRegistered)?;
        let challenge = self.begin(Purpose::U2fAuthentication, id, &app_id).await?;
        Ok((challenge, key.app_id, key.key_handle))
    }

    /// Finishes an authentication; its counter is saved before it is told.
    ///
    /// # Errors
    ///
    /// [`U2fError::NotFound`], or [`U2fError::Refused`] with the check that failed.
    pub async fn finish_authentication(
        &self,
        id: UserId,
        response: &U2fAuthenticationResponse,
    ) -> Result<(), U2fError> {
        let (mut user, app_id) = self.open(id).await?;
        let challenge = response.challenge()?;
        self.take(Purpose::U2fAuthentication, id, &app_id, &challenge).await?;
        for _ in 0..ATTEMPTS {
            let key = user.legacy.clone().ok_or(U2fError::NotRegistered)?;
            let counter = verify_u2f_authentication(response, &challenge, &app_id, &key, user.u2f_sign_count);
            let counter = counter.inspect_err(|refusal| {
                let cloned = *refusal == U2fRefusal::Counter;
                let action = if cloned { Action::CredentialCloned } else { Action::CredentialRefused };
                self.consumer.record(action, id.0);
            })?;
            user.u2f_sign_count = Some(counter);
            match self.consumer.save_user(&user).await {
                Ok(()) => {
                    self.consumer.record(Action::CredentialAccepted, id.0);
                    return Ok(());
                }
                Err(WebauthnError::Store(StoreError::Conflict)) => user = self.open(id).await?.0,
                Err(error) => return Err(error.into()),
            }
        }
        Err(WebauthnError::Store(StoreError::Conflict).into())
    }

    /// Forgets a user's legacy key and keeps the rest of it. No error if there is none.
    ///
    /// # Errors
    ///
    /// [`U2fError::User`] if the store failed or the record does not open.
    pub async fn forget_key(&self, id: UserId) -> Result<(), U2fError> {
        for _ in 0..ATTEMPTS {
            let Some(mut user) = self.consumer.open_user(id).await? else { return Ok(()) };
            user.set_legacy(None, None, None);
            user.u2f_sign_count = None;
            match self.consumer.save_user(&user).await {
                Ok(()) => {
                    self.consumer.record(Action::CredentialDeleted, id.0);
                    return Ok(());
                }
                Err(WebauthnError::Store(StoreError::Conflict)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(WebauthnError::Store(StoreError::Conflict).into())
    }

    async fn open(&self, id: UserId) -> Result<(OpenUser, AppId), U2fError> {
        let user = self.consumer.open_user(id).await?.ok_or(U2fError::NotFound)?;
        let app_id = user.app_id().ok_or(U2fError::NotRegistered)?;
        let app_id = AppId::parse(app_id)?;
        Ok((user, app_id))
    }

    async fn begin(&self, purpose: Purpose, id: UserId, app_id: &AppId) -> Result<[u8; 32], U2fError> {
        let party = RelyingParty::as_given(app_id.as_str(), "", Vec::new());
        Ok(Ceremony::new(purpose, id, &party, std::iter::empty()).begin(self.consumer).await?)
    }

    async fn take(
        &self,
        purpose: Purpose,
        id: UserId,
        app_id: &AppId,
        challenge: &[u8],
    ) -> Result<(), U2fError> {
        let party = RelyingParty::as_given(app_id.as_str(), "", Vec::new());
        let ceremony = Ceremony::take(self.consumer, challenge).await?;
        Ok(ceremony.check(purpose, id, &party).map_err(WebauthnError::from)?)
    }
}
