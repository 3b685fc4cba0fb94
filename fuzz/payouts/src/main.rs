//! Mass payouts and refunds under failures and kills.
//!
//! `ecp-simulations [ROWS] [SEED]` makes a file of the platform's layout, in which one row in ten is
//! a refund, and starts a platform in this process, behind a server that resets, truncates, delays
//! and replaces. A second process of the same program carries the file out, is killed (SIGKILL)
//! again and again, and restarted, until every row has ended but for refunds whose answer was lost
//! and of which the platform has no evidence. Then the platform's books are compared with the
//! journal.
//!
//! With `--payers N`, N processes share the file through a journal in Postgres, a primary with a
//! synchronous standby. Some are stopped (SIGSTOP) past their leases, and go on while others have their
//! rows. Halfway the primary is killed and its standby promoted.
//!
//! The platform here pays and refunds at every request: it does not refuse a known id, as the real
//! one does. So only the payer's own rules protect a row from a second payment or refund.

mod one;
mod payer;
mod platform;
mod report;
mod several;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use ecp_core::{ProjectId, SecretKey};

use self::platform::Platform;

/// The project's key. It opens nothing.
pub(crate) const KEY: &str = "simulation-key";

pub(crate) fn project() -> anyhow::Result<ProjectId> {
    Ok(ProjectId::new(1)?)
}

pub(crate) fn key() -> anyhow::Result<SecretKey> {
    Ok(SecretKey::new(KEY)?)
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    if let ["payer", folder, url, database @ ..] = arguments.as_slice() {
        return runtime.block_on(payer::pay(folder.as_ref(), url, database.first().copied()));
    }
    let mut payers = None;
    if let Some(place) = arguments.iter().position(|word| *word == "--payers") {
        let number = arguments.get(place + 1).map(|number| number.parse()).transpose()?;
        payers = Some(number.unwrap_or(4));
        arguments.drain(place..arguments.len().min(place + 2));
    }
    let (rows, seed) = match arguments.as_slice() {
        [] => (10_000, 1),
        [rows] => (rows.parse()?, 1),
        [rows, seed] => (rows.parse()?, seed.parse()?),
        _ => bail!("usage: ecp-simulations [ROWS] [SEED] [--payers NUMBER]"),
    };
    match payers {
        None => runtime.block_on(one::simulate(rows, seed)),
        Some(payers) => runtime.block_on(several::simulate(rows, seed, payers)),
    }
}

/// How often a payer is killed.
pub(crate) const KILLS: u32 = 25;

/// Ends when this many more requests have reached the platform.
pub(crate) async fn requests(platform: &Platform, more: u64) {
    let enough = platform.books().requests.saturating_add(more);
    while platform.books().requests < enough {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
