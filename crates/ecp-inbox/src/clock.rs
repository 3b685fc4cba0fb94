//! The time by which leases and retries go.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ecp_core::Timestamp;

/// Tells an inbox what time it is. What it waits for in the meantime goes by the machine's clock.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> SystemTime;
}

/// The machine's clock. Replicas that share a store need clocks that agree to a small part of a
/// lease.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> SystemTime {
        SystemTime::now()
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
pub struct SteppedClock(AtomicI64);

impl SteppedClock {
    /// A clock that shows this moment.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.unix_seconds() * 1000))
    }

    /// Moves the clock forward, to the millisecond.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(milliseconds(by), Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> SystemTime {
        let since = Duration::from_millis(self.0.load(Ordering::SeqCst).unsigned_abs());
        UNIX_EPOCH + since
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
