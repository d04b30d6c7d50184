//! Hashes of API secrets: Argon2id (RFC 9106) for ours, bcrypt for the predecessors'.

use std::fmt::{self, Debug};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{CustomizedPasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use async_trait::async_trait;
use data_encoding::HEXLOWER;
use sha2::{Digest as _, Sha256};

use super::{ApiKey, ApiSecret};
use crate::secret::SecretBytes;
use crate::{envelope, legacy};

/// Our Argon2id parameters: 19 MiB, two passes and one lane (OWASP Password Storage Cheat Sheet). A hash made
/// under other parameters is replaced when its secret is next used.
const ARGON2: Params = match Params::new(19 * 1024, 2, 1, None) {
    Ok(params) => params,
    // Only the compiler can reach this.
    Err(_) => panic!("parameters out of range"),
};

/// A secret could not be hashed or checked.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// Every hashing thread is taken and the queue is full; try again.
    #[error("too many secrets are being checked, try again")]
    Busy,
    /// The stored hash is not one this service made or reads.
    #[error("the stored hash of the API secret is damaged or of an unknown kind")]
    Unreadable,
    /// Hashing failed, usually because memory ran out.
    #[error("the API secret could not be hashed")]
    Failed,
}

/// Stands between an Argon2id hash and the name of the predecessor's hash that it replaced.
const REPLACES: char = '#';

/// The stored hash of an API secret: a PHC string (`$argon2id$`) or a predecessor's bcrypt string (`$2a$`, `$2b$`,
/// `$2y$`). One that replaced a predecessor's names it at its end.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct SecretHash(String);

impl SecretHash {
    /// Wraps a hash that a backend read from its own storage.
    pub fn from_stored(hash: String) -> Self {
        Self(hash)
    }

    /// The text to store.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a predecessor made this hash. If so, it must be replaced.
    pub fn is_legacy(&self) -> bool {
        self.0.starts_with("$2")
    }

    /// This hash in the place of `former`. It names a predecessor's hash, by the first bytes of its SHA-256, so that a
    /// change to that one by hand is noticed.
    pub(crate) fn replacing(self, former: &Self) -> Self {
        let name =
            if former.is_legacy() { Some(former.name()) } else { former.replaced().map(str::to_owned) };
        match name {
            Some(name) => Self(format!("{}{REPLACES}{name}", self.phc())),
            None => self,
        }
    }

    /// Whether a predecessor's hash, kept beside this one, is still the one that this replaced. `None` is a hash that was
    /// removed. True for a hash that replaced none.
    pub fn stands_for(&self, legacy: Option<&Self>) -> bool {
        if self.is_legacy() {
            return legacy.is_none_or(|legacy| legacy == self);
        }
        self.replaced().is_none_or(|name| legacy.is_some_and(|legacy| legacy.name() == name))
    }

    fn name(&self) -> String {
        HEXLOWER.encode(&Sha256::digest(&self.0)[..8])
    }

    fn replaced(&self) -> Option<&str> {
        self.0.split_once(REPLACES).map(|(_, name)| name)
    }

    fn phc(&self) -> &str {
        self.0.split(REPLACES).next().unwrap_or_default()
    }

    /// Whether this hash has the current algorithm and parameters.
    pub(crate) fn is_current(&self) -> bool {
        let params = PasswordHash::new(self.phc()).ok().and_then(|parsed| Params::try_from(&parsed).ok());
        let cost = |params: &Params| (params.m_cost(), params.t_cost(), params.p_cost());
        params.is_some_and(|params| cost(&params) == cost(&ARGON2))
    }

    /// Whether a secret can be checked against this kind of hash.
    pub(crate) fn is_known(&self) -> bool {
        if self.is_legacy() { is_bcrypt(self) } else { parse_argon2(self).is_ok() }
    }

    /// The input of the hash. For bcrypt it is the secret's text, as with the predecessors. For Argon2id it
    /// is derived from the secret for this purpose and key.
    pub(crate) fn input(&self, key: &ApiKey, secret: &ApiSecret) -> SecretBytes {
        if self.is_legacy() {
            SecretBytes::new(secret.expose_text().as_bytes().to_vec())
        } else {
            envelope::verifier(key, secret)
        }
    }
}

impl Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

/// Runs the hash of a secret. It takes about 20 ms of CPU, so give it its own threads in a server.
#[async_trait]
pub trait SecretHasher: Debug + Send + Sync + 'static {
    /// Hashes `input` with Argon2id under `salt`.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] if the queue is full, [`HashError::Failed`] if hashing failed.
    async fn hash(&self, input: SecretBytes, salt: [u8; 16]) -> Result<SecretHash, HashError>;

    /// Whether `input` has this `hash`.
    ///
    /// # Errors
    ///
    /// [`HashError::Busy`] if the queue is full, [`HashError::Unreadable`] if the hash is damaged.
    async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError>;
}

/// Hashes on the calling thread. A [`SecretHasher`] with its own threads calls the functions of this type.
#[derive(Clone, Copy, Debug, Default)]
pub struct Argon2Hasher;

impl Argon2Hasher {
    /// Hashes `input` with Argon2id.
    ///
    /// # Errors
    ///
    /// [`HashError::Failed`] if memory ran out.
    pub fn hash_blocking(input: &SecretBytes, salt: &[u8; 16]) -> Result<SecretHash, HashError> {
        let hash: PasswordHash = Argon2::new(Algorithm::Argon2id, Version::V0x13, ARGON2)
            .hash_password_customized(input.expose(), salt, None, None, ARGON2)
            .map_err(|_| HashError::Failed)?;
        Ok(SecretHash(hash.to_string()))
    }

    /// Whether `input` has this `hash`.
    ///
    /// # Errors
    ///
    /// [`HashError::Unreadable`] if the hash is damaged, or asks for far more work than any hash made here.
    pub fn verify_blocking(input: &SecretBytes, hash: &SecretHash) -> Result<bool, HashError> {
        if hash.is_legacy() { verify_bcrypt(input, hash) } else { verify_argon2(input, hash) }
    }
}

#[async_trait]
impl SecretHasher for Argon2Hasher {
    async fn hash(&self, input: SecretBytes, salt: [u8; 16]) -> Result<SecretHash, HashError> {
        Self::hash_blocking(&input, &salt)
    }

    async fn verify(&self, input: SecretBytes, hash: SecretHash) -> Result<bool, HashError> {
        Self::verify_blocking(&input, &hash)
    }
}

fn verify_argon2(input: &SecretBytes, hash: &SecretHash) -> Result<bool, HashError> {
    let parsed = parse_argon2(hash)?;
    // With the parameters that the hash names.
    let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, ARGON2);
    Ok(hasher.verify_password(input.expose(), &parsed).is_ok())
}

fn parse_argon2(hash: &SecretHash) -> Result<PasswordHash, HashError> {
    let parsed = PasswordHash::new(hash.phc()).map_err(|_| HashError::Unreadable)?;
    let params = Params::try_from(&parsed).map_err(|_| HashError::Unreadable)?;
    // Somebody who can write a row must not be able to make its check take minutes.
    let affordable = params.m_cost() <= 4 * ARGON2.m_cost() && params.t_cost() <= 8;
    if parsed.algorithm.as_str() != "argon2id" || !affordable {
        return Err(HashError::Unreadable);
    }
    Ok(parsed)
}

fn verify_bcrypt(input: &SecretBytes, hash: &SecretHash) -> Result<bool, HashError> {
    if !is_bcrypt(hash) {
        return Err(HashError::Unreadable);
    }
    legacy::verify_bcrypt(input.expose(), &hash.0)
}

fn is_bcrypt(hash: &SecretHash) -> bool {
    let known_prefix = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| hash.0.starts_with(prefix));
    let cost = hash.0.get(4..6).and_then(|digits| digits.parse::<u32>().ok());
    known_prefix && cost.is_some_and(|cost| (4..=14).contains(&cost))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The cost of a hash is this project's decision, not the default of a crate.
    #[test]
    fn hashes_have_our_parameters() {
        let input = SecretBytes::new(vec![7; 32]);
        let hash = Argon2Hasher::hash_blocking(&input, &[1; 16]).unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hash.is_current());
        for other in ["m=9216,t=2,p=1", "m=19456,t=3,p=1", "m=19456,t=2,p=2"] {
            let other = SecretHash::from_stored(hash.as_str().replace("m=19456,t=2,p=1", other));
            assert!(other.is_known() && !other.is_current(), "{}", other.as_str());
        }
        assert!(!SecretHash::from_stored("$2a$10$x".to_owned()).is_current());
    }

    /// An upgraded hash knows the one it came from, also after it was made anew, and still verifies.
    #[test]
    fn a_hash_names_the_one_it_replaced() {
        let (first, other) =
            ["$2a$10$first", "$2a$10$other"].map(|text| SecretHash::from_stored(text.to_owned())).into();
        let input = SecretBytes::new(vec![7; 32]);
        let hash = || Argon2Hasher::hash_blocking(&input, &[1; 16]).unwrap();
        for upgraded in [hash().replacing(&first), hash().replacing(&hash().replacing(&first))] {
            assert!(upgraded.stands_for(Some(&first)));
            assert!(!upgraded.stands_for(Some(&other)) && !upgraded.stands_for(None));
            assert!(upgraded.is_current() && upgraded.is_known());
            assert_eq!(Argon2Hasher::verify_blocking(&input, &upgraded), Ok(true));
        }
        let ours = hash().replacing(&hash());
        assert!(ours.stands_for(None) && ours.stands_for(Some(&other)));
    }
}
