//! The attributes of a record's fields, and the form of its ciphertext in them.

use mfa_core::envelope::RecordKind;
use mfa_core::store::Shape;

/// The predecessors' names for our fields. Every other field has its own name in camel case.
const PREDECESSORS: [(RecordKind, &str, &str, Form); 5] = [
    (RecordKind::Totp, "secret", "encryptedTotpKey", Form::Text),
    (RecordKind::User, "credentials", "EncryptedCredentials", Form::Binary),
    (RecordKind::User, "u2f_app_id", "encryptedAppId", Form::Text),
    (RecordKind::User, "u2f_key_handle", "encryptedKeyHandle", Form::Text),
    (RecordKind::User, "u2f_public_key", "encryptedPublicKey", Form::Text),
];

/// The type of an attribute that holds ciphertext.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    /// A string: a predecessor's ciphertext, which has a colon, or ours in base64.
    Text,
    /// Binary.
    Binary,
}

/// The attribute that holds a field.
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) field: &'static str,
    pub(crate) name: String,
    pub(crate) form: Form,
}

/// The attributes of a kind's fields, in the order of its shape.
pub(crate) fn attributes(shape: &Shape) -> Vec<Attribute> {
    let of_field = |field| {
        let mut theirs = PREDECESSORS.iter();
        match theirs.find(|(kind, theirs, ..)| (*kind, *theirs) == (shape.kind, field)) {
            Some((_, _, name, form)) => Attribute { field, name: (*name).to_owned(), form: *form },
            None => Attribute { field, name: camel_case(field), form: Form::Binary },
        }
    };
    shape.fields().map(of_field).collect()
}

fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let (first, rest) = word.split_at(word.len().min(1));
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(rest);
    }
    name
}

#[cfg(test)]
mod tests {
    use mfa_core::store::{Record as _, TotpRecord, UserRecord};

    use super::*;

    fn names(shape: &Shape) -> Vec<String> {
        attributes(shape).into_iter().map(|attribute| attribute.name).collect()
    }

    /// Rows on disk have these names.
    #[test]
    fn fields_have_the_names_of_the_tables_in_use() {
        let totp = ["encryptedTotpKey", "createdAt", "lastAcceptedStep", "failures", "failedAt"];
        assert_eq!(names(TotpRecord::SHAPE), totp);
        let u2f = ["encryptedAppId", "encryptedKeyHandle", "encryptedPublicKey", "u2fSignCount"];
        assert_eq!(names(UserRecord::SHAPE), [&["EncryptedCredentials"][..], &u2f].concat());
    }
}
