//! Logins on the Go predecessor's rows, and on the Node predecessor's U2F rows that it adopted.

use std::sync::Arc;

use data_encoding::BASE64;
use mfa_core::clock::UnixTime;
use mfa_core::envelope::Sealed;
use mfa_core::store::{Expect, Stores, UserRecord};
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, Refusal, RegistrationResponse, RelyingParty, WebauthnError,
};
use mfa_core::{Consumer, ConsumerId, Mfa};
use serde_json::Value;

use crate::kit::authenticator::{BE, BS, Browser, Key, SoftAuthenticator, UP};
use crate::kit::service::mfa_at;
use crate::predecessors::{PredecessorKey, load_key, node_rows};

const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
const ORIGIN: &str = "https://login.example.com";

pub(crate) fn go_rows() -> Value {
    serde_json::from_str(include_str!("../fixtures/go_rows.json")).unwrap()
}

fn party() -> RelyingParty {
    RelyingParty::from_headers("example.com", "ACME Inc.", ORIGIN).unwrap()
}

/// Stores a row of the predecessors' u2f table, including every encoding of "nothing".
pub async fn load_user(stores: &Stores, row: &Value) -> UserRecord {
    let text = |name: &str| row[name]["S"].as_str().map(str::to_owned);
    let sealed = |name: &str| text(name).map(|text| Sealed::from_stored(text.into_bytes()));
    let credentials = row["EncryptedCredentials"]["B"].as_str().or(row["encryptedCredentials"]["B"].as_str());
    let record = UserRecord {
        id: text("uuid").unwrap().parse().unwrap(),
        consumer: ConsumerId::of_first_key(&text("apiKey").unwrap().parse().unwrap()),
        credentials: credentials.map(|base64| Sealed::from_stored(BASE64.decode(base64.as_bytes()).unwrap())),
        u2f_app_id: sealed("encryptedAppId"),
        u2f_key_handle: sealed("encryptedKeyHandle"),
        u2f_public_key: sealed("encryptedPublicKey"),
        u2f_sign_count: None,
    };
    stores.users.save(&record, Expect::Absent).await.unwrap();
    record
}

async fn consumer_of(stores: &Stores, key: &PredecessorKey) -> (Consumer, Mfa) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    (mfa.authenticate(&key.key, &key.secret).await.unwrap(), mfa)
}

/// One login, and the service's result.
async fn login(
    consumer: &Consumer,
    record: &UserRecord,
    authenticator: &mut SoftAuthenticator,
    rp_id: &str,
) -> Result<(), WebauthnError> {
    let webauthn = consumer.webauthn(party());
    let options = serde_json::to_value(webauthn.begin_authentication(record.id).await?).unwrap();
    let browser = Browser { rp_id: rp_id.to_owned(), ..Browser::new(ORIGIN, &options) };
    let answer = authenticator.get(&browser).to_string();
    let response = AuthenticationResponse::from_json(answer.as_bytes())?;
    webauthn.finish_authentication(record.id, &response).await.map(drop)
}

fn is(refused: &Result<(), WebauthnError>, expected: Refusal) -> bool {
    matches!(refused, Err(WebauthnError::Refused(refusal)) if *refusal == expected)
}

/// All five kinds of credential log in, and a sixth is registered. A copied key and a wrong one are refused.
pub async fn five_kinds_of_credential_log_in(stores: &Stores) {
    let rows = go_rows();
    let key = load_key(stores, &rows["api_key"]).await;
    let user = &rows["user_with_five_credentials"];
    let record = load_user(stores, &user["after_registration"]["row"]).await;
    let (consumer, _mfa) = consumer_of(stores, &key).await;
    let credentials = user["credentials"].as_array().unwrap();
    assert_eq!(credentials.len(), 5);
    for credential in credentials {
        let mut authenticator = authenticator_of(credential);
        login(&consumer, &record, &mut authenticator, "example.com").await.unwrap();
        authenticator.counter = 1000;
        let copied = login(&consumer, &record, &mut authenticator, "example.com").await;
        assert!(is(&copied, Refusal::SignCount), "{copied:?}");
        authenticator.counter = 2000;
        let foreign = login(&consumer, &record, &mut authenticator, "example.net").await;
        assert!(is(&foreign, Refusal::RpIdHash), "{foreign:?}");
        authenticator.key = Key::generate(-7);
        let forged = login(&consumer, &record, &mut authenticator, "example.com").await;
        assert!(is(&forged, Refusal::Signature) || is(&forged, Refusal::PublicKey), "{forged:?}");
    }
    let new_user = NewUser { id: Some(record.id), name: "jo".to_owned(), display_name: "Jo".to_owned() };
    let webauthn = consumer.webauthn(party());
    let (_, options) = webauthn.begin_registration(&new_user).await.unwrap();
    let browser = Browser::new(ORIGIN, &serde_json::to_value(options).unwrap());
    let answer = SoftAuthenticator::new(-7).create(&browser).to_string();
    let response = RegistrationResponse::from_json(answer.as_bytes()).unwrap();
    webauthn.finish_registration(record.id, &response).await.unwrap();
    let kept = consumer.user_credentials(record.id).await.unwrap();
    assert_eq!((kept.credentials.len(), kept.unreadable), (6, 0));
    let hashes =
        credentials.iter().map(|credential| credential["key_handle_hash"].as_str().unwrap().to_owned());
    let kept = kept.credentials.iter().map(|record| record.id.key_handle_hash().to_string());
    assert!(kept.take(5).eq(hashes));
}

/// R40: each shape of the JSON is read. Backup eligibility is recorded if it was unknown.
pub async fn every_shape_of_the_json_is_read(stores: &Stores) {
    let rows = go_rows();
    let key = load_key(stores, &rows["api_key"]).await;
    let (consumer, _mfa) = consumer_of(stores, &key).await;
    let shapes = rows["credential_json_generations"].as_object().unwrap();
    let mut read = 0;
    for (name, shape) in shapes.iter().filter(|(name, _)| *name != "note") {
        let record = load_user(stores, &shape["row_minimal"]).await;
        let mut authenticator = authenticator_of(&shape["credential"]);
        let recorded = consumer.user_credentials(record.id).await.unwrap().credentials[0].backup_eligible;
        assert_eq!(recorded.is_some(), name.starts_with("gen3") || name.starts_with("gen4"), "{name}");

        authenticator.flags = UP | BE | BS;
        let outcome = login(&consumer, &record, &mut authenticator, "example.com").await;
        if recorded.is_none() {
            outcome.unwrap();
            authenticator.flags = UP;
            let changed = login(&consumer, &record, &mut authenticator, "example.com").await;
            assert!(is(&changed, Refusal::BackupEligibility), "{name}: {changed:?}");
            let now = consumer.user_credentials(record.id).await.unwrap().credentials[0].clone();
            assert_eq!((now.backup_eligible, now.backup_state), (Some(true), true), "{name}");
        } else {
            assert!(is(&outcome, Refusal::BackupEligibility), "{name}: {outcome:?}");
            authenticator.flags = UP;
            login(&consumer, &record, &mut authenticator, "example.com").await.unwrap();
        }
        read += 1;
    }
    assert_eq!(read, 5);
}

/// R33: the Node predecessor's U2F keys log in by the `appid` extension, only for their own AppID. A deleted
/// key does not.
pub async fn u2f_keys_of_the_node_predecessor_log_in(stores: &Stores) {
    let rows = node_rows();
    let key = load_key(stores, &rows["api_key"]).await;
    let (consumer, _mfa) = consumer_of(stores, &key).await;
    let mut logged_in = 0;
    for u2f in rows["u2f"].as_array().unwrap() {
        // One of them never finished its registration.
        let registered = u2f["registered"].is_object();
        let row = if registered { &u2f["registered"]["row"] } else { &u2f["begin_registration"]["row"] };
        let record = load_user(stores, row).await;
        let app_id = u2f["appId"].as_str().unwrap();
        let pem = u2f["ec_private_key_pkcs8_pem"].as_str().unwrap();
        let Some(handle) = u2f["key_handle_hex"].as_str() else { continue };
        let mut authenticator = SoftAuthenticator::with_key("ES256", pem, handle);
        if !registered {
            let none = login(&consumer, &record, &mut authenticator, app_id).await;
            assert!(matches!(none, Err(WebauthnError::NoCredentials)), "{none:?}");
            continue;
        }
        login(&consumer, &record, &mut authenticator, app_id).await.unwrap();
        login(&consumer, &record, &mut authenticator, "example.com").await.unwrap();
        let foreign = login(&consumer, &record, &mut authenticator, "https://example.org").await;
        assert!(is(&foreign, Refusal::RpIdHash), "{foreign:?}");
        authenticator.counter = 1;
        let copied = login(&consumer, &record, &mut authenticator, app_id).await;
        assert!(is(&copied, Refusal::SignCount), "{copied:?}");

        consumer.u2f().forget_key(record.id).await.unwrap();
        consumer.u2f().forget_key(record.id).await.unwrap();
        let gone = login(&consumer, &record, &mut authenticator, app_id).await;
        assert!(matches!(gone, Err(WebauthnError::NoCredentials)), "{gone:?}");
        logged_in += 1;
    }
    assert!(logged_in >= 2, "{logged_in}");
}

/// In a row with both kinds, each key logs in, and only the U2F key may use the AppID.
pub async fn a_mixed_row_keeps_both_kinds(stores: &Stores) {
    let (rows, node) = (go_rows(), node_rows());
    let key = load_key(stores, &node["api_key"]).await;
    let (consumer, _mfa) = consumer_of(stores, &key).await;
    let legacy = &rows["legacy_u2f_user_from_node"];
    let mixed = &legacy["pending_login_u2f_plus_webauthn"];
    let record = load_user(stores, &mixed["row"]).await;
    let app_id = legacy["appId"].as_str().unwrap();
    let handle = &node["u2f"][0]["key_handle_hex"];
    let pem = legacy["u2f_private_key_pkcs8_pem"].as_str().unwrap();
    let mut u2f = SoftAuthenticator::with_key("ES256", pem, handle.as_str().unwrap());
    let mut webauthn = authenticator_of(&mixed["webauthn_credential"]);

    // R33: a registration gets `appidExclude` and its key handle.
    let new_user = NewUser { id: Some(record.id), name: "jo".to_owned(), display_name: "Jo".to_owned() };
    let (_, options) = consumer.webauthn(party()).begin_registration(&new_user).await.unwrap();
    let options = serde_json::to_value(options).unwrap();
    assert_eq!(options["publicKey"]["extensions"], serde_json::json!({"appidExclude": app_id}));
    let excluded = data_encoding::BASE64URL_NOPAD.encode(&u2f.credential_id);
    assert_eq!(options["publicKey"]["excludeCredentials"][0]["id"], excluded);
    // §4: in a login, the U2F key comes last, with `appid`.
    let options = consumer.webauthn(party()).begin_authentication(record.id).await.unwrap();
    let options = serde_json::to_value(options).unwrap();
    assert_eq!(options["publicKey"]["extensions"], serde_json::json!({"appid": app_id}));
    assert_eq!(options["publicKey"]["allowCredentials"][1]["id"], excluded);

    login(&consumer, &record, &mut u2f, app_id).await.unwrap();
    login(&consumer, &record, &mut webauthn, "example.com").await.unwrap();
    let borrowed = login(&consumer, &record, &mut webauthn, app_id).await;
    assert!(is(&borrowed, Refusal::RpIdHash), "{borrowed:?}");
    consumer.u2f().forget_key(record.id).await.unwrap();
    login(&consumer, &record, &mut webauthn, "example.com").await.unwrap();
}

/// R9, R45: an attacker who writes to the database moves a legacy row to another consumer. Nothing in it logs in or is
/// taken for data, and no credential is added to those that do not open.
pub async fn a_moved_row_does_not_open(stores: &Stores) {
    let (rows, node) = (go_rows(), node_rows());
    let key = load_key(stores, &node["other_tenant"]).await;
    let (consumer, _mfa) = consumer_of(stores, &key).await;
    let moved = [
        &node["u2f"][0]["registered"]["row"],
        &node["u2f"][1]["registered"]["row"],
        &rows["user_with_five_credentials"]["after_registration"]["row"],
    ];
    for row in moved {
        let mut row = row.clone();
        row["apiKey"]["S"] = consumer.id().as_str().into();
        let record = load_user(stores, &row).await;
        let before = stores.users.get(consumer.id(), record.id).await.unwrap();
        let new_user = NewUser { id: Some(record.id), name: "jo".to_owned(), display_name: "Jo".to_owned() };
        let begun = consumer.webauthn(party()).begin_registration(&new_user).await;
        let has_credentials = !row["EncryptedCredentials"].is_null();
        assert_eq!(matches!(begun, Err(WebauthnError::DoesNotOpen(_))), has_credentials, "{begun:?}");
        let begun = consumer.webauthn(party()).begin_authentication(record.id).await;
        assert!(matches!(begun, Err(WebauthnError::DoesNotOpen(_))), "{begun:?}");
        assert_eq!(stores.users.get(consumer.id(), record.id).await.unwrap(), before);
        // Deleting the legacy key leaves the credentials as they are.
        consumer.u2f().forget_key(record.id).await.unwrap();
        let after = stores.users.get(consumer.id(), record.id).await.unwrap().unwrap().record;
        assert_eq!(after.credentials, before.unwrap().record.credentials);
        assert_eq!((after.u2f_app_id, after.u2f_key_handle, after.u2f_public_key), (None, None, None));
    }
}

/// R37: of 32 parallel finishes of one login, in two services, one succeeds. None works afterwards.
pub async fn a_login_is_finished_once(stores: &Stores) {
    let rows = go_rows();
    let key = load_key(stores, &rows["api_key"]).await;
    let user = &rows["user_with_five_credentials"];
    let record = load_user(stores, &user["after_registration"]["row"]).await;
    let (consumer, mfa) = consumer_of(stores, &key).await;
    let services = [mfa, mfa_at(stores, NOW).0];
    let options = consumer.webauthn(party()).begin_authentication(record.id).await.unwrap();
    let browser = Browser::new(ORIGIN, &serde_json::to_value(options).unwrap());
    let answer = authenticator_of(&user["credentials"][0]).get(&browser).to_string();
    let response = AuthenticationResponse::from_json(answer.as_bytes()).unwrap();

    let outcomes = crate::kit::sample::at_once((0..32).map(|n| {
        let (mfa, name, secret) = (services[n % 2].clone(), key.key.clone(), Arc::clone(&key.secret));
        let (response, user) = (response.clone(), record.id);
        async move {
            let consumer = mfa.authenticate(&name, &secret).await.unwrap();
            consumer.webauthn(party()).finish_authentication(user, &response).await.map(drop)
        }
    }))
    .await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| is(outcome, Refusal::Challenge)).count(), 31, "{outcomes:?}");
}

/// R52: 16 parallel registrations for one new user keep 16 credentials.
pub async fn parallel_registrations_keep_every_credential(stores: &Stores) {
    let (mfa, _clock) = mfa_at(stores, NOW);
    let consumer = Arc::new(crate::kit::service::new_consumer(&mfa).await);
    let user = mfa_core::store::UserId(crate::kit::sample::uuid(7));
    let new_user = NewUser { id: Some(user), name: "jo".to_owned(), display_name: "Jo".to_owned() };
    let outcomes = crate::kit::sample::at_once((0..16).map(|_| {
        let (consumer, new_user) = (Arc::clone(&consumer), new_user.clone());
        async move {
            let webauthn = consumer.webauthn(party());
            let (user, options) = webauthn.begin_registration(&new_user).await?;
            let browser = Browser::new(ORIGIN, &serde_json::to_value(options).unwrap());
            let answer = SoftAuthenticator::new(-7).create(&browser).to_string();
            let response = RegistrationResponse::from_json(answer.as_bytes())?;
            webauthn.finish_registration(user, &response).await.map(|record| record.id)
        }
    }))
    .await;
    let kept = consumer.user_credentials(user).await.unwrap().credentials;
    assert_eq!(kept.len(), 16, "{outcomes:?}");
    for id in outcomes {
        let id = id.unwrap();
        assert!(kept.iter().any(|record| record.id == id));
    }
}

pub(crate) fn authenticator_of(credential: &Value) -> SoftAuthenticator {
    let kind = credential["kind"].as_str().unwrap_or("ES256");
    let (pem, id) =
        (credential["private_key_pkcs8_pem"].as_str().unwrap(), credential["id_hex"].as_str().unwrap());
    SoftAuthenticator::with_key(kind, pem, id)
}
