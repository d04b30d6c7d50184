//! The private keys of authenticators.

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use minicbor::Encoder;

/// A private key.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "the kinds that tests use")]
pub enum Key {
    /// ECDSA on P-256.
    Es256(EcdsaKeyPair),
    /// ECDSA on P-384.
    Es384(EcdsaKeyPair),
    /// ECDSA on P-521.
    Es512(EcdsaKeyPair),
    /// Ed25519.
    EdDsa(Ed25519KeyPair),
    /// RSA with PKCS #1 v1.5.
    Rs256(RsaKeyPair),
}

impl Key {
    /// A new key for a COSE algorithm: -7, -35, -36, -8 or -257.
    pub fn generate(algorithm: i32) -> Self {
        match algorithm {
            -35 => Self::Es384(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_ASN1_SIGNING).unwrap()),
            -36 => Self::Es512(EcdsaKeyPair::generate(&ECDSA_P521_SHA512_ASN1_SIGNING).unwrap()),
            -8 => Self::EdDsa(Ed25519KeyPair::generate().unwrap()),
            -257 => Self::Rs256(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()),
            _ => Self::Es256(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap()),
        }
    }

    /// A key from PKCS #8 in PEM, as in the fixtures. `kind` is `ES256`, `RS256` or `EdDSA`.
    pub fn from_pem(kind: &str, pem: &str) -> Self {
        let base64: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let der = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
        match kind {
            "RS256" => Self::Rs256(RsaKeyPair::from_pkcs8(&der).unwrap()),
            "EdDSA" => Self::EdDsa(Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der).unwrap()),
            _ => Self::Es256(EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &der).unwrap()),
        }
    }

    /// An ES256 key as PKCS #8 in DER.
    pub fn pkcs8(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) => key.to_pkcs8v1().unwrap().as_ref().to_vec(),
            _ => panic!("not an ES256 key"),
        }
    }

    /// Its COSE algorithm.
    pub const fn algorithm(&self) -> i32 {
        match self {
            Self::Es256(_) => -7,
            Self::Es384(_) => -35,
            Self::Es512(_) => -36,
            Self::EdDsa(_) => -8,
            Self::Rs256(_) => -257,
        }
    }

    /// A signature over `message`.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Es256(key) | Self::Es384(key) | Self::Es512(key) => {
                key.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
            }
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            }
        }
    }

    /// The public key as a point, for elliptic curves.
    pub fn point(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) | Self::Es384(key) | Self::Es512(key) => key.public_key().as_ref().to_vec(),
            Self::EdDsa(key) => key.public_key().as_ref().to_vec(),
            Self::Rs256(_) => panic!("an RSA key is no point"),
        }
    }

    /// The public key as a `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn public_key_info(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) | Self::Es384(key) | Self::Es512(key) => der(key.public_key()),
            Self::EdDsa(key) => der(key.public_key()),
            Self::Rs256(key) => der(key.public_key()),
        }
    }

    /// The public key as a COSE key (RFC 9052 §7).
    pub fn cose(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut cbor = Encoder::new(&mut bytes);
        let algorithm = i64::from(self.algorithm());
        match self {
            Self::Es256(_) | Self::Es384(_) | Self::Es512(_) => {
                let curve: i64 = match self {
                    Self::Es384(_) => 2,
                    Self::Es512(_) => 3,
                    _ => 1,
                };
                let point = self.point();
                let (x, y) = point[1..].split_at((point.len() - 1) / 2);
                cbor.map(5).unwrap().u8(1).unwrap().u8(2).unwrap().u8(3).unwrap().i64(algorithm).unwrap();
                cbor.i8(-1).unwrap().i64(curve).unwrap().i8(-2).unwrap().bytes(x).unwrap();
                cbor.i8(-3).unwrap().bytes(y).unwrap();
            }
            Self::EdDsa(_) => {
                cbor.map(4).unwrap().u8(1).unwrap().u8(1).unwrap().u8(3).unwrap().i64(algorithm).unwrap();
                cbor.i8(-1).unwrap().u8(6).unwrap().i8(-2).unwrap().bytes(&self.point()).unwrap();
            }
            Self::Rs256(key) => {
                let (n, e) = rsa_components(key.public_key().as_ref());
                cbor.map(4).unwrap().u8(1).unwrap().u8(3).unwrap().u8(3).unwrap().i64(algorithm).unwrap();
                cbor.i8(-1).unwrap().bytes(&n).unwrap().i8(-2).unwrap().bytes(&e).unwrap();
            }
        }
        bytes
    }
}

fn der(key: &impl AsDer<PublicKeyX509Der<'static>>) -> Vec<u8> {
    key.as_der().unwrap().as_ref().to_vec()
}

/// Modulus and exponent of an `RSAPublicKey` (RFC 8017 §A.1.1) of 2048 bits.
fn rsa_components(der: &[u8]) -> (Vec<u8>, Vec<u8>) {
    // SEQUENCE (4 bytes of header), INTEGER (4 of header, a zero, 256 of modulus), INTEGER (2, 3 of exponent).
    (der[9..265].to_vec(), der[267..].to_vec())
}
