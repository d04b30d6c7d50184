//! Two servers and 32 clients on one store. Some order of the calls explains every history.

use std::sync::Arc;

use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use mfa_store_conformance::kit::sample::at_once;
use reqwest::Method;
use serde_json::Value;

use super::client::Consumer;
use super::history::{Call, History, Outcome, State};
use super::{Place, on_each_store};
use crate::server::answer;

on_each_store!(check: sqlite, postgres, redis, redis_cluster, dynamodb);

/// Rounds of 32 calls; more with `MFA_TEST_ROUNDS`.
fn rounds() -> usize {
    std::env::var("MFA_TEST_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4)
}

async fn check(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let servers = [place.serve(), place.serve()];
    let consumer = Arc::new(Consumer::new(&[&servers[0], &servers[1]]).await);
    for _ in 0..rounds() {
        let objects = objects(&consumer).await;
        assert_eq!(race(&consumer, &objects).await, 32);
        for object in &objects {
            object.check();
        }
    }
}

/// Fresh objects, which have 32 calls together.
pub(super) async fn objects(consumer: &Consumer) -> Vec<Arc<Object>> {
    vec![
        key(consumer).await,
        totp(consumer).await,
        totp(consumer).await,
        user(consumer).await,
        user(consumer).await,
    ]
}

/// Makes all calls of some objects at once, and returns how many.
pub(super) async fn race(consumer: &Arc<Consumer>, objects: &[Arc<Object>]) -> usize {
    let mut calls = Vec::new();
    for object in objects {
        for call in object.calls() {
            calls.push(Arc::clone(object).run(Arc::clone(consumer), call));
        }
    }
    at_once(calls).await.len()
}

/// An object, and what its calls need.
pub(super) struct Object {
    kind: Kind,
    id: String,
    start: State,
    history: History,
}

enum Kind {
    Key,
    Totp { code: String },
    User { assertion: Value, registrations: Vec<(Value, String)>, hashes: Vec<String> },
}

async fn key(consumer: &Consumer) -> Arc<Object> {
    let start = State { exists: true, ..State::default() };
    let id = consumer.pending_key().await;
    Arc::new(Object { kind: Kind::Key, id, start, history: History::default() })
}

async fn totp(consumer: &Consumer) -> Arc<Object> {
    let start = State { exists: true, ..State::default() };
    let (status, id, code) = consumer.enroll().await;
    assert_eq!(status, 200);
    Arc::new(Object { kind: Kind::Totp { code }, id, start, history: History::default() })
}

/// A user with credential 0, an open login with it, and open registrations of credentials 1 and 2.
async fn user(consumer: &Consumer) -> Arc<Object> {
    let mut authenticator = SoftAuthenticator::new(-7);
    let (id, created) = consumer.begin_registration("", &authenticator).await.unwrap();
    assert_eq!(consumer.finish_registration(&id, &created).await.0, 200);
    let assertion = consumer.begin_login(&id, &mut authenticator).await.unwrap();
    let mut hashes = vec![hash_of(&authenticator)];
    let mut registrations = Vec::new();
    for _ in 1..=2 {
        let authenticator = SoftAuthenticator::new(-7);
        let (_, created) = consumer.begin_registration(&id, &authenticator).await.unwrap();
        hashes.push(hash_of(&authenticator));
        registrations.push((created, hash_of(&authenticator)));
    }
    let start = State { exists: true, used: false, credentials: [0].into() };
    let kind = Kind::User { assertion, registrations, hashes };
    Arc::new(Object { kind, id, start, history: History::default() })
}

fn hash_of(authenticator: &SoftAuthenticator) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &authenticator.credential_id);
    data_encoding::BASE64URL_NOPAD.encode(digest.as_ref())
}

impl Object {
    /// Tries what is used up by now, and asks what has become of it.
    pub(super) async fn look(self: &Arc<Self>, consumer: &Arc<Consumer>) {
        let calls: &[Call] = match self.kind {
            Kind::Key => &[Call::Activate],
            Kind::Totp { .. } => &[Call::UseCode, Call::Read],
            Kind::User { .. } => &[Call::FinishLogin, Call::List],
        };
        for call in calls {
            Arc::clone(self).run(Arc::clone(consumer), *call).await;
        }
    }

    /// Fails unless some order of its calls explains what was answered.
    pub(super) fn check(&self) {
        self.history.check(&self.start);
    }

    /// The number of its calls that began or ended.
    pub(super) fn progress(&self) -> u64 {
        self.history.progress()
    }

    fn calls(&self) -> Vec<Call> {
        use Call::{Activate, Delete, FinishLogin, List, Read, Register, UseCode};
        match self.kind {
            Kind::Key => vec![Activate; 4],
            Kind::Totp { .. } => vec![UseCode, UseCode, Read, Delete, UseCode, Read, Delete],
            Kind::User { .. } => vec![FinishLogin, Register(1), List, FinishLogin, Register(2), List, List],
        }
    }

    async fn run(self: Arc<Self>, consumer: Arc<Consumer>, call: Call) {
        self.history.record(call, self.answer(&consumer, call)).await;
    }

    async fn answer(&self, consumer: &Consumer, call: Call) -> Outcome {
        let id = &self.id;
        let status = match (call, &self.kind) {
            (Call::Activate, _) => consumer.activate(id).await.0,
            (Call::UseCode, Kind::Totp { code }) => consumer.validate(id, code).await,
            (Call::Read, _) => answer(consumer.request(Method::GET, &format!("/totp/{id}"))).await.0,
            (Call::Delete, _) => answer(consumer.request(Method::DELETE, &format!("/totp/{id}"))).await.0,
            (Call::FinishLogin, Kind::User { assertion, .. }) => consumer.finish_login(id, assertion).await,
            (Call::Register(n), Kind::User { registrations, .. }) => {
                consumer.finish_registration(id, &registrations[usize::from(n) - 1].0).await.0
            }
            (Call::List, Kind::User { hashes, .. }) => {
                let Some(listed) = consumer.credentials(id).await else { return Outcome::Unknown };
                let number = |hash: &String| hashes.iter().position(|other| other == hash).unwrap();
                return Outcome::Credentials(
                    listed.iter().map(|hash| u8::try_from(number(hash)).unwrap()).collect(),
                );
            }
            _ => unreachable!("{call:?}"),
        };
        match status {
            200 | 204 => Outcome::Done,
            400 | 401 | 404 => Outcome::Refused,
            503 => Outcome::Unknown,
            other => unreachable!("{call:?}: {other}"),
        }
    }
}
