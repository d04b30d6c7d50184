//! The route of the Go predecessor's simulator.

use axum::http::HeaderMap;
use mfa_store_conformance::kit::authenticator::{Key, SoftAuthenticator, UP};
use mfa_store_conformance::kit::go_simulator::{KEY_HANDLE, Registration, register};
use rcgen::{CertificateParams, KeyPair};
use serde::Deserialize;
use serde_json::Value;

use crate::credentials::{Credential, Credentials};
use crate::refusal::Refusal;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    challenge: String,
    #[serde(default)]
    key_handle: String,
}

impl Credentials {
    /// A registration as the Go predecessor's simulator makes it. Its key logs in by `/webauthn/get`.
    pub(crate) fn register(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<Value, Refusal> {
        let body: Body = serde_json::from_slice(body).map_err(|error| {
            Refusal::bad_request(format!(
                "the body is not {{\"challenge\": TEXT, \"keyHandle\": TEXT}}, of which the second may be absent: {error}"
            ))
        })?;
        let rp_id = header(headers, "x-mfa-RPID")?;
        let asked = Registration {
            // As its clients may have it: standard base64, with padding.
            challenge: &body.challenge.trim_end_matches('=').replace('+', "-").replace('/', "_"),
            key_handle: if body.key_handle.is_empty() { KEY_HANDLE } else { &body.key_handle },
            rp_id,
            origin: header(headers, "x-mfa-RPOrigin")?,
            user: header(headers, "x-mfa-UserUUID")?,
        };
        if asked.challenge.is_empty() {
            return Err(Refusal::bad_request("challenge is empty: send that of the server's options"));
        }
        if asked.key_handle.len() > 255 {
            return Err(Refusal::bad_request("keyHandle is longer than 255 bytes, which U2F does not allow"));
        }
        let key = Key::generate(-7);
        let certificate = certificate(&key)
            .map_err(|error| Refusal::internal(format!("cannot make a certificate: {error}")))?;
        let answer = register(&key, &certificate, asked);
        let credential_id = asked.key_handle.as_bytes().to_vec();
        let authenticator = SoftAuthenticator { key, credential_id, aaguid: [0; 16], flags: UP, counter: 1 };
        self.add(Credential { authenticator, rp_id: rp_id.to_owned(), user_handle: None });
        Ok(answer)
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Refusal> {
    let value = headers.get(name).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    value.ok_or_else(|| {
        Refusal::bad_request(format!("the header {name} is missing: send those that the server gets"))
    })
}

/// A self-signed certificate, which is what webauthn libraries parse.
fn certificate(key: &Key) -> Result<Vec<u8>, rcgen::Error> {
    let pair = KeyPair::try_from(key.pkcs8())?;
    let certificate = CertificateParams::new(vec!["simulator.example".to_owned()])?.self_signed(&pair)?;
    Ok(certificate.der().to_vec())
}
