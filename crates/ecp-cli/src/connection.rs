//! Failed connections, in words.

use std::io;

use ecp_transport::TransportError;

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
