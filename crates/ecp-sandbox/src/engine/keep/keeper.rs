//! What the engine shares with the thread that writes its state file.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::watch;

use super::error::StateError;
use super::file::File;

/// The state file of an engine, and the thread that writes it.
pub(in crate::engine) struct Keeper(pub(super) Arc<Shared>);

pub(super) struct Shared {
    /// Number of changes so far.
    pub(super) changed: AtomicU64,
    /// Whether the thread is to end.
    pub(super) is_over: Mutex<bool>,
    pub(super) woken: Condvar,
    /// The number of changes that the file has.
    pub(super) written: watch::Sender<u64>,
    /// `None` once it is closed.
    pub(super) file: Mutex<Option<File>>,
    pub(super) failure: OnceLock<StateError>,
    /// Whether the work that was under way has been taken up again.
    pub(super) resumed: Mutex<bool>,
}

impl Keeper {
    /// Returns a keeper without its file and thread.
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            changed: AtomicU64::new(0),
            is_over: Mutex::new(false),
            woken: Condvar::new(),
            written: watch::Sender::new(0),
            file: Mutex::new(None),
            failure: OnceLock::new(),
            resumed: Mutex::new(false),
        }))
    }
}

impl Shared {
    pub(super) fn file(&self) -> MutexGuard<'_, Option<File>> {
        lock(&self.file)
    }

    /// Waits for changes that are not in the file. Returns `false` if it is over.
    pub(super) fn wait(&self) -> bool {
        let is_over = lock(&self.is_over);
        let is_idle = |is_over: &mut bool| {
            !*is_over && self.changed.load(Ordering::SeqCst) <= *self.written.borrow()
        };
        let waited = self.woken.wait_while(is_over, is_idle);
        !*waited.unwrap_or_else(PoisonError::into_inner)
    }
}

/// What these locks protect is whole at any time.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
