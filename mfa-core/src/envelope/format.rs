//! The format of a sealed value, judged by its bytes without a key.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::seal::{SEALED_OVERHEAD, VERSION};
use super::{DataKeyId, Sealed, legacy};

/// What the bytes of a sealed value look like. They need not open.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "bytes are in our format, a legacy one or neither")]
pub enum Format {
    /// Sealed here, under this data key.
    Ours(DataKeyId),
    /// Sealed by a predecessor.
    Legacy,
    /// Nothing: a legacy ciphertext of an empty text, or no bytes.
    Empty,
    /// Sealed in a version that this program does not know.
    UnknownVersion(u8),
    /// In no known format: cut short, or changed.
    Shapeless,
}

/// The form in which the predecessors kept a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the predecessors had two formats and get no more")]
pub enum LegacyForm {
    /// `base64(IV) ":" base64(ciphertext)`
    Text,
    /// `IV ‖ ciphertext`. It may begin with any byte, including our version.
    Raw,
}

impl<T> Sealed<T> {
    /// The format of this value in a field that the predecessors kept in `form`. Pass `written_here` as false if
    /// another attribute of the row shows that only a predecessor can have written it.
    pub fn format(&self, form: LegacyForm, written_here: bool) -> Format {
        let bytes = self.as_bytes();
        if let Some(empty) = legacy::is_empty_text(bytes) {
            return if empty { Format::Empty } else { Format::Legacy };
        }
        match (bytes.first(), form) {
            (None, _) => Format::Empty,
            (Some(&VERSION), _) if written_here || form == LegacyForm::Text => match self.data_key_id() {
                Some(id) if bytes.len() >= SEALED_OVERHEAD => Format::Ours(id),
                _ => Format::Shapeless,
            },
            (Some(_), LegacyForm::Raw) => match bytes.len() {
                0..legacy::IV_LEN => Format::Shapeless,
                legacy::IV_LEN => Format::Empty,
                _ => Format::Legacy,
            },
            // No version of ours is a printable character.
            (Some(32..), LegacyForm::Text) => Format::Shapeless,
            (Some(version), LegacyForm::Text) => Format::UnknownVersion(*version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bytes: &[u8], form: LegacyForm) -> Format {
        Sealed::<()>::from_stored(bytes.to_vec()).format(form, true)
    }

    #[test]
    fn formats_are_told_apart_by_their_shape() {
        let ours = [&[1, 0, 0, 0, 7][..], &[9; 28]].concat();
        let cut = ours.get(..32).unwrap();
        let legacy = b"zg4D4S783Ph3czAhZNx8oQ==:flOwR/ol74YeaA==";
        for (bytes, expected) in [
            (&ours[..], Format::Ours(DataKeyId::from_stored(7))),
            (cut, Format::Shapeless),
            (b"\x02 a later version", Format::UnknownVersion(2)),
            (legacy, Format::Legacy),
            (b"mCMD+TxNAMLXJKtwxk92Lg==:", Format::Empty),
            (b"", Format::Empty),
            (b"x:y", Format::Shapeless),
        ] {
            assert_eq!(format(bytes, LegacyForm::Text), expected, "{bytes:?}");
        }
        assert_eq!(format(&[7; 40], LegacyForm::Raw), Format::Legacy);
        assert_eq!(format(&[7; 16], LegacyForm::Raw), Format::Empty);
        assert_eq!(format(&[7; 15], LegacyForm::Raw), Format::Shapeless);
        assert_eq!(format(legacy, LegacyForm::Raw), Format::Legacy);
    }

    /// One in 256 of the Go predecessor's ciphertexts begins with our version byte.
    #[test]
    fn a_row_that_only_a_predecessor_wrote_holds_nothing_of_ours() {
        let sealed = Sealed::<()>::from_stored(vec![1; 40]);
        assert!(matches!(sealed.format(LegacyForm::Raw, true), Format::Ours(_)));
        assert_eq!(sealed.format(LegacyForm::Raw, false), Format::Legacy);
    }
}
