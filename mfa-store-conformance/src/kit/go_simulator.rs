//! Registrations as the Go predecessor's U2F simulator makes them, which its clients' tests send.

use data_encoding::{BASE64URL, BASE64URL_NOPAD};
use minicbor::Encoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::authenticator::Key;

/// The key handle of a request that names none.
pub const KEY_HANDLE: &str = "U2fSimulatorKey";

/// What the simulator is asked.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::exhaustive_structs, reason = "the simulator reads these five")]
pub struct Registration<'a> {
    /// The challenge, in base64url.
    pub challenge: &'a str,
    /// The key handle, of at most 255 bytes.
    pub key_handle: &'a str,
    /// The RP ID.
    pub rp_id: &'a str,
    /// The page's origin.
    pub origin: &'a str,
    /// What the answer has for its credential ID.
    pub user: &'a str,
}

/// Its answer with an ES256 key, which `certificate` attests. The signature covers the hash of the origin where a
/// verifier expects the RP ID's, the key names no curve, and the attestation object has a fourth member.
pub fn register(key: &Key, certificate: &[u8], asked: Registration<'_>) -> Value {
    let Registration { challenge, key_handle, rp_id, origin, user } = asked;
    let handle = key_handle.as_bytes();
    let client_data = json!({
        "type": "webauthn.create", "challenge": challenge, "origin": origin, "cid_pubkey": null,
    })
    .to_string();
    let point = key.point();
    let mut cose = Encoder::new(Vec::new());
    cose.map(4).unwrap().u8(1).unwrap().u8(2).unwrap().u8(3).unwrap().i8(-7).unwrap();
    cose.i8(-2).unwrap().bytes(&point[1..33]).unwrap().i8(-3).unwrap().bytes(&point[33..]).unwrap();
    let data = [
        &Sha256::digest(rp_id)[..],
        &[0x41, 0, 0, 0, 0],
        &[0; 16],
        &[0, u8::try_from(handle.len()).unwrap()],
        handle,
        &cose.into_writer(),
    ]
    .concat();
    let signed = [&[0][..], &Sha256::digest(origin), &Sha256::digest(&client_data), handle, &point].concat();

    let mut object = Encoder::new(Vec::new());
    object.map(4).unwrap().str("fmt").unwrap().str("fido-u2f").unwrap().str("attStmt").unwrap();
    object.map(2).unwrap().str("x5c").unwrap().array(1).unwrap().bytes(certificate).unwrap();
    object.str("sig").unwrap().bytes(&key.sign(&signed)).unwrap();
    object.str("authData").unwrap().bytes(&data).unwrap().str("AuthData").unwrap().bytes(&data).unwrap();
    json!({
        "id": user, "rawId": user, "type": "public-key", "transports": ["usb"], "clientExtensionResults": {},
        "response": {
            "authenticatorData": BASE64URL_NOPAD.encode(&data),
            "clientDataJSON": BASE64URL.encode(client_data.as_bytes()),
            "attestationObject": BASE64URL_NOPAD.encode(&object.into_writer()),
        },
    })
}
