//! Server-sent events, by which open pages of the Dashboard show changes without a reload.
//!
//! An event carries no data of payments: it only says that something has changed, and the script of
//! the page fetches the page again. So there is one form of each page, and a browser without
//! scripts shows the same after a reload.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use ecp_core::{PaymentId, ProjectId};
use http::{HeaderMap, HeaderName, header};
use http_body_util::channel::{Channel, SendError, Sender};
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::forms::{Pairs, field, project};
use crate::engine::Engine;
use crate::engine::events::{Event, EventStream};

/// Shortest time between two events. A page is fetched at most that often.
const PAUSE: Duration = Duration::from_millis(300);

/// How often a line without meaning is sent, by which a closed connection is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Addresses by which the script of an open page keeps the page up to date.
pub(crate) struct Live {
    /// URL of the events that say when to fetch the page again.
    pub(crate) events: String,
    /// URL of the page. The address in the browser is another one after a form that failed.
    pub(crate) page: String,
}

impl Live {
    /// Returns the addresses for a page that changes with any event. Call it before the page's
    /// data is read, so that every later change is reported.
    pub(super) fn new(engine: &Engine, page: String) -> Self {
        Self { events: format!("/dashboard/events?after={}", engine.latest_event()), page }
    }

    /// Returns the addresses for a page that changes only with events of this payment. Call it
    /// before the page's data is read.
    pub(super) fn of_payment(
        engine: &Engine,
        page: String,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Self {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("project", &project.to_string())
            .append_pair("id", payment_id.as_str())
            .finish();
        let Self { events, page } = Self::new(engine, page);
        Self { events: format!("{events}&{query}"), page }
    }
}

/// Answers with a stream that has an event whenever something has changed since `after`, the number
/// of the latest event that the page knows. A browser that connects again names it in
/// `Last-Event-ID`.
pub(super) async fn events(
    State(engine): State<Engine>,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Response {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let seen: Option<u64> =
        last.or_else(|| field(&pairs, "after")).and_then(|number| number.parse().ok());
    let payment = project(&pairs).ok().zip(payment_id(&pairs));
    let changes = engine.subscribe();
    let missed = Some(engine.latest_event()).filter(|&latest| seen.is_some_and(|it| it != latest));
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    tokio::spawn(async move {
        // An error means that the browser has gone.
        let _ = tell(sender, changes, missed, payment).await;
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies would hold events back.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    (headers, Body::new(body)).into_response()
}

fn payment_id(pairs: &Pairs) -> Option<PaymentId> {
    let (_, id) = pairs.iter().find(|(name, _)| name == "id")?;
    PaymentId::new(id.as_str()).ok()
}

/// Sends an event for every change until the sandbox is shut down or the browser has gone.
async fn tell(
    mut sender: Sender<Bytes, Infallible>,
    mut changes: EventStream,
    missed: Option<u64>,
    payment: Option<(ProjectId, PaymentId)>,
) -> Result<(), SendError> {
    sender.send_data(Bytes::from_static(b"retry: 1000\n\n")).await?;
    if let Some(latest) = missed {
        sender.send_data(changed(latest)).await?;
    }
    let mut alive = interval(KEEP_ALIVE);
    alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let event = tokio::select! {
            event = changes.next() => event,
            _ = alive.tick() => {
                sender.send_data(Bytes::from_static(b":\n\n")).await?;
                continue;
            }
        };
        let Some(event) = event else { return Ok(()) };
        if payment.as_ref().is_none_or(|payment| is_about(&event, payment)) {
            // What follows soon is part of the same change.
            sleep(PAUSE).await;
            sender.send_data(changed(changes.skip())).await?;
        }
    }
}

fn is_about(event: &Event, (project, payment_id): &(ProjectId, PaymentId)) -> bool {
    event.project_id == Some(*project) && event.payment_id.as_ref() == Some(payment_id)
}

/// `number` is that of the latest event.
fn changed(number: u64) -> Bytes {
    Bytes::from(format!("id: {number}\ndata: changed\n\n"))
}
