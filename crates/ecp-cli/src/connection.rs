//! Failed connections, in words.

use std::io;

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
        match (gate, error.downcast_ref::<DataError>()) {
            (Some(GateError::NotSent(cause)), _) => Some((cause, Side::Gate)),
            (_, Some(DataError::Transport(cause))) if !cause.may_have_arrived() => {
                Some((cause, Side::Data))
            }
            _ => None,
        }
    })
}
