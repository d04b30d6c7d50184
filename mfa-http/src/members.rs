//! Reads JSON objects as leniently as the predecessors did. An empty body, `null` and `[]` (PHP's empty
//! object) count as `{}`. Names of members match in any letter case, so a repeated name is refused.

use std::fmt;

use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Value};

/// The most members of an object.
const MAX_MEMBERS: usize = 64;

/// Reads an object. Ignores members that `T` does not have.
///
/// # Errors
///
/// The bytes are not one JSON object, a member is repeated, there are too many members, or `T` refuses one.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, Error> {
    let members =
        if json.trim_ascii().is_empty() { Members::default() } else { serde_json::from_slice(json)? };
    T::deserialize(members)
}

/// A member whose type the route checks, so that a wrong type gets the route's own error code. In a struct it
/// needs `#[serde(default)]`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) enum Member<T> {
    /// It is absent.
    #[default]
    Absent,
    /// It is present, with the right type.
    Is(T),
    /// It is present, with another type.
    Other,
}

impl<T> Member<T> {
    /// The value, if it is present and has the right type.
    pub(crate) fn given(self) -> Option<T> {
        match self {
            Self::Is(value) => Some(value),
            Self::Absent | Self::Other => None,
        }
    }
}

impl Member<String> {
    /// The text, if it is present and not empty.
    pub(crate) fn text(self) -> Option<String> {
        self.given().filter(|text| !text.is_empty())
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        Ok(T::deserialize(value).map_or(Self::Other, Self::Is))
    }
}

/// An object whose names differ in more than letter case.
#[derive(Debug, Default)]
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Collector)
    }
}

struct Collector;

impl<'de> Visitor<'de> for Collector {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object")
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Members, E> {
        Ok(Members::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Members, A::Error> {
        match items.next_element::<Value>()? {
            None => Ok(Members::default()),
            Some(_) => Err(A::Error::custom("an array is not an object")),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let mut members: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            // Each member is compared with all before it, so limit their number.
            let repeated = members.iter().any(|(member, _)| member.eq_ignore_ascii_case(&name));
            if repeated || members.len() >= MAX_MEMBERS {
                return Err(A::Error::custom("a member is repeated, or there are too many"));
            }
            members.push((name, value));
        }
        Ok(Members(members))
    }
}

impl<'de> Deserializer<'de> for Members {
    type Error = Error;

    /// Respells each member's name as the struct expects it.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let known = self.0.into_iter().filter_map(|(name, value)| {
            let field = fields.iter().find(|field| field.eq_ignore_ascii_case(&name))?;
            Some((*field, value))
        });
        visitor.visit_map(MapDeserializer::new(known))
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_map(MapDeserializer::new(self.0.into_iter()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sample {
        #[serde(default)]
        email: Member<String>,
        #[serde(default)]
        expires_at: Member<Option<u64>>,
    }

    fn parse(json: &str) -> Result<Sample, Error> {
        read(json.as_bytes())
    }

    #[test]
    fn nothing_in_any_spelling_is_an_empty_object() {
        for json in ["", " \n", "{}", "[]", "null", " [ ] "] {
            let nothing = Sample { email: Member::Absent, expires_at: Member::Absent };
            assert_eq!(parse(json).unwrap(), nothing, "{json}");
        }
    }

    #[test]
    fn a_member_is_absent_of_its_type_or_something_else() {
        let sample = parse(r#"{"EMAIL": "a\/b", "n": 7, "expiresAt": null}"#).unwrap();
        assert_eq!(sample, Sample { email: Member::Is("a/b".to_owned()), expires_at: Member::Is(None) });
        let sample = parse(r#"{"email": 7, "EXPIRESAT": "soon"}"#).unwrap();
        assert_eq!(sample, Sample { email: Member::Other, expires_at: Member::Other });
    }

    #[test]
    fn other_values_trailing_text_and_lone_surrogates_are_refused() {
        for json in ["7", "\"x\"", "[1]", "{}x", "{\"a\":1,}", r#"{"a":"\ud800"}"#, "{", "{'a':1}"] {
            assert!(parse(json).is_err(), "{json}");
        }
        assert!(parse(&format!("{}{}", "[".repeat(20_000), "]".repeat(20_000))).is_err());
    }

    #[test]
    fn an_object_has_at_most_64_members() {
        let object = |count: usize| {
            let members: BTreeMap<String, usize> = (0..count).map(|n| (format!("m{n}"), n)).collect();
            serde_json::to_string(&members).unwrap()
        };
        assert!(parse(&object(64)).is_ok());
        assert!(parse(&object(65)).is_err());
    }

    /// The name in some mixture of upper and lower case.
    fn spelling(name: &'static str) -> impl Strategy<Value = String> {
        prop::collection::vec(any::<bool>(), name.len()).prop_map(|upper| {
            let letters = name.chars().zip(upper);
            letters
                .map(
                    |(letter, upper)| {
                        if upper { letter.to_ascii_uppercase() } else { letter.to_ascii_lowercase() }
                    },
                )
                .collect()
        })
    }

    proptest! {
        #[test]
        fn letter_case_does_not_matter(
            email in spelling("email"), expires_at in spelling("expiresAt"), value: String, time: u64, swap: bool,
        ) {
            let value = serde_json::to_string(&value).unwrap();
            let mut members = [format!("{email:?}: {value}"), format!("{expires_at:?}: {time}")];
            if swap {
                members.reverse();
            }
            let spelt = parse(&format!("{{{}}}", members.join(", "))).unwrap();
            let usual = parse(&format!(r#"{{"email": {value}, "expiresAt": {time}}}"#)).unwrap();
            prop_assert_eq!(&spelt, &usual);
            prop_assert_eq!(spelt.expires_at, Member::Is(Some(time)));
        }

        #[test]
        fn a_name_that_is_repeated_is_refused(
            (first, second) in (spelling("email"), spelling("email")), others in 0..40_usize, known: bool,
        ) {
            let other = |n| format!(r#""m{n}": {n}"#);
            let mut members = vec![format!("{first:?}: 1")];
            members.extend((0..others).map(other));
            members.push(format!("{second:?}: 2"));
            let json = format!("{{{}}}", members.join(", "));
            // A repeated member that no route reads is refused too.
            let json = if known { json } else { json.replace(&first, "x").replace(&second, "X") };
            prop_assert!(parse(&json).is_err());
        }
    }
}
