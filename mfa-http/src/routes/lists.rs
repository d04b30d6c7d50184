//! Tests that each operation lists exactly the codes that its parts return. The tables in `lists/` map each
//! error of the domain to the operations that return it. A new variant does not compile until it has a row.

mod api_keys;
mod totp;
mod u2f;
mod webauthn;

use std::collections::BTreeSet;

use mfa_core::api_key::ApiKeyError;
use mfa_core::code::Code;
use mfa_core::envelope::DoesNotOpen;
use mfa_core::store::StoreError;

use crate::authentication::{ADMINISTRATOR, CONSUMER};
use crate::body::{BYTES, OBJECT};
use crate::error::{ApiError, SERVER};
use crate::openapi::errors::listed;
use crate::openapi::operations;
use crate::relying_party::{RELYING_PARTY, USER};

/// An error as its route answers it, and the operations that return it.
struct Row(ApiError, &'static [&'static str]);

/// The errors of reading the caller's keyring during an operation.
fn keyring_errors() -> [ApiKeyError; 3] {
    [ApiKeyError::Unauthorized, ApiKeyError::Damaged(DoesNotOpen), store_failure().into()]
}

fn store_failure() -> StoreError {
    StoreError::Damaged { backend: "test", what: "record" }
}

/// The codes of an operation before it calls the domain, and those that its route adds.
fn own(operation: &str) -> &'static [&'static [Code]] {
    match operation {
        "createApiKey" => &[ADMINISTRATOR, OBJECT, SERVER, &[Code::InvalidExpiry]],
        "listApiKeys" => &[ADMINISTRATOR, SERVER, &[Code::InvalidQuery]],
        // A malformed key is answered like an unknown one.
        "revokeApiKey" => &[ADMINISTRATOR, SERVER, &[Code::ApiKeyNotFound]],
        "activateApiKey" => &[ADMINISTRATOR, CONSUMER, OBJECT, SERVER, &[Code::ApiKeyRequired]],
        "rotateApiKey" => &[OBJECT, SERVER, &[Code::InvalidRequest]],
        "enrollTotp" => {
            &[CONSUMER, OBJECT, SERVER, &[Code::InvalidText, Code::InvalidAlgorithm, Code::InvalidDigits]]
        }
        "validateTotp" => &[CONSUMER, OBJECT, SERVER, &[Code::CodeRequired]],
        "getTotp" | "resetTotp" | "deleteTotp" => &[CONSUMER, SERVER],
        "beginRegistration" => &[CONSUMER, RELYING_PARTY, SERVER],
        "beginAuthentication" => &[CONSUMER, RELYING_PARTY, SERVER],
        "finishRegistration" | "finishAuthentication" => {
            &[CONSUMER, RELYING_PARTY, BYTES, SERVER, &[Code::UserUuidRequired]]
        }
        "getUser" => &[CONSUMER, USER, SERVER],
        "deleteUser" => &[CONSUMER, RELYING_PARTY, SERVER],
        "deleteCredential" => &[CONSUMER, RELYING_PARTY, SERVER, &[Code::UserUuidRequired]],
        "renameCredential" => &[CONSUMER, USER, OBJECT, SERVER, &[Code::InvalidLabel]],
        "beginU2fRegistration" => &[CONSUMER, OBJECT, SERVER, &[Code::AppIdRequired]],
        "finishU2fRegistration" | "finishU2fAuthentication" => {
            &[CONSUMER, OBJECT, SERVER, &[Code::TokenError]]
        }
        // There is nothing to delete.
        "deleteU2f" => &[CONSUMER, SERVER, &[Code::U2fNotFound]],
        "beginU2fAuthentication" => &[CONSUMER, SERVER],
        "getReadiness" | "getMetrics" => &[SERVER],
        "getLiveness" => &[],
        other => panic!("{other} has no row here"),
    }
}

#[test]
fn every_operation_lists_what_it_answers_and_nothing_else() {
    let rows: Vec<Row> =
        api_keys::rows().into_iter().chain(totp::rows()).chain(webauthn::rows()).chain(u2f::rows()).collect();
    let mut known = BTreeSet::from(["authenticate"]);
    for item in super::documented().into_openapi().paths.paths.values_mut() {
        for (_, operation) in operations(item) {
            let name = operation.operation_id.clone().unwrap();
            let returned = rows.iter().filter(|Row(_, names)| names.contains(&name.as_str()));
            let own = own(&name).iter().copied().flatten().copied();
            let answered: BTreeSet<Code> = own.chain(returned.map(|Row(error, _)| error.code())).collect();
            let list = listed(operation);
            assert_eq!(list.iter().copied().collect::<BTreeSet<_>>(), answered, "{name}");
            assert_eq!(list.len(), answered.len(), "{name} lists a code twice: {list:?}");
            known.insert(Box::leak(name.into_boxed_str()));
        }
    }
    for name in rows.iter().flat_map(|Row(_, names)| *names) {
        assert!(known.contains(name), "there is no operation {name}");
    }
}

/// The errors of authentication, for every operation that authenticates.
#[test]
fn authentication_lists_what_it_answers() {
    let rows = api_keys::rows();
    let returned = rows.iter().filter(|Row(_, names)| names.contains(&"authenticate"));
    let answered: BTreeSet<Code> = returned.map(|Row(error, _)| error.code()).collect();
    assert_eq!(answered, CONSUMER.iter().chain(SERVER).copied().collect());
}

/// These come from no operation. Malformed authenticator data is answered as `malformed-response`.
#[test]
fn every_other_code_is_listed_somewhere() {
    let mut listed_somewhere = BTreeSet::new();
    for item in super::documented().into_openapi().paths.paths.values_mut() {
        listed_somewhere.extend(operations(item).flat_map(|(_, operation)| listed(operation)));
    }
    let all: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    let unlisted: Vec<Code> = all.difference(&listed_somewhere).copied().collect();
    assert_eq!(unlisted, [Code::NoSuchRoute, Code::NoSuchMethod, Code::AuthenticatorData]);
}
