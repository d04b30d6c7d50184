//! The operations that return each error of TOTP.

use mfa_core::envelope::DoesNotOpen;
use mfa_core::random::RandomError;
use mfa_core::totp::{InvalidParameters, TotpError};
use strum::EnumCount as _;

use super::{Row, keyring_errors, store_failure};

pub(super) fn rows() -> Vec<Row> {
    let rows: [(TotpError, &[&str]); TotpError::COUNT] = [
        (TotpError::NotFound, &["getTotp", "resetTotp", "deleteTotp"]),
        (TotpError::NotAccepted, &["validateTotp"]),
        (TotpError::Throttled { retry_after: Default::default() }, &["validateTotp"]),
        (TotpError::Disabled, &["validateTotp"]),
        (TotpError::LabelRequired, &["enrollTotp"]),
        (TotpError::LabelTooLong, &["enrollTotp"]),
        (TotpError::InvalidParameters(InvalidParameters), &["enrollTotp"]),
        (TotpError::DoesNotOpen(DoesNotOpen), &["enrollTotp", "validateTotp", "getTotp", "resetTotp"]),
        (TotpError::Random(RandomError), &["enrollTotp", "validateTotp", "resetTotp"]),
        (
            TotpError::ApiKey(keyring_errors()[0].clone()),
            &["enrollTotp", "validateTotp", "getTotp", "resetTotp"],
        ),
        (
            TotpError::Store(store_failure()),
            &["enrollTotp", "validateTotp", "getTotp", "resetTotp", "deleteTotp"],
        ),
    ];
    rows.into_iter().map(|(error, operations)| Row(error.into(), operations)).collect()
}
