//! The contract: OpenAPI 3.1 from the handlers, with examples from real responses (made by
//! `tests/http/openapi.rs`).

pub(crate) mod errors;
pub(crate) mod headers;
pub(crate) mod webauthn;

use std::collections::BTreeMap;

use errors::ErrorBody;
use serde_json::Value;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, InfoBuilder, License, OpenApi, OpenApiBuilder, PathItem, RefOr, Server};
use utoipa::{PartialSchema as _, ToSchema as _};

const ABOUT: &str = "Multi-factor authentication that many applications share.\n\n\
    A consumer sends its API key and secret with each request. Errors have one body, whose `code` is stable. \
    401 means wrong, 429 wait for `Retry-After` seconds, 503 try again. \
    Members of request bodies are matched whatever their case; unknown ones are ignored. \
    An unknown path is 404 `no-such-route`, an unknown method 405 `no-such-method`.";

/// A response of the service, by method, path and status.
const EXAMPLES: &str = include_str!("examples.json");

/// The contract without its operations.
pub(crate) fn outline() -> OpenApi {
    let header = |name: &str, about: &str| {
        SecurityScheme::ApiKey(ApiKey::Header(ApiKeyValue::with_description(name, about)))
    };
    let mut components = Components::new();
    components.add_security_scheme("apiKey", header("x-mfa-apikey", "The consumer's API key"));
    components.add_security_scheme("apiSecret", header("x-mfa-apisecret", "Its secret, from the activation"));
    components.add_security_scheme("adminKey", header("x-api-key", "The operator's `MFA_ADMIN_KEY`"));
    components.schemas.insert(ErrorBody::name().into_owned(), ErrorBody::schema());
    let tag = |name: &str, about: &str| TagBuilder::new().name(name).description(Some(about)).build();
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("mfa")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .license(Some(license()))
                .build(),
        )
        .servers(Some([Server::new("/")]))
        .components(Some(components))
        .tags(Some([
            tag("TOTP", "Authenticator apps, RFC 6238"),
            tag("WebAuthn", "Passkeys and security keys"),
            tag("U2F", "Legacy keys with raw messages"),
            tag("API keys", "For administrators, and for rotation"),
            tag("Operations", "For load balancers"),
        ]))
        .build()
}

fn license() -> License {
    let mut license = License::new(env!("CARGO_PKG_LICENSE"));
    license.identifier = Some(license.name.clone());
    license
}

/// Adds the errors and the examples.
pub(crate) fn finished(mut contract: OpenApi) -> OpenApi {
    // They are compiled in, and a test reads them.
    let examples: BTreeMap<String, Value> = serde_json::from_str(EXAMPLES).unwrap_or_default();
    for (path, item) in &mut contract.paths.paths {
        for (method, operation) in operations(item) {
            errors::describe(operation);
            for (status, response) in &mut operation.responses.responses {
                let example = examples.get(&format!("{method} {path} {status}"));
                let RefOr::T(response) = response else { continue };
                if let (Some(example), Some(RefOr::T(content))) =
                    (example, response.content.get_mut("application/json"))
                {
                    content.example = Some(example.clone());
                }
            }
        }
    }
    contract
}

/// A page to read the contract.
#[cfg(feature = "server")]
pub(crate) fn page(contract: &'static str) -> utoipa_swagger_ui::SwaggerUi {
    utoipa_swagger_ui::SwaggerUi::new("/docs").config(utoipa_swagger_ui::Config::from(contract))
}

pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let all = [
        ("GET", &mut item.get),
        ("POST", &mut item.post),
        ("PUT", &mut item.put),
        ("PATCH", &mut item.patch),
        ("DELETE", &mut item.delete),
    ];
    all.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}
