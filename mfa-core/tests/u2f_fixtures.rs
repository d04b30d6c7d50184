//! The Node predecessor's own U2F messages verify, and those signed with another key do not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use mfa_core::u2f::{
    AppId, LegacyU2fKey, U2fAuthenticationResponse, U2fRefusal, U2fRegistrationResponse,
    verify_u2f_authentication, verify_u2f_registration,
};
use mfa_core::webauthn::Challenge;
use serde_json::Value;

fn challenge(request: &Value) -> Challenge {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(request.as_str().unwrap().as_bytes());
    Challenge::from_bytes(bytes.unwrap())
}

#[test]
fn messages_of_the_node_predecessor_verify() {
    let rows: Value =
        serde_json::from_str(include_str!("../../mfa-store-conformance/fixtures/node_rows.json")).unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (mut registered, mut authenticated) = (0, 0);
    for u2f in rows["u2f"].as_array().unwrap() {
        let app_id = AppId::parse(u2f["appId"].as_str().unwrap()).unwrap();
        let result = &u2f["registration_sign_result_body"]["signResult"];
        let response =
            U2fRegistrationResponse::new(&text(&result["clientData"]), &text(&result["registrationData"]))
                .unwrap();
        let begun = challenge(&u2f["begin_registration"]["response"]["challenge"]["challenge"]);
        let key = verify_u2f_registration(&response, &begun, &app_id).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&key.key_handle), u2f["key_handle_hex"]);
        assert_eq!(data_encoding::HEXLOWER.encode(&key.public_key), u2f["public_key_uncompressed_hex"]);
        let refused = verify_u2f_registration(&response, &Challenge::from_bytes(vec![0; 32]), &app_id);
        assert_eq!(refused, Err(U2fRefusal::Challenge));
        registered += 1;

        let pending = &u2f["pending_authentication"];
        if pending.is_null() {
            continue;
        }
        let begun = challenge(&pending["begin_response"]["challenge"]);
        let verify = |body: &Value, counter| {
            let result = &body["signResult"];
            let (client_data, data) = (text(&result["clientData"]), text(&result["signatureData"]));
            let response =
                U2fAuthenticationResponse::new(&client_data, &data, result["keyHandle"].as_str()).unwrap();
            verify_u2f_authentication(&response, &begun, &app_id, &key, counter)
        };
        assert_eq!(verify(&pending["valid_sign_result_body"], Some(41)), Ok(42));
        assert_eq!(verify(&pending["valid_sign_result_body"], Some(42)), Err(U2fRefusal::Counter));
        assert_eq!(verify(&pending["wrong_key_sign_result_body"], None), Err(U2fRefusal::Signature));
        authenticated += 1;
    }
    assert!(registered >= 3 && authenticated >= 1, "{registered} {authenticated}");
}

/// R32: a stored key is checked before it is used.
#[test]
fn an_unsound_stored_key_is_no_key() {
    let point = data_encoding::BASE64URL_NOPAD.encode(&[4; 65]);
    let parse = |handle: &str, key: &str| {
        LegacyU2fKey::parse(b"https://example.com", handle.as_bytes(), key.as_bytes())
    };
    assert!(parse("AAAA", &point).is_some());
    assert!(parse("AAAA", &point.replace('B', "A")).is_none());
    for (handle, key) in
        [("", point.as_str()), ("!", &point), ("AAAA", ""), ("AAAA", "BAQE"), ("AAAA", &point[1..])]
    {
        assert!(parse(handle, key).is_none(), "{handle} {key}");
    }
}
