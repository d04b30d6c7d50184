//! Virtual authenticators, Chromium's `WebAuthn` domain.

use data_encoding::BASE64;
use serde_json::{Value, json};

use super::Page;

/// An authenticator that is plugged into the browser.
pub(crate) struct Device {
    id: String,
}

/// What to plug in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kind {
    pub(crate) protocol: &'static str,
    pub(crate) transport: &'static str,
    pub(crate) resident_keys: bool,
    pub(crate) user_verification: bool,
}

/// A phone or a laptop.
pub(crate) const PLATFORM: Kind =
    Kind { protocol: "ctap2", transport: "internal", resident_keys: true, user_verification: true };
/// A key on USB, without PIN.
pub(crate) const KEY: Kind =
    Kind { protocol: "ctap2", transport: "usb", resident_keys: false, user_verification: false };
/// A key that supports only U2F.
pub(crate) const U2F: Kind = Kind { protocol: "u2f", ..KEY };

impl Device {
    pub(crate) async fn plug_in(page: &Page, kind: Kind) -> Self {
        page.devtools("WebAuthn.enable", json!({})).await;
        let options = json!({
            "protocol": kind.protocol,
            "transport": kind.transport,
            "hasResidentKey": kind.resident_keys,
            "hasUserVerification": kind.user_verification,
            "isUserVerified": kind.user_verification,
            "automaticPresenceSimulation": true,
        });
        let added = page.devtools("WebAuthn.addVirtualAuthenticator", json!({"options": options})).await;
        Self { id: added["authenticatorId"].as_str().unwrap().to_owned() }
    }

    pub(crate) async fn set(&self, page: &Page, command: &str, mut parameters: Value) {
        parameters["authenticatorId"] = json!(self.id);
        page.devtools(&format!("WebAuthn.{command}"), parameters).await;
    }

    pub(crate) async fn unplug(self, page: &Page) {
        self.set(page, "removeVirtualAuthenticator", json!({})).await;
    }

    pub(crate) async fn credentials(&self, page: &Page) -> Vec<Value> {
        let listed = page.devtools("WebAuthn.getCredentials", json!({"authenticatorId": self.id})).await;
        listed["credentials"].as_array().unwrap().clone()
    }

    /// Adds an existing key pair to it.
    pub(crate) async fn import(&self, page: &Page, rp_id: &str, id: &[u8], pkcs8: &[u8]) {
        let credential = json!({
            "credentialId": BASE64.encode(id),
            "isResidentCredential": false,
            "rpId": rp_id,
            "privateKey": BASE64.encode(pkcs8),
            "signCount": 1,
        });
        self.set(page, "addCredential", json!({"credential": credential})).await;
    }
}
