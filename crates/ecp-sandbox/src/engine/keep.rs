//! The state file: what a sandbox has survives its process.
//!
//! The engine works in memory as without a file. One thread writes what has changed, each time the
//! whole of it at one moment and in one transaction, so that a file is consistent whenever the
//! process ends. An answer, a callback and a confirmation request leave the sandbox only after
//! everything before them is in the file: what a merchant knows is never taken back.

mod changes;
mod data;
mod error;
mod file;
pub(super) mod keeper;
mod resume;
mod rows;

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

pub use self::error::StateError;
use self::file::File;
use self::keeper::{Keeper, Shared, lock};
use super::{Core, Engine};
use crate::config::Config;

impl Engine {
    /// Returns an engine with this configuration and the payments and events of a state file, which
    /// is created if there is none. Nothing happens before [`Engine::resume`].
    pub(crate) fn open(config: Config, path: &Path) -> Result<Self, StateError> {
        let mut file = File::open(path)?;
        let kept = file.read()?;
        let keeper = Keeper::new();
        let mut core = Core::new(config);
        if let Some(kept) = kept {
            kept.fill(&mut core).map_err(|problem| problem.of(path))?;
        }
        core.keep_all();
        *keeper.0.file() = Some(file);
        let shared = Arc::clone(&keeper.0);
        core.keeper = Some(keeper);
        let core = Arc::new(core);
        // Whether it can be written shows at once.
        if let Err(error) = core.write() {
            return Err(core.close_file().err().unwrap_or(error));
        }
        let weak = Arc::downgrade(&core);
        let thread = std::thread::Builder::new().name("ecp-sandbox-state".to_owned());
        let started = thread.spawn(move || write_changes(&shared, &weak));
        started.map_err(|error| {
            let problem = format!("the thread that writes it cannot be started: {error}");
            StateError::unusable(path, problem)
        })?;
        Ok(Self(core))
    }

    /// Takes up the work that was under way when the file was last written: payments, deliveries and
    /// time limits. Does nothing the second time, and without a file. Call it inside a tokio
    /// runtime, once the sandbox's address is known.
    pub(crate) fn resume(&self) {
        let Some(Keeper(shared)) = &self.0.keeper else { return };
        let was_resumed = std::mem::replace(&mut *lock(&shared.resumed), true);
        if !was_resumed {
            resume::resume(self);
        }
    }

    /// Waits until everything that has happened is in the state file. Returns `false` if it cannot
    /// be written; the sandbox then stops.
    pub(crate) async fn is_kept(&self) -> bool {
        let Some(Keeper(shared)) = &self.0.keeper else { return true };
        let wanted = shared.changed.load(Ordering::SeqCst);
        if *shared.written.borrow() < wanted && self.is_virtual() {
            // Nothing waits in virtual time, so that the same steps lead to the same order.
            return self.0.write().is_ok();
        }
        let mut written = shared.written.subscribe();
        // The sender lives as long as the engine.
        let _ = written.wait_for(|&written| written >= wanted).await;
        shared.failure.get().is_none()
    }

    /// Writes the rest to the state file and closes it. Later changes are not kept.
    pub(crate) fn close_file(&self) -> Result<(), StateError> {
        self.0.close_file()
    }

    /// Has the state file written again, soon.
    pub(super) fn mark(&self) {
        let Some(Keeper(shared)) = &self.0.keeper else { return };
        shared.changed.fetch_add(1, Ordering::SeqCst);
        // The thread looks at the number while it holds this lock.
        drop(lock(&shared.is_over));
        shared.woken.notify_one();
    }
}

impl Core {
    /// Writes what has changed. After a failure nothing is written again, and the sandbox stops.
    fn write(&self) -> Result<(), StateError> {
        let Some(Keeper(shared)) = &self.keeper else { return Ok(()) };
        let mut file = shared.file();
        let wanted = shared.changed.load(Ordering::SeqCst);
        let result = match &mut *file {
            None => Ok(()),
            Some(file) => {
                let changes = self.changes(file.latest_event());
                file.write(changes)
            }
        };
        if let Err(error) = &result {
            tracing::error!(%error, "the sandbox stops");
            let _ = shared.failure.set(error.clone());
            *file = None;
        }
        // Those who wait look for a failure.
        let written = if result.is_ok() { wanted } else { u64::MAX };
        shared.written.send_modify(|latest| *latest = written.max(*latest));
        result
    }

    /// Writes the rest, closes the file, and ends the thread.
    pub(super) fn close_file(&self) -> Result<(), StateError> {
        let Some(Keeper(shared)) = &self.keeper else { return Ok(()) };
        let result = self.write();
        *shared.file() = None;
        shared.written.send_replace(u64::MAX);
        *lock(&shared.is_over) = true;
        shared.woken.notify_one();
        shared.failure.get().map_or(result, |error| Err(error.clone()))
    }
}

/// Writes changes as they come, until the engine is dropped or the file is closed.
fn write_changes(shared: &Shared, core: &Weak<Core>) {
    while shared.wait() {
        // The last engine writes the rest itself.
        let Some(core) = core.upgrade() else { return };
        if core.write().is_err() {
            Engine(core).shutdown();
            return;
        }
    }
}
