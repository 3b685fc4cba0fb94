//! The sandbox on a socket, with answers that are cut off where a fault says so.
//!
//! Whether a connection is closed or reset is decided below HTTP, so the loop over connections is
//! written here. Without a socket, and on servers of others, a cut answer is a body that ends in
//! an error, which clients of a tower service see as an error of the transport.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{Request, StatusCode, header};
use hyper::body::{Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Sleep;

use crate::engine::Sandbox;

/// How an answer is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The connection is closed without a word.
    Close,
    /// The connection is reset.
    Reset,
    /// There is nothing but a status.
    Status(u16),
    /// The connection is closed in the middle of the answer.
    Truncate,
}

impl Cut {
    /// What is left of an answer, if there would have been one.
    pub(crate) fn response(self, answer: Option<(StatusCode, String)>) -> Response {
        let (status, json) = answer.unwrap_or_default();
        let half = match self {
            Self::Status(status) => {
                let status = StatusCode::from_u16(status);
                return status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response();
            }
            Self::Close | Self::Reset => Bytes::new(),
            Self::Truncate => Bytes::from(json.clone()).slice(..json.len() / 2),
        };
        let mut response = (
            status,
            [(header::CONTENT_TYPE, "application/json")],
            Body::new(CutBody { half: Some(half), is_sent: false }),
        )
            .into_response();
        response.headers_mut().insert(header::CONTENT_LENGTH, json.len().max(2).into());
        response.extensions_mut().insert(self);
        response
    }
}

/// The beginning of a body, and an error.
struct CutBody {
    half: Option<Bytes>,
    is_sent: bool,
}

impl hyper::body::Body for CutBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        if let Some(half) = self.half.take().filter(|half| !half.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(half))));
        }
        if !self.is_sent {
            // The server sends what it has before it asks again.
            self.is_sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(cut_off())))
    }
}

fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "a fault of the sandbox cut the answer off")
}

/// A body that has a set time to arrive in.
struct TimedBody {
    incoming: Incoming,
    deadline: Duration,
    is_late: Arc<AtomicBool>,
    /// Set when the body is first waited for.
    timer: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    const fn new(incoming: Incoming, deadline: Duration, is_late: Arc<AtomicBool>) -> Self {
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

/// A body did not arrive in time.
#[derive(Debug)]
pub(crate) struct Late;

impl Late {
    /// Whether this is why a body could not be read.
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
        f.write_str("the body did not arrive in time")
    }
}

impl std::error::Error for Late {}

/// Serves until the sandbox is shut down, and answers what is under way.
pub(crate) async fn serve(sandbox: Sandbox, listener: TcpListener) -> io::Result<()> {
    let router = sandbox.router();
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = sandbox.stopped() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(sandbox.clone(), router.clone(), stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Most such errors are over at once; want of file handles is not.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
    Ok(())
}

async fn connection(sandbox: Sandbox, router: Router, stream: TcpStream) {
    // Answers are small, and clients wait for them.
    let _ = stream.set_nodelay(true);
    let is_reset = Arc::new(AtomicBool::new(false));
    let inner = TowerToHyperService::new(router);
    let (head_deadline, body_deadline) =
        (sandbox.config().head_deadline, sandbox.config().body_deadline);
    let service = service_fn({
        let is_reset = Arc::clone(&is_reset);
        move |request: Request<Incoming>| {
            let is_late = Arc::new(AtomicBool::new(false));
            let request =
                request.map(|body| TimedBody::new(body, body_deadline, Arc::clone(&is_late)));
            let (answer, is_reset) = (inner.call(request), Arc::clone(&is_reset));
            async move {
                let Ok(mut response): Result<Response, Infallible> = answer.await;
                // Whatever reads bodies has its own status for one that ends in an error.
                let is_error = response.status().as_u16() >= 400;
                if is_error && is_late.load(Ordering::Relaxed) {
                    *response.status_mut() = StatusCode::REQUEST_TIMEOUT;
                }
                match response.extensions().get::<Cut>() {
                    Some(Cut::Close) => Err(cut_off()),
                    Some(Cut::Reset) => {
                        is_reset.store(true, Ordering::Relaxed);
                        Err(cut_off())
                    }
                    Some(Cut::Status(_) | Cut::Truncate) | None => Ok(response),
                }
            }
        }
    });
    let mut connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_deadline)
        .serve_connection(TokioIo::new(stream), service);
    let mut is_stopping = false;
    loop {
        tokio::select! {
            _ = &mut connection => break,
            () = sandbox.stopped(), if !is_stopping => {
                is_stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    }
    if is_reset.load(Ordering::Relaxed) {
        let stream = connection.into_parts().io.into_inner();
        // Closing it now sends a reset. Where that cannot be set it is closed all the same.
        let _ = stream.set_zero_linger();
    }
}
