//! The headers of WebAuthn requests, which `relying_party.rs` reads.
#![expect(dead_code, reason = "these types describe, nothing makes them")]

use utoipa::IntoParams;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};

/// The relying party and its user. Values are UTF-8.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
pub(crate) struct RelyingPartyHeaders {
    #[param(rename = "x-mfa-RPDisplayName", min_length = 1, example = "Acme")]
    display_name: String,
    #[param(rename = "x-mfa-RPID", min_length = 1, example = "example.com")]
    id: String,
    /// The origin of the page. Its host is the RP ID or a subdomain. An origin that equals the RP ID, or that
    /// of an Android app (`android:apk-key-hash:`), is accepted too. Without it, a ceremony can begin but not
    /// finish.
    #[param(rename = "x-mfa-RPOrigin", required = false, example = "https://login.example.com")]
    origin: String,
    #[param(rename = "x-mfa-Username", min_length = 1, example = "jo")]
    name: String,
    #[param(rename = "x-mfa-UserDisplayName", min_length = 1, example = "Jo")]
    user_display_name: String,
    /// The user. Omit it only to register a new user.
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

/// An empty header counts as absent.
fn uuid_or_none() -> Schema {
    matching("^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})?$")
}

fn matching(pattern: &str) -> Schema {
    ObjectBuilder::new().schema_type(Type::String).pattern(Some(pattern)).build().into()
}
