//! One vector, judged.

use std::fmt::{self, Display};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER_PERMISSIVE};
use mfa_core::clock::UnixTime;
use mfa_core::secret::SecretBytes;
use mfa_core::totp::{Digits, HashAlgorithm, SharedSecret, TimeStep};
use mfa_core::u2f::{
    AppId, LegacyU2fKey, U2fAuthenticationResponse, U2fRegistrationResponse, verify_u2f_authentication,
    verify_u2f_registration,
};
use mfa_core::webauthn::{
    AuthenticationResponse, Challenge, CoseAlgorithm, CredentialRecord, Refusal, RegistrationResponse,
    RelyingParty, UserVerification, WebauthnError, verify_authentication, verify_registration,
};
use serde_json::Value;

/// The library's result for a vector.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It verifies.
    Accept,
    /// It does not verify; the code of the failed check.
    Reject(String),
    /// Its algorithm or format is not offered.
    Unsupported(String),
}

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Accept => f.write_str("accept ok"),
            Self::Reject(code) => write!(f, "reject {code}"),
            Self::Unsupported(code) => write!(f, "unsupported {code}"),
        }
    }
}

/// Runs `case` through the library.
pub(crate) fn judge(case: &Value) -> Verdict {
    let verdict = match case["kind"].as_str().unwrap_or_default() {
        "registration" => registration(case),
        "authentication" => authentication(case),
        "u2f-registration" => u2f_registration(case),
        "u2f-authentication" => u2f_authentication(case),
        "hotp" | "totp" => one_time_password(case),
        "totp-server" => one_time_password_in_time(case),
        _ => Some(Verdict::Unsupported("kind".to_owned())),
    };
    verdict.unwrap_or_else(|| Verdict::Reject("malformed-case".to_owned()))
}

/// Bytes in any base64, or in hex under `NAME_hex`.
fn bytes(object: &Value, name: &str) -> Option<Vec<u8>> {
    if let Some(hex) = object[format!("{name}_hex")].as_str() {
        return HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
    }
    let text = object[name].as_str()?.trim_end_matches('=').replace('+', "-").replace('/', "_");
    BASE64URL_NOPAD.decode(text.as_bytes()).ok()
}

/// The first of these members that exists, because files spell some of them in two ways.
fn first<'a>(object: &'a Value, names: &[&str]) -> Option<&'a str> {
    names.iter().find_map(|name| object[*name].as_str())
}

fn app_id_of(case: &Value) -> Option<Result<AppId, mfa_core::u2f::InvalidAppId>> {
    let names = ["app_id", "appId", "rp_id"];
    first(case, &names[..2]).or(first(&case["stored"], &names)).or(first(case, &names)).map(AppId::parse)
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

fn relying_party(case: &Value) -> Option<RelyingParty> {
    let mut origins = texts(&case["origins"]);
    if origins.is_empty() {
        origins = vec![case["origin"].as_str()?];
    }
    let (policy, id) = (&case["policy"], case["rp_id"].as_str()?);
    // An origin that no page can have is judged like the predecessors' headers.
    let mut party = RelyingParty::new(id, "vectors", origins.iter().copied())
        .or_else(|_| RelyingParty::from_headers(id, "vectors", origins[0]))
        .ok()?;
    party = party.user_verification(match policy["user_verification"].as_str() {
        Some("required") => UserVerification::Required,
        Some("preferred") => UserVerification::Preferred,
        _ => UserVerification::Discouraged,
    });
    if let Some(algorithms) = policy["algorithms"].as_array() {
        let wanted = algorithms.iter().filter_map(Value::as_i64).filter_map(CoseAlgorithm::from_number);
        party = party.algorithms(&wanted.collect::<Vec<_>>());
    }
    if case["allow_cross_origin"] == true {
        party = party.allow_cross_origin(texts(&case["top_origins"]));
    }
    Some(party)
}

fn verdict(outcome: Result<(), WebauthnError>, format: Option<&str>) -> Verdict {
    match outcome {
        Ok(()) => Verdict::Accept,
        Err(WebauthnError::Refused(refusal)) => match (refusal, format) {
            (Refusal::Algorithm | Refusal::AttestationFormat, _) => {
                Verdict::Unsupported(refusal.code().to_string())
            }
            // webauthn-rs-core accepts these formats only from some authenticators.
            (Refusal::Attestation, Some("tpm" | "android-key" | "android-safetynet")) => {
                Verdict::Unsupported("attestation-format".to_owned())
            }
            _ => Verdict::Reject(refusal.code().to_string()),
        },
        Err(WebauthnError::Malformed(error)) => Verdict::Reject(format!("malformed ({error})")),
        Err(error) => Verdict::Reject(error.to_string()),
    }
}

fn registration(case: &Value) -> Option<Verdict> {
    let outcome = RegistrationResponse::from_json(case["response"].to_string().as_bytes())
        .map_err(WebauthnError::from)
        .and_then(|response| {
            let party = relying_party(case).ok_or(Refusal::RelyingParty)?;
            let challenge = bytes(case, "challenge").map(Challenge::from_bytes).ok_or(Refusal::Challenge)?;
            Ok(verify_registration(&response, &challenge, &party).map(drop)?)
        });
    Some(verdict(outcome, case["expect"]["facts"]["fmt"].as_str()))
}

fn authentication(case: &Value) -> Option<Verdict> {
    let stored = &case["stored"];
    let mut credential =
        CredentialRecord::new(bytes(stored, "credential_id")?, bytes(stored, "public_key_cose")?);
    credential.sign_count = stored["sign_count"].as_u64().unwrap_or(0).try_into().ok()?;
    credential.backup_eligible = stored["backup_eligible"].as_bool();
    credential.backup_state = stored["backup_state"].as_bool().unwrap_or(false);
    let app_id = stored["app_id"].as_str().or(case["app_id"].as_str());

    let outcome = AuthenticationResponse::from_json(case["response"].to_string().as_bytes())
        .map_err(WebauthnError::from)
        .and_then(|response| {
            let party = relying_party(case).ok_or(Refusal::RelyingParty)?;
            let challenge = bytes(case, "challenge").map(Challenge::from_bytes).ok_or(Refusal::Challenge)?;
            let allowed = case["allow_credentials"].as_array();
            let is_allowed =
                |id: &Value| id.as_str() == Some(&BASE64URL_NOPAD.encode(response.credential_id()));
            if allowed.is_some_and(|allowed| !allowed.iter().any(is_allowed)) {
                return Err(Refusal::CredentialNotAllowed.into());
            }
            // If the vector has no user, accept the authenticator's.
            let handle = bytes(stored, "user_handle");
            let handle =
                handle.or_else(|| bytes(&case["response"]["response"], "userHandle")).unwrap_or_default();
            let judged = verify_authentication(&response, &credential, &challenge, &handle, &party, app_id);
            Ok(judged.map(drop)?)
        });
    Some(verdict(outcome, None))
}

fn u2f_verdict(outcome: Result<(), mfa_core::u2f::U2fRefusal>) -> Verdict {
    outcome.map_or_else(|refusal| Verdict::Reject(refusal.code().to_string()), |()| Verdict::Accept)
}

fn u2f_registration(case: &Value) -> Option<Verdict> {
    let Ok(app_id) = app_id_of(case)? else {
        return Some(Verdict::Reject("app-id".to_owned()));
    };
    let response = &case["response"];
    let challenge = Challenge::from_bytes(bytes(case, "challenge")?);
    let client_data = first(response, &["clientData", "client_data"])?;
    let data = first(response, &["registrationData", "registration_data"])?;
    let outcome = U2fRegistrationResponse::new(client_data, data)
        .and_then(|response| verify_u2f_registration(&response, &challenge, &app_id).map(drop));
    Some(u2f_verdict(outcome))
}

fn u2f_authentication(case: &Value) -> Option<Verdict> {
    let (stored, response) = (&case["stored"], &case["response"]);
    let Ok(app_id) = app_id_of(case)? else {
        return Some(Verdict::Reject("app-id".to_owned()));
    };
    let handle = bytes(stored, "key_handle").or_else(|| bytes(response, "keyHandle"))?;
    let text = |bytes: &[u8]| BASE64URL_NOPAD.encode(bytes).into_bytes();
    let public_key = bytes(stored, "public_key")?;
    let key = LegacyU2fKey::parse(app_id.as_str().as_bytes(), &text(&handle), &text(&public_key));
    let Some(key) = key else { return Some(Verdict::Reject("public-key".to_owned())) };
    let counter =
        stored["counter"].as_u64().or(stored["sign_count"].as_u64()).and_then(|n| n.try_into().ok());
    let challenge = Challenge::from_bytes(bytes(case, "challenge")?);
    let client_data = first(response, &["clientData", "client_data"])?;
    let signature = first(response, &["signatureData", "signature_data"])?;
    let key_handle = first(response, &["keyHandle", "key_handle"]);
    let outcome = U2fAuthenticationResponse::new(client_data, signature, key_handle).and_then(|response| {
        verify_u2f_authentication(&response, &challenge, &app_id, &key, counter).map(drop)
    });
    Some(u2f_verdict(outcome))
}

struct Otp {
    key: Vec<u8>,
    algorithm: HashAlgorithm,
    digits: Digits,
    period: u16,
}

impl Otp {
    fn of(case: &Value) -> Option<Self> {
        let key = match case["secret_hex"].as_str() {
            Some(hex) => HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?,
            None => {
                BASE32_NOPAD.decode(case["secret_base32"].as_str()?.trim_end_matches('=').as_bytes()).ok()?
            }
        };
        let algorithm = match case["algorithm"].as_str() {
            Some("SHA256") => HashAlgorithm::Sha256,
            Some("SHA512") => HashAlgorithm::Sha512,
            _ => HashAlgorithm::Sha1,
        };
        let digits = if case["digits"] == 8 { Digits::Eight } else { Digits::Six };
        Some(Self { key, algorithm, digits, period: case["step"].as_u64().unwrap_or(30).try_into().ok()? })
    }
}

fn compare(right: bool) -> Verdict {
    if right { Verdict::Accept } else { Verdict::Reject("code".to_owned()) }
}

fn one_time_password(case: &Value) -> Option<Verdict> {
    let otp = Otp::of(case)?;
    let counter = match case["counter"].as_u64() {
        Some(counter) => counter,
        None => (case["time"].as_u64()? - case["t0"].as_u64().unwrap_or(0)) / u64::from(otp.period),
    };
    let secret = SharedSecret::from_key(SecretBytes::new(otp.key));
    let secret = secret.with_parameters(otp.algorithm, otp.digits, otp.period);
    let code = secret.code_at(TimeStep::from_stored(counter));
    Some(compare(case["code"].as_str()?.parse() == Ok(code)))
}

/// A code judged as the server does: in the window of `now`, and for a step behind the last accepted one.
fn one_time_password_in_time(case: &Value) -> Option<Verdict> {
    let otp = Otp::of(case)?;
    let secret = SharedSecret::from_key(SecretBytes::new(otp.key));
    let secret = secret.with_parameters(otp.algorithm, otp.digits, otp.period);
    let Ok(code) = case["code"].as_str()?.parse() else {
        return Some(Verdict::Reject("malformed".to_owned()));
    };
    let now = TimeStep::at(UnixTime::from_secs(case["now"].as_u64()?), otp.period);
    let last = case["last_step"].as_u64().map(TimeStep::from_stored);
    let step = secret.matching_step(&code, now).filter(|step| last < Some(*step));
    Some(compare(step.is_some()))
}
