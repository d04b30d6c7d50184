//! Paces the checks of keys without a check tag, each of which costs a hash.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ApiKey;
use crate::clock::UnixTime;

/// Checks of one key that may start at once, from all addresses together.
const BURST: u32 = 20;
/// The pace after that.
const PACE: Duration = Duration::from_secs(1);
/// The most keys that are paced. There are few, since only active keys without a tag count.
const CAPACITY: usize = 10_000;

/// For each key, when its started checks are paid for.
#[derive(Debug, Default)]
pub(crate) struct UntaggedChecks {
    paid_until: Mutex<HashMap<ApiKey, UnixTime>>,
}

impl UntaggedChecks {
    /// Starts a check of `key`, or returns how long to wait before the next one may start.
    pub(super) fn start(&self, key: &ApiKey, now: UnixTime) -> Option<Duration> {
        let mut paid_until = self.paid_until.lock().unwrap_or_else(PoisonError::into_inner);
        if paid_until.len() >= CAPACITY {
            paid_until.retain(|_, until| *until > now);
        }
        if paid_until.len() >= CAPACITY && !paid_until.contains_key(key) {
            return Some(PACE);
        }
        let until = paid_until.entry(key.clone()).or_insert(now);
        // A clock that is set back must not lengthen the wait.
        *until = (*until).clamp(now, now.after(BURST * PACE));
        let wait = (until.since(now) + PACE).saturating_sub(BURST * PACE);
        if wait.is_zero() {
            *until = until.after(PACE);
            return None;
        }
        Some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_of_a_key_are_paced_after_a_burst() {
        let (checks, now) = (UntaggedChecks::default(), UnixTime::from_secs(1_000_000));
        let (key, other): (ApiKey, ApiKey) = ("key".parse().unwrap(), "other".parse().unwrap());
        for n in 0..BURST {
            assert_eq!(checks.start(&key, now), None, "check {n}");
        }
        assert_eq!(checks.start(&key, now), Some(PACE));
        assert_eq!(checks.start(&other, now), None);

        let later = now.after(PACE);
        assert_eq!(checks.start(&key, later), None);
        assert_eq!(checks.start(&key, later), Some(PACE));
    }

    #[test]
    fn memory_is_bounded_and_frees_itself() {
        let (checks, now) = (UntaggedChecks::default(), UnixTime::from_secs(1_000_000));
        for n in 0..CAPACITY {
            assert_eq!(checks.start(&format!("key{n}").parse().unwrap(), now), None);
        }
        let one_more = "one-more".parse().unwrap();
        assert_eq!(checks.start(&one_more, now), Some(PACE));
        assert_eq!(checks.start(&one_more, now.after(PACE)), None);
        assert_eq!(checks.paid_until.lock().unwrap().len(), 1);
    }
}
