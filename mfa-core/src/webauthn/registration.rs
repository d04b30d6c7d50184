//! Verifies a registration, WebAuthn L3 §7.1. webauthn-rs-core verifies the attestation statement; we perform
//! the relying party's checks. Every call to that crate is in this file.

use std::time::Duration;

use minicbor::{Decoder, Encoder};
use serde_json::json;
use url::Url;
use webauthn_rs_core::WebauthnCore;
use webauthn_rs_core::error::WebauthnError as CoreError;
use webauthn_rs_core::proto::{
    AuthenticatorAttestationResponseRaw, RegisterPublicKeyCredential, RegistrationState,
};

use super::authenticator_data::split_cbor;
use super::cose::with_curve;
use super::{
    AttestedCredential, AuthenticatorData, Challenge, ClientDataType, CoseAlgorithm, CredentialRecord,
    PublicKey, Refusal, RegistrationResponse, RelyingParty, UserVerification,
};

/// The algorithms for new credentials, preferred first. webauthn-rs-core can register them and we can verify
/// them.
pub const OFFERED_ALGORITHMS: [CoseAlgorithm; 3] =
    [CoseAlgorithm::Es256, CoseAlgorithm::Es384, CoseAlgorithm::Rs256];

/// Verifies `response` to the ceremony of `challenge`, and returns the record to store, without label and
/// times.
///
/// # Errors
///
/// The first check that fails.
pub fn verify_registration(
    response: &RegistrationResponse,
    challenge: &Challenge,
    relying_party: &RelyingParty,
) -> Result<CredentialRecord, Refusal> {
    // Steps 7 to 11.
    response.client_data.check(ClientDataType::Create, challenge, relying_party)?;

    // Step 13: parse the attestation object.
    let object = AttestationObject::parse(&response.attestation_object).ok_or(Refusal::AuthenticatorData)?;
    let data = AuthenticatorData::parse(object.authenticator_data)?;
    // Step 14.
    if data.rp_id_hash != relying_party.id_hash() {
        return Err(Refusal::RpIdHash);
    }
    // Step 15.
    if !data.flags.user_present() {
        return Err(Refusal::UserPresence);
    }
    // Step 16.
    if relying_party.user_verification == UserVerification::Required && !data.flags.user_verified() {
        return Err(Refusal::UserVerification);
    }
    // Step 17.
    if data.flags.backup_state() && !data.flags.backup_eligible() {
        return Err(Refusal::BackupState);
    }
    // Step 20. A login with the key must also be verifiable.
    let attested = data.attested.as_ref().ok_or(Refusal::AuthenticatorData)?;
    let key = PublicKey::parse(attested.public_key)?;
    if !relying_party.algorithms.contains(&key.algorithm()) {
        return Err(Refusal::Algorithm);
    }
    // Step 25.
    if attested.credential_id.is_empty() || attested.credential_id.len() > 1023 {
        return Err(Refusal::CredentialIdLength);
    }
    // Steps 21 to 23: the attestation statement. No roots are configured, so trust is not judged (step 24).
    match (object.format, object.statement == [0xa0]) {
        // §8.7: nothing is attested, so we only verify that the key is valid.
        ("none", true) => key.check()?,
        ("none", false) => return Err(Refusal::AttestationFormat),
        // webauthn-rs-core reads only RSA keys of this size.
        _ if !key.has_common_size() => return Err(Refusal::Algorithm),
        _ => {
            let object = object.rewritten(attested).ok_or(Refusal::Attestation)?;
            let verified = attestation(response, object, challenge, relying_party)?;
            if verified.cred_id.as_slice() != attested.credential_id {
                return Err(Refusal::Attestation);
            }
        }
    }

    Ok(CredentialRecord {
        sign_count: data.sign_count,
        transports: response.transports.clone(),
        user_verified: data.flags.user_verified(),
        backup_eligible: Some(data.flags.backup_eligible()),
        backup_state: data.flags.backup_state(),
        aaguid: attested.aaguid,
        attestation_format: object.format.to_owned(),
        rp_id: Some(relying_party.id.clone()),
        ..CredentialRecord::new(attested.credential_id.to_vec(), attested.public_key.to_vec())
    })
}

/// Lets webauthn-rs-core verify the whole registration, mainly its attestation statement.
fn attestation(
    response: &RegistrationResponse,
    attestation_object: Vec<u8>,
    challenge: &Challenge,
    relying_party: &RelyingParty,
) -> Result<webauthn_rs_core::proto::Credential, Refusal> {
    let origins = relying_party.origins.iter().filter_map(|origin| Url::parse(origin).ok()).collect();
    let core = WebauthnCore::new_unsafe_experts_only(
        &relying_party.name,
        &relying_party.id,
        origins,
        Duration::from_secs(300),
        Some(false),
        Some(false),
    );
    // We build the state from its serialised form, because its constructor draws its own challenge and takes
    // as long as a signature. The exact version of the crate is pinned, and a test fails if the form changes.
    let state: RegistrationState = serde_json::from_value(json!({
        "policy": relying_party.user_verification.as_str(),
        "exclude_credentials": [],
        "challenge": challenge.to_string(),
        "credential_algorithms": ["ES256", "ES384", "RS256"],
        "require_resident_key": false,
        "authenticator_attachment": null,
        "extensions": {},
        "allow_synchronised_authenticators": true,
    }))
    .map_err(|_| Refusal::Attestation)?;
    let credential = RegisterPublicKeyCredential {
        id: String::new(),
        raw_id: Vec::new(),
        response: AuthenticatorAttestationResponseRaw {
            attestation_object,
            client_data_json: response.client_data_json.clone(),
            transports: None,
        },
        type_: "public-key".to_owned(),
        extensions: Default::default(),
    };
    core.register_credential(&credential, &state, None).map_err(|error| match error {
        CoreError::AttestationNotSupported => Refusal::AttestationFormat,
        CoreError::InvalidRPOrigin => Refusal::Origin,
        CoreError::CredentialCrossOrigin => Refusal::CrossOrigin,
        CoreError::UserNotVerified => Refusal::UserVerification,
        CoreError::CredentialAlteredAlgFromRequest => Refusal::Algorithm,
        _ => Refusal::Attestation,
    })
}

/// The attestation object, §6.5.4.
struct AttestationObject<'a> {
    format: &'a str,
    statement: &'a [u8],
    authenticator_data: &'a [u8],
}

impl<'a> AttestationObject<'a> {
    /// Reads the object. Unknown members are passed over: the Go predecessor's simulator adds one.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let count = decoder.map().ok()??;
        let (mut format, mut statement, mut authenticator_data) = (None, None, None);
        for _ in 0..count {
            let repeated = match decoder.str().ok()? {
                "fmt" => format.replace(decoder.str().ok()?).is_some(),
                "authData" => authenticator_data.replace(decoder.bytes().ok()?).is_some(),
                "attStmt" => {
                    let (item, _) = split_cbor(bytes.get(decoder.position()..)?)?;
                    decoder.skip().ok()?;
                    statement.replace(item).is_some()
                }
                _ => {
                    decoder.skip().ok()?;
                    false
                }
            };
            (!repeated).then_some(())?;
        }
        (decoder.position() == bytes.len()).then_some(())?;
        Some(Self { format: format?, statement: statement?, authenticator_data: authenticator_data? })
    }

    /// The object as webauthn-rs-core reads it: the three members of the standard, and a curve in every EC key.
    fn rewritten(&self, attested: &AttestedCredential<'_>) -> Option<Vec<u8>> {
        // A `fido-u2f` statement signs the point and not the COSE key (§8.6), so a curve may be added.
        let curved = (self.format == "fido-u2f").then(|| with_curve(attested.public_key)).flatten();
        let key = curved.as_deref().unwrap_or(attested.public_key);
        // §6.5.2: the key follows the hash, flags, counter, AAGUID, length and credential ID.
        let (before, rest) = self.authenticator_data.split_at_checked(55 + attested.credential_id.len())?;
        let after = rest.get(attested.public_key.len()..)?;

        let mut encoder = Encoder::new(Vec::new());
        encoder.map(3).ok()?.str("fmt").ok()?.str(self.format).ok()?.str("attStmt").ok()?;
        encoder.writer_mut().extend_from_slice(self.statement);
        encoder.str("authData").ok()?.bytes(&[before, key, after].concat()).ok()?;
        Some(encoder.into_writer())
    }
}
