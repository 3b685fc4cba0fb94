//! Callbacks on their way to the merchant.

mod schedule;

use bytes::Bytes;
use http::Uri;
use tokio::sync::oneshot;

pub use self::schedule::Schedule;
use crate::event::{About, EventKind, RawBody};
use crate::outgoing;
use crate::platform::Sandbox;

/// A callback that is ready to go. Its body is written once: every attempt sends the same bytes.
pub(crate) struct Parcel {
    pub(crate) about: About,
    pub(crate) callback: u32,
    pub(crate) url: Option<String>,
    pub(crate) body: RawBody,
    /// Ends when the payment's previous callback has been tried.
    pub(crate) previous: Option<oneshot::Receiver<()>>,
    /// Dropped when this one has been.
    pub(crate) tried: oneshot::Sender<()>,
}

/// Delivers a callback, however long it takes.
///
/// A payment's callbacks are tried in the order in which they came about. One that fails does not
/// hold up the next: as on the platform, later ones may then overtake it.
pub(crate) async fn deliver(sandbox: Sandbox, mut parcel: Parcel) {
    if let Some(previous) = parcel.previous.take() {
        // It ends by dropping the other side; there is nothing to receive.
        let _ = previous.await;
    }
    tokio::select! {
        () = sandbox.stopped() => {}
        () = attempt_until_delivered(&sandbox, parcel) => {}
    }
}

async fn attempt_until_delivered(sandbox: &Sandbox, parcel: Parcel) {
    let Parcel { about, callback, url, body, previous: _, tried } = parcel;
    let (url, uri) = match outgoing::target(sandbox.config(), url.as_deref()) {
        Ok(uri) => (url.unwrap_or_default(), uri),
        Err(reason) => {
            tracing::warn!(%reason, "not sending a callback");
            sandbox.record(about, EventKind::CallbackRefused { callback, url, body, reason });
            return;
        }
    };
    let mut tried = Some(tried);
    let schedule = sandbox.config().schedule;
    for attempt in 1.. {
        let answer = post(sandbox, &uri, body.bytes().clone()).await;
        let retry_in = if answer == Ok(200) { None } else { schedule.pause_after(attempt) };
        tracing::debug!(callback, attempt, ?answer, ?retry_in, "tried to deliver a callback");
        let kind = EventKind::CallbackAttempted {
            callback,
            attempt,
            url: url.clone(),
            body: body.clone(),
            answer,
            retry_in,
        };
        sandbox.record(about.clone(), kind);
        drop(tried.take());
        let Some(pause) = retry_in else { return };
        tokio::time::sleep(pause).await;
    }
}

/// The HTTP status of the answer. Its body is of no interest.
async fn post(sandbox: &Sandbox, uri: &Uri, body: Bytes) -> Result<u16, String> {
    let answer = outgoing::post(sandbox.client(), uri, body);
    let answer = outgoing::within(sandbox.config().callback_timeout, answer).await?;
    Ok(answer.status().as_u16())
}
