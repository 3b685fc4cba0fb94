//! Limits of requests at once and per second.

use std::error::Error;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep_until};

use super::shared::SharedLimits;

/// Grants turns within the limits. Clones share them.
#[derive(Clone, Debug)]
pub(crate) struct Pace {
    at_once: Arc<Semaphore>,
    rate: Option<(Duration, Arc<Mutex<Instant>>)>,
    /// Store that grants the turns per second to several processes together; `None` if this process
    /// counts alone.
    shared: Option<Arc<dyn SharedLimits>>,
}

impl Pace {
    pub(crate) fn new(at_once: NonZeroU32, a_second: Option<NonZeroU32>) -> Self {
        let at_once = usize::try_from(at_once.get()).unwrap_or(Semaphore::MAX_PERMITS);
        let at_once = Arc::new(Semaphore::new(at_once.min(Semaphore::MAX_PERMITS)));
        let rate = a_second.map(|requests| {
            let next = Arc::new(Mutex::new(Instant::now()));
            (Duration::from_secs(1) / requests.get(), next)
        });
        Self { at_once, rate, shared: None }
    }

    /// The same limits, with turns by a rate that others share.
    pub(crate) fn shared(self, limits: Arc<dyn SharedLimits>) -> Self {
        Self { shared: Some(limits), ..self }
    }

    /// Waits for a turn, which lasts until the permit is dropped. A wait that is cancelled costs
    /// the others one turn's time.
    pub(crate) async fn turn(
        &self,
    ) -> Result<Option<OwnedSemaphorePermit>, Box<dyn Error + Send + Sync>> {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.at_once).acquire_owned().await.ok();
        if let (Some((interval, _)), Some(shared)) = (&self.rate, &self.shared) {
            shared.turn(*interval).await?;
        } else if let Some((interval, next)) = &self.rate {
            let mine = {
                let mut next = next.lock().unwrap_or_else(PoisonError::into_inner);
                let mine = (*next).max(Instant::now());
                *next = mine + *interval;
                mine
            };
            sleep_until(mine).await;
        }
        Ok(permit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
    }

    #[tokio::test(start_paused = true)]
    async fn turns_come_at_the_rate() {
        let pace = Pace::new(number(8), Some(number(4)));
        let start = Instant::now();
        for _ in 0..9 {
            pace.turn().await.unwrap();
        }
        let took = start.elapsed();
        assert!((2000..2100).contains(&took.as_millis()), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn no_more_turns_at_once_than_allowed() {
        let pace = Pace::new(number(2), None);
        let (first, _second) = (pace.turn().await, pace.turn().await);
        let third = tokio::time::timeout(Duration::from_secs(1), pace.turn());
        assert!(third.await.is_err());
        drop(first);
        assert!(pace.turn().await.is_ok_and(|permit| permit.is_some()));
    }
}
