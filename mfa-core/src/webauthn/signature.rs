//! Signatures, verified by aws-lc-rs.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, ECDSA_P521_SHA512_ASN1, ED25519, ParsedPublicKey,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

use super::cose::Material;
use super::{CoseAlgorithm, PublicKey, Refusal};

impl PublicKey {
    /// Verifies `signature` over `message`.
    ///
    /// # Errors
    ///
    /// [`Refusal::Signature`], whatever the reason, including a point off its curve.
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let verified = match &self.material {
            Material::Point(point) => {
                UnparsedPublicKey::new(self.point_algorithm(), point).verify(message, signature)
            }
            Material::Rsa { n, e } => {
                let algorithm = match self.algorithm {
                    CoseAlgorithm::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
                    CoseAlgorithm::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
                    CoseAlgorithm::Ps256 => &RSA_PSS_2048_8192_SHA256,
                    CoseAlgorithm::Ps384 => &RSA_PSS_2048_8192_SHA384,
                    CoseAlgorithm::Ps512 => &RSA_PSS_2048_8192_SHA512,
                    _ => &RSA_PKCS1_2048_8192_SHA256,
                };
                RsaPublicKeyComponents { n, e }.verify(algorithm, message, signature)
            }
        };
        verified.map_err(|_| Refusal::Signature)
    }

    /// Checks that the key can verify signatures: its point is on the curve, or its modulus and exponent are
    /// those of an RSA key.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let sound = match &self.material {
            Material::Point(point) => ParsedPublicKey::new(self.point_algorithm(), point).is_ok(),
            Material::Rsa { n, e } => is_modulus(n) && is_exponent(e),
        };
        if sound { Ok(()) } else { Err(Refusal::PublicKey) }
    }

    /// Whether it is an elliptic-curve key, or an RSA key of 2048 bits.
    pub(super) const fn has_common_size(&self) -> bool {
        match &self.material {
            Material::Point(_) => true,
            Material::Rsa { n, .. } => n.len() == 256,
        }
    }

    const fn point_algorithm(&self) -> &'static dyn VerificationAlgorithm {
        match self.algorithm {
            CoseAlgorithm::Es384 => &ECDSA_P384_SHA384_ASN1,
            CoseAlgorithm::Es512 => &ECDSA_P521_SHA512_ASN1,
            CoseAlgorithm::EdDsa => &ED25519,
            _ => &ECDSA_P256_SHA256_ASN1,
        }
    }
}

/// Whether `n` is an odd number of 2048 to 8192 bits. An even one has 2 for a factor.
fn is_modulus(n: &[u8]) -> bool {
    (256..=1024).contains(&n.len()) && n.first().is_some_and(|byte| *byte >= 0x80) && is_odd(n)
}

/// Whether `e` is an odd number from 3 to 2^33 - 1, the bounds of aws-lc. With 1 a signature is the message itself.
fn is_exponent(e: &[u8]) -> bool {
    let significant =
        e.iter().position(|byte| *byte != 0).and_then(|start| e.get(start..)).unwrap_or_default();
    let is_small = match significant {
        [] | [1] => false,
        [first, rest @ ..] => rest.len() < 4 || (rest.len() == 4 && *first <= 1),
    };
    is_small && is_odd(significant)
}

fn is_odd(number: &[u8]) -> bool {
    number.last().is_some_and(|byte| byte % 2 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: Vec<u8>, e: &[u8]) -> PublicKey {
        PublicKey { algorithm: CoseAlgorithm::Rs256, material: Material::Rsa { n, e: e.to_vec() } }
    }

    fn modulus(len: usize, first: u8, last: u8) -> Vec<u8> {
        let mut n = vec![0x5a; len];
        (n[0], n[len - 1]) = (first, last);
        n
    }

    #[test]
    fn an_rsa_key_that_cannot_verify_is_refused() {
        let usual = || modulus(256, 0xc0, 1);
        for e in [&[3][..], &[1, 0, 1], &[0, 1, 0, 1], &[1, 0xff, 0xff, 0xff, 0xff]] {
            assert_eq!(key(usual(), e).check(), Ok(()), "{e:?}");
        }
        for e in [&[][..], &[0], &[1], &[0, 0, 1], &[2], &[1, 0, 0], &[2, 0, 0, 0, 1], &[1, 0, 0, 0, 0, 1]] {
            assert_eq!(key(usual(), e).check(), Err(Refusal::PublicKey), "{e:?}");
        }
        for n in [
            vec![],
            vec![0; 256],
            modulus(255, 0xc0, 1),
            modulus(256, 0xc0, 2),
            modulus(256, 0x7f, 1),
            modulus(257, 0, 1),
            modulus(1025, 0xc0, 1),
        ] {
            let len = n.len();
            assert_eq!(key(n, &[1, 0, 1]).check(), Err(Refusal::PublicKey), "{len} bytes");
        }
    }
}
