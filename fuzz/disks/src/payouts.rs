//! Runs of a payer whose journal is on a disk that fails.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::{Duration, Instant};

use ecp_crash::process::Process;
use fastrand::Rng;

use crate::disk::Disk;
use crate::faults::Faults;
use crate::mount::Mount;
use crate::run::{Plan, RECOVERY, is_error};

/// Number of operations within which faults begin. A process makes some dozens.
const WITHIN: u32 = 80;

/// Summary of a run in which every intent was on disk before its request, and none was paid twice.
#[derive(Clone, Debug, Default)]
pub struct Paid {
    /// Number of seeds.
    pub seeds: u64,
    /// Duration of the run.
    pub took: Duration,
    /// Number of processes that paid.
    pub lives: u64,
    /// Number of losses of power.
    pub power_losses: u64,
    /// Number of processes that were killed at some time.
    pub kills: u64,
    /// Number of payouts, each paid once.
    pub payouts: u64,
    /// Number of runs that ended with an error.
    pub errors: u64,
    /// Number of files that were removed because their making was interrupted.
    pub unmade: u64,
    /// Number of operations that failed.
    pub faults: u64,
}

/// Plays the seeds. The error names the seed, and says what was paid twice or not at all.
pub fn run(plan: &Plan) -> Result<Paid, String> {
    let begun = Instant::now();
    let mut paid = Paid { seeds: plan.seeds, ..Paid::default() };
    for seed in plan.seed..plan.seed + plan.seeds {
        let mut rng = Rng::with_seed(seed);
        let mut disk = Disk::new(rng.u64(..));
        if plan.is_lying {
            disk.lie();
        }
        let text = |error: std::io::Error| format!("preparing a disk: {error}");
        let mount = Mount::new(disk).map_err(text)?;
        let books = tempfile::NamedTempFile::new().map_err(text)?;
        let rows = rng.u64(1..=6);
        let mut till =
            Till { plan, mount, books, rows, rng, log: Vec::new(), unmade: 0, paid: &mut paid };
        till.play().map_err(|error| format!("seed {seed}: {error}\n{}", till.log.join("\n")))?;
    }
    paid.took = begun.elapsed();
    Ok(paid)
}

struct Till<'a> {
    plan: &'a Plan,
    mount: Mount,
    /// A line for each request that the platform had.
    books: tempfile::NamedTempFile,
    rows: u64,
    rng: Rng,
    log: Vec<String>,
    /// Number of files that were removed.
    unmade: u64,
    paid: &'a mut Paid,
}

impl Till<'_> {
    fn play(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.u8(1..=4) {
            self.live()?;
            self.judge()?;
        }
        self.finish()
    }

    /// On a disk that works everything is paid.
    fn finish(&mut self) -> Result<(), String> {
        let mut child = self.start()?;
        let pay = format!("pay {}", self.rows);
        for _ in 0..RECOVERY {
            let answer = self.ask(&mut child, &pay)?;
            let entries = self.ask(&mut child, "read")?;
            let ended = entries.iter().filter(|line| line.ends_with("success")).count();
            if !is_error(&answer) && ended as u64 == self.rows {
                let requests = self.requests()?;
                if requests.len() as u64 != self.rows {
                    return Err(format!("not paid: {requests:?}"));
                }
                self.paid.payouts += self.rows;
                return self.judge();
            }
        }
        // As for an inbox: the making of the file was interrupted.
        if self.requests()?.is_empty() && self.unmade == 0 {
            self.unmade += 1;
            self.paid.unmade += 1;
            drop(child.kill());
            self.mount.disk().clear();
            self.log.push("- the file was removed".to_owned());
            return self.finish();
        }
        Err("the payouts do not end on a disk that works".to_owned())
    }

    /// A process pays, until it has done so, or is killed, or the disk stops it.
    fn live(&mut self) -> Result<(), String> {
        let mut child = self.start()?;
        let faults = Faults::choose(WITHIN, &mut self.rng);
        self.log.push(format!("- {faults:?}"));
        self.mount.disk().set_faults(faults);
        let pay = format!("pay {}", self.rows);
        if self.rng.bool() {
            let answer = self.ask(&mut child, &pay)?;
            self.paid.errors += u64::from(is_error(&answer));
        } else {
            child.say(&pay).map_err(|error| error.to_string())?;
            std::thread::sleep(Duration::from_micros(self.rng.u64(0..20_000)));
            self.paid.kills += 1;
            self.log.push("- killed".to_owned());
        }
        drop(child.kill());
        let mut disk = self.mount.disk();
        self.paid.faults += disk.faults().counts().values().sum::<u64>();
        disk.set_faults(Faults::default());
        if !disk.has_power() || self.rng.bool() {
            disk.lose_power();
            self.paid.power_losses += 1;
            self.log.push("- the power was off".to_owned());
        }
        Ok(())
    }

    fn start(&mut self) -> Result<Process, String> {
        self.paid.lives += 1;
        let journal = self.mount.folder().join("payouts.journal").display().to_string();
        let books = self.books.path().display().to_string();
        let arguments = ["payer".to_owned(), journal, books];
        Process::start(&self.plan.program, &arguments).map_err(|error| error.to_string())
    }

    fn ask(&mut self, child: &mut Process, command: &str) -> Result<Vec<String>, String> {
        let answer = child.ask(command)?;
        self.log.push(format!("{command} => {answer:?}"));
        Ok(answer)
    }

    /// The number of requests for each payout, of which none may have two.
    fn requests(&mut self) -> Result<BTreeMap<String, u32>, String> {
        let books = fs::read_to_string(self.books.path()).map_err(|error| error.to_string())?;
        let mut requests: BTreeMap<String, u32> = BTreeMap::new();
        for id in books.lines() {
            let times = requests.entry(id.to_owned()).or_default();
            *times += 1;
            if *times > 1 {
                return Err(format!("paid twice: {id}"));
            }
        }
        Ok(requests)
    }

    /// Every request has its intent in the journal.
    fn judge(&mut self) -> Result<(), String> {
        let requests = self.requests()?;
        if requests.is_empty() {
            return Ok(());
        }
        let mut child = self.start()?;
        let entries = self.ask(&mut child, "read")?;
        for id in requests.keys() {
            let entry = entries.iter().find_map(|line| line.strip_prefix(&format!("{id} ")));
            match entry.and_then(|entry| entry.split_once(' ')) {
                Some((sends, state)) if sends != "0" && state != "not sent" => {}
                entry => return Err(format!("{id} was sent without an intent: {entry:?}")),
            }
        }
        Ok(())
    }
}

impl Paid {
    /// Adds the figures of another run.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.took = self.took.max(other.took);
        self.lives += other.lives;
        self.power_losses += other.power_losses;
        self.kills += other.kills;
        self.payouts += other.payouts;
        self.errors += other.errors;
        self.unmade += other.unmade;
        self.faults += other.faults;
    }
}

impl fmt::Display for Paid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "payouts: {} seeds in {:.0} s: {} processes, {} killed, {} losses of power, {} failed \
             operations, {} runs ended by an error, {} files were never made whole, {} payouts, each \
             paid once",
            self.seeds,
            self.took.as_secs_f64(),
            self.lives,
            self.kills,
            self.power_losses,
            self.faults,
            self.errors,
            self.unmade,
            self.payouts
        )
    }
}
