//! The operations that return each error of U2F.

use mfa_core::u2f::{InvalidAppId, U2fError, U2fRefusal};
use mfa_core::webauthn::WebauthnError;
use strum::EnumCount as _;

use super::{Row, keyring_errors};

const LOGIN: &[&str] = &["finishU2fAuthentication"];
const BOTH: &[&str] = &["finishU2fRegistration", "finishU2fAuthentication"];
/// Operations that need a record with an AppID.
const OF_A_RECORD: &[&str] = &["finishU2fRegistration", "beginU2fAuthentication", "finishU2fAuthentication"];

pub(super) fn rows() -> Vec<Row> {
    let rows: [(U2fError, &[&str]); U2fError::COUNT] = [
        (U2fError::NotFound, OF_A_RECORD),
        (U2fError::NotRegistered, OF_A_RECORD),
        (
            U2fError::AppId(InvalidAppId),
            &[
                "beginU2fRegistration",
                "finishU2fRegistration",
                "beginU2fAuthentication",
                "finishU2fAuthentication",
            ],
        ),
        // Each has a row below.
        (U2fError::Refused(U2fRefusal::Malformed), BOTH),
        (
            U2fError::User(WebauthnError::ApiKey(keyring_errors()[0].clone())),
            &[
                "beginU2fRegistration",
                "finishU2fRegistration",
                "beginU2fAuthentication",
                "finishU2fAuthentication",
                "deleteCredential",
            ],
        ),
    ];
    let refusals = refusals().into_iter().map(|(refusal, names)| (U2fError::Refused(refusal), names));
    rows.into_iter().chain(refusals).map(|(error, names)| Row(error.into(), names)).collect()
}

fn refusals() -> [(U2fRefusal, &'static [&'static str]); U2fRefusal::COUNT] {
    [
        (U2fRefusal::Malformed, BOTH),
        (U2fRefusal::ClientData, BOTH),
        (U2fRefusal::ClientDataType, BOTH),
        (U2fRefusal::Challenge, BOTH),
        (U2fRefusal::Facet, BOTH),
        (U2fRefusal::KeyHandle, LOGIN),
        (U2fRefusal::UserPresence, LOGIN),
        (U2fRefusal::Signature, BOTH),
        (U2fRefusal::Counter, LOGIN),
    ]
}
