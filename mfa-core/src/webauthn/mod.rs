//! WebAuthn ceremonies, Level 3: passkeys and security keys.

mod authentication;
mod authenticator_data;
mod base64;
mod ceremony;
mod challenge;
mod client_data;
mod cose;
mod credential_record;
mod error;
mod go_credential;
mod options;
mod registration;
mod relying_party;
mod response;
mod service;
mod signature;
mod user;

pub use authentication::{Assertion, verify_authentication};
pub use authenticator_data::{AttestedCredential, AuthenticatorData, Flags};
pub use challenge::Challenge;
pub use client_data::{ClientData, ClientDataType};
pub use cose::{CoseAlgorithm, PublicKey};
pub use credential_record::{CredentialId, CredentialRecord, KeyHandleHash};
pub use error::{Refusal, WebauthnError};
pub use options::{AuthenticationOptions, RegistrationOptions};
pub use registration::{OFFERED_ALGORITHMS, verify_registration};
pub use relying_party::{InvalidRelyingParty, RelyingParty, ResidentKey, UserVerification};
pub use response::{AuthenticationResponse, MalformedResponse, RegistrationResponse};
pub use service::{Authenticated, NewUser, UserCredentials, WebauthnService};

pub(crate) use base64::decode_any_base64;
pub(crate) use ceremony::{Ceremony, Purpose};
pub(crate) use go_credential::Credentials;
pub(crate) use user::OpenUser;
