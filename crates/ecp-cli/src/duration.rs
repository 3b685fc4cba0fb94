//! Durations on the command line and in files.

use std::time::Duration;

use anyhow::{Context, bail};
use jiff::SignedDuration;

/// Parses a duration such as `90s`, `5m` or `1h 30m`.
pub(crate) fn duration(text: &str) -> anyhow::Result<Duration> {
    let length: SignedDuration =
        text.parse().with_context(|| format!("`{text}` is not a duration such as 90s or 5m"))?;
    match Duration::try_from(length) {
        Ok(length) => Ok(length),
        Err(_) => bail!("the duration `{text}` is negative; write one such as 90s or 5m"),
    }
}
