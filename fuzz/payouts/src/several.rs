//! Several payers at a time, which share a journal in Postgres.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use ecp_testkit::FaultServer;
use ecp_testkit::postgres::Server;
use tokio::process::{Child, Command};
use tokio::task::spawn_blocking;

use crate::platform::{Platform, random};
use crate::{KILLS, payer, report};

pub(crate) async fn simulate(rows: u64, seed: u64, payers: usize) -> anyhow::Result<ExitCode> {
    let Some(servers) = spawn_blocking(Servers::start).await?? else {
        return Ok(ExitCode::SUCCESS);
    };
    let database = servers.addresses();
    let start = Instant::now();
    let folder = tempfile::tempdir()?;
    payer::write_file(&folder.path().join(payer::FILE), rows)?;
    let platform = Platform::new(seed)?;
    let faults = platform.clone();
    let server =
        FaultServer::start_forgetful(platform.clone(), move |number, _| faults.fault(number))
            .await?;
    let spawn = || spawn(folder.path(), &server.url(), &database);

    let mut running = Vec::new();
    for _ in 0..payers {
        running.push(Some(spawn()?));
    }
    let (mut runs, mut kills, mut state) = (payers, 0_u32, seed);
    let (mut stops, mut stopped) = (0_u32, None::<Stopped>);
    // In a run without kills, a row needs some 3.3 requests.
    let most = (rows * 5 / u64::from(KILLS)).max(1);
    let mut next_kill = random(&mut state) % most;
    let mut primary = Some(servers);
    let mut promoted = None;
    while running.iter().any(Option::is_some) {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let reached = platform.books().requests;
        for place in &mut running {
            let Some(payer) = place else { continue };
            match payer.try_wait()? {
                None => {}
                Some(status) if status.success() => *place = None,
                Some(status) if status.code() != Some(payer::NOT_COMPLETE) => {
                    bail!("a payer failed: {status}");
                }
                Some(_) if runs > 500 => bail!("the payers do not come to an end"),
                Some(_) => {
                    runs += 1;
                    *place = Some(spawn()?);
                }
            }
        }
        if stopped.as_ref().is_some_and(|stopped| stopped.since.elapsed() >= STOPPED) {
            // Dropping it lets the process go on.
            stopped = None;
        }
        // Halfway between two kills.
        let is_due = stops < STOPS && kills * STOPS > stops * KILLS && stopped.is_none();
        if is_due && reached + most / 4 >= next_kill {
            let victim = usize::try_from(random(&mut state))? % payers;
            let process = running.get(victim).and_then(Option::as_ref).and_then(Child::id);
            if let Some(process) = process {
                stopped = Some(Stopped::new(process)?);
                stops += 1;
                println!("stopped payer {victim} past its lease after {reached} requests");
            }
        }
        if kills < KILLS && reached >= next_kill {
            let victim = usize::try_from(random(&mut state))? % payers;
            if let Some(place) = running.get_mut(victim)
                && let Some(payer) = place
            {
                payer.kill().await.context("cannot kill a payer")?;
                (kills, runs) = (kills + 1, runs + 1);
                println!("killed payer {victim} after {reached} requests");
                *place = Some(spawn()?);
            }
            next_kill = reached + random(&mut state) % most;
        }
        if reached >= rows * 3 / 2
            && let Some(servers) = primary.take()
        {
            println!("killing the primary after {reached} requests");
            promoted = Some(spawn_blocking(move || servers.fail_over()));
        }
    }
    let standby = match (promoted, primary) {
        (Some(promoted), _) => promoted.await??,
        // Only a file of a few rows ends before.
        (None, Some(servers)) => servers.fail_over()?,
        (None, None) => bail!("there is no server"),
    };
    let entries = payer::shared_journal(&database, &server.url()).await?.read().await?;
    drop(server);
    let right = report::compare(rows, &platform, &entries)?;
    drop(standby);
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{payers} payers at a time, {runs} runs, {kills} of them killed, {stops} stopped past a lease, \
         {seconds:.1} s"
    );
    Ok(if right { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How often a payer is stopped.
const STOPS: u32 = 10;

/// How long: past the lease, so that its rows are taken over while it still has what it was about to
/// send. Together with the slowest request it is less than what the next payer takes for evidence:
/// a payer that is stopped for longer between its last look at its lease and its request is beyond
/// what any journal can hold back.
const STOPPED: Duration = Duration::from_millis(1500);

/// A process that is stopped (SIGSTOP), until this is dropped.
struct Stopped {
    process: u32,
    since: Instant,
}

impl Stopped {
    fn new(process: u32) -> anyhow::Result<Self> {
        if !signal("-STOP", process)? {
            bail!("cannot stop a payer");
        }
        Ok(Self { process, since: Instant::now() })
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // It may have been killed since.
        let _ = signal("-CONT", self.process);
    }
}

fn signal(name: &str, process: u32) -> std::io::Result<bool> {
    let mut kill = std::process::Command::new("kill");
    let kill = kill.args([name, &process.to_string()]).stderr(std::process::Stdio::null());
    Ok(kill.status()?.success())
}

fn spawn(folder: &Path, url: &str, database: &str) -> anyhow::Result<Child> {
    let payer = Command::new(std::env::current_exe()?)
        .arg("payer")
        .arg(folder)
        .args([url, database])
        .kill_on_drop(true)
        .spawn()?;
    Ok(payer)
}

/// A primary and its synchronous standby.
struct Servers {
    primary: Server,
    standby: Server,
    database: String,
}

impl Servers {
    /// `None` without Postgres, where that is not CI.
    fn start() -> anyhow::Result<Option<Self>> {
        let Some(primary) = Server::start_or_skip("payers that share a journal") else {
            return Ok(None);
        };
        let database = primary.database()?;
        let standby = primary.standby()?;
        primary.wait_for_standbys()?;
        Ok(Some(Self { primary, standby, database }))
    }

    /// The address of whichever is the primary.
    fn addresses(&self) -> String {
        let of = |words: &str| {
            let host = words.split(' ').find_map(|word| word.strip_prefix("host="));
            host.unwrap_or_default().to_owned()
        };
        let second = self.standby.same_database(&self.database);
        let hosts = format!("{},{}", of(&self.database), of(&second));
        let both = self.database.replacen(&of(&self.database), &hosts, 1);
        format!("{both} target_session_attrs=read-write")
    }

    /// Kills the primary and promotes the standby.
    fn fail_over(mut self) -> anyhow::Result<Server> {
        self.primary.crash()?;
        std::thread::sleep(Duration::from_millis(300));
        self.standby.promote()?;
        Ok(self.standby)
    }
}
