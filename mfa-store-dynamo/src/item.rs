//! Items as the seeds wrote them: names match whatever their case; absent, `NULL`, `""` and empty binary are all
//! "none".

use std::collections::HashMap;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use data_encoding::BASE64;
use mfa_core::ConsumerId;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;

use crate::error::DynamoError;

pub(crate) type Item = HashMap<String, AttributeValue>;

/// An attribute that says something.
pub(crate) fn attribute<'a>(item: &'a Item, name: &str) -> Option<&'a AttributeValue> {
    let named = |name: &str| item.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, v)| v);
    item.get(name).or_else(|| named(name)).filter(|value| match value {
        AttributeValue::Null(_) => false,
        AttributeValue::S(text) => !text.is_empty(),
        AttributeValue::B(bytes) => !bytes.as_ref().is_empty(),
        _ => true,
    })
}

pub(crate) fn text<'a>(item: &'a Item, name: &'static str) -> Result<Option<&'a str>, DynamoError> {
    let text = attribute(item, name).map(|value| value.as_s().map(String::as_str));
    text.transpose().map_err(|_| DynamoError::Attribute(name))
}

pub(crate) fn number<T: TryFrom<u64>>(item: &Item, name: &'static str) -> Result<Option<T>, DynamoError> {
    let Some(value) = attribute(item, name) else { return Ok(None) };
    let number = value.as_n().ok().and_then(|digits| digits.parse::<u64>().ok());
    number.and_then(|number| number.try_into().ok()).map(Some).ok_or(DynamoError::Attribute(name))
}

pub(crate) fn time(item: &Item, name: &'static str) -> Result<Option<UnixTime>, DynamoError> {
    Ok(number(item, name)?.map(UnixTime::from_millis))
}

pub(crate) fn bytes<T>(item: &Item, name: &'static str) -> Result<Option<Sealed<T>>, DynamoError> {
    let bytes = attribute(item, name).map(AttributeValue::as_b);
    let bytes = bytes.transpose().map_err(|_| DynamoError::Attribute(name))?;
    Ok(bytes.map(|bytes| Sealed::from_stored(bytes.as_ref().to_vec())))
}

/// Ciphertext in an attribute that holds text: the seeds' own, which has a colon, or ours in base64, which has none.
pub(crate) fn sealed_text<T>(item: &Item, name: &'static str) -> Result<Option<Sealed<T>>, DynamoError> {
    let Some(text) = text(item, name)? else { return Ok(None) };
    let bytes = if text.contains(':') {
        text.as_bytes().to_vec()
    } else {
        BASE64.decode(text.as_bytes()).map_err(|_| DynamoError::Attribute(name))?
    };
    Ok(Some(Sealed::from_stored(bytes)))
}

/// Whose record it is. The owner's name is empty on some of the seeds' rows: those are nobody's.
pub(crate) fn owner(item: &Item) -> Option<ConsumerId> {
    let key = text(item, "apiKey").ok().flatten()?.parse().ok()?;
    Some(ConsumerId::of_first_key(&key))
}

/// Attributes to write; what is `None` is left out.
#[derive(Debug, Default)]
pub(crate) struct Attributes(pub(crate) Item);

impl Attributes {
    /// An empty text says nothing, and is left out too.
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

    pub(crate) fn bytes<T>(mut self, name: &str, value: Option<&Sealed<T>>) -> Self {
        let blob = |sealed: &Sealed<T>| AttributeValue::B(Blob::new(sealed.as_bytes()));
        self.0.extend(value.map(|sealed| (name.to_owned(), blob(sealed))));
        self
    }

    pub(crate) fn sealed_text<T>(self, name: &str, value: Option<&Sealed<T>>) -> Self {
        let Some(sealed) = value else { return self };
        match std::str::from_utf8(sealed.as_bytes()) {
            Ok(text) if text.contains(':') => self.text(name, Some(text)),
            _ => self.text(name, Some(&BASE64.encode(sealed.as_bytes()))),
        }
    }
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
        for stored in [&b"aXY=:Y3Q="[..], &[1, 0, 0, 0, 7, 255, 58], &[58]] {
            let sealed = Sealed::<()>::from_stored(stored.to_vec());
            let item = Attributes::default().sealed_text("x", Some(&sealed)).0;
            assert_eq!(sealed_text(&item, "x").unwrap(), Some(sealed));
        }
        let garbage = Attributes::default().text("x", Some("no base64, no colon")).0;
        assert!(matches!(sealed_text::<()>(&garbage, "x"), Err(DynamoError::Attribute("x"))));
    }
}
