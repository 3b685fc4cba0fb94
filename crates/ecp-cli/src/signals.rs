//! The end of a command by Ctrl-C or SIGTERM.

use anyhow::Context;

/// Ctrl-C and SIGTERM, which end a command. Once this value exists, neither signal ends the process
/// by itself, so create it before a command says that it runs.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

impl Signals {
    /// Begins to handle the signals. Must be called inside a tokio runtime.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let signals = || -> std::io::Result<Self> {
            #[cfg(unix)]
            {
                use tokio::signal::unix::{SignalKind, signal};
                let terminate = signal(SignalKind::terminate())?;
                Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
            }
            #[cfg(windows)]
            Ok(Self { interrupt: tokio::signal::windows::ctrl_c()? })
        };
        signals()
            .context("cannot handle Ctrl-C and SIGTERM, so the command has ended; run it again")
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        #[cfg(unix)]
        let _ = tokio::select! {
            signal = self.terminate.recv() => signal,
            signal = self.interrupt.recv() => signal,
        };
        #[cfg(windows)]
        let _ = self.interrupt.recv().await;
    }
}
