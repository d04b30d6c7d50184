//! Limits failed authentications per key and source (ASVS 6.3.1), so that a stranger who hammers a key from
//! one address does not lock its owner out at another.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::ApiKey;
use crate::clock::UnixTime;

/// Failures without a wait.
const FREE: u32 = 10;
/// The longest wait. After waiting as long again, the failures are forgotten.
const LONGEST: Duration = Duration::from_secs(60);
/// Pairs of key and source that are remembered.
const CAPACITY: usize = 10_000;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UnixTime,
}

impl Failures {
    /// Back-off doubles from one second after the free failures.
    fn wait(self) -> Duration {
        match self.count.checked_sub(FREE) {
            None => Duration::ZERO,
            Some(beyond) => Duration::from_secs(1 << beyond.min(6)).min(LONGEST),
        }
    }
}

/// Failed authentications of this process, by key and source.
#[derive(Debug, Default)]
pub(crate) struct FailureLimit {
    failures: Mutex<HashMap<(ApiKey, IpAddr), Failures>>,
}

impl FailureLimit {
    /// How long `source` must still wait before it may try `key`; `None` if it need not wait.
    pub(crate) fn wait(&self, key: &ApiKey, source: IpAddr, now: UnixTime) -> Option<Duration> {
        let all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let failures = all.get(&(key.clone(), network(source)))?;
        let left = failures.wait().saturating_sub(now.since(failures.last));
        (!left.is_zero()).then_some(left)
    }

    /// Counts a failure.
    pub(crate) fn count(&self, key: &ApiKey, source: IpAddr, now: UnixTime) {
        let mut all = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= CAPACITY {
            all.retain(|_, failures| now.since(failures.last) < 2 * LONGEST);
        }
        if all.len() >= CAPACITY
            && let Some(oldest) = all.iter().min_by_key(|(_, failures)| failures.last)
        {
            let oldest = oldest.0.clone();
            all.remove(&oldest);
        }
        let failures = all.entry((key.clone(), network(source))).or_insert(Failures { count: 0, last: now });
        if now.since(failures.last) >= 2 * LONGEST {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }
}

/// The owner of an IPv6 address has its whole /64, so the /64 is the source.
fn network(source: IpAddr) -> IpAddr {
    // An IPv4 client of a dual-stack listener has an IPv6 address too: ::ffff:192.0.2.1.
    match source.to_canonical() {
        source @ IpAddr::V4(_) => source,
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after_failures(count: u32) -> (FailureLimit, ApiKey, UnixTime) {
        let (limit, key, now) = (FailureLimit::default(), "k".parse().unwrap(), UnixTime::from_secs(1000));
        for _ in 0..count {
            limit.count(&key, IpAddr::from([192, 0, 2, 1]), now);
        }
        (limit, key, now)
    }

    #[test]
    fn back_off_starts_after_ten_failures_and_ends_with_time() {
        let source = IpAddr::from([192, 0, 2, 1]);
        let (limit, key, now) = after_failures(9);
        assert_eq!(limit.wait(&key, source, now), None);

        let (limit, key, now) = after_failures(12);
        assert_eq!(limit.wait(&key, source, now), Some(Duration::from_secs(4)));
        assert_eq!(limit.wait(&key, source, now.after(Duration::from_secs(4))), None);

        let (limit, key, now) = after_failures(1000);
        assert_eq!(limit.wait(&key, source, now), Some(LONGEST));
    }

    #[test]
    fn another_source_or_key_does_not_wait() {
        let (limit, key, now) = after_failures(50);
        assert_eq!(limit.wait(&key, IpAddr::from([192, 0, 2, 2]), now), None);
        assert_eq!(limit.wait(&"other".parse().unwrap(), IpAddr::from([192, 0, 2, 1]), now), None);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_source() {
        let (limit, key, now) = (FailureLimit::default(), "k".parse().unwrap(), UnixTime::from_secs(1));
        for host in 0..20 {
            limit.count(&key, IpAddr::from([0x2001, 0xdb8, 0, 1, 0, 0, 0, host]), now);
        }
        assert!(limit.wait(&key, IpAddr::from([0x2001, 0xdb8, 0, 1, 9, 9, 9, 9]), now).is_some());
        assert!(limit.wait(&key, IpAddr::from([0x2001, 0xdb8, 0, 2, 0, 0, 0, 1]), now).is_none());
    }

    #[test]
    fn ipv4_clients_of_a_dual_stack_listener_are_told_apart() {
        let (limit, key, now) = (FailureLimit::default(), "k".parse().unwrap(), UnixTime::from_secs(1));
        let mapped = |last| IpAddr::from(std::net::Ipv4Addr::new(192, 0, 2, last).to_ipv6_mapped());
        for _ in 0..20 {
            limit.count(&key, mapped(1), now);
        }
        assert!(limit.wait(&key, mapped(1), now).is_some());
        assert!(limit.wait(&key, mapped(2), now).is_none());
    }

    #[test]
    fn memory_is_bounded() {
        let limit = FailureLimit::default();
        for n in 0..CAPACITY + 50 {
            let key = format!("key{n}").parse().unwrap();
            limit.count(&key, IpAddr::from([192, 0, 2, 1]), UnixTime::from_secs(n as u64 / 1000));
        }
        assert!(limit.failures.lock().unwrap().len() <= CAPACITY);
    }
}
