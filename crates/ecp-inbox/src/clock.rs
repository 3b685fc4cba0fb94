//! Clock of leases and retries.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ecp_core::Timestamp;

/// Source of the current time for an inbox. Waits inside the process use the machine's clock.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> SystemTime;

    /// The time since some fixed moment of this process, by a monotonic clock. An inbox compares it
    /// with [`now`](Self::now) to notice a clock that was set back.
    fn elapsed(&self) -> Duration;
}

/// The machine's clock. Replicas that share a store need clocks that agree to a small part of a
/// lease.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    fn elapsed(&self) -> Duration {
        static START: LazyLock<Instant> = LazyLock::new(Instant::now);
        START.elapsed()
    }
}

/// A clock that stands still until it is moved, for tests.
///
/// ```
/// use std::time::Duration;
///
/// use ecp_inbox::{Clock, SteppedClock};
///
/// let clock = SteppedClock::new("2019-04-15T16:31:13+0000".parse()?);
/// let before = clock.now();
/// clock.advance(Duration::from_millis(1500));
/// assert_eq!(clock.now().duration_since(before)?, Duration::from_millis(1500));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SteppedClock {
    /// Milliseconds since 1970.
    now: AtomicI64,
    /// Milliseconds that have passed.
    elapsed: AtomicI64,
}

impl SteppedClock {
    /// A clock that shows this moment.
    pub fn new(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.unix_seconds() * 1000), elapsed: AtomicI64::new(0) }
    }

    /// Lets time pass, to the millisecond.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(milliseconds(by), Ordering::SeqCst);
        self.elapsed.fetch_add(milliseconds(by), Ordering::SeqCst);
    }

    /// Sets the clock back, to the millisecond, without any time passing.
    pub fn set_back(&self, by: Duration) {
        self.now.fetch_sub(milliseconds(by), Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> SystemTime {
        let since = Duration::from_millis(self.now.load(Ordering::SeqCst).unsigned_abs());
        UNIX_EPOCH + since
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::SeqCst).unsigned_abs())
    }
}

/// Notices that the clock was set back, by more than a lease. Times that were stored before are then
/// further in the future than anything should wait.
#[derive(Debug, Default)]
pub(crate) struct SetBack(Mutex<Option<Seen>>);

#[derive(Clone, Copy, Debug)]
struct Seen {
    /// What the clock should show at least, in milliseconds since 1970.
    now: i64,
    /// The same moment by the monotonic clock.
    at: Duration,
    /// When stored times were looked at last.
    looked: Duration,
    /// The clock was set back, and stored times were not looked at since.
    is_set_back: bool,
}

/// How to look at stored times that are further in the future than a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Some may have been stored by another process, or before this one began, by a clock that has
    /// been set back since: those whose own record says so are brought back.
    AtEvident,
    /// The clock was set back under this process: all are brought back.
    AtAll,
}

impl SetBack {
    /// Whether to look at stored times now: at first, once in a lease, and when the clock was set
    /// back. Until [`looked`](Self::looked) is called, a clock that was set back is not forgotten.
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

    /// Stored times were looked at.
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
    // Far enough in the future to be never, and a sum of two still fits.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// The second in which a moment in milliseconds lies.
pub(crate) fn timestamp(milliseconds: i64) -> Timestamp {
    let second = Timestamp::from_unix_seconds(milliseconds.div_euclid(1000));
    second.or_else(|_| Timestamp::from_unix_seconds(0)).unwrap_or_else(|_| unreachable!())
}
