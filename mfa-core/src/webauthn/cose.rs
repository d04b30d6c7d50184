//! Public keys of credentials: COSE keys (RFC 9052 §7, RFC 9053), and the bare points of U2F.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use minicbor::Decoder;
use minicbor::data::Type;

use super::Refusal;

/// A signature algorithm, by its number in the IANA COSE registry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(i32)]
#[expect(clippy::exhaustive_enums, reason = "those that the predecessors stored; no others are read")]
pub enum CoseAlgorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256 = -7,
    /// ECDSA on P-384 with SHA-384.
    Es384 = -35,
    /// ECDSA on P-521 with SHA-512.
    Es512 = -36,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256 = -257,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384 = -258,
    /// RSASSA-PKCS1-v1_5 with SHA-512.
    Rs512 = -259,
    /// RSASSA-PSS with SHA-256.
    Ps256 = -37,
    /// RSASSA-PSS with SHA-384.
    Ps384 = -38,
    /// RSASSA-PSS with SHA-512.
    Ps512 = -39,
    /// EdDSA on Ed25519.
    EdDsa = -8,
}

impl CoseAlgorithm {
    /// Every algorithm whose signatures can be verified.
    pub const ALL: [Self; 10] = [
        Self::Es256,
        Self::Es384,
        Self::Es512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::EdDsa,
    ];

    /// Its number.
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The algorithm with that number, if it can be verified.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| i64::from(algorithm.number()) == number)
    }
}

/// A public key, ready to verify with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PublicKey {
    pub(super) algorithm: CoseAlgorithm,
    pub(super) material: Material,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Material {
    /// An uncompressed point (SEC 1 §2.3.3), or the 32 bytes of an Ed25519 key (RFC 8032 §5.1.5).
    Point(Vec<u8>),
    /// An RSA modulus and exponent, big-endian.
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

impl PublicKey {
    /// Reads a COSE key, or the bare 65-byte P-256 point that one predecessor stored for some `fido-u2f` credentials.
    ///
    /// # Errors
    ///
    /// [`Refusal::Algorithm`] if its algorithm is not supported, [`Refusal::PublicKey`] if it is malformed.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() == 65 && bytes.first() == Some(&0x04) {
            return Ok(Self { algorithm: CoseAlgorithm::Es256, material: Material::Point(bytes.to_vec()) });
        }
        Parameters::read(bytes).ok_or(Refusal::PublicKey)?.into_key()
    }

    /// The key's algorithm.
    pub const fn algorithm(&self) -> CoseAlgorithm {
        self.algorithm
    }
}

/// The COSE key with P-256 for its curve, if it is an ES256 key that names none.
pub(super) fn with_curve(key: &[u8]) -> Option<Vec<u8>> {
    let read = Parameters::read(key)?;
    if (read.algorithm, read.curve, read.minus_1) != (Some(CoseAlgorithm::Es256.number().into()), None, None)
    {
        return None;
    }
    // A map of fewer than 23 members has its length in its first byte (RFC 8949 §3.1).
    let (header, members) = key.split_first()?;
    let header = (0xa0..0xb7).contains(header).then(|| header.saturating_add(1))?;
    Some([&[header], members, &[0x20, 0x01]].concat())
}

/// The parameters of a COSE key that our algorithms use. -1 is a curve or, for RSA, the modulus.
#[derive(Default)]
struct Parameters<'a> {
    key_type: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    minus_1: Option<&'a [u8]>,
    minus_2: Option<&'a [u8]>,
    minus_3: Option<&'a [u8]>,
}

impl<'a> Parameters<'a> {
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut decoder = Decoder::new(bytes);
        let count = decoder.map().ok()??;
        let mut read = Self::default();
        let mut seen = Vec::new();
        for _ in 0..count {
            let label = decoder.i64().ok()?;
            // A repeated label could be read in two ways (RFC 9052 §14).
            if seen.contains(&label) {
                return None;
            }
            seen.push(label);
            match (label, decoder.datatype().ok()?) {
                (1, _) => read.key_type = Some(decoder.i64().ok()?),
                (3, _) => read.algorithm = Some(decoder.i64().ok()?),
                (-1, Type::Bytes) => read.minus_1 = Some(decoder.bytes().ok()?),
                (-1, _) => read.curve = Some(decoder.i64().ok()?),
                (-2, _) => read.minus_2 = Some(decoder.bytes().ok()?),
                (-3, Type::Bytes) => read.minus_3 = Some(decoder.bytes().ok()?),
                _ => decoder.skip().ok()?,
            }
        }
        (decoder.position() == bytes.len()).then_some(read)
    }

    fn into_key(self) -> Result<PublicKey, Refusal> {
        use CoseAlgorithm::{EdDsa, Es256, Es384, Es512};
        let number = self.algorithm.ok_or(Refusal::PublicKey)?;
        let algorithm = CoseAlgorithm::from_number(number).ok_or(Refusal::Algorithm)?;
        let material = match (algorithm, self.key_type, self.curve) {
            (Es256, Some(2), Some(1)) => self.point(32)?,
            // WebAuthn L3 §5.8.5 allows ES256 no other curve, so a key that names none is on P-256.
            (Es256, Some(2), None) if self.minus_1.is_none() => self.point(32)?,
            (Es384, Some(2), Some(2)) => self.point(48)?,
            (Es512, Some(2), Some(3)) => self.point(66)?,
            (EdDsa, Some(1), Some(6)) => match self.minus_2 {
                Some(x) if x.len() == 32 => Material::Point(x.to_vec()),
                _ => return Err(Refusal::PublicKey),
            },
            (Es256 | Es384 | Es512 | EdDsa, _, _) => return Err(Refusal::PublicKey),
            (_, Some(3), None) => match (self.minus_1, self.minus_2) {
                (Some(n), Some(e)) => Material::Rsa { n: n.to_vec(), e: e.to_vec() },
                _ => return Err(Refusal::PublicKey),
            },
            _ => return Err(Refusal::PublicKey),
        };
        Ok(PublicKey { algorithm, material })
    }

    fn point(&self, len: usize) -> Result<Material, Refusal> {
        match (self.minus_2, self.minus_3) {
            (Some(x), Some(y)) if x.len() == len && y.len() == len => {
                Ok(Material::Point([&[0x04], x, y].concat()))
            }
            _ => Err(Refusal::PublicKey),
        }
    }
}
