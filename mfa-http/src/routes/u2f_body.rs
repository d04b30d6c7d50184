//! Responses of U2F keys, as the predecessors' clients send them.

use mfa_core::code::Code;
use mfa_core::u2f::{U2fAuthenticationResponse, U2fError, U2fRegistrationResponse};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::error::ApiError;
use crate::members::Member;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct U2fRegistration {
    #[serde(default)]
    #[schema(value_type = U2fRegistrationData, required = true)]
    sign_result: Member<SignResult<U2fRegistrationData>>,
}

/// The key's response, with each part in base64url.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct U2fRegistrationData {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    client_data: Member<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    registration_data: Member<String>,
}

impl U2fRegistration {
    pub(super) fn response(self) -> Result<U2fRegistrationResponse, ApiError> {
        let data = answered(self.sign_result)?;
        let response =
            U2fRegistrationResponse::new(&field(data.client_data)?, &field(data.registration_data)?);
        Ok(response.map_err(U2fError::from)?)
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct U2fAuthentication {
    #[serde(default)]
    #[schema(value_type = U2fSignatureData, required = true)]
    sign_result: Member<SignResult<U2fSignatureData>>,
}

/// The key's response, with each part in base64url.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct U2fSignatureData {
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    client_data: Member<String>,
    #[serde(default)]
    #[schema(value_type = String, required = true)]
    signature_data: Member<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    key_handle: Member<String>,
}

impl U2fAuthentication {
    pub(super) fn response(self) -> Result<U2fAuthenticationResponse, ApiError> {
        let data = answered(self.sign_result)?;
        let response = U2fAuthenticationResponse::new(
            &field(data.client_data)?,
            &field(data.signature_data)?,
            data.key_handle.given().as_deref(),
        );
        Ok(response.map_err(U2fError::from)?)
    }
}

/// The key's response, or the error that the browser reports.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SignResult<T> {
    #[serde(default)]
    error_code: Member<Value>,
    #[serde(default)]
    error_message: Member<String>,
    #[serde(flatten)]
    data: T,
}

fn answered<T>(result: Member<SignResult<T>>) -> Result<T, ApiError> {
    let result = result.given().ok_or(ApiError::of(Code::Malformed))?;
    if result.error_code.given().is_some_and(|code| code != 0) {
        let error = ApiError::of(Code::TokenError);
        return Err(match result.error_message.given() {
            Some(message) => error.saying(message),
            None => error,
        });
    }
    Ok(result.data)
}

fn field(member: Member<String>) -> Result<String, ApiError> {
    member.given().ok_or(ApiError::of(Code::Malformed))
}
