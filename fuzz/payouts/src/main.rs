//! Mass payouts and refunds under failures and kills.
//!
//! `ecp-simulations [ROWS] [SEED]` makes a file of the platform's layout, in which one row in ten is
//! a refund, and starts a platform in this process, behind a server that resets, truncates, delays
//! and replaces. A second process of the same program carries the file out, is killed (SIGKILL)
//! again and again, and restarted, until every row has ended but for refunds whose answer was lost
//! and of which the platform has no evidence. Then the platform's books are compared with the
//! journal.
//!
//! The platform here pays and refunds at every request: it does not refuse a known id, as the real
//! one does. So only the payer's own rules protect a row from a second payment or refund.

mod payer;
mod platform;
mod report;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ecp_core::{ProjectId, SecretKey};
use ecp_testkit::FaultServer;
use tokio::process::Command;

use self::platform::{Platform, random};

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
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments.as_slice() {
        ["payer", folder, url] => runtime.block_on(payer::pay(folder.as_ref(), url)),
        [] => runtime.block_on(simulate(10_000, 1)),
        [rows] => runtime.block_on(simulate(rows.parse()?, 1)),
        [rows, seed] => runtime.block_on(simulate(rows.parse()?, seed.parse()?)),
        _ => bail!("usage: ecp-simulations [ROWS] [SEED]"),
    }
}

async fn simulate(rows: u64, seed: u64) -> anyhow::Result<ExitCode> {
    let start = Instant::now();
    let folder = tempfile::tempdir()?;
    payer::write_file(&folder.path().join(payer::FILE), rows)?;
    let platform = Platform::new(seed)?;
    let faults = platform.clone();
    let server =
        FaultServer::start_forgetful(platform.clone(), move |number, _| faults.fault(number))
            .await?;

    let (mut runs, mut kills, mut state) = (0_u32, 0_u32, seed);
    loop {
        runs += 1;
        let mut payer = Command::new(std::env::current_exe()?)
            .arg("payer")
            .arg(folder.path())
            .arg(server.url())
            .kill_on_drop(true)
            .spawn()?;
        // No kills in the last runs, so that rows waiting for evidence get it.
        let most = (rows * 3 / u64::from(KILLS)).max(1);
        let patience = if kills < KILLS { random(&mut state) % most } else { u64::MAX };
        let ended = tokio::select! {
            ended = payer.wait() => Some(ended?),
            () = requests(&platform, patience) => None,
        };
        match ended {
            Some(status) if status.success() => break,
            Some(status) if status.code() != Some(payer::NOT_COMPLETE) => {
                bail!("the payer failed: {status}");
            }
            Some(_) if runs > 200 => bail!("the payer does not come to an end"),
            Some(_) => {}
            None => {
                payer.kill().await.context("cannot kill the payer")?;
                kills += 1;
                println!("killed after {patience} requests");
            }
        }
    }
    drop(server);
    let journal = folder.path().join(payer::JOURNAL);
    let right = report::compare(rows, &platform, &journal)?;
    let seconds = start.elapsed().as_secs_f64();
    let megabytes = bytes_in(folder.path())? / 1_000_000;
    println!("{runs} runs, {kills} of them killed, {seconds:.1} s, {megabytes} MB on the disk");
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn bytes_in(folder: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for file in std::fs::read_dir(folder)? {
        bytes += file?.metadata()?.len();
    }
    Ok(bytes)
}

/// How often the payer is killed.
const KILLS: u32 = 25;

/// Ends when this many more requests have reached the platform.
async fn requests(platform: &Platform, more: u64) {
    let enough = platform.books().requests.saturating_add(more);
    while platform.books().requests < enough {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
