//! One payer at a time, with a journal in a file.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, bail};
use ecp_payouts::Journal;
use ecp_testkit::FaultServer;
use tokio::process::Command;

use crate::platform::{Platform, random};
use crate::{KILLS, payer, report, requests};

pub(crate) async fn simulate(rows: u64, seed: u64) -> anyhow::Result<ExitCode> {
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
    let entries = Journal::read(&folder.path().join(payer::JOURNAL))?;
    let right = report::compare(rows, &platform, &entries)?;
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
