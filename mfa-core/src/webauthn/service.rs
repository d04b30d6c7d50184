//! What a consumer does with its WebAuthn users.

use super::user::OpenUser;
use super::{
    AuthenticationOptions, AuthenticationResponse, Ceremony, Challenge, CredentialId, CredentialRecord,
    Credentials, KeyHandleHash, Purpose, Refusal, RegistrationOptions, RegistrationResponse, RelyingParty,
    WebauthnError, verify_authentication, verify_registration,
};
use crate::Consumer;
use crate::envelope::DoesNotOpen;
use crate::event::Action;
use crate::random::random_uuid;
use crate::store::retry::until_saved;
use crate::store::{StoreError, UserId};

/// Credentials that one user may have.
const MAX_CREDENTIALS: usize = 128;

/// Who registers a credential.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "embedders write it")]
pub struct NewUser {
    /// The user, if it has an id already; otherwise it gets one.
    pub id: Option<UserId>,
    /// Identifies the account to the user, such as an e-mail address.
    pub name: String,
    /// The user's own name.
    pub display_name: String,
}

/// A user who authenticated, and with which credential.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Authenticated {
    /// The credential's id.
    pub credential_id: CredentialId,
    /// Whether the authenticator verified its user.
    pub user_verified: bool,
}

/// A user's credentials.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct UserCredentials {
    /// Those that can be read, in the order they were registered.
    pub credentials: Vec<CredentialRecord>,
    /// The legacy U2F key, if the user has one.
    pub legacy_u2f: Option<CredentialRecord>,
    /// How many stored ones cannot be read; they are kept as they are.
    pub unreadable: usize,
}

/// The WebAuthn users of one consumer, for one relying party.
///
/// A user registers a passkey and logs in with it. Options go to the browser and its answers come back, both as JSON:
/// `create` stands for `navigator.credentials.create()`, `get` for `navigator.credentials.get()`.
///
/// ```
/// # use mfa_core::{Mfa, store::memory::MemoryStore};
/// # use webauthn_authenticator_rs::{WebauthnAuthenticator as _, softpasskey::SoftPasskey};
/// use mfa_core::webauthn::{
///     AuthenticationOptions, AuthenticationResponse, NewUser, Refusal, RegistrationOptions, RegistrationResponse,
///     RelyingParty, WebauthnError,
/// };
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let mfa = Mfa::builder(MemoryStore::default()).build();
/// # let key = mfa.create_api_key("dev@example.com").await?;
/// # let secret = mfa.activate_api_key(&key, "dev@example.com").await?;
/// # let consumer = mfa.authenticate(&key, &secret).await?;
/// # let origin: url::Url = "https://login.example.com".parse()?;
/// # let authenticator = std::cell::RefCell::new(SoftPasskey::new(true));
/// # let create = |options: &RegistrationOptions| {
/// #     let options = serde_json::from_value(serde_json::to_value(options).unwrap()).unwrap();
/// #     let answer = authenticator.borrow_mut().do_registration(origin.clone(), options).unwrap();
/// #     serde_json::to_vec(&answer).unwrap()
/// # };
/// # let get = |options: &AuthenticationOptions| {
/// #     let options = serde_json::from_value(serde_json::to_value(options).unwrap()).unwrap();
/// #     let answer = authenticator.borrow_mut().do_authentication(origin.clone(), options).unwrap();
/// #     serde_json::to_vec(&answer).unwrap()
/// # };
/// let passkeys = consumer.webauthn(RelyingParty::new("example.com", "Acme", ["https://login.example.com"])?);
///
/// let jo = NewUser { id: None, name: "jo@example.com".to_owned(), display_name: "Jo".to_owned() };
/// let (user, options) = passkeys.begin_registration(&jo).await?; // keep `user` with Jo's account
/// let response = RegistrationResponse::from_json(&create(&options))?;
/// let credential = passkeys.finish_registration(user, &response).await?;
///
/// let options = passkeys.begin_authentication(user).await?;
/// let response = AuthenticationResponse::from_json(&get(&options))?;
/// let authenticated = passkeys.finish_authentication(user, &response).await?;
/// assert_eq!(authenticated.credential_id, credential.id);
///
/// let replayed = passkeys.finish_authentication(user, &response).await; // an answer counts once
/// assert!(matches!(replayed, Err(WebauthnError::Refused(Refusal::Challenge))));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct WebauthnService<'a> {
    consumer: &'a Consumer,
    relying_party: RelyingParty,
}

impl Consumer {
    /// WebAuthn ceremonies of this consumer's users, for one relying party.
    pub const fn webauthn(&self, relying_party: RelyingParty) -> WebauthnService<'_> {
        WebauthnService { consumer: self, relying_party }
    }
}

impl WebauthnService<'_> {
    /// Begins a registration ceremony: the options go to `navigator.credentials.create()`.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::Store`], [`WebauthnError::DoesNotOpen`].
    pub async fn begin_registration(
        &self,
        new_user: &NewUser,
    ) -> Result<(UserId, RegistrationOptions), WebauthnError> {
        let (id, known) = match new_user.id {
            Some(id) => (id, self.consumer.open_user(id).await?),
            None => (UserId(random_uuid(&*self.consumer.mfa.parts.random)?), None),
        };
        if let Some(user) = &known {
            user.require_credentials()?;
        }
        let ceremony = Ceremony::new(Purpose::Registration, id, &self.relying_party, std::iter::empty());
        let challenge = ceremony.begin(self.consumer).await?;
        let options = RegistrationOptions::new(
            &self.relying_party,
            id,
            new_user,
            &challenge,
            known.iter().flat_map(|user| user.credentials.records()),
            known.as_ref().and_then(OpenUser::legacy_for_options),
        );
        Ok((id, options))
    }

    /// Finishes a registration ceremony and keeps the credential. Parallel registrations keep all of theirs.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::Malformed`], or [`WebauthnError::Refused`] with the check that failed.
    pub async fn finish_registration(
        &self,
        user: UserId,
        response: &RegistrationResponse,
    ) -> Result<CredentialRecord, WebauthnError> {
        let challenge = response.challenge();
        let ceremony = Ceremony::take(self.consumer, challenge).await?;
        ceremony.check(Purpose::Registration, user, &self.relying_party)?;
        let judged_by = self.relying_party.clone().user_verification(ceremony.user_verification());
        let mut record = verify_registration(response, challenge, &judged_by)?;
        record.created_at = Some(self.consumer.mfa.parts.clock.now());
        self.consumer.add_credential(user, &record).await?;
        self.consumer.record(Action::CredentialRegistered, user.0);
        Ok(record)
    }

    /// Begins an authentication ceremony: the options go to `navigator.credentials.get()`.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::NoCredentials`] if the user has none, or is not there.
    pub async fn begin_authentication(&self, user: UserId) -> Result<AuthenticationOptions, WebauthnError> {
        let open = self.consumer.open_user(user).await?.ok_or(WebauthnError::NoCredentials)?;
        let legacy = open.legacy_for_options();
        let ids = open.credentials.records().map(|record| record.id.0.as_slice());
        let ids: Vec<_> = ids.chain(legacy.map(|legacy| legacy.key_handle)).collect();
        if ids.is_empty() {
            return Err(if open.spoilt() > 0 { DoesNotOpen.into() } else { WebauthnError::NoCredentials });
        }
        let ceremony = Ceremony::new(Purpose::Authentication, user, &self.relying_party, ids.into_iter());
        let challenge = ceremony.begin(self.consumer).await?;
        Ok(AuthenticationOptions::new(&self.relying_party, &challenge, open.credentials.records(), legacy))
    }

    /// Finishes an authentication ceremony. Saves the acceptance and the counter before returning it.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::Malformed`], or [`WebauthnError::Refused`] with the check that failed.
    pub async fn finish_authentication(
        &self,
        user: UserId,
        response: &AuthenticationResponse,
    ) -> Result<Authenticated, WebauthnError> {
        let challenge = response.challenge();
        let ceremony = Ceremony::take(self.consumer, challenge).await?;
        ceremony.check(Purpose::Authentication, user, &self.relying_party)?;
        // WebAuthn L3 §7.2 step 5.
        if !ceremony.allows(response.credential_id()) {
            return Err(Refusal::CredentialNotAllowed.into());
        }
        let judged_by = self.relying_party.clone().user_verification(ceremony.user_verification());
        let judged = self.judge(user, response, challenge, &judged_by).await;
        let action = match &judged {
            Ok(_) => Action::CredentialAccepted,
            Err(WebauthnError::Refused(Refusal::SignCount)) => Action::CredentialCloned,
            Err(WebauthnError::Refused(_)) => Action::CredentialRefused,
            Err(_) => return judged,
        };
        self.consumer.record(action, user.0);
        judged
    }

    async fn judge(
        &self,
        user: UserId,
        response: &AuthenticationResponse,
        challenge: &Challenge,
        relying_party: &RelyingParty,
    ) -> Result<Authenticated, WebauthnError> {
        let handle = user.to_string().into_bytes();
        until_saved(|| async {
            let mut open = self.consumer.open_user(user).await?.ok_or(Refusal::CredentialNotAllowed)?;
            let id = response.credential_id();
            let found = open.credentials.records_mut().find(|credential| credential.id.0 == id);
            let assertion = match (found, &open.legacy) {
                (Some(credential), _) => {
                    let assertion =
                        verify_authentication(response, credential, challenge, &handle, relying_party, None)?;
                    credential.sign_count = assertion.sign_count;
                    credential.user_verified |= assertion.user_verified;
                    credential.backup_eligible = Some(assertion.backup_eligible);
                    credential.backup_state = assertion.backup_state;
                    credential.last_used_at = Some(self.consumer.mfa.parts.clock.now());
                    assertion
                }
                (None, Some(key)) if key.key_handle == id => {
                    let credential = key.to_credential(open.u2f_sign_count);
                    let app_id = Some(key.app_id.as_str());
                    let assertion = verify_authentication(
                        response,
                        &credential,
                        challenge,
                        &handle,
                        relying_party,
                        app_id,
                    )?;
                    open.u2f_sign_count = Some(assertion.sign_count);
                    assertion
                }
                _ => return Err(Refusal::CredentialNotAllowed.into()),
            };
            self.consumer.save_user(&open).await?;
            let credential_id = CredentialId(id.to_vec());
            Ok(Authenticated { credential_id, user_verified: assertion.user_verified })
        })
        .await
    }
}

impl Consumer {
    /// A user's credentials; none if there is no such user.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::Store`], [`WebauthnError::DoesNotOpen`].
    pub async fn user_credentials(&self, user: UserId) -> Result<UserCredentials, WebauthnError> {
        let Some(open) = self.open_user(user).await? else {
            return Ok(UserCredentials { credentials: Vec::new(), legacy_u2f: None, unreadable: 0 });
        };
        let (count, unreadable) = (open.u2f_sign_count, open.credentials.unreadable() + open.spoilt());
        Ok(UserCredentials {
            credentials: open.credentials.records().cloned().collect(),
            legacy_u2f: open.legacy.map(|key| key.to_credential(count)),
            unreadable,
        })
    }

    /// Names a credential, or takes its name away.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::NotFound`].
    pub async fn rename_credential(
        &self,
        user: UserId,
        hash: KeyHandleHash,
        label: Option<&str>,
    ) -> Result<(), WebauthnError> {
        let label = label.map(str::to_owned);
        self.change_credentials(user, |credentials| {
            let mut records = credentials.records_mut();
            let record = records.find(|record| record.id.key_handle_hash() == hash);
            record.ok_or(WebauthnError::NotFound)?.label = label.clone();
            Ok(())
        })
        .await
    }

    /// Deletes a credential. The user stays, with no credentials perhaps.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::NoCredentials`] if the user has none, [`WebauthnError::NotFound`] if it has not this one.
    pub async fn delete_credential(&self, user: UserId, hash: KeyHandleHash) -> Result<(), WebauthnError> {
        self.change_credentials(user, |credentials| {
            if credentials.len() == 0 {
                return Err(WebauthnError::NoCredentials);
            }
            let removed = credentials.remove(|record| record.id.key_handle_hash() == hash);
            if removed { Ok(()) } else { Err(WebauthnError::NotFound) }
        })
        .await?;
        self.record(Action::CredentialDeleted, user.0);
        Ok(())
    }

    /// Deletes a user with everything it has; returns whether there was one.
    ///
    /// # Errors
    ///
    /// [`WebauthnError::Store`].
    pub async fn delete_user(&self, user: UserId) -> Result<bool, WebauthnError> {
        let deleted = self.mfa.parts.stores.users.delete(&self.id, user).await?;
        if deleted {
            self.record(Action::UserDeleted, user.0);
        }
        Ok(deleted)
    }

    async fn add_credential(&self, user: UserId, new: &CredentialRecord) -> Result<(), WebauthnError> {
        until_saved(|| async {
            let mut open = self.open_user(user).await?.unwrap_or_else(|| OpenUser::new(user));
            open.require_credentials()?;
            // WebAuthn L3 §7.1 step 26, as far as it can be known: ids of other users are sealed.
            if open.credentials.records().any(|record| record.id == new.id) {
                return Err(Refusal::DuplicateCredential.into());
            }
            if open.credentials.len() >= MAX_CREDENTIALS {
                return Err(Refusal::TooManyCredentials.into());
            }
            open.credentials.push(new.clone());
            match self.save_user(&open).await {
                // Created meanwhile: by a parallel registration of ours, or it is another consumer's.
                Err(WebauthnError::Store(StoreError::AlreadyExists)) => match self.open_user(user).await? {
                    Some(_) => Err(StoreError::Conflict.into()),
                    None => Err(Refusal::User.into()),
                },
                outcome => outcome,
            }
        })
        .await
    }

    async fn change_credentials(
        &self,
        user: UserId,
        change: impl Fn(&mut Credentials) -> Result<(), WebauthnError> + Send + Sync,
    ) -> Result<(), WebauthnError> {
        until_saved(|| async {
            let mut open = self.open_user(user).await?.ok_or(WebauthnError::NotFound)?;
            open.require_credentials()?;
            change(&mut open.credentials)?;
            self.save_user(&open).await
        })
        .await
    }
}
