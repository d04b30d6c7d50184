//! A rotation whose process is killed repeatedly under live traffic. Nothing is lost, nothing stays under the
//! old key, and callers see no error.

use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mfa_core::clock::{Clock as _, SystemClock};
use mfa_core::random::{OsRandom, SecureRandom as _};
use mfa_store_conformance::kit::authenticator::{SoftAuthenticator, SoftU2fKey};
use mfa_store_conformance::kit::sample::at_once;
use mfa_store_conformance::kit::service::code_at;
use reqwest::Method;
use serde_json::json;

use super::client::Consumer;
use super::{Place, on_each_store};
use crate::program::program;
use crate::server::answer;

on_each_store!(kill: sqlite, postgres, redis, dynamodb);

const KILLS: u32 = 20;

/// TOTPs, of which a twentieth as many users come besides; more with `MFA_TEST_RECORDS`.
fn records() -> usize {
    std::env::var("MFA_TEST_RECORDS").ok().and_then(|records| records.parse().ok()).unwrap_or(200)
}

/// Milliseconds below a bound.
fn random(bound: u64) -> Duration {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes).unwrap();
    Duration::from_millis(u64::from_be_bytes(bytes) % bound)
}

struct Factors {
    /// Ids and shared secrets.
    totp: Vec<(String, String)>,
    users: Vec<(String, SoftAuthenticator)>,
    u2f: Vec<(String, SoftU2fKey)>,
}

async fn enroll(consumer: &Arc<Consumer>, count: usize) -> Factors {
    let lanes = at_once((0..16).map(|lane| {
        let consumer = Arc::clone(consumer);
        async move {
            let (mut totp, mut users, mut u2f) = (Vec::new(), Vec::new(), Vec::new());
            for n in (lane..count).step_by(16) {
                let (status, body) = answer(consumer.request(Method::POST, "/totp").json(&json!({}))).await;
                assert_eq!(status, 200, "{body}");
                let text = |name: &str| body[name].as_str().unwrap().to_owned();
                totp.push((text("uuid"), text("totpKey")));
                if n % 20 == 0 {
                    let mut authenticator = SoftAuthenticator::new(-7);
                    let (user, created) = consumer.begin_registration("", &authenticator).await.unwrap();
                    assert_eq!(consumer.finish_registration(&user, &created).await.0, 200);
                    authenticator.counter = 2;
                    users.push((user, authenticator));
                    let key = SoftU2fKey::new();
                    u2f.push((consumer.register_u2f(&key).await, key));
                }
            }
            Factors { totp, users, u2f }
        }
    }))
    .await;
    let mut all = Factors { totp: Vec::new(), users: Vec::new(), u2f: Vec::new() };
    for lane in lanes {
        all.totp.extend(lane.totp);
        all.users.extend(lane.users);
        all.u2f.extend(lane.u2f);
    }
    all
}

async fn kill(store: &str) {
    let Some(place) = Place::shared(store).await else { return };
    let server = place.serve();
    let (old, new) = (Arc::new(Consumer::new(&[&server]).await), Arc::new(Consumer::new(&[&server]).await));
    let mut factors = enroll(&old, records()).await;

    let rotate = || {
        let mut command = program(place.folder.path());
        command.args(["--store", &place.url, "api-key", "rotate", &old.key, &new.key, "--batch", "20"]);
        command.env("MFA_OLD_API_SECRET", &old.secret).env("MFA_NEW_API_SECRET", &new.secret);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    };
    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks: Vec<_> =
        (0..3).map(|_| tokio::spawn(traffic(Arc::clone(&old), Arc::clone(&stop)))).collect();
    let early = factors.totp[0].0.clone();
    tasks.push(tokio::spawn(once_joined(Arc::clone(&new), early, Arc::clone(&stop))));
    let mut killed = 0;
    let bound = 150 + records() as u64 / 5;
    for _ in 0..KILLS {
        let mut rotation = rotate();
        tokio::time::sleep(random(bound)).await;
        killed += u32::from(rotation.try_wait().unwrap().is_none());
        rotation.kill().unwrap();
        rotation.wait().unwrap();
    }
    // How many is chance: a rotation that was killed late leaves little to the next one.
    assert!(killed >= KILLS / 4, "only {killed} were under way");
    assert!(rotate().wait().unwrap().success());
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        factors.totp.extend(task.await.unwrap());
    }

    let revoked = new.request(Method::DELETE, &format!("/api-key/{}", old.key));
    assert_eq!(answer(revoked.header("x-api-key", crate::server::ADMIN_KEY)).await.0, 204);
    assert_eq!(old.enroll().await.0, 401);
    let checks = factors.totp.chunks(factors.totp.len().div_ceil(16)).map(|chunk| {
        let (new, chunk) = (Arc::clone(&new), chunk.to_vec());
        async move {
            for (id, secret) in chunk {
                assert_eq!(new.validate(&id, &code_at(&secret, SystemClock.now())).await, 200, "{id}");
            }
        }
    });
    at_once(checks).await;
    for (user, authenticator) in &mut factors.users {
        let asserted = new.begin_login(user, authenticator).await.unwrap();
        assert_eq!(new.finish_login(user, &asserted).await, 200);
    }
    for (user, key) in &mut factors.u2f {
        assert_eq!(new.log_in_by_u2f(user, key).await, 200);
    }
    // Nothing is left under an older data key.
    let mut command = program(place.folder.path());
    command.args(["--store", &place.url, "api-key", "upgrade", &new.key]).env("MFA_API_SECRET", &new.secret);
    let upgraded = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(upgraded.starts_with("0 records re-encrypted\ndone"), "{upgraded}");
}

/// The same with the new key, as soon as it opens the old key's records.
async fn once_joined(new: Arc<Consumer>, early: String, stop: Arc<AtomicBool>) -> Vec<(String, String)> {
    let status = || answer(new.request(Method::GET, &format!("/totp/{early}")));
    while status().await.0 != 200 && !stop.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    traffic(Arc::clone(&new), stop).await
}

/// Enrols, and verifies half of what it enrolled, until stopped. The others are for the end.
async fn traffic(consumer: Arc<Consumer>, stop: Arc<AtomicBool>) -> Vec<(String, String)> {
    let mut left = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        let (status, totp, code) = consumer.enroll().await;
        assert_eq!(status, 200);
        assert_eq!(consumer.validate(&totp, &code).await, 200);
        let (status, body) = answer(consumer.request(Method::POST, "/totp").json(&json!({}))).await;
        assert_eq!(status, 200, "{body}");
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        left.push((text("uuid"), text("totpKey")));
        let mut authenticator = SoftAuthenticator::new(-7);
        let (user, created) = consumer.begin_registration("", &authenticator).await.unwrap();
        let (status, body) = consumer.finish_registration(&user, &created).await;
        assert_eq!(status, 200, "{body}");
        authenticator.counter = 2;
        let asserted = consumer.begin_login(&user, &mut authenticator).await.unwrap();
        assert_eq!(consumer.finish_login(&user, &asserted).await, 200);
    }
    left
}
