//! Client data: what the browser reports about the ceremony, WebAuthn L3 §5.8.1.

use serde::Deserialize;

use super::{Challenge, MalformedResponse, Refusal, RelyingParty, decode_any_base64};

/// Which ceremony the browser ran.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "there are two ceremonies")]
pub enum ClientDataType {
    /// `webauthn.create`
    Create,
    /// `webauthn.get`
    Get,
}

/// The client data, not yet checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClientData {
    kind: String,
    pub(super) challenge: Challenge,
    origin: String,
    cross_origin: bool,
    top_origin: Option<String>,
}

#[derive(Deserialize)]
struct Json {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: Option<bool>,
    #[serde(rename = "topOrigin", default)]
    top_origin: Option<String>,
}

impl ClientData {
    /// Reads the JSON. Ignores unknown members, as §5.8.1 asks, and refuses repeated ones.
    ///
    /// # Errors
    ///
    /// [`MalformedResponse`] if it is not the JSON of client data.
    pub fn parse(json: &[u8]) -> Result<Self, MalformedResponse> {
        // A byte order mark may precede it: §5.8.1.1 uses "UTF-8 decode".
        let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
        let parsed: Json = serde_json::from_slice(json).map_err(|_| MalformedResponse::ClientData)?;
        let challenge = decode_any_base64(&parsed.challenge).ok_or(MalformedResponse::ClientData)?;
        Ok(Self {
            kind: parsed.kind,
            challenge: Challenge::from_bytes(challenge),
            origin: parsed.origin,
            cross_origin: parsed.cross_origin.unwrap_or(false),
            top_origin: parsed.top_origin,
        })
    }

    /// Checks §7.1 steps 7 to 11, §7.2 steps 10 to 14.
    pub(super) fn check(
        &self,
        expected: ClientDataType,
        challenge: &Challenge,
        relying_party: &RelyingParty,
    ) -> Result<(), Refusal> {
        // §7.1 step 7, §7.2 step 10.
        let kind = match expected {
            ClientDataType::Create => "webauthn.create",
            ClientDataType::Get => "webauthn.get",
        };
        if self.kind != kind {
            return Err(Refusal::ClientDataType);
        }
        // §7.1 step 8, §7.2 step 11.
        if self.challenge != *challenge {
            return Err(Refusal::Challenge);
        }
        // §7.1 step 9, §7.2 step 12.
        if !relying_party.allows_origin(&self.origin) {
            return Err(Refusal::Origin);
        }
        // §7.1 step 10, §7.2 step 13.
        if self.cross_origin && !relying_party.allow_cross_origin {
            return Err(Refusal::CrossOrigin);
        }
        // §7.1 step 11, §7.2 step 14.
        match &self.top_origin {
            Some(_) if !relying_party.allow_cross_origin => Err(Refusal::TopOrigin),
            Some(top) if !relying_party.allows_top_origin(top) => Err(Refusal::TopOrigin),
            _ => Ok(()),
        }
    }
}
