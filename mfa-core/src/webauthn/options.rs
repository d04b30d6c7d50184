//! Options for the browser, WebAuthn L3 §5.4 and §5.5, with the Go predecessor's members in its order.

use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;

use super::{Challenge, CredentialRecord, NewUser, RelyingParty};
use crate::id::UserId;

/// How long the browser may wait, in milliseconds.
const TIMEOUT: u32 = 120_000;

/// For `navigator.credentials.create()`, to be sent as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct RegistrationOptions {
    #[serde(rename = "publicKey")]
    public_key: CreationOptions,
}

/// For `navigator.credentials.get()`, to be sent as JSON.
#[derive(Clone, Debug, Serialize)]
pub struct AuthenticationOptions {
    #[serde(rename = "publicKey")]
    public_key: RequestOptions,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CreationOptions {
    rp: Entity,
    user: User,
    challenge: String,
    pub_key_cred_params: Vec<Parameters>,
    timeout: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exclude_credentials: Vec<Descriptor>,
    authenticator_selection: Selection,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestOptions {
    challenge: String,
    timeout: u32,
    rp_id: String,
    allow_credentials: Vec<Descriptor>,
    user_verification: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    extensions: Option<Extensions>,
}

#[derive(Clone, Debug, Serialize)]
struct Entity {
    name: String,
    id: String,
}

#[derive(Clone, Debug, Serialize)]
struct User {
    name: String,
    #[serde(rename = "displayName")]
    display_name: String,
    id: String,
}

#[derive(Clone, Debug, Serialize)]
struct Parameters {
    #[serde(rename = "type")]
    kind: &'static str,
    alg: i32,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Selection {
    #[serde(skip_serializing_if = "Option::is_none")]
    resident_key: Option<&'static str>,
    require_resident_key: bool,
    user_verification: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Descriptor {
    #[serde(rename = "type")]
    kind: &'static str,
    id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transports: Vec<String>,
}

impl Descriptor {
    fn of(id: &[u8], transports: &[String]) -> Self {
        Self { kind: "public-key", id: BASE64URL_NOPAD.encode(id), transports: transports.to_vec() }
    }
}

/// §10.1.1 and §10.1.2.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Extensions {
    #[serde(skip_serializing_if = "Option::is_none")]
    appid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    appid_exclude: Option<String>,
}

/// A legacy U2F key in options.
#[derive(Clone, Copy, Debug)]
pub(super) struct LegacyKey<'a> {
    pub(super) app_id: &'a str,
    pub(super) key_handle: &'a [u8],
}

impl RegistrationOptions {
    pub(super) fn new<'a>(
        relying_party: &RelyingParty,
        id: UserId,
        new_user: &NewUser,
        challenge: &Challenge,
        known: impl Iterator<Item = &'a CredentialRecord>,
        legacy: Option<LegacyKey<'_>>,
    ) -> Self {
        let mut exclude_credentials = Vec::new();
        if relying_party.exclude_credentials {
            exclude_credentials.extend(known.map(|record| Descriptor::of(&record.id.0, &record.transports)));
        }
        // `appidExclude` looks for the excluded ids under the AppID, so the key handle must be among them.
        exclude_credentials.extend(legacy.map(|legacy| Descriptor::of(legacy.key_handle, &[])));
        let resident_key = relying_party.resident_key;
        let public_key = CreationOptions {
            rp: Entity { name: relying_party.name.clone(), id: relying_party.id.clone() },
            user: User {
                name: new_user.name.clone(),
                display_name: new_user.display_name.clone(),
                id: BASE64URL_NOPAD.encode(id.to_string().as_bytes()),
            },
            challenge: challenge.to_string(),
            pub_key_cred_params: relying_party
                .algorithms
                .iter()
                .map(|algorithm| Parameters { kind: "public-key", alg: algorithm.number() })
                .collect(),
            timeout: TIMEOUT,
            exclude_credentials,
            authenticator_selection: Selection {
                // The predecessor omitted the member, which means `discouraged`.
                resident_key: (resident_key != super::ResidentKey::Discouraged)
                    .then(|| resident_key.as_str()),
                require_resident_key: resident_key == super::ResidentKey::Required,
                user_verification: relying_party.user_verification.as_str(),
            },
            extensions: legacy
                .map(|legacy| Extensions { appid: None, appid_exclude: Some(legacy.app_id.to_owned()) }),
        };
        Self { public_key }
    }
}

impl AuthenticationOptions {
    pub(super) fn new<'a>(
        relying_party: &RelyingParty,
        challenge: &Challenge,
        known: impl Iterator<Item = &'a CredentialRecord>,
        legacy: Option<LegacyKey<'_>>,
    ) -> Self {
        let known = known.map(|record| Descriptor::of(&record.id.0, &record.transports));
        let public_key = RequestOptions {
            challenge: challenge.to_string(),
            timeout: TIMEOUT,
            rp_id: relying_party.id.clone(),
            allow_credentials: known
                .chain(legacy.map(|legacy| Descriptor::of(legacy.key_handle, &[])))
                .collect(),
            user_verification: relying_party.user_verification.as_str(),
            extensions: legacy
                .map(|legacy| Extensions { appid: Some(legacy.app_id.to_owned()), appid_exclude: None }),
        };
        Self { public_key }
    }
}
