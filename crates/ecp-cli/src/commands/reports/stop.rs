//! The end of `ecp reports` by Ctrl-C or SIGTERM.

use std::future::Future;

use tokio::sync::watch;

use crate::signals::Signals;

/// A flag that Ctrl-C and SIGTERM set. Work that must be complete, such as sending a mail, is still
/// finished.
#[derive(Clone)]
pub(super) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Sets the flag at the first signal. A second signal ends the process immediately; recorded
    /// data is not lost. Must be called inside a tokio runtime.
    pub(super) fn on_signal() -> anyhow::Result<Self> {
        let mut signals = Signals::listen()?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            note!("stopping: waiting until the current mail is sent; Ctrl-C again ends at once");
            sender.send_replace(true);
            signals.next().await;
            std::process::exit(1);
        });
        Ok(Self(receiver))
    }

    /// Returns whether the process has to stop.
    pub(super) fn is_set(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the work and returns its result; `None` if the flag is set before the work ends.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let mut stop = self.0.clone();
        tokio::select! {
            biased;
            _ = stop.wait_for(|&stop| stop) => None,
            result = work => Some(result),
        }
    }
}
