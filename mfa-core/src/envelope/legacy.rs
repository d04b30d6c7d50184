//! Legacy ciphertexts: AES-CTR without authentication. They are read, never written. A wrong key gives
//! garbage instead of an error, so callers must check the structure of the plaintext.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use data_encoding::BASE64;
use zeroize::Zeroizing;

use super::DoesNotOpen;
use crate::legacy::decrypt;

pub(super) const IV_LEN: usize = 16;

/// Opens either of the predecessors' formats: text `base64(IV) ":" base64(ciphertext)`, or raw `IV ‖ ciphertext`.
///
/// The text form is tried first. Raw bytes never look like it: base64 throughout, with a colon at the right
/// place.
pub(super) fn open(key: &[u8], stored: &[u8]) -> Result<Zeroizing<Vec<u8>>, DoesNotOpen> {
    if let Some((iv, mut data)) = parse_text(stored) {
        decrypt(key, &iv, &mut data)?;
        return Ok(data);
    }
    let (iv, ciphertext) = stored.split_first_chunk::<IV_LEN>().ok_or(DoesNotOpen)?;
    let mut data = Zeroizing::new(ciphertext.to_vec());
    decrypt(key, iv, &mut data)?;
    Ok(data)
}

/// Whether this is the text form of nothing; `None` if it is not the text form.
pub(super) fn is_empty_text(stored: &[u8]) -> Option<bool> {
    parse_text(stored).map(|(_, ciphertext)| ciphertext.is_empty())
}

fn parse_text(stored: &[u8]) -> Option<([u8; IV_LEN], Zeroizing<Vec<u8>>)> {
    let (iv, ciphertext) = stored.split_at_checked(stored.iter().position(|byte| *byte == b':')?)?;
    let iv = BASE64.decode(iv).ok()?.try_into().ok()?;
    let ciphertext = BASE64.decode(ciphertext.get(1..)?).ok()?;
    Some((iv, Zeroizing::new(ciphertext)))
}

#[cfg(all(test, feature = "legacy"))]
mod tests {
    use super::*;

    #[test]
    fn opens_what_the_node_predecessor_wrote() {
        let key = BASE64.decode(b"y5NAAS0pADrxB9wIU52PQFbXDcARKsdPgZVPswKbpaM=").unwrap();
        let open_text = |text: &str| open(&key, text.as_bytes()).map(|plaintext| plaintext.to_vec());

        assert_eq!(open_text("mCMD+TxNAMLXJKtwxk92Lg==:").unwrap(), b"");
        assert_eq!(open_text("VM8bRdV9wEdkj47JBU+h3w==:xQ==").unwrap(), b"a");
        assert_eq!(open_text("zg4D4S783Ph3czAhZNx8oQ==:flOwR/ol74YeaA==").unwrap(), b"ASCII text");
    }

    #[test]
    fn short_data_and_odd_keys_are_errors() {
        assert_eq!(open(&[0; 32], &[0; 15]), Err(DoesNotOpen));
        assert_eq!(open(&[0; 32], b""), Err(DoesNotOpen));
        assert_eq!(open(&[0; 20], &[0; 40]), Err(DoesNotOpen));
        assert_eq!(open(&[0; 0], &[0; 40]), Err(DoesNotOpen));
    }
}
