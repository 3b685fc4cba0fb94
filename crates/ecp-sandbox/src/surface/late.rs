//! Bodies that have a set time to arrive in.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Frame, Incoming, SizeHint};
use tokio::time::Sleep;

/// Body of a request with a time limit for its arrival.
pub(super) struct TimedBody {
    incoming: Incoming,
    deadline: Duration,
    is_late: Arc<AtomicBool>,
    /// Timer of the time limit. It starts when the server first waits for the body; `None` before
    /// that.
    timer: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    pub(super) const fn new(
        incoming: Incoming,
        deadline: Duration,
        is_late: Arc<AtomicBool>,
    ) -> Self {
        Self { incoming, deadline, is_late, timer: None }
    }
}

impl hyper::body::Body for TimedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(context) {
            let is_late = this.timer.as_ref().is_some_and(|timer| timer.is_elapsed());
            if !is_late || frame.is_none() {
                return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
            }
        }
        let deadline = this.deadline;
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(deadline)));
        timer.as_mut().poll(context).map(|()| {
            this.is_late.store(true, Ordering::Relaxed);
            Some(Err(Late.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

/// Error of a request's body that did not arrive in time.
#[derive(Debug)]
pub(crate) struct Late;

impl Late {
    /// Whether this error is the reason why a body could not be read.
    pub(crate) fn is_cause_of(error: &(dyn std::error::Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl fmt::Display for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the body of the request did not arrive within `body_deadline`")
    }
}

impl std::error::Error for Late {}
