//! Callbacks and pages of operations on their way to the merchant.

mod schedule;
mod turn;

use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

pub use self::schedule::Schedule;
pub(crate) use self::turn::{Ticket, Turn, turn};
use crate::engine::Engine;
use crate::engine::callbacks::CallbackState;
use crate::engine::events::{CallbackRefusal, EventKind, RawBody};
use crate::engine::outgoing::{self, CAME_BACK, Reply};
use crate::engine::time::Busy;
use crate::payment::ids::About;

/// How much of an answer's body is kept.
const REPLY_LIMIT: usize = 4 << 10;

/// How long a callback that is kept back waits for the next one.
const KEPT_BACK: Duration = Duration::from_mins(1);

/// Maximum number of deliveries of operations at the same time. Each keeps its page in memory until
/// its last attempt.
pub(crate) const MOST_PAGES: usize = 100;

/// Kind of a delivered message, with its number.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Message {
    /// The callback with this number among the payment's callbacks.
    Callback(u32),
    /// The page of operations with this delivery number.
    Operations(u64),
}

impl Message {
    /// Returns the event of a message that is refused and never sent.
    pub(crate) const fn refused(
        self,
        url: Option<String>,
        body: RawBody,
        reason: CallbackRefusal,
    ) -> EventKind {
        match self {
            Self::Callback(callback) => EventKind::CallbackRefused { callback, url, body, reason },
            Self::Operations(delivery) => {
                EventKind::OperationsRefused { delivery, url, body, reason }
            }
        }
    }
}

/// A callback or a page of operations that is ready to be sent. Every attempt sends the same bytes.
pub(crate) struct Parcel {
    pub(crate) about: About,
    pub(crate) message: Message,
    /// The permit of a page of operations, which limits deliveries at the same time; `None` for a
    /// callback.
    pub(crate) place: Option<OwnedSemaphorePermit>,
    pub(crate) url: Option<String>,
    pub(crate) body: RawBody,
    /// The payment's previous callback, which is sent first; `None` if there is nothing to wait
    /// for.
    pub(crate) previous: Option<Turn>,
    /// For a callback that is kept back: receives its place behind the next callback once that one
    /// has been tried.
    pub(crate) next: Option<oneshot::Receiver<(Turn, Busy)>>,
    /// Time to wait before the first attempt, after the previous callback.
    pub(crate) delay: Duration,
    /// Whether a fault loses the message, so that it is never sent.
    pub(crate) lost: bool,
    /// Tickets that are dropped when this message has been tried, so that later callbacks may be
    /// sent.
    pub(crate) tried: Vec<Ticket>,
}

/// Delivers a callback or a page of operations, with all its retries.
///
/// A payment's callbacks are tried in the order of their creation. A failed one does not delay the
/// next: as on the platform, later ones may then overtake it.
pub(crate) async fn deliver(engine: Engine, parcel: Parcel, busy: Busy) {
    tokio::select! {
        () = engine.stopped() => {}
        () = attempt_until_delivered(&engine, parcel, busy) => {}
    }
}

async fn attempt_until_delivered(engine: &Engine, parcel: Parcel, busy: Busy) {
    let Parcel { about, message, place: _place, url, body, previous, next, delay, lost, tried } =
        parcel;
    let mut busy = wait(engine, previous, next, busy).await;
    // However this ends, the next delivery takes over before this one is idle: variables are dropped
    // in reverse order of their declaration.
    let mut tried = tried;
    if !delay.is_zero() {
        busy = engine.time().pause(delay, busy).await;
    }
    let target = engine.target(url.as_deref());
    let target = if lost { Err(CallbackRefusal::Lost) } else { target };
    let (url, uri) = match target {
        Ok(uri) => (url.unwrap_or_default(), uri),
        Err(reason) => {
            tracing::warn!(
                ?message,
                %reason,
                "did not send a message to the merchant: GET /sandbox/events shows it with its \
                 payment"
            );
            if let Message::Callback(callback) = message {
                let state = CallbackState::Refused { callback, reason };
                engine.set_callback_state(&about, callback, state);
            }
            engine.record(about, message.refused(url, body, reason));
            return;
        }
    };
    let schedule = engine.config().schedule;
    for attempt in 1.. {
        let reply = outgoing::within(
            engine.config().callback_timeout,
            engine.outgoing().post(&uri, body.bytes().clone(), REPLY_LIMIT),
        );
        let (answer, reply) = match reply.await {
            Ok(Reply { status, body, cut: _ }) => (Ok(status.as_u16()), RawBody::copied(&body)),
            Err(error) => (Err(error), RawBody::copied(b"")),
        };
        // A sandbox is there, and no merchant whose next answer may be another.
        let came_back = answer == Ok(508) && reply.bytes() == CAME_BACK.as_bytes();
        let is_over = answer == Ok(200) || came_back;
        let retry_in = if is_over { None } else { schedule.pause_after(attempt) };
        tracing::debug!(?message, attempt, ?answer, ?retry_in, "tried to deliver a message");
        if let Message::Callback(callback) = message {
            let state = state_after(callback, attempt, &answer, retry_in.is_some());
            engine.set_callback_state(&about, callback, state);
        }
        let (url, body) = (url.clone(), body.clone());
        let kind = match message {
            Message::Callback(callback) => EventKind::CallbackAttempted {
                callback,
                attempt,
                url,
                body,
                answer,
                reply,
                retry_in,
            },
            Message::Operations(delivery) => EventKind::OperationsAttempted {
                delivery,
                attempt,
                url,
                body,
                answer,
                reply,
                retry_in,
            },
        };
        engine.record(about.clone(), kind);
        tried.clear();
        let Some(pause) = retry_in else { return };
        busy = engine.time().pause(pause, busy).await;
    }
}

/// Returns the state of a callback after an attempt.
fn state_after(
    callback: u32,
    attempt: u32,
    answer: &Result<u16, String>,
    is_repeated: bool,
) -> CallbackState {
    let problem = match answer {
        Ok(200) => return CallbackState::Delivered,
        Ok(status) => format!("HTTP {status}"),
        Err(error) => format!("no answer: {error}"),
    };
    if is_repeated {
        CallbackState::Retrying { callback, attempt, problem }
    } else {
        CallbackState::Failed { callback, attempt, problem }
    }
}

/// Waits for the previous callback, or if this one is kept back for the next.
async fn wait(
    engine: &Engine,
    previous: Option<Turn>,
    next: Option<oneshot::Receiver<(Turn, Busy)>>,
    mut busy: Busy,
) -> Busy {
    if let Some(previous) = previous {
        busy = previous.wait(engine.time(), busy).await;
    }
    let Some(next) = next else { return busy };
    let after_next = async move {
        match next.await {
            Ok((turn, busy)) => turn.wait(engine.time(), busy).await,
            // There will be no next one.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        busy = after_next => busy,
        busy = engine.time().pause(KEPT_BACK, busy) => busy,
    }
}
