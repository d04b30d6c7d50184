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

    /// Checks that the key can verify signatures: its point is on the curve, or its modulus has an accepted
    /// size.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let sound = match &self.material {
            Material::Point(point) => ParsedPublicKey::new(self.point_algorithm(), point).is_ok(),
            Material::Rsa { n, e } => (256..=1024).contains(&n.len()) && !e.is_empty() && e.len() <= 8,
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
