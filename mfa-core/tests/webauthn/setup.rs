//! A consumer with a stopped clock, and a browser's half of the ceremonies.

use std::sync::{Arc, Mutex};

use mfa_core::clock::{ManualClock, UnixTime};
use mfa_core::event::{Action, Event, EventSink};
use mfa_core::store::memory::MemoryStore;
use mfa_core::store::{Stores, UserId};
use mfa_core::webauthn::{
    AuthenticationResponse, NewUser, Refusal, RegistrationResponse, RelyingParty, WebauthnError,
};
use mfa_core::{Consumer, Mfa};
use mfa_store_conformance::kit::authenticator::{Browser, SoftAuthenticator};
use mfa_store_conformance::kit::service::new_consumer;
use serde_json::Value;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
pub(crate) const ORIGIN: &str = "https://login.example.com";

#[derive(Debug, Default)]
pub(crate) struct Recorded(pub(crate) Mutex<Vec<Action>>);

impl EventSink for Recorded {
    fn record(&self, event: &Event) {
        self.0.lock().unwrap().push(event.action);
    }
}

pub(crate) struct Setup {
    pub(crate) stores: Stores,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) events: Arc<Recorded>,
    pub(crate) consumer: Consumer,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let stores = Stores::from(MemoryStore::default());
        let (clock, events) = (Arc::new(ManualClock::at(NOW)), Arc::new(Recorded::default()));
        let builder = Mfa::builder(stores.clone()).clock(Arc::clone(&clock) as _);
        let consumer = new_consumer(&builder.events(Arc::clone(&events) as _).build()).await;
        Self { stores, clock, events, consumer }
    }

    pub(crate) async fn begin_registration(
        &self,
        party: &RelyingParty,
        id: Option<UserId>,
    ) -> (UserId, Value) {
        let user = NewUser { id, name: "jo".to_owned(), display_name: "Jo Äöü".to_owned() };
        let (user, options) = self.consumer.webauthn(party.clone()).begin_registration(&user).await.unwrap();
        (user, serde_json::to_value(options).unwrap())
    }

    pub(crate) async fn finish_registration(
        &self,
        party: &RelyingParty,
        user: UserId,
        answer: &Value,
    ) -> Result<(), WebauthnError> {
        let response = RegistrationResponse::from_json(answer.to_string().as_bytes())?;
        self.consumer.webauthn(party.clone()).finish_registration(user, &response).await.map(drop)
    }

    pub(crate) async fn register(&self, party: &RelyingParty, authenticator: &SoftAuthenticator) -> UserId {
        let (user, options) = self.begin_registration(party, None).await;
        let answer = authenticator.create(&Browser::new(ORIGIN, &options));
        self.finish_registration(party, user, &answer).await.unwrap();
        user
    }

    pub(crate) async fn begin_login(&self, party: &RelyingParty, user: UserId) -> Value {
        let options = self.consumer.webauthn(party.clone()).begin_authentication(user).await.unwrap();
        serde_json::to_value(options).unwrap()
    }

    pub(crate) async fn finish_login(
        &self,
        party: &RelyingParty,
        user: UserId,
        answer: &Value,
    ) -> Result<(), WebauthnError> {
        let response = AuthenticationResponse::from_json(answer.to_string().as_bytes())?;
        self.consumer.webauthn(party.clone()).finish_authentication(user, &response).await.map(drop)
    }
}

pub(crate) fn party() -> RelyingParty {
    RelyingParty::new("example.com", "Acme", [ORIGIN]).unwrap()
}

pub(crate) fn refusal(outcome: Result<(), WebauthnError>) -> Refusal {
    match outcome {
        Err(WebauthnError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}
