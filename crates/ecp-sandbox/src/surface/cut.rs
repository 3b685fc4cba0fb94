//! Answers that a fault cuts off.
//!
//! Without a socket, and on servers of others, a cut answer is a body that ends in an error, which
//! clients of a tower service see as an error of the transport.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{StatusCode, header};
use hyper::body::Frame;

/// Way in which a fault cuts an answer off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The connection is closed without an answer.
    Close,
    /// The connection is reset (TCP RST) without an answer.
    Reset,
    /// The answer has only this HTTP status and an empty body.
    Status(u16),
    /// Half of the answer is sent, then the connection is closed.
    Truncate,
}

impl Cut {
    /// Returns what is left of the answer after the cut.
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
            // The server sends its data before it asks again.
            self.is_sent = true;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(Some(Err(cut_off())))
    }
}

pub(super) fn cut_off() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionReset, "a fault of the sandbox cut the answer off")
}
