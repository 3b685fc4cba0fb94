//! Clock of a sandbox: its own, or a virtual one that its user moves.
//!
//! Everything that the sandbox does by itself holds a [`Busy`] while it works, and gives it away
//! while it waits. So it is known when everything that could happen has happened, and virtual time
//! moves on only then: the same steps lead to the same events in the same order.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use ecp_core::{Clock, Timestamp};
use tokio::sync::{oneshot, watch};

#[derive(Clone, Debug)]
pub(crate) struct Time {
    kind: Kind,
    work: Arc<watch::Sender<usize>>,
}

#[derive(Clone, Debug)]
enum Kind {
    Clock(Arc<dyn Clock>),
    Virtual(Arc<Agenda>),
}

/// Virtual time, and the tasks that wait for it.
#[derive(Debug)]
struct Agenda {
    start: Timestamp,
    state: Mutex<AgendaState>,
}

#[derive(Debug, Default)]
struct AgendaState {
    elapsed: Duration,
    registered: u64,
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<Busy>>,
}

/// Mark of a task that is working. While one exists, the sandbox is not settled.
#[derive(Debug)]
pub(crate) struct Busy(Arc<watch::Sender<usize>>);

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Time {
    pub(crate) fn of(clock: &Arc<dyn Clock>, virtual_from: Option<Timestamp>) -> Self {
        let kind = match virtual_from {
            None => Kind::Clock(Arc::clone(clock)),
            Some(start) => Kind::Virtual(Arc::new(Agenda { start, state: Mutex::default() })),
        };
        Self { kind, work: Arc::new(watch::Sender::new(0)) }
    }

    /// Returns virtual time that goes on where another one ended.
    #[cfg(feature = "state")]
    pub(crate) fn resumed(start: Timestamp, elapsed: Duration) -> Self {
        let state = Mutex::new(AgendaState { elapsed, ..AgendaState::default() });
        let kind = Kind::Virtual(Arc::new(Agenda { start, state }));
        Self { kind, work: Arc::new(watch::Sender::new(0)) }
    }

    /// Returns the start of virtual time, and what has passed since; `None` if time is not virtual.
    #[cfg(feature = "state")]
    pub(crate) fn virtual_time(&self) -> Option<(Timestamp, Duration)> {
        match &self.kind {
            Kind::Clock(_) => None,
            Kind::Virtual(agenda) => Some((agenda.start, agenda.state().elapsed)),
        }
    }

    /// Returns the moment after this time, in milliseconds since 1970.
    pub(crate) fn moment_in(&self, by: Duration) -> i64 {
        let since = self.now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.saturating_add(by).as_millis()).unwrap_or(i64::MAX)
    }

    /// Returns the time until a moment in milliseconds since 1970; zero if it is past.
    pub(crate) fn left_until(&self, moment: i64) -> Duration {
        let left = moment.saturating_sub(self.moment_in(Duration::ZERO));
        Duration::from_millis(u64::try_from(left).unwrap_or_default())
    }

    pub(crate) const fn is_virtual(&self) -> bool {
        matches!(self.kind, Kind::Virtual(_))
    }

    pub(crate) fn begin(&self) -> Busy {
        self.work.send_modify(|count| *count += 1);
        Busy(Arc::clone(&self.work))
    }

    /// Waits for this time. The task does not count as working meanwhile.
    pub(crate) async fn pause(&self, by: Duration, busy: Busy) -> Busy {
        match &self.kind {
            Kind::Clock(_) => {
                drop(busy);
                tokio::time::sleep(by).await;
                self.begin()
            }
            Kind::Virtual(agenda) => {
                let (place, woken) = agenda.register(by);
                let _left = Leaving { agenda, place };
                self.hand_over(woken, busy).await
            }
        }
    }

    /// Waits for the [`Busy`] mark that another task sends, or begins a new one if that task ends
    /// without sending it. The waiting task does not count as working.
    pub(crate) async fn hand_over(&self, from: oneshot::Receiver<Busy>, busy: Busy) -> Busy {
        drop(busy);
        from.await.unwrap_or_else(|_| self.begin())
    }

    /// Waits until no task is working.
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut work = self.work.subscribe();
        async move {
            // An error means that no task is left that could work.
            let _ = work.wait_for(|&count| count == 0).await;
        }
    }

    /// Moves virtual time forward, and wakes one waiting task after the other. Returns `false` if
    /// time is not virtual.
    #[must_use]
    pub(crate) async fn advance(&self, by: Duration) -> bool {
        let Kind::Virtual(agenda) = &self.kind else { return false };
        let until = agenda.state().elapsed.saturating_add(by);
        loop {
            self.settled().await;
            let Some(sleeper) = agenda.next_until(until) else { break };
            // A receiver that no longer waits returns it, and it is dropped.
            let _ = sleeper.send(self.begin());
        }
        let mut state = agenda.state();
        state.elapsed = state.elapsed.max(until);
        true
    }
}

impl Clock for Time {
    fn now(&self) -> SystemTime {
        match &self.kind {
            Kind::Clock(clock) => clock.now(),
            Kind::Virtual(agenda) => {
                let start = SystemTime::from(agenda.start);
                start.checked_add(self.elapsed()).unwrap_or(start)
            }
        }
    }

    fn elapsed(&self) -> Duration {
        match &self.kind {
            Kind::Clock(clock) => clock.elapsed(),
            Kind::Virtual(agenda) => agenda.state().elapsed,
        }
    }
}

impl Agenda {
    fn register(&self, by: Duration) -> ((Duration, u64), oneshot::Receiver<Busy>) {
        let (sleeper, woken) = oneshot::channel();
        let mut state = self.state();
        state.registered += 1;
        let place = (state.elapsed.saturating_add(by), state.registered);
        state.sleepers.insert(place, sleeper);
        (place, woken)
    }

    /// Takes out the first sleeper up to a moment, and moves time to when it wants to be woken.
    fn next_until(&self, until: Duration) -> Option<oneshot::Sender<Busy>> {
        let mut state = self.state();
        let first = state.sleepers.first_entry().filter(|first| first.key().0 <= until)?;
        let ((moment, _), sleeper) = first.remove_entry();
        state.elapsed = state.elapsed.max(moment);
        Some(sleeper)
    }

    /// Entries are whole at any time.
    fn state(&self) -> MutexGuard<'_, AgendaState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the entry of a sleeper that stops waiting.
struct Leaving<'a> {
    agenda: &'a Agenda,
    place: (Duration, u64),
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        self.agenda.state().sleepers.remove(&self.place);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use ecp_core::SystemClock;

    use super::*;

    fn virtual_time() -> Time {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Time::of(&clock, Timestamp::from_unix_seconds(1_000).ok())
    }

    #[tokio::test]
    async fn sleepers_wake_in_order_each_at_its_own_moment() {
        let time = virtual_time();
        let woken: Arc<Mutex<Vec<(u64, i64)>>> = Arc::default();
        for seconds in [30, 10, 20, 10] {
            let (time, woken, busy) = (time.clone(), woken.clone(), time.begin());
            tokio::spawn(async move {
                let busy = time.pause(Duration::from_secs(seconds), busy).await;
                woken.lock().unwrap().push((seconds, time.timestamp().unix_seconds()));
                // The tasks of one moment finish before the next one comes.
                tokio::task::yield_now().await;
                let _busy = time.pause(Duration::from_secs(5), busy).await;
                woken.lock().unwrap().push((seconds + 5, time.timestamp().unix_seconds()));
            });
        }
        assert!(time.advance(Duration::from_secs(25)).await);
        time.settled().await;
        let first = [(10, 1_010), (10, 1_010), (15, 1_015), (15, 1_015), (20, 1_020), (25, 1_025)];
        assert_eq!(*woken.lock().unwrap(), first);
        assert_eq!(time.timestamp().unix_seconds(), 1_025);
        assert!(time.advance(Duration::from_secs(100)).await);
        time.settled().await;
        assert_eq!(woken.lock().unwrap()[6..], [(30, 1_030), (35, 1_035)]);
        assert_eq!(time.timestamp().unix_seconds(), 1_125);
    }

    #[tokio::test]
    async fn who_stops_waiting_is_forgotten() {
        let time = virtual_time();
        let busy = time.begin();
        let waiting = tokio::spawn({
            let time = time.clone();
            async move { drop(time.pause(Duration::from_secs(10), busy).await) }
        });
        time.settled().await;
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        let Kind::Virtual(agenda) = &time.kind else { panic!("time is virtual") };
        assert!(agenda.state().sleepers.is_empty());
        assert!(time.advance(Duration::from_secs(20)).await);
        time.settled().await;
    }

    #[tokio::test]
    async fn a_real_clock_cannot_be_moved() {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let time = Time::of(&clock, None);
        assert!(!time.is_virtual() && !time.advance(Duration::from_secs(1)).await);
        let busy = time.pause(Duration::from_millis(1), time.begin()).await;
        drop(busy);
        time.settled().await;
    }
}
