//! What is checked of a request before its body is read.

use std::fmt::Display;
use std::time::Duration;

use crate::reply::Reply;

/// The parts of an HTTP request's head that a receiver checks before it reads the body: the HTTP
/// method and two headers. Make one for [`Receiver::admit`](crate::Receiver::admit) if your own
/// code reads the requests.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Head<'h> {
    /// The HTTP method, such as `POST`.
    pub method: &'h str,
    /// The values of the header `Content-Encoding`, such as `gzip`, one for each such header; empty
    /// if there is none.
    pub content_encoding: &'h [&'h [u8]],
    /// The value of the header `Content-Length`, in bytes; `None` if there is none.
    pub content_length: Option<u64>,
}

impl<'h> Head<'h> {
    /// Creates the head of a request with this HTTP method, without `Content-Encoding` and
    /// `Content-Length`.
    pub fn new(method: &'h str) -> Self {
        Self { method, content_encoding: &[], content_length: None }
    }

    /// Sets the values of the header `Content-Encoding`, such as `gzip`, one for each such header;
    /// by default there is none. A receiver refuses a compressed body with status 415.
    pub fn content_encoding(self, values: &'h [&'h [u8]]) -> Self {
        Self { content_encoding: values, ..self }
    }

    /// Sets the value of the header `Content-Length`, in bytes; by default there is none. A
    /// receiver refuses a body that is larger than its limit with status 413.
    pub fn content_length(self, bytes: u64) -> Self {
        Self { content_length: Some(bytes), ..self }
    }
}

/// Limits of a request, and how a refusal is logged.
#[derive(Clone, Copy)]
pub(crate) struct Intake {
    pub(crate) body_limit: usize,
    pub(crate) body_deadline: Duration,
    /// Logs a reason and makes the reply.
    pub(crate) refused: fn(u16, &dyn Display) -> Reply,
}

impl Intake {
    pub(crate) fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        let plain = |encoding: &&[u8]| encoding.trim_ascii().eq_ignore_ascii_case(b"identity");
        if head.method != "POST" {
            Err(self.refuse(405, "the request is not a POST"))
        } else if !head.content_encoding.iter().all(plain) {
            Err(self.refuse(
                415,
                "the body is compressed (`content-encoding`), and only plain JSON is read",
            ))
        } else if head.content_length.is_some_and(|length| length > self.body_limit as u64) {
            Err(self.too_large())
        } else {
            Ok(())
        }
    }

    pub(crate) fn too_large(&self) -> Reply {
        self.refuse(
            413,
            format_args!(
                "the body is larger than the {} bytes that `body_limit` allows",
                self.body_limit
            ),
        )
    }

    pub(crate) fn refuse(&self, status: u16, reason: impl Display) -> Reply {
        (self.refused)(status, &reason)
    }
}
