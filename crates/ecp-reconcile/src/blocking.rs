//! Work that blocks, kept off the threads of async tasks.

use std::panic::resume_unwind;

use tokio::task::spawn_blocking;

use crate::error::ReconcileError;

/// Runs work with files on a thread that may block. Work that began runs to its end, also if the
/// call is dropped.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReconcileError> + Send + 'static,
) -> Result<T, ReconcileError> {
    match spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is shutting down.
            Err(error) => Err(ReconcileError::Storage(error.into())),
        },
    }
}
