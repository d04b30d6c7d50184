//! Time steps, RFC 6238 §4.

use crate::clock::UnixTime;

/// The number of a time step: T = (now − T0) / X with T0 = 0.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct TimeStep(u64);

impl TimeStep {
    /// The step that `now` lies in, for steps of `period` seconds.
    pub fn at(now: UnixTime, period: u16) -> Self {
        Self(now.as_secs() / u64::from(period.max(1)))
    }

    /// Wraps a number that a backend read from its own storage.
    pub const fn from_stored(number: u64) -> Self {
        Self(number)
    }

    /// The number of the step: the counter C of RFC 4226.
    pub const fn number(self) -> u64 {
        self.0
    }

    /// The earliest time at which its code is accepted, as [`window`](Self::window) has it.
    pub(super) fn accepted_from(self, period: u16) -> UnixTime {
        UnixTime::from_secs(self.0.saturating_sub(1).saturating_mul(period.into()))
    }

    /// The steps whose codes are accepted, oldest first: one before for network delay, one after for a fast
    /// clock (RFC 6238 §5.2).
    pub(super) const fn window(self) -> [Self; 3] {
        [Self(self.0.saturating_sub(1)), self, Self(self.0.saturating_add(1))]
    }
}
