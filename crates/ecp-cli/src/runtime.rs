//! The async runtime of a command.

use anyhow::Context;
use tokio::runtime::Runtime;

/// Starts the runtime, with a thread for each core.
pub(crate) fn start() -> anyhow::Result<Runtime> {
    Runtime::new().context(
        "cannot start the async runtime; check this process's limits of threads and open files \
         (`ulimit -u`, `ulimit -n`)",
    )
}
