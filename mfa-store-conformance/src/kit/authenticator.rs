//! A soft authenticator: WebAuthn and raw U2F with keys in memory. Tests can set every flag, counter and
//! field, to answer ceremonies rightly and wrongly.

mod key;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use minicbor::Encoder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use self::key::Key;

/// UP: somebody was present.
pub const UP: u8 = 0x01;
/// UV: the user was verified.
pub const UV: u8 = 0x04;
/// BE: the key may be backed up.
pub const BE: u8 = 0x08;
/// BS: the key is backed up.
pub const BS: u8 = 0x10;
const AT: u8 = 0x40;

/// An authenticator with one credential.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests set what they like")]
pub struct SoftAuthenticator {
    /// Its key.
    pub key: Key,
    /// Its credential ID, or key handle.
    pub credential_id: Vec<u8>,
    /// Its model.
    pub aaguid: [u8; 16],
    /// The flags it sets, except for attested data.
    pub flags: u8,
    /// The counter of its next answer.
    pub counter: u32,
}

/// The browser's part in a ceremony. Tests may set each field wrong.
#[derive(Clone, Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests set what they like")]
pub struct Browser {
    /// The page's origin.
    pub origin: String,
    /// The RP ID, or AppID, that the authenticator hashes.
    pub rp_id: String,
    /// The challenge, in base64url.
    pub challenge: String,
    /// `type` of the client data, if it should differ from the ceremony's.
    pub kind: Option<&'static str>,
    /// Further members of the client data.
    pub extra: Value,
    /// The user handle to send.
    pub user_handle: Option<Vec<u8>>,
}

impl Browser {
    /// A browser at `origin` that answers `options`, from the server.
    pub fn new(origin: &str, options: &Value) -> Self {
        let public_key = &options["publicKey"];
        let rp_id = public_key["rp"]["id"].as_str().or(public_key["rpId"].as_str()).unwrap();
        Self {
            origin: origin.to_owned(),
            rp_id: rp_id.to_owned(),
            challenge: public_key["challenge"].as_str().unwrap().to_owned(),
            kind: None,
            extra: json!({}),
            user_handle: None,
        }
    }

    fn client_data(&self, kind: &str) -> Vec<u8> {
        let mut data =
            json!({"type": self.kind.unwrap_or(kind), "challenge": self.challenge, "origin": self.origin});
        for (name, value) in self.extra.as_object().unwrap() {
            data[name] = value.clone();
        }
        data.to_string().into_bytes()
    }
}

impl SoftAuthenticator {
    /// A new authenticator with a key for `algorithm` and a random credential.
    pub fn new(algorithm: i32) -> Self {
        let mut credential_id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut credential_id).unwrap();
        Self { key: Key::generate(algorithm), credential_id, aaguid: [7; 16], flags: UP | UV, counter: 1 }
    }

    /// An authenticator with a credential of the fixtures.
    pub fn with_key(kind: &str, pem: &str, id_hex: &str) -> Self {
        let credential_id = HEXLOWER.decode(id_hex.as_bytes()).unwrap();
        Self { key: Key::from_pem(kind, pem), credential_id, aaguid: [0; 16], flags: UP, counter: 1000 }
    }

    fn authenticator_data(&self, rp_id: &str, attested: bool) -> Vec<u8> {
        let flags = if attested { self.flags | AT } else { self.flags };
        let mut data = Sha256::digest(rp_id.as_bytes()).to_vec();
        data.push(flags);
        // A registration has the counter before the next answer's.
        let counter = if attested { self.counter.saturating_sub(1) } else { self.counter };
        data.extend_from_slice(&counter.to_be_bytes());
        if attested {
            data.extend_from_slice(&self.aaguid);
            data.extend_from_slice(&u16::try_from(self.credential_id.len()).unwrap().to_be_bytes());
            data.extend_from_slice(&self.credential_id);
            data.extend_from_slice(&self.key.cose());
        }
        data
    }

    /// `navigator.credentials.create()`, without attestation.
    pub fn create(&self, browser: &Browser) -> Value {
        self.created(browser, "none", |_, _| {})
    }

    /// `navigator.credentials.create()`, with self attestation (§8.2).
    pub fn create_packed(&self, browser: &Browser) -> Value {
        self.created(browser, "packed", |data, statement| {
            statement.extend(self.key.sign(data));
        })
    }

    fn created(&self, browser: &Browser, format: &str, attest: impl Fn(&[u8], &mut Vec<u8>)) -> Value {
        let client_data = browser.client_data("webauthn.create");
        let data = self.authenticator_data(&browser.rp_id, true);
        let mut signature = Vec::new();
        attest(&[data.as_slice(), &Sha256::digest(&client_data)].concat(), &mut signature);

        let mut object = Vec::new();
        let mut cbor = Encoder::new(&mut object);
        cbor.map(3).unwrap().str("fmt").unwrap().str(format).unwrap().str("attStmt").unwrap();
        if signature.is_empty() {
            cbor.map(0).unwrap();
        } else {
            cbor.map(2).unwrap().str("alg").unwrap().i64(self.key.algorithm().into()).unwrap();
            cbor.str("sig").unwrap().bytes(&signature).unwrap();
        }
        cbor.str("authData").unwrap().bytes(&data).unwrap();
        let id = BASE64URL_NOPAD.encode(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "attestationObject": BASE64URL_NOPAD.encode(&object),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "publicKey": BASE64URL_NOPAD.encode(&self.key.public_key_info()),
                "publicKeyAlgorithm": self.key.algorithm(),
                "transports": ["usb", "nfc"],
            },
        })
    }

    /// `navigator.credentials.get()`. Increments the counter.
    pub fn get(&mut self, browser: &Browser) -> Value {
        let client_data = browser.client_data("webauthn.get");
        let data = self.authenticator_data(&browser.rp_id, false);
        self.counter = self.counter.wrapping_add(1);
        let signature = self.key.sign(&[data.as_slice(), &Sha256::digest(&client_data)].concat());
        let id = BASE64URL_NOPAD.encode(&self.credential_id);
        let mut answer = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(&signature),
            },
        });
        if let Some(handle) = &browser.user_handle {
            answer["response"]["userHandle"] = BASE64URL_NOPAD.encode(handle).into();
        }
        answer
    }
}

/// A raw U2F key.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "tests set what they like")]
pub struct SoftU2fKey {
    /// The key and its handle.
    pub key: Key,
    /// The key handle.
    pub key_handle: Vec<u8>,
    /// Its counter, as the next answer states it.
    pub counter: u32,
    /// The flags byte of an authentication.
    pub flags: u8,
}

impl SoftU2fKey {
    /// A new key.
    pub fn new() -> Self {
        let mut key_handle = vec![0; 64];
        aws_lc_rs::rand::fill(&mut key_handle).unwrap();
        Self { key: Key::generate(-7), key_handle, counter: 1, flags: 1 }
    }

    /// The answer to a registration request: client data and registration data. The attestation certificate is
    /// `certificate` with the key `attested_by`.
    pub fn register(
        &self,
        typ: &str,
        origin: &str,
        app_id: &str,
        challenge: &str,
        certificate: &[u8],
        attested_by: &Key,
    ) -> Value {
        let client_data = json!({"typ": typ, "challenge": challenge, "origin": origin}).to_string();
        let hashes = [Sha256::digest(app_id.as_bytes()), Sha256::digest(client_data.as_bytes())].concat();
        let signed = [&[0], hashes.as_slice(), &self.key_handle, &self.key.point()].concat();
        let handle_len = u8::try_from(self.key_handle.len()).unwrap();
        let data = [
            &[0x05],
            self.key.point().as_slice(),
            &[handle_len],
            &self.key_handle,
            certificate,
            &attested_by.sign(&signed),
        ]
        .concat();
        json!({
            "version": "U2F_V2",
            "clientData": BASE64URL_NOPAD.encode(client_data.as_bytes()),
            "registrationData": BASE64URL_NOPAD.encode(&data),
        })
    }

    /// The answer to an authentication request. Increments the counter.
    pub fn authenticate(&mut self, typ: &str, origin: &str, app_id: &str, challenge: &str) -> Value {
        let client_data = json!({"typ": typ, "challenge": challenge, "origin": origin}).to_string();
        let counter = self.counter.to_be_bytes();
        self.counter += 1;
        let app_id_hash = Sha256::digest(app_id.as_bytes());
        let client_hash = Sha256::digest(client_data.as_bytes());
        let signed = [app_id_hash.as_slice(), &[self.flags], &counter, client_hash.as_slice()].concat();
        let data = [&[self.flags], counter.as_slice(), &self.key.sign(&signed)].concat();
        json!({
            "keyHandle": BASE64URL_NOPAD.encode(&self.key_handle),
            "clientData": BASE64URL_NOPAD.encode(client_data.as_bytes()),
            "signatureData": BASE64URL_NOPAD.encode(&data),
        })
    }
}

impl Default for SoftU2fKey {
    fn default() -> Self {
        Self::new()
    }
}

/// The outline of a self-signed certificate around `key`: enough X.509 for a verifier that only reads the
/// key.
pub fn certificate(key: &Key) -> Vec<u8> {
    let wrap = |tag: u8, content: &[u8]| {
        let len = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], len.as_slice(), content].concat()
    };
    let algorithm = HEXLOWER.decode(b"301306072a8648ce3d020106082a8648ce3d030107").unwrap();
    let bits = wrap(0x03, &[&[0], key.point().as_slice()].concat());
    let key_info = wrap(0x30, &[algorithm.as_slice(), &bits].concat());
    let name = wrap(0x30, &[]);
    let fields = [
        wrap(0xa0, &[0x02, 0x01, 0x02]),
        wrap(0x02, &[1]),
        wrap(0x30, &algorithm),
        name.clone(),
        name.clone(),
        name,
        key_info,
    ];
    // Non-zero unused bits in the signature, as Yubico's early certificates have them (R29).
    wrap(0x30, &[wrap(0x30, &fields.concat()), wrap(0x30, &algorithm), wrap(0x03, &[5, 1, 2])].concat())
}
