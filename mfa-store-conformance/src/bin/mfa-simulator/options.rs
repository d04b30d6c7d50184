//! The options of a ceremony in the JSON of WebAuthn L3 §5.1.9, as far as the simulator needs them.

use axum::http::Uri;
use data_encoding::BASE64URL_NOPAD;
use mfa_store_conformance::kit::authenticator::Browser;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::refusal::Refusal;

/// `PublicKeyCredentialCreationOptionsJSON`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Creation {
    pub(crate) rp: Rp,
    pub(crate) user: User,
    pub(crate) challenge: String,
    pub(crate) pub_key_cred_params: Vec<Parameters>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Rp {
    pub(crate) id: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct User {
    pub(crate) id: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Parameters {
    pub(crate) alg: i64,
}

/// `PublicKeyCredentialRequestOptionsJSON`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Request {
    pub(crate) challenge: String,
    pub(crate) rp_id: Option<String>,
    #[serde(default)]
    pub(crate) allow_credentials: Vec<Descriptor>,
    #[serde(default)]
    pub(crate) extensions: Extensions,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Descriptor {
    pub(crate) id: String,
}

#[derive(Debug, Default, Deserialize)]
pub(crate) struct Extensions {
    pub(crate) appid: Option<String>,
}

/// Reads options, with or without the outer `publicKey`.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let mut body: Value = serde_json::from_slice(body)
        .map_err(|error| Refusal::bad_request(format!("the body is not JSON: {error}")))?;
    let options = match body.get_mut("publicKey") {
        Some(inner) => inner.take(),
        None => body,
    };
    serde_json::from_value(options).map_err(|error| {
        Refusal::bad_request(format!(
            "these are not the options of this ceremony: {error}; send what the server answered"
        ))
    })
}

/// The bytes of a member in base64url.
pub(crate) fn bytes(name: &str, text: &str) -> Result<Vec<u8>, Refusal> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| {
        Refusal::bad_request(format!("{name} is not base64url without padding, as WebAuthn L3 has it"))
    })
}

/// The browser of the page that got these options. Without an RP ID, a page's is the host of its origin.
pub(crate) fn browser(
    challenge: String,
    rp_id: Option<String>,
    origin: Option<&str>,
) -> Result<Browser, Refusal> {
    bytes("challenge", &challenge)?;
    let host = || Some(origin?.parse::<Uri>().ok()?.host()?.to_owned());
    let rp_id = rp_id.or_else(host).ok_or_else(|| {
        Refusal::bad_request("the options name no RP ID: name the page, as ?origin=https://login.example.com")
    })?;
    let origin = match origin {
        Some(origin) => origin.to_owned(),
        // Some set-ups use one string for both.
        None if rp_id.contains("://") => rp_id.clone(),
        None => format!("https://{rp_id}"),
    };
    Ok(Browser {
        origin,
        rp_id,
        challenge,
        kind: None,
        extra: json!({"crossOrigin": false}),
        user_handle: None,
    })
}
