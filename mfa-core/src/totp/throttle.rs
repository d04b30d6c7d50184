//! Limits guessing, SP 800-63B §3.2.2 and RFC 4226 §7.3.

use std::time::Duration;

use crate::clock::UnixTime;
use crate::store::TotpRecord;

/// Consecutive failures that disable an authenticator until its consumer resets it (SP 800-63B §3.2.2).
pub const MAX_FAILURES: u32 = 100;

/// Failures without a wait, since people mistype.
const FREE: u32 = 5;
/// The longest wait.
const LONGEST: Duration = Duration::from_secs(300);

/// How long an attempt must still wait at `now`; zero if it need not. Each failure from the fifth on doubles
/// the wait.
pub(super) fn wait(record: &TotpRecord, now: UnixTime) -> Duration {
    let (Some(beyond), Some(failed_at)) = (record.failures.checked_sub(FREE), record.failed_at) else {
        return Duration::ZERO;
    };
    // A failure in the future was counted while the clock ran ahead. Its wait is over.
    if failed_at > now {
        return Duration::ZERO;
    }
    let wait = Duration::from_secs(1 << beyond.min(9)).min(LONGEST);
    wait.saturating_sub(now.since(failed_at))
}

/// Whether the authenticator refuses all attempts.
pub(super) const fn is_disabled(record: &TotpRecord) -> bool {
    record.failures >= MAX_FAILURES
}
