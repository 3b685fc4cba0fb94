//! Pages of operations on their way to the addresses of their queries.

use std::sync::Arc;
use std::time::Duration;

use ecp_core::Sensitive;

use super::Engine;
use crate::engine::delivery::{self, Message, Parcel};
use crate::engine::events::{CallbackRefusal, RawBody};
use crate::engine::faults::{Fault, Point};
use crate::payment::ids::About;
use crate::wire::tamper;

/// A page of operations to send to the address in a Data API query.
pub(crate) struct Page {
    /// The project, if the query is about one project only.
    pub(crate) about: About,
    /// The path of the Data API query, such as `/v1/operations/get`.
    pub(crate) path: &'static str,
    pub(crate) url: String,
    /// The signed JSON text of the operations.
    pub(crate) body: String,
    /// The signing key of the Data API token in the query.
    pub(crate) key: Sensitive<String>,
}

impl Engine {
    /// Starts the delivery of a page of operations, with the faults that apply to it. It does not
    /// wait for callbacks or other pages.
    pub(crate) fn push(&self, page: Page) {
        let Page { about, path, url, mut body, key } = page;
        let delivery = {
            let mut state = self.changing();
            state.deliveries += 1;
            state.deliveries
        };
        let message = Message::Operations(delivery);
        let (mut delay, mut copies, mut lost) = (Duration::ZERO, 0, false);
        for fault in self.strike(&about, Point::Operations(path)) {
            match fault {
                Fault::DelayCallback(by) => delay += by,
                Fault::DuplicateCallback { copies: more } => copies += more,
                Fault::LoseCallback => lost = true,
                other => {
                    if let Some(tampering) = other.tampering() {
                        body = tamper::tampered(body, tampering, &key);
                    }
                }
            }
        }
        let body = RawBody::new(body);
        for copy in 0..=copies {
            let Ok(place) = Arc::clone(&self.0.pages).try_acquire_owned() else {
                let refused =
                    message.refused(Some(url.clone()), body.clone(), CallbackRefusal::TooMany);
                self.record(about.clone(), refused);
                continue;
            };
            let mut state = self.changing();
            let parcel = Parcel {
                id: state.pendings.next(),
                about: about.clone(),
                message,
                place: Some(place),
                url: Some(url.clone()),
                body: body.clone(),
                previous: None,
                next: None,
                delay: if copy == 0 { delay } else { Duration::ZERO },
                attempts: 0,
                due: None,
                lost,
                tried: Vec::new(),
            };
            state.pendings.begin(parcel.id, parcel.pending(None, None));
            drop(state);
            self.deliver(parcel);
        }
    }
}

/// Returns the permits for deliveries of operations at the same time.
pub(super) fn places() -> Arc<tokio::sync::Semaphore> {
    Arc::new(tokio::sync::Semaphore::new(delivery::MOST_PAGES))
}
