//! Rounds of sending, killing and checking.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use ecp_testkit::postgres::Server;
use fastrand::Rng;

use crate::child::HOLD;
use crate::history::Histories;
use crate::judge::{Judge, STUCK};
use crate::process::Process;

/// The store to test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// One process and its file.
    Sqlite,
    /// Two processes and a server.
    Postgres,
}

/// A deliberate mistake of the children, which must be detected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// They answer before the callback is on the disk.
    AnswersEarly,
    /// Their handler commits its effects by itself.
    EffectsApart,
}

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The harness's own program, which the children run.
    pub program: PathBuf,
    /// The store for the callbacks.
    pub store: Store,
    /// Number of histories, each with a kill.
    pub rounds: u32,
    /// Seed of everything but time.
    pub seed: u64,
    /// Whether every end is held until Gate confirms it.
    pub hold: bool,
    /// The deliberate mistake of the children.
    pub fault: Option<Fault>,
}

/// Summary of a run in which nothing was lost or done twice.
#[derive(Clone, Debug)]
pub struct Summary {
    plan: Plan,
    took: Duration,
    kills: BTreeMap<String, u32>,
    sent: u64,
    effects: u64,
}

/// The killed process, and the time.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kill {
    /// A child, this long after the first half was sent.
    Child(Duration),
    /// A child, when it reaches this place for the nth time.
    Place(&'static str, u32),
    /// One of the server's processes.
    Backend(Duration),
    /// The server's first process.
    Server(Duration),
}

/// The places that the inbox names.
const PLACES: &[&str] = &[
    "accept.before_insert",
    "accept.before_commit",
    "accept.after_commit",
    "claim.before_commit",
    "claim.after_commit",
    "handle.before_commit",
    "handle.after_commit",
    "finish.before_commit",
    "finish.after_commit",
];

/// Additional places if ends are held.
const PLACES_OF_HELD: &[&str] = &["release.before_commit", "release.after_commit"];

/// Maximum number of callbacks without an answer.
const WINDOW: usize = 32;

/// Plays the rounds. The error says what was lost, done twice or stuck.
pub fn run(plan: &Plan) -> Result<Summary, String> {
    let begun = Instant::now();
    let mut arena = Arena::new(plan)?;
    let mut rng = Rng::with_seed(plan.seed);
    let mut summary = Summary {
        plan: plan.clone(),
        took: Duration::ZERO,
        kills: BTreeMap::new(),
        sent: 0,
        effects: 0,
    };
    for round in 0..plan.rounds {
        let kill = Kill::choose(plan, round, &mut rng);
        let histories = Histories::new(round, &mut rng);
        let in_round = |error: String| format!("round {round}, {kill}: {error}");
        let killed = arena.play(&histories, &kill, &mut rng.fork()).map_err(in_round)?;
        arena.judge(&format!("r{round}"), &histories).map_err(in_round)?;
        *summary.kills.entry(killed).or_default() += 1;
        summary.sent += histories.sent.len() as u64;
        summary.effects += histories.effects.len() as u64;
    }
    summary.took = begun.elapsed();
    Ok(summary)
}

impl Kill {
    fn choose(plan: &Plan, round: u32, rng: &mut Rng) -> Self {
        let held = if plan.hold { PLACES_OF_HELD } else { &[] };
        let places = [held, PLACES].concat();
        let soon = Duration::from_micros(rng.u64(0..60_000));
        let kinds = if plan.store == Store::Postgres { 10 } else { 8 };
        match rng.u8(0..kinds) {
            // Each place in turn, so that none is left out by chance.
            0..4 => Self::Place(places[round as usize % places.len()], rng.u32(1..12)),
            4..8 => Self::Child(soon),
            8 => Self::Backend(soon),
            _ => Self::Server(soon),
        }
    }
}

struct Arena {
    plan: Plan,
    place: String,
    /// The store's server, removed with the value.
    server: Option<Server>,
    _folder: tempfile::TempDir,
    children: Vec<Process>,
}

impl Arena {
    fn new(plan: &Plan) -> Result<Self, String> {
        let text = |error: std::io::Error| error.to_string();
        let folder = tempfile::tempdir().map_err(text)?;
        let (server, place, children) = match plan.store {
            Store::Sqlite => (None, folder.path().join("inbox.db").display().to_string(), 1),
            Store::Postgres => {
                let server = Server::start().map_err(text)?;
                let place = server.database().map_err(text)?;
                (Some(server), place, 2)
            }
        };
        let mut arena =
            Self { plan: plan.clone(), place, server, _folder: folder, children: Vec::new() };
        for _ in 0..children {
            let child = arena.start()?;
            arena.children.push(child);
        }
        Ok(arena)
    }

    fn start(&self) -> Result<Process, String> {
        let mut arguments = vec![self.plan.store.to_string(), self.place.clone()];
        arguments.extend(self.plan.fault.map(|fault| format!("{fault:?}")));
        arguments.extend(self.plan.hold.then(|| HOLD.to_owned()));
        let mut child =
            Process::start(&self.plan.program, &arguments).map_err(|error| error.to_string())?;
        child.wait_until_ready()?;
        Ok(child)
    }

    /// Sends until everything is answered with `ok`, and kills once meanwhile. Returns the process
    /// and the kind of kill.
    fn play(
        &mut self,
        histories: &Histories,
        kill: &Kill,
        rng: &mut Rng,
    ) -> Result<String, String> {
        let mut waiting: Vec<usize> = (0..histories.sent.len()).rev().collect();
        let mut open: BTreeMap<usize, usize> = BTreeMap::new();
        let mut acknowledged = BTreeSet::new();
        let victim = rng.usize(..self.children.len());
        if let Kill::Place(place, times) = kill {
            self.tell(victim, &format!("arm {place} {times}"));
        }
        let mut kill_at: Option<Instant> = None;
        let mut killed: Option<String> = None;
        let mut last = Instant::now();
        while acknowledged.len() < histories.sent.len() || killed.is_none() {
            while open.len() < WINDOW
                && let Some(number) = waiting.pop()
            {
                let child = rng.usize(..self.children.len());
                open.insert(number, child);
                self.tell(child, &format!("accept {number} {}", histories.sent[number]));
            }
            let mut parked = false;
            for child in 0..self.children.len() {
                let mut at_most = Duration::from_millis(1);
                while let Some(line) = self.children[child].hear(at_most) {
                    at_most = Duration::ZERO;
                    last = Instant::now();
                    parked |= line == "parked";
                    take(&line, &mut open, &mut acknowledged, &mut waiting);
                    if line.starts_with("no ") {
                        // The platform does not repeat at once either.
                        std::thread::sleep(Duration::from_millis(5));
                    }
                }
            }
            if killed.is_none() {
                let half = acknowledged.len() * 2 >= histories.sent.len();
                let delay = match kill {
                    Kill::Child(delay) | Kill::Backend(delay) | Kill::Server(delay) => *delay,
                    // A place that is no longer reached: then at any time.
                    Kill::Place(..) => Duration::from_millis(700),
                };
                if half && kill_at.is_none() {
                    kill_at = Some(Instant::now() + delay);
                }
                if parked || kill_at.is_some_and(|at| at <= Instant::now()) {
                    killed = Some(match kill {
                        Kill::Place(place, _) if parked => format!("at {place}"),
                        Kill::Place(..) | Kill::Child(_) => "at random".to_owned(),
                        Kill::Backend(_) => "server process".to_owned(),
                        Kill::Server(_) => "server".to_owned(),
                    });
                    match kill {
                        Kill::Backend(_) => self.kill_backend()?,
                        Kill::Server(_) => self.kill_server()?,
                        Kill::Child(_) | Kill::Place(..) => {
                            for line in self.kill_child(victim)? {
                                take(&line, &mut open, &mut acknowledged, &mut waiting);
                            }
                            let unanswered = open.extract_if(.., |_, child| *child == victim);
                            waiting.extend(unanswered.map(|(number, _)| number));
                        }
                    }
                    self.look_for(victim, histories, &acknowledged)?;
                    last = Instant::now();
                }
            }
            if last.elapsed() > STUCK {
                return Err(format!("{} callbacks without an answer", open.len()));
            }
        }
        Ok(killed.unwrap_or_default())
    }

    fn tell(&mut self, child: usize, command: &str) {
        // If it has ended by itself, its answer will be missed.
        let _ = self.children[child].say(command);
    }

    fn kill_child(&mut self, victim: usize) -> Result<Vec<String>, String> {
        let dead = self.children.swap_remove(victim);
        let said = dead.kill();
        // The other one continues meanwhile.
        let born = self.start()?;
        self.children.push(born);
        let last = self.children.len() - 1;
        self.children.swap(victim, last);
        Ok(said)
    }

    fn kill_backend(&self) -> Result<(), String> {
        let Some(server) = &self.server else { return Ok(()) };
        let killed = server.kill_backend().map_err(|error| error.to_string())?;
        if killed { Ok(()) } else { Err("there was no server process to kill".to_owned()) }
    }

    fn kill_server(&mut self) -> Result<(), String> {
        let Some(server) = &mut self.server else { return Ok(()) };
        server.kill().and_then(|()| server.restart()).map_err(|error| error.to_string())
    }

    /// Checks that every acknowledged callback is stored, before any of it is sent again.
    fn look_for(
        &mut self,
        child: usize,
        histories: &Histories,
        acknowledged: &BTreeSet<usize>,
    ) -> Result<(), String> {
        let missing = Judge::new(&mut self.children[child], histories).missing()?;
        let lost = acknowledged.iter().find(|number| missing.contains(number));
        lost.map_or(Ok(()), |number| Err(format!("lost: {}", histories.sent[*number])))
    }

    /// Waits until everything is handled, then compares with the expected results.
    fn judge(&mut self, round: &str, histories: &Histories) -> Result<(), String> {
        // A held callback lets others of its payment pass.
        let is_ordered = !self.plan.hold;
        Judge::new(&mut self.children[0], histories).all(round, is_ordered)
    }
}

/// Processes an answer to `accept`.
fn take(
    line: &str,
    open: &mut BTreeMap<usize, usize>,
    acknowledged: &mut BTreeSet<usize>,
    waiting: &mut Vec<usize>,
) {
    let Some((word, number)) = line.split_once(' ') else { return };
    let Ok(number) = number.parse() else { return };
    match word {
        "ok" if open.remove(&number).is_some() => {
            acknowledged.insert(number);
        }
        "no" if open.remove(&number).is_some() => waiting.push(number),
        _ => {}
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        })
    }
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Child(after) => write!(f, "child killed after {after:?}"),
            Self::Place(place, times) => write!(f, "child killed at {place}, time {times}"),
            Self::Backend(after) => write!(f, "server process killed after {after:?}"),
            Self::Server(after) => write!(f, "server killed after {after:?}"),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { store, rounds, seed, hold, .. } = &self.plan;
        let held = if *hold { ", ends held" } else { "" };
        write!(
            f,
            "{store}{held}: {rounds} rounds in {:.0} s, seed {seed}: {} callbacks sent, {} effects, each \
             once; killed",
            self.took.as_secs_f64(),
            self.sent,
            self.effects
        )?;
        for (index, (how, times)) in self.kills.iter().enumerate() {
            write!(f, "{} {how} {times}", if index == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}
