//! Source of the current time, as a parameter.

use std::fmt::Debug;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use crate::time::Timestamp;

/// Source of the current time: for retries and leases in an inbox (the store of verified
/// callbacks), for the times in a payouts journal (the record of what was sent) and for the dates
/// in a sandbox's messages. A lease is the time for which a worker reserves a callback. Pass
/// [`SystemClock`] in a service and [`SteppedClock`] in a test. A pause inside a process, such as
/// one between two tries to send, follows the machine's clock instead.
///
/// This crate itself reads no clock; the crates that depend on it take one as an `Arc<dyn Clock>`.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The current time.
    fn now(&self) -> SystemTime;

    /// Time since a fixed moment of this process, by a monotonic clock. An inbox compares it with
    /// [`now`](Self::now) to notice a clock that was set back.
    fn elapsed(&self) -> Duration;

    /// The current time in whole seconds. A time before the year 0000 or after the year 9999
    /// becomes the first or the last second of that range.
    fn timestamp(&self) -> Timestamp {
        Timestamp::nearest(self.now())
    }
}

/// The machine's clock, for use outside tests. If several processes share the store of an inbox,
/// the clocks of their machines must differ by much less than a lease, the time for which a worker
/// reserves a callback (30 seconds by default). Otherwise two workers may handle the same callback
/// at the same time.
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

/// A clock that moves only when a test moves it.
///
/// ```
/// use std::time::Duration;
///
/// use ecp_core::{Clock, SteppedClock};
///
/// let clock = SteppedClock::new("2019-04-15T16:31:13+0000".parse()?);
/// let before = clock.now();
/// clock.advance(Duration::from_millis(1500));
/// assert_eq!(clock.now().duration_since(before)?, Duration::from_millis(1500));
/// assert_eq!(clock.timestamp().to_string(), "2019-04-15T16:31:14+0000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SteppedClock {
    /// Time that the clock shows, in milliseconds since 1970-01-01.
    now: AtomicI64,
    /// Milliseconds by which tests have moved the clock forward.
    elapsed: AtomicI64,
}

impl SteppedClock {
    /// Makes a clock that shows this time until a test moves it.
    pub const fn new(start: Timestamp) -> Self {
        Self { now: AtomicI64::new(start.unix_seconds() * 1000), elapsed: AtomicI64::new(0) }
    }

    /// Moves the clock's time and its elapsed time ([`Clock::elapsed`]) forward, in whole
    /// milliseconds.
    pub fn advance(&self, by: Duration) {
        self.now.fetch_add(milliseconds(by), Ordering::SeqCst);
        self.elapsed.fetch_add(milliseconds(by), Ordering::SeqCst);
    }

    /// Sets the clock's time back, in whole milliseconds, as when a machine's clock is corrected.
    /// The elapsed time ([`Clock::elapsed`]) stays the same.
    pub fn set_back(&self, by: Duration) {
        self.now.fetch_sub(milliseconds(by), Ordering::SeqCst);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> SystemTime {
        let now = self.now.load(Ordering::SeqCst);
        let distance = Duration::from_millis(now.unsigned_abs());
        let epoch = SystemTime::UNIX_EPOCH;
        if now < 0 { epoch - distance } else { epoch + distance }
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.elapsed.load(Ordering::SeqCst).unsigned_abs())
    }
}

fn milliseconds(duration: Duration) -> i64 {
    // Far enough in the future to be never, and a sum of two still fits.
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stepped_clock_shows_moments_before_1970_too() {
        let clock = SteppedClock::new("1969-12-31T23:59:59+0000".parse().unwrap());
        assert_eq!(clock.timestamp().to_string(), "1969-12-31T23:59:59+0000");
        clock.advance(Duration::from_millis(2500));
        assert_eq!(clock.timestamp().to_string(), "1970-01-01T00:00:01+0000");
        clock.set_back(Duration::from_secs(3));
        assert_eq!(clock.timestamp().to_string(), "1969-12-31T23:59:59+0000");
        assert_eq!(clock.elapsed(), Duration::from_millis(2500));
    }

    #[test]
    fn a_clock_beyond_the_form_of_a_timestamp_shows_the_nearest() {
        let clock = SteppedClock::new("9999-12-31T23:59:59+0000".parse().unwrap());
        clock.advance(Duration::from_hours(1));
        assert_eq!(clock.timestamp().to_string(), "9999-12-31T23:59:59+0000");
        clock.set_back(Duration::from_hours(24 * 366 * 10_001));
        assert_eq!(clock.timestamp().to_string(), "0000-01-01T00:00:00+0000");
    }
}
