//! Verifying an assertion, step by step after WebAuthn L3 §7.2.

use sha2::{Digest, Sha256};

use super::{
    AuthenticationResponse, AuthenticatorData, Challenge, ClientDataType, CredentialRecord, PublicKey,
    Refusal, RelyingParty, UserVerification,
};

/// Proof that an assertion passed every check, with the new values for the record.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Assertion {
    /// The new signature counter.
    pub sign_count: u32,
    /// The user was verified.
    pub user_verified: bool,
    /// Backup eligibility, known from now on.
    pub backup_eligible: bool,
    /// The new backup state.
    pub backup_state: bool,
}

/// Verifies `response` against `credential`. Before, the caller must take the ceremony of `challenge`, and
/// find the credential by [`AuthenticationResponse::credential_id`] among those allowed (§7.2 steps 5 and 6,
/// except for the user handle). `user_handle` is the user's id as the options gave it. `app_id` is the AppID
/// of `credential`, if that is a legacy U2F key.
///
/// # Errors
///
/// The first check that fails, in the order of the specification's steps.
pub fn verify_authentication(
    response: &AuthenticationResponse,
    credential: &CredentialRecord,
    challenge: &Challenge,
    user_handle: &[u8],
    relying_party: &RelyingParty,
    app_id: Option<&str>,
) -> Result<Assertion, Refusal> {
    // `id` is an unsigned copy of `rawId`. If they differ, the client lies (§5.1).
    if response.id != response.raw_id || response.raw_id != credential.id.0 {
        return Err(Refusal::CredentialId);
    }
    // Step 6: a user handle must be this user's.
    if let Some(handle) = &response.user_handle
        && !is_handle_of(handle, user_handle)
    {
        return Err(Refusal::UserHandle);
    }
    // Steps 10 to 14.
    response.client_data.check(ClientDataType::Get, challenge, relying_party)?;

    // Step 15: the RP ID, or the AppID of this key (§10.1.1). The client's extension output is unsigned, so
    // it does not count.
    let data = AuthenticatorData::parse(&response.authenticator_data)?;
    let app_id_hash = app_id.map(|app_id| Sha256::digest(app_id.as_bytes()).into());
    if data.rp_id_hash != relying_party.id_hash() && Some(data.rp_id_hash) != app_id_hash {
        return Err(Refusal::RpIdHash);
    }
    // Step 16.
    if !data.flags.user_present() {
        return Err(Refusal::UserPresence);
    }
    // Step 17.
    if relying_party.user_verification == UserVerification::Required && !data.flags.user_verified() {
        return Err(Refusal::UserVerification);
    }
    // Step 18.
    if data.flags.backup_state() && !data.flags.backup_eligible() {
        return Err(Refusal::BackupState);
    }
    // Step 19: unknown until the first verified login, fixed from then on.
    if credential.backup_eligible.is_some_and(|eligible| eligible != data.flags.backup_eligible()) {
        return Err(Refusal::BackupEligibility);
    }
    // Steps 20 and 21.
    let key = PublicKey::parse(&credential.public_key)?;
    let client_data_hash = Sha256::digest(&response.client_data_json);
    let signed = [response.authenticator_data.as_slice(), &client_data_hash].concat();
    key.verify(&signed, &response.signature)?;
    // Step 22: a counter in use must grow.
    let counts = data.sign_count != 0 || credential.sign_count != 0;
    if counts && data.sign_count <= credential.sign_count {
        return Err(Refusal::SignCount);
    }
    // Step 23: only `appid` is requested, and was handled above. Step 24: the new values for the record.
    Ok(Assertion {
        sign_count: data.sign_count,
        user_verified: data.flags.user_verified(),
        backup_eligible: data.flags.backup_eligible(),
        backup_state: data.flags.backup_state(),
    })
}

/// The handle is the user's id as text. Keys registered through an old front end hold the encoded text, and a
/// new front end encodes that again.
fn is_handle_of(handle: &[u8], user: &[u8]) -> bool {
    handle == user || handle == data_encoding::BASE64URL_NOPAD.encode(user).as_bytes()
}
