//! `/webauthn/user` and `/webauthn/credential`: a user's credentials.

use axum::Json;
use axum::http::StatusCode;
use data_encoding::HEXLOWER;
use mfa_core::code::Code;
use mfa_core::webauthn::{CredentialRecord, KeyHandleHash, WebauthnError};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::webauthn_error::deletion_error;
use crate::authentication::{Authenticated, CONSUMER};
use crate::body::{Body, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::members::Member;
use crate::openapi::errors::Codes;
use crate::openapi::headers::{RelyingPartyHeaders, UserHeader};
use crate::path::Segment;
use crate::relying_party::{Meta, RELYING_PARTY, USER, User};

/// A credential. Times are in milliseconds since 1970.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CredentialView {
    #[serde(rename = "key_handle_hash")]
    key_handle_hash: String,
    /// `webauthn` or `u2f`.
    kind: &'static str,
    #[schema(required = true)]
    label: Option<String>,
    #[schema(required = true)]
    created_at: Option<u64>,
    #[schema(required = true)]
    last_used_at: Option<u64>,
    transports: Vec<String>,
    aaguid: String,
    attestation_format: String,
    #[schema(required = true)]
    backup_eligible: Option<bool>,
    backup_state: bool,
    sign_count: u32,
    #[schema(required = true)]
    rp_id: Option<String>,
}

impl CredentialView {
    fn of(record: CredentialRecord, kind: &'static str) -> Self {
        Self {
            key_handle_hash: record.id.key_handle_hash().to_string(),
            kind,
            label: record.label,
            created_at: record.created_at.map(|time| time.as_millis()),
            last_used_at: record.last_used_at.map(|time| time.as_millis()),
            transports: record.transports,
            aaguid: HEXLOWER.encode(&record.aaguid),
            attestation_format: record.attestation_format,
            backup_eligible: record.backup_eligible,
            backup_state: record.backup_state,
            sign_count: record.sign_count,
            rp_id: record.rp_id,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub(super) struct UserView {
    uuid: String,
    credentials: Vec<CredentialView>,
    /// The number of stored credentials that cannot be read.
    unreadable: usize,
}

pub(super) const LIST: Codes = &[CONSUMER, USER, SERVER];

/// Lists the credentials of a user.
#[utoipa::path(get, path = "/webauthn/user", operation_id = "getUser", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])), params(UserHeader),
    responses((status = 200, description = "The user's credentials; none if the user does not exist",
        body = UserView)),
    extensions(("x-codes" = json!(LIST))))]
pub(super) async fn list(
    Authenticated(consumer): Authenticated,
    User(user): User,
) -> Result<Json<UserView>, ApiError> {
    let found = consumer.user_credentials(user).await.map_err(deletion_error)?;
    let webauthn = found.credentials.into_iter().map(|record| CredentialView::of(record, "webauthn"));
    let u2f = found.legacy_u2f.map(|record| CredentialView::of(record, "u2f"));
    Ok(Json(UserView {
        uuid: user.to_string(),
        credentials: webauthn.chain(u2f).collect(),
        unreadable: found.unreadable,
    }))
}

pub(super) const DELETE_USER: Codes = &[CONSUMER, RELYING_PARTY, SERVER];

/// Deletes a user with all credentials. Without a user there is nothing to delete.
#[utoipa::path(delete, path = "/webauthn/user", operation_id = "deleteUser", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])), params(RelyingPartyHeaders),
    responses((status = 204, description = "The user does not exist, or no longer exists")),
    extensions(("x-codes" = json!(DELETE_USER))))]
pub(super) async fn delete_user(
    Authenticated(consumer): Authenticated,
    meta: Meta,
) -> Result<StatusCode, ApiError> {
    if let Some(user) = meta.user.id {
        consumer.delete_user(user).await.map_err(deletion_error)?;
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) const DELETE_CREDENTIAL: Codes =
    &[CONSUMER, RELYING_PARTY, SERVER, &[Code::UserUuidRequired, Code::CredentialNotFound]];

/// Deletes one credential of a user.
#[utoipa::path(delete, path = "/webauthn/credential/{id}", operation_id = "deleteCredential", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("id" = String, Path, description = "A `key_handle_hash`, or `u2f` for the legacy key"), RelyingPartyHeaders),
    responses((status = 204, description = "Deleted")),
    extensions(("x-codes" = json!(DELETE_CREDENTIAL))))]
pub(super) async fn delete_credential(
    Authenticated(consumer): Authenticated,
    meta: Meta,
    Segment(id): Segment,
) -> Result<StatusCode, ApiError> {
    let user = meta.known_user()?;
    if id == "u2f" {
        consumer.u2f().forget_key(user).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let hash: KeyHandleHash = id.parse().map_err(|_| deletion_error(WebauthnError::NotFound))?;
    consumer.delete_credential(user, hash).await.map_err(deletion_error)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The new name of a credential; `null` removes the name.
#[derive(Deserialize, ToSchema)]
pub(super) struct Label {
    #[serde(default)]
    #[schema(value_type = Option<String>, required = true, max_length = 100)]
    label: Member<Option<String>>,
}

pub(super) const RENAME: Codes =
    &[CONSUMER, USER, OBJECT, SERVER, &[Code::InvalidLabel, Code::CredentialNotFound]];

/// Renames one credential of a user.
#[utoipa::path(patch, path = "/webauthn/credential/{id}", operation_id = "renameCredential", tag = "WebAuthn",
    security(("apiKey" = [], "apiSecret" = [])),
    params(("id" = String, Path, description = "A `key_handle_hash`"), UserHeader), request_body = Label,
    responses((status = 204, description = "Renamed")),
    extensions(("x-codes" = json!(RENAME))))]
pub(super) async fn rename(
    Authenticated(consumer): Authenticated,
    User(user): User,
    Segment(id): Segment,
    Body(body): Body<Label>,
) -> Result<StatusCode, ApiError> {
    let label = body.label.given().ok_or(ApiError::of(Code::InvalidLabel))?;
    if label.as_ref().is_some_and(|label| label.chars().count() > 100) {
        return Err(ApiError::of(Code::InvalidLabel));
    }
    let hash: KeyHandleHash = id.parse().map_err(|_| deletion_error(WebauthnError::NotFound))?;
    consumer.rename_credential(user, hash, label.as_deref()).await.map_err(deletion_error)?;
    Ok(StatusCode::NO_CONTENT)
}
