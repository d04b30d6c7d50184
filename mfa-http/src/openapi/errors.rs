//! Error responses, made from the codes that each route lists.

use std::collections::BTreeMap;

use mfa_core::code::Code;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::path::Operation;
use utoipa::openapi::response::Response;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Type};
use utoipa::openapi::{Content, HeaderBuilder, Ref, RefOr, ResponseBuilder, Schema};

use crate::answer::answer;

/// The codes that a route returns, in groups.
pub(crate) type Codes = &'static [&'static [Code]];

/// The extension that carries a route's codes to the contract. It is not published.
const LIST: &str = "x-codes";

/// An error. `message` and `error` hold the same text. `status` is the HTTP status.
#[derive(Serialize, ToSchema)]
pub(crate) struct ErrorBody {
    message: String,
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    error: String,
    #[schema(schema_with = code)]
    code: String,
}

fn code() -> RefOr<Schema> {
    let names = Code::ALL.iter().map(|code| code.as_str());
    let object = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(names));
    object.description(Some("Stable: decide by it.")).into()
}

/// The codes that `operation` lists.
pub(crate) fn listed(operation: &Operation) -> Vec<Code> {
    let groups = operation.extensions.as_ref().and_then(|extensions| extensions.get(LIST));
    let names = groups.into_iter().flat_map(Value::as_array).flatten().flat_map(Value::as_array).flatten();
    let code_of = |name: &Value| Code::ALL.iter().copied().find(|code| name == code.as_str());
    names.filter_map(code_of).collect()
}

/// Adds a response for each status of the codes that `operation` lists.
pub(super) fn describe(operation: &mut Operation) {
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in listed(operation) {
        by_status.entry(answer(code).0.as_u16()).or_default().push(code);
    }
    for (status, codes) in by_status {
        operation.responses.responses.insert(status.to_string(), response(status, &codes).into());
    }
    if let Some(extensions) = &mut operation.extensions {
        extensions.remove(LIST);
    }
}

fn response(status: u16, codes: &[Code]) -> Response {
    let lines: Vec<String> = codes.iter().map(|code| format!("- `{code}`: {}", code.about())).collect();
    let names = ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(codes.iter().map(|code| code.as_str())));
    let narrowed = ObjectBuilder::new().property("code", names).required("code");
    let body = AllOfBuilder::new().item(Ref::from_schema_name("ErrorBody")).item(narrowed);
    let mut response = ResponseBuilder::new()
        .description(lines.join("\n"))
        .content("application/json", Content::new(Some(Schema::from(body.build()))));
    if matches!(status, 429 | 503) {
        let seconds = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(0));
        let header = HeaderBuilder::new().schema(Some(seconds)).description(Some("Seconds to wait"));
        response = response.header("retry-after", header.build());
    }
    response.build()
}
