//! The body of `POST /totp`.

use std::time::Duration;

use mfa_core::code::Code;
use mfa_core::totp::{Digits, HashAlgorithm, TotpOptions};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, OneOfBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::error::ApiError;
use crate::members::Member;

const ALGORITHMS: [HashAlgorithm; 3] = [HashAlgorithm::Sha1, HashAlgorithm::Sha256, HashAlgorithm::Sha512];

/// A TOTP to enrol. A number counts as text with its digits.
#[derive(Deserialize, ToSchema)]
pub(super) struct NewTotp {
    #[serde(default)]
    #[schema(required = false, schema_with = issuer)]
    issuer: Member<Option<Text>>,
    #[serde(default)]
    #[schema(required = false, schema_with = label)]
    label: Member<Option<Text>>,
    #[serde(default)]
    #[schema(required = false, schema_with = algorithm)]
    algorithm: Member<String>,
    #[serde(default)]
    #[schema(required = false, schema_with = digits)]
    digits: Member<u64>,
    /// Seconds; 30 if it is absent.
    #[serde(default)]
    #[schema(required = false, value_type = u16, minimum = 15, maximum = 300)]
    period: Member<u64>,
}

/// An object, which PHP sends as `[]` when it is empty.
pub(super) struct TotpBody;

impl PartialSchema for TotpBody {
    fn schema() -> RefOr<Schema> {
        let nothing = ArrayBuilder::new().items(ObjectBuilder::new()).max_items(Some(0));
        OneOfBuilder::new().item(Ref::from_schema_name(NewTotp::name())).item(nothing).into()
    }
}

impl ToSchema for TotpBody {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((NewTotp::name().into_owned(), NewTotp::schema()));
    }
}

impl NewTotp {
    /// The options, as the predecessors read them: no label means `SecretKey`, and a label of `null` is
    /// `null`.
    pub(super) fn options(self) -> Result<TotpOptions, ApiError> {
        let no_text = |message: &'static str| ApiError::of(Code::InvalidText).saying(message);
        let label = match self.label {
            Member::Absent => "SecretKey".to_owned(),
            Member::Is(None) => "null".to_owned(),
            Member::Is(Some(Text(label))) => label,
            Member::Other => return Err(no_text("label must be a string")),
        };
        let options = match self.issuer {
            Member::Absent | Member::Is(None) => TotpOptions::without_issuer(label),
            Member::Is(Some(Text(issuer))) => TotpOptions::new(issuer, label),
            Member::Other => return Err(no_text("issuer must be a string")),
        };
        let algorithm = match self.algorithm {
            Member::Absent => HashAlgorithm::Sha1,
            Member::Is(name) => ALGORITHMS
                .into_iter()
                .find(|algorithm| algorithm.as_str() == name)
                .ok_or(ApiError::of(Code::InvalidAlgorithm))?,
            Member::Other => return Err(ApiError::of(Code::InvalidAlgorithm)),
        };
        let digits = match self.digits {
            Member::Absent | Member::Is(6) => Digits::Six,
            Member::Is(8) => Digits::Eight,
            Member::Is(_) | Member::Other => return Err(ApiError::of(Code::InvalidDigits)),
        };
        let period = match self.period {
            Member::Absent => 30,
            Member::Is(period) => period,
            // Anything but a whole number becomes zero, which the core refuses.
            Member::Other => 0,
        };
        Ok(options.algorithm(algorithm).digits(digits).period(Duration::from_secs(period)))
    }
}

/// A string, or the digits of a number.
struct Text(String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::String(text) => Ok(Self(text)),
            Value::Number(number) => Ok(Self(number.to_string())),
            _ => Err(D::Error::custom("not a text")),
        }
    }
}

fn issuer() -> Schema {
    text().description(Some("Shown by the authenticator app.")).examples(["Acme"]).build().into()
}

fn label() -> Schema {
    let about =
        "Shown by the authenticator app. It may be blank only with an issuer. `SecretKey` if it is absent.";
    text().description(Some(about)).examples(["jo@example.com"]).build().into()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Number, Type::Null]))
}

fn algorithm() -> Schema {
    let names = ALGORITHMS.map(HashAlgorithm::as_str);
    let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    object.description(Some("`SHA1` if it is absent.")).build().into()
}

fn digits() -> Schema {
    let object = ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([6, 8]));
    object.description(Some("6 if it is absent.")).build().into()
}
