//! JSON documents on standard input.

use std::io::{BufRead, Read};

use anyhow::{Context, bail};
use ecp_core::json::Limits;

/// Size limit of a document.
const LARGEST: usize = 16 * 1024 * 1024;

/// Returns the limits for JSON documents on standard input.
pub(crate) fn limits() -> Limits {
    Limits::default().bytes(LARGEST)
}

/// Calls `job` with each document, and with its line if there is one document a line. Empty lines
/// are skipped.
pub(crate) fn for_each(
    jsonl: bool,
    mut job: impl FnMut(Option<usize>, &[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut input = std::io::stdin().lock();
    if !jsonl {
        let mut document = Vec::new();
        let most = u64::try_from(LARGEST)? + 1;
        input.take(most).read_to_end(&mut document).context("cannot read standard input")?;
        if document.len() > LARGEST {
            bail!(
                "standard input is longer than {LARGEST} bytes, the limit for one document; `ecp \
                 sign` and `ecp verify` read one document a line with --jsonl"
            );
        }
        return job(None, &document);
    }
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let most = u64::try_from(LARGEST)? + 1;
        let read = input
            .by_ref()
            .take(most)
            .read_until(b'\n', &mut line)
            .context("cannot read standard input")?;
        if read == 0 {
            break;
        }
        if line.len() > LARGEST {
            // The rest of it is skipped; the part that was read exceeds every limit.
            input.skip_until(b'\n').context("cannot read standard input")?;
        }
        if !line.trim_ascii().is_empty() {
            job(Some(number), line.trim_ascii())?;
        }
    }
    Ok(())
}
