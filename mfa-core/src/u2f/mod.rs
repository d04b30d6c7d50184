//! Legacy FIDO U2F: raw messages (FIDO U2F Raw Message Formats v1.2), and the keys that log in through WebAuthn.

mod app_id;
mod authentication;
mod client_data;
mod error;
mod legacy_key;
mod registration;
mod service;

pub use app_id::{AppId, InvalidAppId};
pub use authentication::{U2fAuthenticationResponse, verify_u2f_authentication};
pub use error::{U2fError, U2fRefusal};
pub use legacy_key::LegacyU2fKey;
pub use registration::{U2fRegistrationResponse, verify_u2f_registration};
pub use service::{U2fAuthenticationRequest, U2fRegistrationRequest, U2fService};

use client_data::U2fClientData;
