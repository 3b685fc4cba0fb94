//! The time that a sandbox writes into its messages.

use std::fmt::Debug;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime};

use ecp_core::Timestamp;

/// Tells a sandbox what time it is. Dates in messages and events come from here; waiting (between
/// the attempts to deliver a callback) does not.
pub trait Clock: Debug + Send + Sync + 'static {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        match Timestamp::try_from(SystemTime::now()) {
            Ok(now) => now,
            Err(error) => unreachable!("the machine's clock is beyond the year 9999: {error}"),
        }
    }
}

/// A clock that stands still until it is moved, for tests.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
///
/// use ecp_sandbox::{Clock, SteppedClock};
///
/// let clock = Arc::new(SteppedClock::new("2019-04-15T16:31:13+0000".parse()?));
/// clock.advance(Duration::from_secs(31));
/// assert_eq!(clock.now().to_string(), "2019-04-15T16:31:44+0000");
/// # Ok::<(), ecp_core::InvalidTimestamp>(())
/// ```
#[derive(Debug)]
pub struct SteppedClock {
    start: Timestamp,
    seconds: AtomicI64,
}

impl SteppedClock {
    /// A clock that shows this moment.
    pub const fn new(start: Timestamp) -> Self {
        Self { start, seconds: AtomicI64::new(0) }
    }

    /// Moves the clock forward. Parts of a second are dropped.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.seconds.fetch_add(seconds, Ordering::Relaxed);
    }
}

impl Clock for SteppedClock {
    fn now(&self) -> Timestamp {
        let seconds = self.seconds.load(Ordering::Relaxed);
        let moved = self.start.unix_seconds().saturating_add(seconds);
        Timestamp::from_unix_seconds(moved).unwrap_or(self.start)
    }
}
