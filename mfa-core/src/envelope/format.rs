//! What a sealed value's format is, as far as its bytes show without a key.
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use super::seal::{SEALED_OVERHEAD, VERSION};
use super::{DataKeyId, Sealed, legacy};

/// What the bytes of a sealed value look like. Whether they open is another question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "bytes are ours, a seed's or neither")]
pub enum Format {
    /// Sealed here, under this data key.
    Ours(DataKeyId),
    /// A seed's ciphertext.
    Seeds,
    /// Nothing: the seeds' ciphertext of an empty text, or no bytes.
    Empty,
    /// Of a version that this program does not know.
    UnknownVersion(u8),
    /// Of no format's shape: cut short, or changed.
    Shapeless,
}

/// In which of their formats the seeds kept a field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the seeds had two formats and get no more")]
pub enum SeedForm {
    /// `base64(IV) ":" base64(ciphertext)`
    Text,
    /// `IV ‖ ciphertext`. It begins with any byte, our version's too.
    Raw,
}

impl<T> Sealed<T> {
    /// The format of this value in a field that the seeds kept in `seeds`. `written_here` is false if something
    /// else in its row shows that only a seed can have written it.
    pub fn format(&self, seeds: SeedForm, written_here: bool) -> Format {
        let bytes = self.as_bytes();
        if let Some(empty) = legacy::is_empty_text(bytes) {
            return if empty { Format::Empty } else { Format::Seeds };
        }
        match (bytes.first(), seeds) {
            (None, _) => Format::Empty,
            (Some(&VERSION), _) if written_here || seeds == SeedForm::Text => match self.data_key_id() {
                Some(id) if bytes.len() >= SEALED_OVERHEAD => Format::Ours(id),
                _ => Format::Shapeless,
            },
            (Some(_), SeedForm::Raw) => match bytes.len() {
                0..legacy::IV_LEN => Format::Shapeless,
                legacy::IV_LEN => Format::Empty,
                _ => Format::Seeds,
            },
            (Some(_), SeedForm::Text) if bytes.contains(&b':') => Format::Shapeless,
            (Some(version), SeedForm::Text) => Format::UnknownVersion(*version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(bytes: &[u8], seeds: SeedForm) -> Format {
        Sealed::<()>::from_stored(bytes.to_vec()).format(seeds, true)
    }

    #[test]
    fn formats_are_told_apart_by_their_shape() {
        let ours = [&[1, 0, 0, 0, 7][..], &[9; 28]].concat();
        let cut = ours.get(..32).unwrap();
        let seeds = b"zg4D4S783Ph3czAhZNx8oQ==:flOwR/ol74YeaA==";
        for (bytes, expected) in [
            (&ours[..], Format::Ours(DataKeyId::from_stored(7))),
            (cut, Format::Shapeless),
            (b"\x02 a later version", Format::UnknownVersion(2)),
            (seeds, Format::Seeds),
            (b"mCMD+TxNAMLXJKtwxk92Lg==:", Format::Empty),
            (b"", Format::Empty),
            (b"x:y", Format::Shapeless),
        ] {
            assert_eq!(format(bytes, SeedForm::Text), expected, "{bytes:?}");
        }
        assert_eq!(format(&[7; 40], SeedForm::Raw), Format::Seeds);
        assert_eq!(format(&[7; 16], SeedForm::Raw), Format::Empty);
        assert_eq!(format(&[7; 15], SeedForm::Raw), Format::Shapeless);
        assert_eq!(format(seeds, SeedForm::Raw), Format::Seeds);
    }

    /// One in 256 of the Go seed's ciphertexts begins with our version.
    #[test]
    fn a_row_that_only_a_seed_wrote_holds_nothing_of_ours() {
        let sealed = Sealed::<()>::from_stored(vec![1; 40]);
        assert!(matches!(sealed.format(SeedForm::Raw, true), Format::Ours(_)));
        assert_eq!(sealed.format(SeedForm::Raw, false), Format::Seeds);
    }
}
