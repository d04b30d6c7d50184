//! A consumer with factors: its keys, TOTPs and users, and how a test uses and rotates them.

use std::sync::Arc;

use mfa_core::api_key::{ApiKey, ApiSecret};
use mfa_core::clock::UnixTime;
use mfa_core::rotation::{RotationError, RotationOptions, RotationReport};
use mfa_core::store::{Listing, Stores, UserId};
use mfa_core::totp::{TotpId, TotpOptions};
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, RegistrationResponse, RelyingParty, WebauthnError,
};
use mfa_core::{Consumer, ConsumerId, Mfa};

use crate::kit::authenticator::{Browser, SoftAuthenticator};
use crate::kit::service::code_at;

/// The time at which rotation is tested.
pub const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ORIGIN: &str = "https://login.example.com";

/// An API key with its secret.
pub type Key = (ApiKey, Arc<ApiSecret>);

/// A fresh key of `mfa`.
pub async fn fresh_key(mfa: &Mfa) -> Key {
    let key = mfa.create_api_key("dev@example.com").await.unwrap();
    let secret = mfa.activate_api_key(&key, "dev@example.com").await.unwrap();
    (key, Arc::new(secret))
}

/// A test consumer's factors: TOTPs with a code that is still valid, and users with a passkey each.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Factors {
    /// TOTPs.
    pub totp: Vec<(TotpId, String)>,
    /// Users.
    pub users: Vec<(UserId, SoftAuthenticator)>,
}

impl Factors {
    /// Enrols and registers this many.
    pub async fn enroll(consumer: &Consumer, totp: usize, users: usize) -> Self {
        let mut factors = Self::default();
        for _ in 0..totp {
            let enrolled = consumer.totp().enroll(TotpOptions::new("Acme", "jo")).await.unwrap();
            factors.totp.push((enrolled.id, code_at(&enrolled.secret_base32, NOW)));
        }
        for _ in 0..users {
            let mut authenticator = SoftAuthenticator::new(-7);
            let user = register(consumer, &authenticator).await.unwrap();
            authenticator.counter = 2;
            factors.users.push((user, authenticator));
        }
        factors
    }

    /// Uses each factor once. This uses up the TOTPs' codes.
    pub async fn work(&mut self, consumer: &Consumer) {
        for (id, code) in self.totp.drain(..) {
            consumer.totp().verify(id, &code).await.unwrap();
        }
        for (user, authenticator) in &mut self.users {
            login(consumer, *user, authenticator).await.unwrap();
        }
    }
}

fn party() -> RelyingParty {
    RelyingParty::from_headers("example.com", "ACME Inc.", ORIGIN).unwrap()
}

/// Registers a new user.
///
/// # Errors
///
/// What the service says.
pub async fn register(
    consumer: &Consumer,
    authenticator: &SoftAuthenticator,
) -> Result<UserId, WebauthnError> {
    let (user, response) = begin_registration(consumer, authenticator).await?;
    finish_registration(consumer, user, &response).await.map(|()| user)
}

/// Begins the registration of a new user, up to the authenticator's answer.
///
/// # Errors
///
/// What the service says.
pub async fn begin_registration(
    consumer: &Consumer,
    authenticator: &SoftAuthenticator,
) -> Result<(UserId, RegistrationResponse), WebauthnError> {
    let new_user = NewUser { id: None, name: "jo".to_owned(), display_name: "Jo".to_owned() };
    let (user, options) = consumer.webauthn(party()).begin_registration(&new_user).await?;
    let browser = Browser::new(ORIGIN, &serde_json::to_value(options).unwrap());
    let created = authenticator.create(&browser).to_string();
    Ok((user, RegistrationResponse::from_json(created.as_bytes())?))
}

/// Finishes a registration.
///
/// # Errors
///
/// What the service says.
pub async fn finish_registration(
    consumer: &Consumer,
    user: UserId,
    response: &RegistrationResponse,
) -> Result<(), WebauthnError> {
    consumer.webauthn(party()).finish_registration(user, response).await.map(drop)
}

/// One login.
///
/// # Errors
///
/// What the service says.
pub async fn login(
    consumer: &Consumer,
    user: UserId,
    authenticator: &mut SoftAuthenticator,
) -> Result<(), WebauthnError> {
    let response = begin_login(consumer, user, authenticator).await?;
    finish_login(consumer, user, &response).await
}

/// Begins a login, up to the authenticator's answer.
///
/// # Errors
///
/// What the service says.
pub async fn begin_login(
    consumer: &Consumer,
    user: UserId,
    authenticator: &mut SoftAuthenticator,
) -> Result<AuthenticationResponse, WebauthnError> {
    let options = consumer.webauthn(party()).begin_authentication(user).await?;
    let browser = Browser::new(ORIGIN, &serde_json::to_value(options).unwrap());
    Ok(AuthenticationResponse::from_json(authenticator.get(&browser).to_string().as_bytes())?)
}

/// Finishes a login.
///
/// # Errors
///
/// What the service says.
pub async fn finish_login(
    consumer: &Consumer,
    user: UserId,
    response: &AuthenticationResponse,
) -> Result<(), WebauthnError> {
    consumer.webauthn(party()).finish_authentication(user, response).await.map(drop)
}

/// Rotates from one key to another, in small batches.
///
/// # Errors
///
/// The service's.
pub async fn rotate(mfa: &Mfa, old: &Key, new: &Key, revoke: bool) -> Result<RotationReport, RotationError> {
    let options = RotationOptions { revoke_old: revoke, batch: 7, ..RotationOptions::default() };
    mfa.rotate((&old.0, &old.1), (&new.0, &new.1), &options).await
}

/// An authenticated call with a key.
pub async fn authenticate(mfa: &Mfa, key: &Key) -> Consumer {
    mfa.authenticate(&key.0, &key.1).await.unwrap()
}

/// The numbers of the data keys that a consumer's records are under; 0 for a legacy ciphertext.
pub async fn data_keys(stores: &Stores, consumer: &ConsumerId) -> Vec<u32> {
    let number = |id: Option<mfa_core::envelope::DataKeyId>| id.map_or(0, |id| id.number());
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = stores.totp.page_by_consumer(consumer, after.as_ref(), 250, Listing::Exact).await.unwrap();
        ids.extend(page.items.iter().map(|stored| number(stored.record.secret.data_key_id())));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    loop {
        let page =
            stores.users.page_by_consumer(consumer, after.as_ref(), 250, Listing::Exact).await.unwrap();
        for stored in page.items {
            let record = stored.record;
            let fields =
                [record.credentials, record.u2f_app_id, record.u2f_key_handle, record.u2f_public_key];
            let sealed = fields.iter().flatten().filter(|sealed| !sealed.as_bytes().is_empty());
            ids.extend(sealed.map(|sealed| number(sealed.data_key_id())));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    ids.sort_unstable();
    ids.dedup();
    ids
}
