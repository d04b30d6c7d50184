//! Remembers verified secrets, so that only a key's first call pays for the hash. Concurrent first calls
//! share one check.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared, WeakShared};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::{ApiKeyError, ApiSecret, SecretHash};
use crate::clock::UnixTime;
use crate::random::{RandomError, SecureRandom, random_bytes};
use crate::store::{ApiKeyRecord, Stored};

/// Verifications remembered at most.
const CAPACITY: usize = 10_000;
/// How long one is remembered after its last use.
const AGE: Duration = Duration::from_secs(15 * 60);

/// Identifies a pair of stored hash and presented secret. Without the process key it reveals nothing about
/// either.
pub(super) type Tag = [u8; 32];

/// Pairs of hash and secret that were verified in this process.
///
/// A verification depends on these two alone, so its success may be remembered. A changed hash makes another
/// pair. Failures are not remembered.
pub(crate) struct VerifiedMemo {
    random: Arc<dyn SecureRandom>,
    process_key: OnceLock<Hmac<Sha256>>,
    verified: Mutex<HashMap<Tag, UnixTime>>,
}

impl VerifiedMemo {
    pub(crate) fn new(random: Arc<dyn SecureRandom>) -> Self {
        Self { random, process_key: OnceLock::new(), verified: Mutex::default() }
    }

    /// HMAC under the key of this process, which is drawn at its first use and kept nowhere else.
    #[expect(clippy::expect_used, reason = "infallible: HMAC takes a key of any length, RFC 2104 §2")]
    fn mac(&self) -> Result<Hmac<Sha256>, RandomError> {
        if let Some(mac) = self.process_key.get() {
            return Ok(mac.clone());
        }
        let key = random_bytes::<32>(&*self.random)?;
        let mac = || Hmac::<Sha256>::new_from_slice(key.as_slice()).expect("any key length");
        Ok(self.process_key.get_or_init(mac).clone())
    }

    pub(super) fn tag(&self, hash: &SecretHash, secret: &ApiSecret) -> Result<Tag, RandomError> {
        let mut mac = self.mac()?;
        let hash = hash.as_str().as_bytes();
        mac.update(&(hash.len() as u64).to_be_bytes());
        mac.update(hash);
        mac.update(secret.expose_text().as_bytes());
        Ok(mac.finalize().into_bytes().into())
    }

    pub(super) fn holds(&self, tag: &Tag, now: UnixTime) -> bool {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        match verified.get_mut(tag) {
            Some(since) if now.since(*since) < AGE => {
                // Each use renews the entry. Attempts by others cannot evict a caller who is known.
                *since = now;
                true
            }
            _ => false,
        }
    }

    pub(super) fn remember(&self, tag: Tag, now: UnixTime) {
        let mut verified = self.verified.lock().unwrap_or_else(PoisonError::into_inner);
        if verified.len() >= CAPACITY {
            verified.retain(|_, since| now.since(*since) < AGE);
        }
        if verified.len() >= CAPACITY
            && let Some(oldest) = verified.iter().min_by_key(|(_, since)| **since).map(|(tag, _)| *tag)
        {
            verified.remove(&oldest);
        }
        verified.insert(tag, now);
    }
}

impl fmt::Debug for VerifiedMemo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VerifiedMemo(..)")
    }
}

/// The result of a check: the record whose hash the secret matched.
pub(super) type Landing = Result<Arc<Stored<ApiKeyRecord>>, ApiKeyError>;
type Flight = BoxFuture<'static, Landing>;

/// Running checks. Concurrent callers with the same secret wait for one check.
#[derive(Default)]
pub(crate) struct Flights(Mutex<HashMap<Tag, WeakShared<Flight>>>);

impl Flights {
    /// Joins the running check for `tag`, or starts one. A check runs as long as somebody waits for it.
    pub(super) fn join(&self, tag: Tag, start: impl FnOnce() -> Flight) -> Shared<Flight> {
        let mut flights = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flight) = flights.get(&tag).and_then(WeakShared::upgrade) {
            return flight;
        }
        flights.retain(|_, flight| flight.upgrade().is_some());
        let flight = start().shared();
        if let Some(weak) = flight.downgrade() {
            flights.insert(tag, weak);
        }
        flight
    }
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Flights(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;

    fn pair(hash: &str, secret: &str) -> (SecretHash, ApiSecret) {
        (SecretHash::from_stored(hash.to_owned()), secret.parse().unwrap())
    }

    #[test]
    fn a_verification_is_remembered_for_its_pair_and_a_quarter_of_an_hour_after_its_last_use() {
        let memo = VerifiedMemo::new(Arc::new(OsRandom));
        let now = UnixTime::from_secs(1_000_000);
        let (hash, secret) = pair("hash", "secret-secret-secret");
        memo.remember(memo.tag(&hash, &secret).unwrap(), now);

        let tag = memo.tag(&hash, &secret).unwrap();
        let (early, late) = (now.after(AGE / 2), now.after(AGE));
        assert!(memo.holds(&tag, early) && memo.holds(&tag, late));
        assert!(!memo.holds(&tag, late.after(AGE)));
        let (other_hash, other_secret) = pair("other", "other-other-other");
        assert!(!memo.holds(&memo.tag(&other_hash, &secret).unwrap(), now));
        assert!(!memo.holds(&memo.tag(&hash, &other_secret).unwrap(), now));
    }

    #[test]
    fn memory_is_bounded() {
        let memo = VerifiedMemo::new(Arc::new(OsRandom));
        let now = UnixTime::from_secs(1);
        for n in 0..CAPACITY as u64 + 20 {
            let mut tag = [0; 32];
            tag[..8].copy_from_slice(&n.to_be_bytes());
            memo.remember(tag, now);
        }
        assert!(memo.verified.lock().unwrap().len() <= CAPACITY);
    }
}
