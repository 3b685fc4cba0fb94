//! Callbacks and pages of operations on their way to the merchant.

mod message;
mod pending;
mod schedule;
mod turn;

use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

pub(crate) use self::message::Message;
pub(crate) use self::pending::{Pending, Pendings};
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
pub(crate) const KEPT_BACK: Duration = Duration::from_mins(1);

/// Maximum number of deliveries of operations at the same time. Each keeps its page in memory until
/// its last attempt.
pub(crate) const MOST_PAGES: usize = 100;

/// A callback or a page of operations that is ready to be sent. Every attempt sends the same bytes.
pub(crate) struct Parcel {
    /// Number of the delivery among all.
    pub(crate) id: u64,
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
    /// has been tried, or goes on after this time.
    pub(crate) next: Option<(oneshot::Receiver<(Turn, Busy)>, Duration)>,
    /// Time to wait before the first attempt, after the previous callback.
    pub(crate) delay: Duration,
    /// Number of attempts before the sandbox was started.
    pub(crate) attempts: u32,
    /// The moment of the next attempt, in milliseconds since 1970, if that was set before the
    /// sandbox was started.
    pub(crate) due: Option<i64>,
    /// Whether a fault loses the message, so that it is never sent.
    pub(crate) lost: bool,
    /// Tickets that are dropped when this message has been tried, so that later callbacks may be
    /// sent.
    pub(crate) tried: Vec<Ticket>,
}

impl Parcel {
    /// Returns the delivery as it begins, for the state file. `after` is the delivery that it waits
    /// for.
    pub(crate) fn pending(&self, after: Option<u64>, kept_until: Option<i64>) -> Pending {
        Pending {
            about: self.about.clone(),
            message: self.message,
            url: self.url.clone(),
            body: self.body.clone(),
            lost: self.lost,
            delay: self.delay,
            tried: 0,
            after,
            kept_until,
            due: None,
            place: 0,
        }
    }
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
    let Parcel { id, about, message, place: _place, url, body, .. } = parcel;
    let Parcel { previous, next, delay, attempts, due, lost, tried, .. } = parcel;
    let mut busy = wait(engine, previous, next, busy).await;
    // However this ends, the next delivery takes over before this one is idle: variables are dropped
    // in reverse order of their declaration.
    let mut tried = tried;
    if let Some(due) = due {
        let left = engine.time().left_until(due);
        busy = engine.time().pause(left, busy).await;
    } else if !delay.is_zero() {
        engine.postpone_delivery(id, delay);
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
            let state = match message {
                Message::Callback(callback) => Some(CallbackState::Refused { callback, reason }),
                Message::Operations(_) => None,
            };
            engine.report_delivery(id, &about, state, message.refused(url, body, reason), None);
            return;
        }
    };
    let schedule = engine.config().schedule;
    for attempt in attempts.saturating_add(1).. {
        // A restart must not take back what the merchant learns now.
        if !engine.is_kept().await {
            return;
        }
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
        let state = match message {
            Message::Callback(callback) => {
                Some(state_after(callback, attempt, &answer, retry_in.is_some()))
            }
            Message::Operations(_) => None,
        };
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
        engine.report_delivery(id, &about, state, kind, retry_in);
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
    next: Option<(oneshot::Receiver<(Turn, Busy)>, Duration)>,
    mut busy: Busy,
) -> Busy {
    if let Some(previous) = previous {
        busy = previous.wait(engine.time(), busy).await;
    }
    let Some((next, longest)) = next else { return busy };
    let after_next = async move {
        match next.await {
            Ok((turn, busy)) => turn.wait(engine.time(), busy).await,
            // There will be no next one.
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        busy = after_next => busy,
        busy = engine.time().pause(longest, busy) => busy,
    }
}
