//! Runs of an inbox over a disk, by seed.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ecp_crash::history::Histories;
use ecp_crash::process::Process;
use fastrand::Rng;

use crate::child::{LEASE, PAUSE};
use crate::disk::Disk;
use crate::faults::{Faults, Operation};
use crate::ledger::{Ledger, Moment};
use crate::mount::Mount;

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The harness's own program, which the children run.
    pub program: PathBuf,
    /// The first seed.
    pub seed: u64,
    /// Number of seeds.
    pub seeds: u64,
    /// Whether the disk reports syncs that it has not made: a deliberate mistake, which must be
    /// detected.
    pub is_lying: bool,
}

/// Summary of a run in which nothing was lost or done twice.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Number of seeds.
    pub seeds: u64,
    /// Duration of the run.
    pub took: Duration,
    /// Number of processes that had the inbox.
    pub lives: u64,
    /// Number of losses of power.
    pub power_losses: u64,
    /// Number of losses of power at an operation of the disk.
    pub cuts: u64,
    /// Number of answers 200.
    pub accepted: u64,
    /// Number of answers 503.
    pub refused: u64,
    /// Number of other calls of the inbox that failed.
    pub errors: u64,
    /// Number of results that were stored.
    pub finished: u64,
    /// Number of effects of the worker's handler.
    pub effects: u64,
    /// Number of files that were removed because their making was interrupted.
    pub unmade: u64,
    /// Number of times that the clock jumped.
    pub jumps: u64,
    /// Number of operations that failed.
    pub faults: BTreeMap<Operation, u64>,
}

const SECOND: u64 = 1000;
const HOUR: u64 = 3600 * SECOND;

/// Number of operations within which faults begin. A process makes some hundreds.
const WITHIN: u32 = 400;

/// Number of times that a call may fail on a disk that works again: the inbox opens its file anew.
pub(crate) const RECOVERY: usize = 3;

/// Plays the seeds. The error names the seed, and says what was lost, done twice or stuck.
pub fn run(plan: &Plan) -> Result<Summary, String> {
    let begun = Instant::now();
    let mut summary = Summary { seeds: plan.seeds, ..Summary::default() };
    for seed in plan.seed..plan.seed + plan.seeds {
        let histories = Histories::of(0, 1 + seed % 4, &mut Rng::with_seed(seed));
        let mut rng = Rng::with_seed(seed);
        let mut disk = Disk::new(rng.u64(..));
        if plan.is_lying {
            disk.lie();
        }
        let mount = Mount::new(disk).map_err(|error| format!("mounting a disk: {error}"))?;
        let mut arena = Arena {
            plan,
            mount,
            ledger: Ledger::new(&histories)?,
            histories: &histories,
            rng,
            at: Moment { now: 1_800_000_000 * SECOND, elapsed: 0, forward: 0 },
            pending: Vec::new(),
            log: Vec::new(),
            was_open: false,
            summary: &mut summary,
        };
        arena.play().map_err(|error| format!("seed {seed}: {error}\n{}", arena.log.join("\n")))?;
        let finished = arena.ledger.finished;
        summary.finished += finished;
    }
    summary.took = begun.elapsed();
    Ok(summary)
}

struct Arena<'a> {
    plan: &'a Plan,
    mount: Mount,
    ledger: Ledger<'a>,
    histories: &'a Histories,
    rng: Rng,
    at: Moment,
    /// Deliveries without a result.
    pending: Vec<i64>,
    /// What happened, for the report of a mistake.
    log: Vec<String>,
    /// Whether the inbox was ever open.
    was_open: bool,
    summary: &'a mut Summary,
}

impl Arena<'_> {
    fn play(&mut self) -> Result<(), String> {
        for _ in 0..self.rng.u8(2..=4) {
            let mut child = self.start()?;
            self.live(&mut child)?;
            self.end(child)?;
        }
        let mut child = self.start()?;
        self.ask_until_it_works(&mut child, "open")?;
        self.judge(&mut child)?;
        self.settle(&mut child)?;
        self.end(child)
    }

    fn start(&mut self) -> Result<Process, String> {
        self.summary.lives += 1;
        let file = self.mount.folder().join("inbox.db").display().to_string();
        let started = Process::start(&self.plan.program, &[file]);

        let mut child = started.map_err(|error| error.to_string())?;
        self.pending.clear();
        self.log.push("- start".to_owned());
        self.pass(&mut child, 0)?;
        Ok(child)
    }

    /// One process with the inbox.
    fn live(&mut self, child: &mut Process) -> Result<(), String> {
        if self.rng.bool() {
            self.arm();
            let opened = self.ask(child, "open")?;
            self.disarm();
            if !self.mount.disk().has_power() {
                return Ok(());
            }
            if is_error(&opened) {
                self.ask_until_it_works(child, "open")?;
            }
        } else {
            self.ask_until_it_works(child, "open")?;
        }
        self.judge(child)?;
        self.arm();
        for _ in 0..self.rng.u8(2..16) {
            self.step(child)?;
        }
        if self.rng.u8(0..3) == 0 && self.mount.disk().has_power() {
            self.disarm();
            self.judge(child)?;
            self.arm();
            for _ in 0..self.rng.u8(1..6) {
                self.step(child)?;
            }
        }
        Ok(())
    }

    /// The process ends, and by chance the power goes off.
    fn end(&mut self, mut child: Process) -> Result<(), String> {
        if self.rng.u8(0..4) == 0 {
            self.ask(&mut child, "close")?;
        }
        drop(child.kill());
        self.disarm();
        let mut disk = self.mount.disk();
        let is_cut = !disk.has_power();
        if is_cut || self.rng.bool() {
            disk.lose_power();
            self.summary.power_losses += 1;
            self.summary.cuts += u64::from(is_cut);
            self.log.push("- the power was off".to_owned());
        }
        Ok(())
    }

    fn arm(&mut self) {
        let faults = Faults::choose(WITHIN, &mut self.rng);
        self.log.push(format!("- {faults:?}"));
        self.mount.disk().set_faults(faults);
    }

    fn disarm(&mut self) {
        let mut disk = self.mount.disk();
        for (operation, count) in disk.faults().counts() {
            *self.summary.faults.entry(*operation).or_default() += count;
        }
        disk.set_faults(Faults::default());
        drop(disk);
        self.log.push("- no faults".to_owned());
    }

    fn step(&mut self, child: &mut Process) -> Result<(), String> {
        let time = self.rng.u64(0..2 * SECOND);
        self.pass(child, time)?;
        match self.rng.u8(0..20) {
            0..8 => self.accept(child).map(drop),
            8..11 => {
                let limit = self.rng.u8(1..5);
                self.claim(child, limit).map(drop)
            }
            11..15 => self.finish(child),
            15..17 => self.ask(child, "work").map(drop),
            17 => {
                if self.rng.bool() {
                    let payments = self.histories.states.keys();
                    let payment = self.rng.choice(payments).cloned().unwrap_or_default();
                    return self.ask(child, &format!("state {payment}")).map(drop);
                }
                let hours = self.rng.u64(0..30);
                let before = (self.at.now - hours * HOUR) / SECOND;
                self.ledger.bodies_removed();
                self.ask(child, &format!("retain {before}")).map(drop)
            }
            18 => self.jump(child),
            _ => self.pass(child, milliseconds(LEASE)),
        }
    }

    /// Time passes.
    fn pass(&mut self, child: &mut Process, time: u64) -> Result<(), String> {
        self.at.now += time;
        self.at.elapsed += time;
        let command = format!("clock {} {}", self.at.now, self.at.elapsed);
        self.ask(child, &command).map(drop)
    }

    /// The clock jumps.
    fn jump(&mut self, child: &mut Process) -> Result<(), String> {
        self.summary.jumps += 1;
        let by = [10 * SECOND, HOUR, 24 * HOUR][self.rng.usize(..3)];
        if self.rng.bool() {
            self.at.now += by;
            self.at.forward += by;
        } else {
            self.at.now -= by;
        }
        self.pass(child, 0)
    }

    /// Some bodies are sent at the same time. Returns whether all were answered with 200.
    fn accept(&mut self, child: &mut Process) -> Result<bool, String> {
        let unanswered = self.ledger.unanswered();
        let count = self.rng.usize(1..=6);
        let mut numbers = self.rng.choose_multiple(unanswered, count);
        if self.rng.u8(0..4) == 0 {
            // Once more.
            numbers.push(self.rng.usize(..self.histories.sent.len()));
        }
        numbers.sort_unstable();
        numbers.dedup();
        self.send(child, &numbers)
    }

    fn send(&mut self, child: &mut Process, numbers: &[usize]) -> Result<bool, String> {
        if numbers.is_empty() {
            return Ok(true);
        }
        let numbered = numbers.iter().map(|number| {
            let body = &self.histories.sent[*number];
            format!("{number} {body}")
        });
        let command = format!("accept {}", numbered.collect::<Vec<_>>().join("\t"));
        let mut are_all = true;
        for line in self.ask(child, &command)? {
            let is_accepted = self.ledger.answered(&line)?;
            self.summary.accepted += u64::from(is_accepted);
            self.summary.refused += u64::from(!is_accepted);
            are_all &= is_accepted;
        }
        Ok(are_all)
    }

    /// Claims deliveries, whose results come later.
    fn claim(&mut self, child: &mut Process, limit: u8) -> Result<(), String> {
        let claimed = self.ask(child, &format!("claim {limit}"))?;
        if is_error(&claimed) {
            return Ok(());
        }
        for line in claimed {
            let (id, older) = self.ledger.claimed(&line, self.at)?;
            self.pending.push(id);
            if older.is_empty() {
                continue;
            }
            // The worker may have handled the older ones.
            let effects = self.ask(child, "effects")?;
            if !is_error(&effects) {
                let handled = Ledger::handled(&effects)?;
                if let Some(older) = older.iter().find(|older| !handled.contains(older)) {
                    return Err(format!("out of order: {line} before {older}"));
                }
            }
        }
        Ok(())
    }

    fn finish(&mut self, child: &mut Process) -> Result<(), String> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let id = self.pending.swap_remove(self.rng.usize(..self.pending.len()));
        let is_done = self.rng.u8(0..4) > 0;
        let how = if is_done { "done" } else { "retry" };
        let answer = self.ask(child, &format!("finish {id} {how}"))?;
        self.ledger.finished(id, is_done, &answer)
    }

    /// Compares what is stored with what was promised. The disk has no faults.
    fn judge(&mut self, child: &mut Process) -> Result<(), String> {
        let wrong = self.ask_until_it_works(child, "check")?;
        if wrong != ["ok"] {
            return Err(format!("the file is damaged: {wrong:?}"));
        }
        let stored = self.ask_until_it_works(child, "stored")?;
        let effects = self.ask_until_it_works(child, "effects")?;
        self.ledger.judge(&stored, &effects)
    }

    /// Sends everything that was not answered with 200, and handles everything.
    fn settle(&mut self, child: &mut Process) -> Result<(), String> {
        let unanswered = self.ledger.unanswered();
        if !self.send(child, &unanswered)? {
            return Err("a callback is refused on a disk that works".to_owned());
        }
        // A lease or a pause that the clock has shifted, one of an earlier process, and the pauses
        // of callbacks that failed before.
        for _ in 0..6 {
            self.pass(child, milliseconds(LEASE.max(PAUSE)) + SECOND)?;
            for _ in 0..10 {
                self.ask_until_it_works(child, "work")?;
                let stored = self.ask_until_it_works(child, "stored")?;
                let effects = self.ask_until_it_works(child, "effects")?;
                self.ledger.judge(&stored, &effects)?;
                if !stored.iter().any(|line| line.split(' ').nth(1) == Some("waiting")) {
                    self.summary.effects += effects.len() as u64;
                    self.ledger.judge_all(&effects)?;
                    return self.judge_states(child);
                }
            }
        }
        Err("stuck: callbacks wait for ever".to_owned())
    }

    fn judge_states(&mut self, child: &mut Process) -> Result<(), String> {
        for (payment, must) in &self.histories.states {
            let is = self.ask_until_it_works(child, &format!("state {payment}"))?;
            let must = serde_json::to_string(must).map_err(|error| error.to_string())?;
            if is != [must.clone()] {
                return Err(format!("{payment} has another state: {is:?}, not {must}"));
            }
        }
        Ok(())
    }

    fn ask(&mut self, child: &mut Process, command: &str) -> Result<Vec<String>, String> {
        let answer = child.ask(command)?;
        self.summary.errors += u64::from(is_error(&answer));
        self.was_open |= command == "open" && !is_error(&answer);
        let shown: String = command.chars().take(80).collect();
        self.log.push(match command.split(' ').next() {
            Some("stored" | "effects") if !is_error(&answer) => shown,
            _ => format!("{shown} => {answer:?}"),
        });
        Ok(answer)
    }

    /// Asks on a disk without faults.
    fn ask_until_it_works(
        &mut self,
        child: &mut Process,
        command: &str,
    ) -> Result<Vec<String>, String> {
        for _ in 0..RECOVERY {
            let answer = self.ask(child, command)?;
            if !is_error(&answer) {
                return Ok(answer);
            }
        }
        // The making of a file that was never opened was interrupted, and SQLite could not undo it:
        // it passes over a sync of the folder that failed. Nothing is lost with it.
        if command == "open" && !self.was_open {
            self.summary.unmade += 1;
            self.log.push("- the file was removed".to_owned());
            self.mount.disk().clear();
            self.was_open = true;
            return self.ask_until_it_works(child, command);
        }
        Err(format!("`{command}` fails on a disk that works"))
    }
}

pub(crate) fn is_error(answer: &[String]) -> bool {
    answer.first().is_some_and(|line| line.starts_with("error "))
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Summary {
    /// Adds the figures of another run.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        self.took = self.took.max(other.took);
        self.lives += other.lives;
        self.power_losses += other.power_losses;
        self.cuts += other.cuts;
        self.accepted += other.accepted;
        self.refused += other.refused;
        self.errors += other.errors;
        self.finished += other.finished;
        self.effects += other.effects;
        self.unmade += other.unmade;
        self.jumps += other.jumps;
        for (operation, count) in &other.faults {
            *self.faults.entry(*operation).or_default() += count;
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} seeds in {:.0} s: {} processes, {} losses of power ({} at an operation), {} answers \
             200, {} answers 503, {} other errors, {} handled, {} of these by the worker, each once; \
             the clock jumped {} times; {} files \
             were never made whole; failed operations:",
            self.seeds,
            self.took.as_secs_f64(),
            self.lives,
            self.power_losses,
            self.cuts,
            self.accepted,
            self.refused,
            self.errors,
            self.finished + self.effects,
            self.effects,
            self.jumps,
            self.unmade
        )?;
        for (index, (operation, count)) in self.faults.iter().enumerate() {
            write!(f, "{} {operation:?} {count}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
