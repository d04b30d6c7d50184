//! Secret bytes.

use std::fmt;

use subtle::ConstantTimeEq;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// Secret bytes: wiped when dropped, masked when printed, compared in constant time, not cloned.
///
/// ```
/// use mfa_core::secret::SecretBytes;
///
/// let secret = SecretBytes::new(vec![1, 2, 3]);
/// assert_eq!(format!("{secret:?}"), "SecretBytes(..)");
/// assert_eq!(secret, SecretBytes::new(vec![1, 2, 3]));
/// assert_ne!(secret, SecretBytes::new(vec![1, 2, 4]));
/// ```
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes ownership of `bytes`, and wipes them when dropped.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The raw bytes. Grep for this name to audit every use.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Eq for SecretBytes {}

impl PartialEq for SecretBytes {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretBytes(..)")
    }
}
