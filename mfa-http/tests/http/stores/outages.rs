//! Stores that disconnect, stall or die. In every case, no code is accepted twice, nothing acknowledged is
//! lost, a failed store is answered 503, and service resumes by itself.
//!
//! Redis Cluster is tested only in `failover.rs`. Its client connects to the addresses that the nodes
//! announce, past any proxy.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use mfa_store_conformance::kit::authenticator::SoftAuthenticator;
use mfa_store_conformance::kit::faults::Fault;
use mfa_test_servers::{OwnServer, Proxy};
use reqwest::Method;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::client::Consumer;
use super::{Place, on_each_store};
use crate::server::answer;

mod cut_lines {
    use super::*;

    on_each_store!(cut: postgres, redis, dynamodb);
}

mod lost_answers {
    use super::*;

    on_each_store!(lose: postgres, redis, dynamodb);
}

mod stalls_and_refusals {
    use super::*;

    on_each_store!(stall: postgres, redis, dynamodb);
}

mod kills {
    use super::*;

    on_each_store!(kill: postgres, redis, redis_always, dynamodb);
}

/// The connection is cut at each message in turn, before the message or before its answer arrives.
async fn cut(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let proxy = Proxy::start(place.server()).await;
    let server = place.by(place.server(), proxy.address).serve();
    let consumer = Consumer::new(&[&server]).await;
    for fault in [Fault::Before, Fault::After] {
        for message in 1..=3 {
            let (status, totp, code) = consumer.enroll().await;
            assert_eq!(status, 200);
            proxy.cut(message, fault);
            let first = consumer.validate(&totp, &code).await;
            assert!(!proxy.uncut(), "{fault:?} {message}: no such message");
            let second = consumer.validate(&totp, &code).await;
            let third = consumer.validate(&totp, &code).await;
            let case = format!("{fault:?} {message}: {first} {second} {third}");
            match (first, second) {
                // The client library retried in time.
                (200, 401) => {}
                (503, 200) => assert!(!(fault == Fault::After && message == 3), "{case}"),
                // The second attempt can be a replay only if the first was written.
                (503, 401) => assert!(fault == Fault::After && message == 3, "{case}"),
                _ => unreachable!("{case}"),
            }
            assert_eq!(third, 401, "{case}");
        }
        // R54: finishing a registration reads the key, takes the ceremony, reads the user and writes it.
        for message in 1..=4 {
            let authenticator = SoftAuthenticator::new(-7);
            let (user, created) = consumer.begin_registration("", &authenticator).await.unwrap();
            proxy.cut(message, fault);
            let (status, body) = consumer.finish_registration(&user, &created).await;
            assert!(!proxy.uncut(), "{fault:?} {message}: no such message");
            let listed = consumer.credentials(&user).await.unwrap();
            match status {
                200 => assert_eq!(listed, [body["key_handle_hash"].as_str().unwrap()]),
                // What was not written before the fourth message was lost on its way is not there. (PostgreSQL's
                // driver prepares statements anew, and Redis has an index to write: there it may be another.)
                503 => assert!(listed.is_empty() || (fault, message) == (Fault::After, 4), "{message}"),
                // The take happened, its answer was lost, and the library asked again.
                400 => assert!(listed.is_empty() && fault == Fault::After && message == 2, "{body}"),
                other => unreachable!("{other} {body}"),
            }
        }
    }
}

/// A deletion or a beginning whose answer is lost is done, or 503: never 404 or 500. Each reads the API key first.
async fn lose(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let proxy = Proxy::start(place.server()).await;
    let server = place.by(place.server(), proxy.address).serve();
    let consumer = Consumer::new(&[&server]).await;
    for message in 1..=2 {
        let (_, totp, _) = consumer.enroll().await;
        let delete = async || answer(consumer.request(Method::DELETE, &format!("/totp/{totp}"))).await.0;
        proxy.cut(message, Fault::After);
        let first = delete().await;
        assert!(!proxy.uncut(), "{message}: no such message");
        match (first, delete().await) {
            // The library repeated the call.
            (204, 404) => {}
            (503, second) => {
                assert_ne!(store, "dynamodb");
                assert!(second == 204 || (second, message) == (404, 2), "{message}: {second}");
            }
            other => unreachable!("{message}: {other:?}"),
        }

        proxy.cut(message, Fault::After);
        let (status, options) = answer(consumer.about("", Method::POST, "/webauthn/register")).await;
        assert!(!proxy.uncut(), "{message}: no such message");
        assert!(status == 200 || (status == 503 && store != "dynamodb"), "{message}: {status} {options}");
    }
}

async fn stall(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let proxy = Proxy::start(place.server()).await;
    let server = place.by(place.server(), proxy.address).serve();
    let consumer = Consumer::new(&[&server]).await;

    // Two seconds are waited out.
    let (_, totp, code) = consumer.enroll().await;
    proxy.stall(true);
    let resume = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        proxy.stall(false);
    };
    let (status, ()) = tokio::join!(consumer.validate(&totp, &code), resume);
    assert_eq!(status, 200);
    assert_eq!(consumer.validate(&totp, &code).await, 401);

    // Every kind of call gets a 503 while the store is gone, and works when it is back.
    let (_, totp, code) = consumer.enroll().await;
    proxy.refuse(true);
    for _ in 0..2 {
        assert_eq!(consumer.validate(&totp, &code).await, 503);
        assert_eq!(consumer.enroll().await.0, 503);
        assert_eq!(answer(consumer.about("", Method::GET, "/webauthn/user")).await.0, 503);
        assert_eq!(answer(consumer.request(Method::DELETE, &format!("/totp/{totp}"))).await.0, 503);
        assert_eq!(answer(consumer.request(Method::GET, "/health/ready")).await.0, 503);
    }
    proxy.refuse(false);
    recover(&consumer).await;
    assert_eq!(consumer.validate(&totp, &code).await, 200);
}

/// The server is killed under load, twice, and started again.
async fn kill(store: &str) {
    let (kind, arguments): (_, &[&str]) = match store {
        "redis_always" => ("redis", &["--appendfsync", "always"]),
        "dynamodb" => ("dynamodb", &[]),
        other => (other, &[]),
    };
    let Some(mut backend) = OwnServer::start(kind, arguments) else { return };
    let place = Place::own(store, &backend).await;
    let server = place.serve();
    let consumer = Arc::new(Consumer::new(&[&server]).await);
    for _ in 0..2 {
        let load = Load::start(&consumer);
        load.wait_for(40).await;
        backend.kill();
        let done = load.stop().await;
        backend.restart();
        recover(&consumer).await;
        verify(&consumer, done).await;
    }
}

/// Clients that enrol, verify and register until they are stopped.
pub(super) struct Load {
    stop: Arc<AtomicBool>,
    rounds: Arc<AtomicUsize>,
    clients: Vec<JoinHandle<Acknowledged>>,
}

impl Load {
    pub(super) fn start(consumer: &Arc<Consumer>) -> Self {
        let (stop, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let client = |_| tokio::spawn(work(Arc::clone(consumer), Arc::clone(&stop), Arc::clone(&rounds)));
        Self { clients: (0..8).map(client).collect(), stop, rounds }
    }

    /// Runs until enough rounds are done. No refusal ends it.
    pub(super) async fn wait_for(&self, rounds: usize) {
        while self.rounds.load(Ordering::SeqCst) < rounds {
            assert!(!self.clients.iter().any(JoinHandle::is_finished), "a client met what it must not");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Stops after a while without the server.
    pub(super) async fn stop(self) -> Vec<Acknowledged> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.stop.store(true, Ordering::SeqCst);
        let mut done = Vec::new();
        for client in self.clients {
            done.push(client.await.unwrap());
        }
        done
    }
}

/// What one client received.
#[derive(Default)]
pub(super) struct Acknowledged {
    enrolled: Vec<String>,
    accepted: Vec<(String, String)>,
    registered: Vec<(String, String)>,
}

async fn work(consumer: Arc<Consumer>, stop: Arc<AtomicBool>, rounds: Arc<AtomicUsize>) -> Acknowledged {
    let mut told = Acknowledged::default();
    while !stop.load(Ordering::SeqCst) {
        let (status, totp, code) = consumer.enroll().await;
        assert!(matches!(status, 200 | 503), "{status}");
        if status == 200 {
            let status = consumer.validate(&totp, &code).await;
            assert!(matches!(status, 200 | 503), "{status}");
            told.enrolled.push(totp.clone());
            if status == 200 {
                told.accepted.push((totp, code));
            }
        }
        let begun = consumer.begin_registration("", &SoftAuthenticator::new(-7)).await;
        let Some((user, created)) = begun else { continue };
        let (status, body) = consumer.finish_registration(&user, &created).await;
        assert!(matches!(status, 200 | 503), "{status} {body}");
        if status == 200 {
            told.registered.push((user, body["key_handle_hash"].as_str().unwrap().to_owned()));
            rounds.fetch_add(1, Ordering::SeqCst);
        }
    }
    told
}

/// Nothing that was acknowledged is lost, and no code that was accepted is accepted again.
pub(super) async fn verify(consumer: &Consumer, done: Vec<Acknowledged>) {
    let mut checked = 0;
    for told in done {
        for totp in told.enrolled {
            assert_eq!(answer(consumer.request(Method::GET, &format!("/totp/{totp}"))).await.0, 200);
        }
        for (totp, code) in told.accepted {
            assert_eq!(consumer.validate(&totp, &code).await, 401);
            checked += 1;
        }
        for (user, hash) in told.registered {
            assert_eq!(consumer.credentials(&user).await.unwrap(), [hash]);
            checked += 1;
        }
    }
    assert!(checked > 16, "the load did nothing: {checked}");
}

/// Waits until the service works again, without a restart.
pub(super) async fn recover(consumer: &Consumer) {
    let began = Instant::now();
    while consumer.enroll().await.0 != 200 {
        assert!(began.elapsed() < Duration::from_secs(30), "it does not recover");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
