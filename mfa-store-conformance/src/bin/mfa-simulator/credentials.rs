//! The credentials that the simulator made, while it runs.

use mfa_store_conformance::kit::authenticator::{SoftAuthenticator, UP, UV};
use serde_json::Value;

use crate::choices::{Algorithm, Choices};
use crate::options::{Creation, Request, browser, bytes};
use crate::refusal::Refusal;

/// One credential.
#[derive(Debug)]
pub(crate) struct Credential {
    pub(crate) authenticator: SoftAuthenticator,
    /// The RP ID, or the AppID of a U2F key, that it is bound to.
    pub(crate) rp_id: String,
    pub(crate) user_handle: Option<Vec<u8>>,
}

/// All of them, the newest last.
#[derive(Debug, Default)]
pub(crate) struct Credentials(Vec<Credential>);

impl Credentials {
    pub(crate) fn add(&mut self, credential: Credential) {
        self.0.push(credential);
    }

    /// `navigator.credentials.create()`, on a new authenticator.
    pub(crate) fn create(&mut self, options: Creation, choices: &Choices) -> Result<Value, Refusal> {
        if choices.credential.is_some() {
            return Err(Refusal::bad_request(
                "a registration makes its own credential: leave ?credential out",
            ));
        }
        let offered = || options.pub_key_cred_params.iter().find_map(|offer| Algorithm::of(offer.alg));
        let algorithm = choices.algorithm.or_else(offered).ok_or_else(|| {
            Refusal::bad_request(
                "pubKeyCredParams has none of -7, -8, -35, -36, -257: choose one, as ?algorithm=ES256",
            )
        })?;
        let user_handle = Some(bytes("user.id", &options.user.id)?);
        let browser = browser(options.challenge, options.rp.id, choices.origin.as_deref())?;

        let next = choices.counter.unwrap_or(0).checked_add(1).ok_or_else(|| {
            Refusal::bad_request("no login can follow this counter: choose a smaller one than 4294967295")
        })?;
        let authenticator = SoftAuthenticator {
            aaguid: [0; 16],
            flags: choices.flags(UP | UV),
            counter: next,
            ..SoftAuthenticator::new(algorithm.identifier())
        };
        let answer = authenticator.create(&browser);
        self.add(Credential { authenticator, rp_id: browser.rp_id, user_handle });
        Ok(answer)
    }

    /// `navigator.credentials.get()`.
    pub(crate) fn get(&mut self, options: Request, choices: &Choices) -> Result<Value, Refusal> {
        if choices.algorithm.is_some() {
            return Err(Refusal::bad_request(
                "a login signs with its credential's algorithm: choose it at /webauthn/create",
            ));
        }
        let mut browser = browser(options.challenge, options.rp_id, choices.origin.as_deref())?;
        let mut allowed = Vec::new();
        for descriptor in &options.allow_credentials {
            allowed.push(bytes("an ID of allowCredentials", &descriptor.id)?);
        }
        let chosen = choices.credential.as_deref().map(|id| bytes("?credential", id)).transpose()?;
        let app_id = options.extensions.appid;
        let credential = self.0.iter_mut().rev().find(|credential| {
            let id = &credential.authenticator.credential_id;
            let is_bound = credential.rp_id == browser.rp_id || app_id.as_ref() == Some(&credential.rp_id);
            let is_asked = match &chosen {
                Some(chosen) => chosen == id,
                None => allowed.is_empty() || allowed.contains(id),
            };
            is_bound && is_asked
        });
        let credential = credential.ok_or_else(|| {
            Refusal::not_found(format!(
                "no credential of RP ID {} fits: the simulator has those only that it made since it started",
                browser.rp_id
            ))
        })?;

        let by_app_id = credential.rp_id != browser.rp_id;
        browser.rp_id.clone_from(&credential.rp_id);
        browser.user_handle.clone_from(&credential.user_handle);
        let authenticator = &mut credential.authenticator;
        authenticator.flags = choices.flags(authenticator.flags);
        authenticator.counter = choices.counter.unwrap_or(authenticator.counter);
        let mut answer = authenticator.get(&browser);
        if by_app_id {
            answer["clientExtensionResults"]["appid"] = true.into();
        }
        Ok(answer)
    }
}
