//! Failed connections, in words.

use std::io;

use ecp_reconcile::ReconcileError;
use ecp_transport::{DataError, GateError, TransportError, WaitError};

/// Returns the innermost cause of a failed request as text, such as `connection refused`.
pub(crate) fn reason(error: &TransportError) -> String {
    let mut cause: &dyn std::error::Error = error.cause();
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    match cause.downcast_ref::<io::Error>().map(io::Error::kind) {
        Some(
            kind @ (io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::TimedOut
            | io::ErrorKind::UnexpectedEof),
        ) => kind.to_string(),
        _ => cause.to_string(),
    }
}

/// The error of a status request. It may be repeated, so the advice not to send a request of unknown
/// outcome again is left out.
pub(crate) fn status_failure(error: GateError) -> anyhow::Error {
    match error {
        GateError::Unknown(reason) => reason.into(),
        other => other.into(),
    }
}

/// The interface of the platform that an error is about.
#[derive(Clone, Copy)]
pub(crate) enum Side {
    Gate,
    Data,
}

/// Returns the cause of an error if it is that no connection could be made.
pub(crate) fn unreachable(error: &anyhow::Error) -> Option<(&TransportError, Side)> {
    error.chain().find_map(|error| {
        let gate = error.downcast_ref::<GateError>().or_else(|| {
            match error.downcast_ref::<WaitError>()? {
                WaitError::Gate(error) => Some(error),
                WaitError::Deadline { error, .. } => error.as_deref(),
                _ => None,
            }
        });
        let (gate, data) = match error.downcast_ref::<ReconcileError>() {
            Some(ReconcileError::Gate { error, .. }) => (Some(error), None),
            Some(ReconcileError::Data(error)) => (None, Some(error)),
            _ => (gate, error.downcast_ref::<DataError>()),
        };
        match (gate, data) {
            (Some(GateError::NotSent(cause)), _) => Some((cause, Side::Gate)),
            (_, Some(DataError::Transport(cause))) if !cause.may_have_arrived() => {
                Some((cause, Side::Data))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use ecp_transport::UnknownReason;

    use super::*;

    #[test]
    fn a_failed_status_request_carries_no_advice_against_sending_it_again() {
        let unknown = GateError::Unknown(UnknownReason::HttpStatus(502));
        assert_eq!(
            status_failure(unknown).to_string(),
            "the answer has the unexpected HTTP status 502"
        );
        let not_sent = GateError::NotSent(TransportError::not_sent(io::Error::other("down")));
        assert!(unreachable(&status_failure(not_sent)).is_some());
    }
}
