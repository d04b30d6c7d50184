//! What clients send, and the browser's options: read and written by other code, described here.
#![expect(dead_code, reason = "these types describe, nothing makes them")]

use serde_json::{Value, json};
use utoipa::openapi::schema::{ObjectBuilder, Schema, SchemaType, Type};
use utoipa::{IntoParams, ToSchema};

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct NewApiKey {
    #[schema(min_length = 1, example = "dev@example.com")]
    email: String,
    /// Milliseconds since 1970 for a key that ends by itself.
    #[schema(minimum = 0, maximum = 253402300799999_u64)]
    expires_at: Option<u64>,
}

/// `apiKey`, or `apiKeyValue` as another service spelt it. With `consumerKeyId` and `consumerKeySecret` the key
/// becomes one more of that key's consumer.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct Activation {
    #[schema(min_length = 1, example = "dev@example.com")]
    email: String,
    api_key: Option<String>,
    api_key_value: Option<String>,
    consumer_key_id: Option<String>,
    consumer_key_secret: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RotationRequest {
    old_key_id: String,
    old_key_secret: String,
    new_key_id: String,
    new_key_secret: String,
    /// Revoke the old key at the end.
    revoke_old: Option<bool>,
}

/// May be left out, or `[]`. Numbers count as their digits where a text is asked for.
#[derive(ToSchema)]
pub(crate) struct NewTotp {
    /// Shown by the authenticator app.
    #[schema(required = false, schema_with = text_or_none, example = "Acme")]
    issuer: String,
    /// Shown by the authenticator app; `SecretKey` by default.
    #[schema(required = false, schema_with = text, example = "jo@example.com")]
    label: String,
    #[schema(required = false)]
    algorithm: Algorithm,
    #[schema(required = false, schema_with = digits)]
    digits: u8,
    /// Seconds.
    #[schema(required = false, minimum = 15, maximum = 300, default = 30)]
    period: u16,
}

fn text_or_none() -> Schema {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
        .build()
        .into()
}

fn text() -> Schema {
    let types = SchemaType::from_iter([Type::String, Type::Number, Type::Null]);
    ObjectBuilder::new().schema_type(types).min_length(Some(1)).build().into()
}

fn digits() -> Schema {
    ObjectBuilder::new()
        .schema_type(Type::Integer)
        .enum_values(Some([6, 8]))
        .default(Some(json!(6)))
        .build()
        .into()
}

#[derive(ToSchema)]
pub(crate) enum Algorithm {
    #[schema(rename = "SHA1")]
    Sha1,
    #[schema(rename = "SHA256")]
    Sha256,
    #[schema(rename = "SHA512")]
    Sha512,
}

#[derive(ToSchema)]
pub(crate) struct Code {
    #[schema(min_length = 1, example = "123456")]
    code: String,
}

#[derive(ToSchema)]
pub(crate) struct Label {
    #[schema(max_length = 100, required = true)]
    label: Option<String>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct NewU2f {
    #[schema(example = "https://login.example.com/app-id.json")]
    app_id: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct U2fRegistration {
    sign_result: U2fRegistrationData,
}

/// What the key answered, each in base64url.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct U2fRegistrationData {
    client_data: String,
    registration_data: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct U2fAuthentication {
    sign_result: U2fSignatureData,
}

/// What the key answered, each in base64url.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct U2fSignatureData {
    client_data: String,
    signature_data: String,
    key_handle: Option<String>,
}

/// `PublicKeyCredentialCreationOptionsJSON` of WebAuthn L3 §5.1.8, as `publicKey`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct CreationOptions {
    /// The user's id, to be sent as `x-mfa-UserUUID` from now on.
    uuid: String,
    #[schema(value_type = Object)]
    public_key: Value,
}

/// `PublicKeyCredentialRequestOptionsJSON` of WebAuthn L3 §5.1.9, as `publicKey`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RequestOptions {
    #[schema(value_type = Object)]
    public_key: Value,
}

/// `RegistrationResponseJSON` of WebAuthn L3 §5.1; base64 of either alphabet.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct RegistrationResponseJson {
    id: String,
    raw_id: String,
    #[schema(rename = "type", example = "public-key")]
    kind: String,
    response: AttestationResponse,
    #[schema(value_type = Option<Object>)]
    client_extension_results: Option<Value>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AttestationResponse {
    #[schema(rename = "clientDataJSON")]
    client_data_json: String,
    attestation_object: String,
    transports: Option<Vec<String>>,
}

/// `AuthenticationResponseJSON` of WebAuthn L3 §5.1; base64 of either alphabet.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AuthenticationResponseJson {
    id: String,
    raw_id: String,
    #[schema(rename = "type", example = "public-key")]
    kind: String,
    response: AssertionResponse,
    #[schema(value_type = Option<Object>)]
    client_extension_results: Option<Value>,
}

#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub(crate) struct AssertionResponse {
    #[schema(rename = "clientDataJSON")]
    client_data_json: String,
    authenticator_data: String,
    signature: String,
    user_handle: Option<String>,
}

/// The relying party and its user. Values are UTF-8.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct RelyingPartyHeaders {
    #[param(rename = "x-mfa-RPDisplayName", min_length = 1, example = "Acme")]
    display_name: String,
    #[param(rename = "x-mfa-RPID", min_length = 1, example = "example.com")]
    id: String,
    /// An origin within the RP ID; `https://` and the RP ID by default.
    #[param(rename = "x-mfa-RPOrigin", required = false, example = "https://login.example.com")]
    origin: String,
    #[param(rename = "x-mfa-Username", min_length = 1, example = "jo")]
    name: String,
    #[param(rename = "x-mfa-UserDisplayName", min_length = 1, example = "Jo")]
    user_display_name: String,
    /// The user; none begins the registration of a new one.
    #[param(rename = "x-mfa-UserUUID", required = false, schema_with = uuid_or_none, example = "2f17e007-394c-4458-a4d2-8799516e4e13")]
    user: String,
}

#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct UserHeader {
    #[param(rename = "x-mfa-UserUUID", schema_with = uuid, example = "2f17e007-394c-4458-a4d2-8799516e4e13")]
    user: String,
}

fn uuid() -> Schema {
    matching("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
}

/// An empty header is none.
fn uuid_or_none() -> Schema {
    matching("^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$")
}

fn matching(pattern: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build().into()
}
