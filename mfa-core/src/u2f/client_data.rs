//! Client data of U2F, Raw Message Formats v1.2 §7.

use serde::Deserialize;

use super::{AppId, U2fRefusal};
use crate::webauthn::{Challenge, decode_any_base64};

pub(super) const FINISH_ENROLLMENT: &str = "navigator.id.finishEnrollment";
pub(super) const GET_ASSERTION: &str = "navigator.id.getAssertion";

/// The client data, not yet checked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub(super) struct U2fClientData {
    typ: String,
    challenge: String,
    origin: String,
}

impl U2fClientData {
    pub(super) fn parse(json: &[u8]) -> Result<Self, U2fRefusal> {
        serde_json::from_slice(json).map_err(|_| U2fRefusal::ClientData)
    }

    pub(super) fn challenge(&self) -> Result<Challenge, U2fRefusal> {
        decode_any_base64(&self.challenge).map(Challenge::from_bytes).ok_or(U2fRefusal::Challenge)
    }

    pub(super) fn check(&self, typ: &str, challenge: &Challenge, app_id: &AppId) -> Result<(), U2fRefusal> {
        if self.typ != typ {
            return Err(U2fRefusal::ClientDataType);
        }
        if self.challenge()? != *challenge {
            return Err(U2fRefusal::Challenge);
        }
        if !app_id.trusts(&self.origin) {
            return Err(U2fRefusal::Facet);
        }
        Ok(())
    }
}
