//! Reply to the platform.

use std::fmt::{self, Display, Write as _};

use ecp_core::json::JsonError;
use ecp_core::signature::{CanonicalError, VerifyError as SignatureError};

use crate::verifier::VerifyError;

/// The reply to a request of the platform, as HTTP status and body. Send it with its
/// [`headers`](Self::headers) as the response.
///
/// | status | when |
/// |---|---|
/// | 200 | stored, now or before; or a `check_deposit` request with its answer |
/// | 400 | the body is no JSON (broken, cut off), or its project is no valid id; or a genuine `check_deposit` request is not as documented |
/// | 403 | not genuine: no signature, a wrong one, an unknown project, an unsigned member; or another kind of signed message |
/// | 405 | not a POST |
/// | 408 | the body did not arrive in time |
/// | 413 | the body is too large, or a page of operations has too many values |
/// | 415 | the body is compressed |
/// | 501 | a genuine `check_deposit` request, and no handler of confirmations is set |
/// | 503 | genuine, but not stored (also if it is not as documented and the store does not keep such messages); too many pages of operations at once; or the handler of a `check_deposit` request panicked |
///
/// The platform repeats a callback that is answered with any status other than 200, for 11 days
/// (sources: callback delivery). Whether it repeats a page of operations is unknown (sources:
/// operations to an address), and a `check_deposit` request with such an answer declines its
/// payment. The different statuses are for readers of the logs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "the platform repeats its request unless it gets this reply"]
pub struct Reply {
    /// The HTTP status. For a `check_deposit` request any 4xx or 5xx declines the payment (sources:
    /// confirmation), and 200 accepts or declines it by the code in the body.
    pub status: u16,
    /// The body of the reply: JSON, or empty.
    pub body: Vec<u8>,
}

impl Reply {
    pub(crate) const fn status(status: u16) -> Self {
        Self { status, body: Vec::new() }
    }

    pub(crate) const fn json(body: Vec<u8>) -> Self {
        Self { status: 200, body }
    }

    /// The HTTP headers to send with the reply: names in lower case, and values.
    ///
    /// With status 503, the header `retry-after` is 10 seconds, the platform's first pause between
    /// attempts (sources: callback delivery). It is not known whether the platform reads this
    /// header.
    pub fn headers(&self) -> &'static [(&'static str, &'static str)] {
        match self.status {
            200 if !self.body.is_empty() => &[("content-type", "application/json")],
            405 => &[("allow", "POST")],
            // The rest of the body is not read.
            408 | 413 => &[("connection", "close")],
            415 => &[("accept-encoding", "identity")],
            503 => &[("retry-after", "10")],
            _ => &[],
        }
    }
}

/// A refusal of a body that was not sent by the platform or cannot be read.
pub(crate) fn refusal(error: &VerifyError) -> Reply {
    let status = match error {
        VerifyError::Signature(SignatureError::Canonical(CanonicalError::Json(
            JsonError::TooLarge { .. },
        )))
        | VerifyError::TooManyValues { .. } => 413,
        VerifyError::Signature(SignatureError::Canonical(_))
        | VerifyError::Project(_)
        | VerifyError::Unreadable(_) => 400,
        _ => 403,
    };
    Reply::status(status)
}

/// A reason in one line of a log: a store's error may be long, and the sender of the body chose the
/// names of its members.
pub(crate) struct Reason<T>(pub(crate) T);

impl<T: Display> Display for Reason<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const LONGEST: usize = 200;
        let reason = self.0.to_string();
        let mut characters = reason.chars();
        for character in characters.by_ref().take(LONGEST) {
            let shown = if character.is_control() { '\u{fffd}' } else { character };
            f.write_char(shown)?;
        }
        if characters.next().is_some() { f.write_str("..") } else { Ok(()) }
    }
}
