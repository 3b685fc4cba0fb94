//! Times of leases and retries, and a clock that was set back.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use ecp_core::{Clock, Timestamp};

/// Detects a clock that was set back by more than a lease. Times stored before that are further in
/// the future than any wait.
#[derive(Debug, Default)]
pub(crate) struct SetBack(Mutex<Option<Seen>>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// Time that the system clock showed or should have shown at the last look at it, in
    /// milliseconds since 1970. If it shows less later on, it was set back.
    now: i64,
    /// Time of the last look at the system clock, by the monotonic clock, which cannot be set back.
    at: Duration,
    /// Time, by the monotonic clock, when the database was last searched for due times that are too
    /// far in the future.
    looked: Duration,
    /// Whether the system clock was set back since the database was last searched for due times
    /// that are too far in the future; then it is searched again.
    is_set_back: bool,
}

/// How to treat stored times that are further in the future than a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Makes callbacks due within a lease only if their rows prove that the clock was set back
    /// later, for example by an attempt that began in the future. This is done at the start and
    /// once per lease: another process may have stored such rows, or this one before it restarted.
    AtEvident,
    /// Makes all callbacks due within a lease that are due later than that, because this process
    /// has seen its clock set back.
    AtAll,
}

impl SetBack {
    /// Whether to check stored times now: at first, once per lease, and after the clock was set
    /// back. That the clock was set back is remembered until [`looked`](Self::looked) is called.
    pub(crate) fn look(&self, clock: &dyn Clock, now: i64, lease: i64) -> Option<Look> {
        let at = clock.elapsed();
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = *seen else {
            *seen = Some(Seen { now, at, looked: at, is_set_back: false });
            return Some(Look::AtEvident);
        };
        let expected = before.now.saturating_add(milliseconds(at.saturating_sub(before.at)));
        let is_set_back = now.saturating_add(lease) < expected;
        if is_set_back {
            tracing::warn!("the clock was set back: what waits is due within a lease");
        }
        let now = if is_set_back { now } else { now.max(expected) };
        let is_set_back = is_set_back || before.is_set_back;
        *seen = Some(Seen { now, at, is_set_back, ..before });
        let is_time = milliseconds(at.saturating_sub(before.looked)) >= lease;
        if is_set_back { Some(Look::AtAll) } else { is_time.then_some(Look::AtEvident) }
    }

    /// Records that stored times were checked.
    pub(crate) fn looked(&self, clock: &dyn Clock) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = &mut *seen {
            (seen.looked, seen.is_set_back) = (clock.elapsed(), false);
        }
    }
}

/// Milliseconds since 1970: the unit in which every store counts.
pub(crate) fn now(clock: &dyn Clock) -> i64 {
    clock.now().duration_since(UNIX_EPOCH).map_or(0, milliseconds)
}

pub(crate) fn milliseconds(duration: Duration) -> i64 {
    // Far enough in the future to mean never, while a sum of two still fits.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// The second that contains a time in milliseconds.
pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    let second = Timestamp::from_unix_seconds(milliseconds.div_euclid(1000));
    second.or_else(|_| Timestamp::from_unix_seconds(0)).unwrap_or_else(|_| unreachable!())
}
