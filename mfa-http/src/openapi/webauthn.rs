//! Bodies for and from browsers. `mfa-core` writes and reads them; here they are described after the
//! dictionaries of WebAuthn L3.
#![expect(dead_code, reason = "these types describe, nothing makes them")]

use serde_json::Value;
use utoipa::ToSchema;

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct BegunRegistration {
    /// The user's id: send it as `x-mfa-UserUUID` from now on.
    uuid: String,
    public_key: PublicKeyCredentialCreationOptionsJSON,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct BegunAuthentication {
    public_key: PublicKeyCredentialRequestOptionsJSON,
}

/// WebAuthn L3 §5.1.8, for `PublicKeyCredential.parseCreationOptionsFromJSON()`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PublicKeyCredentialCreationOptionsJSON {
    rp: PublicKeyCredentialRpEntity,
    user: PublicKeyCredentialUserEntityJSON,
    /// In base64url.
    challenge: String,
    pub_key_cred_params: Vec<PublicKeyCredentialParameters>,
    /// Milliseconds.
    timeout: u32,
    #[schema(required = false)]
    exclude_credentials: Vec<PublicKeyCredentialDescriptorJSON>,
    authenticator_selection: AuthenticatorSelectionCriteria,
    #[schema(value_type = AuthenticationExtensionsClientInputsJSON, required = false)]
    extensions: Option<AuthenticationExtensionsClientInputsJSON>,
}

/// WebAuthn L3 §5.1.9, for `PublicKeyCredential.parseRequestOptionsFromJSON()`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PublicKeyCredentialRequestOptionsJSON {
    /// In base64url.
    challenge: String,
    /// Milliseconds.
    timeout: u32,
    rp_id: String,
    allow_credentials: Vec<PublicKeyCredentialDescriptorJSON>,
    user_verification: UserVerificationRequirement,
    #[schema(value_type = AuthenticationExtensionsClientInputsJSON, required = false)]
    extensions: Option<AuthenticationExtensionsClientInputsJSON>,
}

#[derive(ToSchema)]
struct PublicKeyCredentialRpEntity {
    id: String,
    name: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct PublicKeyCredentialUserEntityJSON {
    /// In base64url.
    id: String,
    name: String,
    display_name: String,
}

#[derive(ToSchema)]
struct PublicKeyCredentialParameters {
    r#type: PublicKeyCredentialType,
    /// A number of the COSE registry, such as -7 for ES256.
    alg: i32,
}

#[derive(ToSchema)]
struct PublicKeyCredentialDescriptorJSON {
    r#type: PublicKeyCredentialType,
    /// In base64url.
    id: String,
    #[schema(required = false)]
    transports: Vec<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "kebab-case")]
enum PublicKeyCredentialType {
    PublicKey,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct AuthenticatorSelectionCriteria {
    #[schema(value_type = ResidentKeyRequirement, required = false)]
    resident_key: Option<ResidentKeyRequirement>,
    require_resident_key: bool,
    user_verification: UserVerificationRequirement,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum ResidentKeyRequirement {
    Required,
    Preferred,
    Discouraged,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
enum UserVerificationRequirement {
    Required,
    Preferred,
    Discouraged,
}

/// WebAuthn L3 §10.1, for a user who has a U2F key.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
struct AuthenticationExtensionsClientInputsJSON {
    /// Of an authentication.
    #[schema(value_type = String, required = false)]
    appid: Option<String>,
    /// Of a registration.
    #[schema(value_type = String, required = false)]
    appid_exclude: Option<String>,
}

/// WebAuthn L3 §5.1. Base64 may be of either alphabet.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RegistrationResponseJSON {
    id: String,
    raw_id: String,
    #[schema(rename = "type", example = "public-key")]
    kind: String,
    response: AuthenticatorAttestationResponseJSON,
    /// Not read.
    #[schema(required = false)]
    client_extension_results: Value,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AuthenticatorAttestationResponseJSON {
    #[schema(rename = "clientDataJSON")]
    client_data_json: String,
    attestation_object: String,
    transports: Option<Vec<String>>,
}

/// WebAuthn L3 §5.1. Base64 may be of either alphabet.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AuthenticationResponseJSON {
    id: String,
    raw_id: String,
    #[schema(rename = "type", example = "public-key")]
    kind: String,
    response: AuthenticatorAssertionResponseJSON,
    /// Not read.
    #[schema(required = false)]
    client_extension_results: Value,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AuthenticatorAssertionResponseJSON {
    #[schema(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}
