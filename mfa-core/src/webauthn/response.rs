//! Responses of the WebAuthn API, WebAuthn L3 §5.1, as browsers and the predecessors' clients send them.

use serde::Deserialize;

use super::{Challenge, ClientData, decode_any_base64};

/// The body is not a response of the WebAuthn API.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedResponse {
    /// It is not JSON, or a member is missing or of another type.
    #[error("the response is not a public key credential")]
    Json,
    /// `id` is missing.
    #[error("the response has no id")]
    MissingId,
    /// `id` or `rawId` is not base64.
    #[error("the id is not base64url")]
    Id,
    /// `type` is not `public-key`.
    #[error("the type is not public-key")]
    Type,
    /// A field that must be base64 is not.
    #[error("a field is not base64url")]
    Base64,
    /// The client data is malformed.
    #[error("the client data is malformed")]
    ClientData,
}

#[derive(Deserialize)]
struct Wire<R> {
    #[serde(default)]
    id: Option<String>,
    #[serde(rename = "rawId", default)]
    raw_id: Option<String>,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    response: R,
}

impl<R> Wire<R> {
    /// The two copies of the id, decoded.
    fn ids(&self) -> Result<Ids, MalformedResponse> {
        let id = self.id.as_deref().filter(|id| !id.is_empty()).ok_or(MalformedResponse::MissingId)?;
        if self.kind.as_deref() != Some("public-key") {
            return Err(MalformedResponse::Type);
        }
        let id = decode_any_base64(id).ok_or(MalformedResponse::Id)?;
        let raw_id = match &self.raw_id {
            Some(raw_id) => decode_any_base64(raw_id).ok_or(MalformedResponse::Id)?,
            None => id.clone(),
        };
        Ok(Ids { id, raw_id })
    }
}

struct Ids {
    id: Vec<u8>,
    raw_id: Vec<u8>,
}

#[derive(Deserialize)]
struct AttestationWire {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "attestationObject")]
    attestation_object: String,
    #[serde(default)]
    transports: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct AssertionWire {
    #[serde(rename = "clientDataJSON")]
    client_data_json: String,
    #[serde(rename = "authenticatorData")]
    authenticator_data: String,
    signature: String,
    #[serde(rename = "userHandle", default)]
    user_handle: Option<String>,
}

/// What `navigator.credentials.create()` returned. Nothing in it is verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistrationResponse {
    pub(super) client_data: ClientData,
    pub(super) client_data_json: Vec<u8>,
    pub(super) attestation_object: Vec<u8>,
    pub(super) transports: Vec<String>,
}

impl RegistrationResponse {
    /// Reads the JSON. Each field may use either base64 alphabet, padded or not. Client extension results are
    /// unsigned and ignored, so an empty PHP array there does no harm.
    ///
    /// # Errors
    ///
    /// [`MalformedResponse`].
    pub fn from_json(json: &[u8]) -> Result<Self, MalformedResponse> {
        let wire: Wire<AttestationWire> =
            serde_json::from_slice(json).map_err(|_| MalformedResponse::Json)?;
        // The ids are unsigned copies of the attested data. One of the predecessors' clients sends different
        // ones.
        wire.ids()?;
        let decode = |text: &str| decode_any_base64(text).ok_or(MalformedResponse::Base64);
        let client_data_json = decode(&wire.response.client_data_json)?;
        Ok(Self {
            client_data: ClientData::parse(&client_data_json)?,
            client_data_json,
            attestation_object: decode(&wire.response.attestation_object)?,
            transports: wire.response.transports.unwrap_or_default(),
        })
    }

    /// The challenge that the client data repeats.
    pub const fn challenge(&self) -> &Challenge {
        &self.client_data.challenge
    }
}

/// What `navigator.credentials.get()` returned. Nothing in it is verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthenticationResponse {
    pub(super) id: Vec<u8>,
    pub(super) raw_id: Vec<u8>,
    pub(super) client_data: ClientData,
    pub(super) client_data_json: Vec<u8>,
    pub(super) authenticator_data: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) user_handle: Option<Vec<u8>>,
}

impl AuthenticationResponse {
    /// Reads the JSON, as leniently as [`RegistrationResponse::from_json`].
    ///
    /// # Errors
    ///
    /// [`MalformedResponse`].
    pub fn from_json(json: &[u8]) -> Result<Self, MalformedResponse> {
        let wire: Wire<AssertionWire> = serde_json::from_slice(json).map_err(|_| MalformedResponse::Json)?;
        let Ids { id, raw_id } = wire.ids()?;
        let decode = |text: &str| decode_any_base64(text).ok_or(MalformedResponse::Base64);
        let user_handle = wire.response.user_handle.as_deref().filter(|handle| !handle.is_empty());
        let client_data_json = decode(&wire.response.client_data_json)?;
        Ok(Self {
            id,
            raw_id,
            client_data: ClientData::parse(&client_data_json)?,
            client_data_json,
            authenticator_data: decode(&wire.response.authenticator_data)?,
            signature: decode(&wire.response.signature)?,
            user_handle: user_handle.map(decode).transpose()?,
        })
    }

    /// The challenge that the client data repeats.
    pub const fn challenge(&self) -> &Challenge {
        &self.client_data.challenge
    }

    /// The credential the browser says it used.
    pub fn credential_id(&self) -> &[u8] {
        &self.raw_id
    }
}
