//! Items in the predecessors' form. Names match in any case. Absent, `NULL`, `""` and empty binary all mean
//! "none".

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64;
use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;

use crate::error::DynamoError;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// An attribute's name, and its name in errors.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name<'a> {
    attribute: &'a str,
    field: &'static str,
}

impl From<&'static str> for Name<'static> {
    fn from(name: &'static str) -> Self {
        Self { attribute: name, field: name }
    }
}

impl<'a> From<(&'a str, &'static str)> for Name<'a> {
    fn from((attribute, field): (&'a str, &'static str)) -> Self {
        Self { attribute, field }
    }
}

/// An attribute that is not empty.
pub(crate) fn attribute<'a>(item: &'a Item, name: &str) -> Option<&'a AttributeValue> {
    let named = |name: &str| item.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    item.get(name).or_else(|| named(name)).filter(|value| match value {
        AttributeValue::Null(_) => false,
        AttributeValue::S(text) => !text.is_empty(),
        AttributeValue::B(bytes) => !bytes.as_ref().is_empty(),
        _ => true,
    })
}

pub(crate) fn text<'i, 'n>(
    item: &'i Item,
    name: impl Into<Name<'n>>,
) -> Result<Option<&'i str>, DynamoError> {
    let Name { attribute: name, field } = name.into();
    let text = attribute(item, name).map(|value| value.as_s().map(String::as_str));
    text.transpose().map_err(|_| DynamoError::Attribute(field))
}

pub(crate) fn number<'n, T: TryFrom<u64>>(
    item: &Item,
    name: impl Into<Name<'n>>,
) -> Result<Option<T>, DynamoError> {
    let Name { attribute: name, field } = name.into();
    let Some(value) = attribute(item, name) else { return Ok(None) };
    let number = value.as_n().ok().and_then(|digits| digits.parse::<u64>().ok());
    number.and_then(|number| number.try_into().ok()).map(Some).ok_or(DynamoError::Attribute(field))
}

pub(crate) fn time(item: &Item, name: &'static str) -> Result<Option<UnixTime>, DynamoError> {
    Ok(number(item, name)?.map(UnixTime::from_millis))
}

pub(crate) fn bytes<'n>(item: &Item, name: impl Into<Name<'n>>) -> Result<Option<Vec<u8>>, DynamoError> {
    let Name { attribute: name, field } = name.into();
    let bytes = attribute(item, name).map(AttributeValue::as_b).transpose();
    Ok(bytes.map_err(|_| DynamoError::Attribute(field))?.map(|bytes| bytes.as_ref().to_vec()))
}

/// Ciphertext in a text attribute: ours in base64, or a predecessor's, which has a colon. A text that is neither does not
/// open, and is kept as it is.
pub(crate) fn sealed_text<'n>(
    item: &Item,
    name: impl Into<Name<'n>>,
) -> Result<Option<Vec<u8>>, DynamoError> {
    let name = name.into();
    let Some(text) = text(item, name)? else { return Ok(None) };
    let decoded = BASE64.decode(text.as_bytes()).ok().filter(|bytes| printable(bytes).is_none());
    Ok(Some(decoded.unwrap_or_else(|| text.as_bytes().to_vec())))
}

/// The consumer that owns the record. Some legacy rows have an empty owner, and so none.
pub(crate) fn owner(item: &Item) -> Option<ConsumerId> {
    let key = text(item, "apiKey").ok().flatten()?.parse().ok()?;
    Some(ConsumerId::of_first_key(&key))
}

/// Attributes to write, without those that are `None`.
#[derive(Debug, Default)]
pub(crate) struct Attributes(pub(crate) Item);

impl Attributes {
    /// An empty text is left out too.
    pub(crate) fn text(mut self, name: &str, value: Option<&str>) -> Self {
        self.0.extend(
            value
                .filter(|text| !text.is_empty())
                .map(|text| (name.to_owned(), AttributeValue::S(text.to_owned()))),
        );
        self
    }

    pub(crate) fn number(mut self, name: &str, value: Option<u64>) -> Self {
        self.0.extend(value.map(|number| (name.to_owned(), AttributeValue::N(number.to_string()))));
        self
    }

    pub(crate) fn time(self, name: &str, value: Option<UnixTime>) -> Self {
        self.number(name, value.map(UnixTime::as_millis))
    }

    pub(crate) fn bytes(mut self, name: &str, value: Option<&[u8]>) -> Self {
        self.0.extend(value.map(|bytes| (name.to_owned(), AttributeValue::B(Blob::new(bytes)))));
        self
    }

    pub(crate) fn sealed_text(self, name: &str, sealed: &[u8]) -> Self {
        match printable(sealed) {
            Some(text) => self.text(name, Some(text)),
            None => self.text(name, Some(&BASE64.encode(sealed))),
        }
    }
}

/// The bytes as text, if they are any. Ours begin with a control character, so they are not.
fn printable(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok().filter(|text| !text.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_match_ignoring_case_and_blanks_are_none() {
        let item = Item::from([
            ("ENCRYPTEDAPPID".to_owned(), AttributeValue::S("a:b".to_owned())),
            ("encryptedKeyHandle".to_owned(), AttributeValue::S(String::new())),
            ("EncryptedCredentials".to_owned(), AttributeValue::Null(true)),
            ("other".to_owned(), AttributeValue::B(Blob::new([]))),
        ]);
        assert_eq!(text(&item, "encryptedAppId").unwrap(), Some("a:b"));
        for name in ["encryptedKeyHandle", "EncryptedCredentials", "other", "absent"] {
            assert_eq!(attribute(&item, name), None, "{name}");
        }
    }

    #[test]
    fn ciphertext_in_text_comes_back_whosever_it_is() {
        for stored in [&b"aXY=:Y3Q="[..], &[1, 0, 0, 0, 7, 255, 58], &[58], b"no base64, no colon"] {
            let item = Attributes::default().sealed_text("x", stored).0;
            assert_eq!(sealed_text(&item, "x").unwrap().as_deref(), Some(stored));
        }
        for stored in ["no base64, no colon", "text", "YQ==", "YR=="] {
            let item = Attributes::default().text("x", Some(stored)).0;
            let read = sealed_text(&item, "x").unwrap().unwrap();
            assert_eq!(Attributes::default().sealed_text("x", &read).0, item);
        }
    }
}
