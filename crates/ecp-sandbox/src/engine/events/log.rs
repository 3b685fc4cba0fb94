//! The memory of a sandbox.
//!
//! It is bounded twice: by the number of events and by the bytes of their bodies. The oldest are
//! forgotten first, whatever they are about.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::{PaymentId, ProjectId, Timestamp};
use tokio::sync::watch;

use super::{Event, EventKind};
use crate::payment::ids::About;

#[derive(Debug)]
pub(crate) struct EventLog {
    limit: usize,
    byte_limit: usize,
    entries: Mutex<Entries>,
    state: watch::Sender<LogState>,
}

#[derive(Debug, Default)]
struct Entries {
    /// Number of the latest event; 0 before the first one.
    sequence: u64,
    /// Total size of the bodies in the stored events, in bytes.
    bytes: usize,
    events: VecDeque<Event>,
    /// Numbers of the stored events of each payment, oldest first.
    by_payment: HashMap<(ProjectId, PaymentId), VecDeque<u64>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct LogState {
    sequence: u64,
    closed: bool,
}

impl EventLog {
    pub(crate) fn new(limit: usize, byte_limit: usize) -> Arc<Self> {
        let state = watch::Sender::new(LogState::default());
        Arc::new(Self { limit, byte_limit, entries: Mutex::default(), state })
    }

    /// Records an event. `millis` is the time since the beginning of the second in `at`.
    pub(crate) fn record(&self, at: Timestamp, millis: u16, about: About, kind: EventKind) {
        let (project_id, payment_id) = about;
        let sequence = {
            let mut entries = self.lock();
            entries.sequence += 1;
            let sequence = entries.sequence;
            entries.push(Event { sequence, at, millis, project_id, payment_id, kind });
            entries.trim(self.limit, self.byte_limit);
            sequence
        };
        self.state.send_modify(|state| state.sequence = state.sequence.max(sequence));
    }

    /// Returns a log with these events, oldest first, of which the last one ever had this number.
    #[cfg(feature = "state")]
    pub(crate) fn resumed(
        limit: usize,
        byte_limit: usize,
        latest: u64,
        kept: Vec<Event>,
    ) -> Arc<Self> {
        let log = Self::new(limit, byte_limit);
        {
            let mut entries = log.lock();
            for event in kept {
                entries.push(event);
                entries.trim(limit, byte_limit);
            }
            entries.sequence = latest;
        }
        log.state.send_modify(|state| state.sequence = latest);
        log
    }

    pub(crate) fn snapshot(&self) -> Vec<Event> {
        self.lock().events.iter().cloned().collect()
    }

    /// Returns the events in the history that follow the one with this number, oldest first.
    pub(crate) fn after(&self, sequence: u64) -> Vec<Event> {
        let entries = self.lock();
        let place = entries.events.partition_point(|event| event.sequence <= sequence);
        entries.events.range(place..).cloned().collect()
    }

    /// Returns the events of one payment that are in the history, oldest first.
    pub(crate) fn of_payment(&self, project: ProjectId, payment: &PaymentId) -> Vec<Event> {
        let entries = self.lock();
        let sequences = entries.by_payment.get(&(project, payment.clone()));
        sequences.into_iter().flatten().filter_map(|&sequence| entries.at(sequence)).collect()
    }

    /// Returns the number of the latest event; 0 before the first one.
    pub(crate) fn latest(&self) -> u64 {
        self.lock().sequence
    }

    /// Returns the number of the oldest event in the history; 0 if there is none.
    #[cfg(any(feature = "pages", feature = "state"))]
    pub(crate) fn oldest(&self) -> u64 {
        self.lock().events.front().map_or(0, |event| event.sequence)
    }

    /// Returns a stream of the events that happen after this call.
    pub(crate) fn follow(self: &Arc<Self>) -> EventStream {
        let next = self.lock().sequence + 1;
        EventStream { log: Arc::clone(self), next, state: self.state.subscribe() }
    }

    pub(crate) fn close(&self) {
        self.state.send_modify(|state| state.closed = true);
    }

    fn first_from(&self, sequence: u64) -> Option<Event> {
        let entries = self.lock();
        let place = entries.events.partition_point(|event| event.sequence < sequence);
        entries.events.get(place).cloned()
    }

    /// Entries are whole at any time, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, Entries> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entries {
    fn at(&self, sequence: u64) -> Option<Event> {
        let first = self.events.front()?.sequence;
        let place = usize::try_from(sequence.checked_sub(first)?).ok()?;
        self.events.get(place).cloned()
    }

    fn push(&mut self, event: Event) {
        self.bytes += bytes_of(&event.kind);
        if let (Some(project), Some(payment)) = (event.project_id, &event.payment_id) {
            let key = (project, payment.clone());
            self.by_payment.entry(key).or_default().push_back(event.sequence);
        }
        self.events.push_back(event);
    }

    /// Forgets the oldest events beyond the limits, but never the latest one for its bytes.
    fn trim(&mut self, limit: usize, byte_limit: usize) {
        while self.events.len() > limit || (self.bytes > byte_limit && self.events.len() > 1) {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some(event) = self.events.pop_front() else { return };
        self.bytes -= bytes_of(&event.kind);
        let (Some(project), Some(payment)) = (event.project_id, event.payment_id) else { return };
        let key = (project, payment);
        if let Some(sequences) = self.by_payment.get_mut(&key) {
            sequences.pop_front();
            if sequences.is_empty() {
                self.by_payment.remove(&key);
            }
        }
    }
}

/// Stream of the sandbox's events as they happen, from
/// [`Sandbox::subscribe`](crate::Sandbox::subscribe); [`EventStream::next`] waits for each. A slow
/// reader misses an event only if the sandbox removes it from memory
/// ([`Config::event_history`](crate::Config::event_history)) before it is read.
#[derive(Debug)]
pub struct EventStream {
    log: Arc<EventLog>,
    next: u64,
    state: watch::Receiver<LogState>,
}

impl EventStream {
    /// Returns the next event: at once if it has already happened, otherwise when it happens.
    /// Returns `None` if no further event can happen, because the sandbox was shut down or its last
    /// [`Sandbox`](crate::Sandbox) value was dropped, and all events have been returned.
    ///
    /// Dropping the future before it is ready loses no event.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            let closed = self.state.borrow_and_update().closed;
            if let Some(event) = self.log.first_from(self.next) {
                self.next = event.sequence + 1;
                return Some(event);
            }
            if closed {
                return None;
            }
            self.state.changed().await.ok()?;
        }
    }

    /// Leaves out the events that have already happened, and returns the number of the latest one.
    #[cfg(feature = "pages")]
    pub(crate) fn skip(&mut self) -> u64 {
        let latest = self.log.latest();
        self.next = latest + 1;
        latest
    }
}

/// How much of the byte limit an event takes. A body that several attempts share counts for each.
fn bytes_of(kind: &EventKind) -> usize {
    match kind {
        EventKind::CallbackAttempted { body, reply, .. }
        | EventKind::OperationsAttempted { body, reply, .. } => {
            body.bytes().len() + reply.bytes().len()
        }
        EventKind::CallbackRefused { body, .. }
        | EventKind::ConfirmationAnswered { body, .. }
        | EventKind::ConfirmationAsked { body, .. }
        | EventKind::ConfirmationRefused { body, .. }
        | EventKind::OperationsRefused { body, .. }
        | EventKind::PageOpened { parameters: body, .. }
        | EventKind::Placed { document: body, .. }
        | EventKind::RequestReceived { body, .. }
        | EventKind::ResponseSent { body, .. } => body.bytes().len(),
        EventKind::CustomerArrived
        | EventKind::CustomerDecided(_)
        | EventKind::CustomerReturned { .. }
        | EventKind::FaultStruck { .. }
        | EventKind::OperationChanged { .. }
        | EventKind::PaymentChanged(_)
        | EventKind::PaymentReleased
        | EventKind::RefundChanged { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::events::RawBody;

    const ROOM: usize = 1 << 20;

    fn now() -> Timestamp {
        Timestamp::from_unix_seconds(0).unwrap()
    }

    fn record(log: &EventLog, times: usize) {
        for _ in 0..times {
            log.record(now(), 0, (None, None), EventKind::CustomerArrived);
        }
    }

    fn sequences(events: &[Event]) -> Vec<u64> {
        events.iter().map(|event| event.sequence).collect()
    }

    #[test]
    fn the_history_keeps_the_latest() {
        let log = EventLog::new(3, ROOM);
        record(&log, 5);
        assert_eq!(sequences(&log.snapshot()), [3, 4, 5]);
        for (after, left) in [(0, vec![3, 4, 5]), (3, vec![4, 5]), (5, vec![]), (9, vec![])] {
            assert_eq!(sequences(&log.after(after)), left);
        }
    }

    #[test]
    fn the_history_keeps_no_more_bytes_than_allowed_but_always_the_latest_event() {
        let log = EventLog::new(100, 10);
        let about = (ProjectId::new(1).ok(), PaymentId::new("X1").ok());
        let sent = |length: usize| {
            let body = RawBody::copied(&vec![b'x'; length]);
            log.record(now(), 0, about.clone(), EventKind::ResponseSent { status: 200, body });
        };
        let (project, payment) = (ProjectId::new(1).unwrap(), PaymentId::new("X1").unwrap());
        for (length, left) in [(4, vec![1]), (4, vec![1, 2]), (4, vec![2, 3]), (50, vec![4])] {
            sent(length);
            assert_eq!(sequences(&log.snapshot()), left);
            assert_eq!(sequences(&log.of_payment(project, &payment)), left);
        }
    }

    #[test]
    fn the_events_of_one_payment_are_kept_apart_and_forgotten_with_the_rest() {
        let log = EventLog::new(4, ROOM);
        let project = ProjectId::new(1).unwrap();
        let ids = ["X1", "X2"].map(|id| PaymentId::new(id).unwrap());
        for id in [0, 1, 0, 1, 1, 1] {
            log.record(
                now(),
                0,
                (Some(project), Some(ids[id].clone())),
                EventKind::CustomerArrived,
            );
        }
        assert_eq!(sequences(&log.of_payment(project, &ids[0])), [3]);
        assert_eq!(sequences(&log.of_payment(project, &ids[1])), [4, 5, 6]);
        record(&log, 1);
        assert!(log.of_payment(project, &ids[0]).is_empty());
        assert_eq!(log.lock().by_payment.len(), 1);
    }

    #[tokio::test]
    async fn a_stream_begins_now_and_ends_when_the_log_is_closed() {
        let log = EventLog::new(10, ROOM);
        record(&log, 2);
        let mut stream = log.follow();
        record(&log, 1);
        assert_eq!(stream.next().await.unwrap().sequence, 3);

        let waiting = tokio::spawn(async move {
            let mut sequences = Vec::new();
            while let Some(event) = stream.next().await {
                sequences.push(event.sequence);
            }
            sequences
        });
        tokio::task::yield_now().await;
        record(&log, 2);
        log.close();
        assert_eq!(waiting.await.unwrap(), [4, 5]);
    }
}
