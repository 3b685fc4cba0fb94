//! One after the other: a callback waits until another has been tried.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::engine::time::{Busy, Time};

/// Ticket of the delivery that goes first. When it is dropped, the delivery with the [`Turn`]
/// behind it goes on.
pub(crate) struct Ticket {
    state: Arc<Mutex<State>>,
    time: Time,
}

/// The place of a delivery behind a [`Ticket`].
pub(crate) struct Turn(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    is_over: bool,
    waiting: Option<oneshot::Sender<Busy>>,
}

/// Returns a ticket and the only place behind it.
pub(crate) fn turn(time: &Time) -> (Ticket, Turn) {
    let state: Arc<Mutex<State>> = Arc::default();
    (Ticket { state: Arc::clone(&state), time: time.clone() }, Turn(state))
}

impl Turn {
    /// Waits for the ticket to be dropped. The task does not count as working meanwhile.
    pub(crate) async fn wait(self, time: &Time, busy: Busy) -> Busy {
        let called = {
            let mut state = lock(&self.0);
            if state.is_over {
                return busy;
            }
            let (waiting, called) = oneshot::channel();
            state.waiting = Some(waiting);
            called
        };
        time.hand_over(called, busy).await
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut state = lock(&self.state);
        state.is_over = true;
        if let Some(waiting) = state.waiting.take() {
            // Work is handed over directly, so that the sandbox does not count as idle in between. A
            // receiver that has stopped waiting returns it.
            let _ = waiting.send(self.time.begin());
        }
    }
}

/// A state is whole at any time.
fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
