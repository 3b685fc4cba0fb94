//! Rounds in which the primary of a pair of Postgres servers is killed and its standby promoted.
//!
//! Three receivers, each with a worker, are behind haproxy, and pgbouncer is between them and the
//! primary. Senders post callbacks until each is answered with 200, and write a history of all
//! their requests and the answers. In each round an adversary with a seed holds up the replication,
//! kills all processes of the primary, promotes the standby a little later, and kills one of the
//! receivers at some time. Then the history is held against the new primary.

mod balancer;
mod senders;
mod servers;

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;

use self::balancer::Balancer;
use self::senders::{Sender, Tried};
use self::servers::Servers;
use crate::child::LISTEN;
use crate::history::Histories;
use crate::judge::Judge;
use crate::process::Process;

/// Number of receivers, and of senders.
const RECEIVERS: usize = 3;
const SENDERS: usize = 8;

/// Payments of a round, each with some four callbacks and their repetitions.
const PAYMENTS: u64 = 40;

/// The 99th percentile of the time from the promotion to the answer 200 must be below this.
const LONGEST: Duration = Duration::from_secs(10);

/// Settings of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The harness's own program, which the receivers run.
    pub program: PathBuf,
    /// Number of failovers.
    pub rounds: u32,
    /// Seed of everything but time.
    pub seed: u64,
    /// Whether commits wait for the standby. If not, losses are counted and are no error.
    pub synchronous: bool,
    /// A folder for the senders' histories, a file a round.
    pub histories: Option<PathBuf>,
}

/// Summary of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Number of failovers.
    pub rounds: u32,
    /// Seed of the run.
    pub seed: u64,
    /// Duration of the run.
    pub took: Duration,
    /// Number of callbacks, repetitions included.
    pub sent: usize,
    /// Number of callbacks that were answered with 200 before the promotion.
    pub answered_before: usize,
    /// Number of these that the promoted standby did not have.
    pub lost: usize,
    /// Number of effects, each of which happened once.
    pub effects: usize,
    /// Times from the promotion, or from the first attempt if that was later, to the answer 200, of
    /// each callback that had none before. In ascending order.
    pub delays: Vec<Duration>,
    /// Times from the death of the primary to the first answer 200 after the promotion.
    pub outages: Vec<Duration>,
}

/// The programs that a run needs and that are not installed here.
pub fn missing_programs() -> Vec<&'static str> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    // Debian has each version of Postgres in a folder of its own.
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    folders.extend(versions.map(|version| version.path().join("bin")));
    let is_there = |name: &&str| folders.iter().any(|folder| folder.join(name).is_file());
    ["haproxy", "pgbouncer", "initdb"].into_iter().filter(|name| !is_there(name)).collect()
}

/// When the adversary does what, from the beginning of a round.
struct Blows {
    hold_replication: Duration,
    kill_primary: Duration,
    promote: Duration,
    receiver: usize,
    kill_receiver: Duration,
    start_receiver: Duration,
}

impl Blows {
    fn choose(rng: &mut Rng) -> Self {
        let mut between = |from: u64, to: u64| Duration::from_millis(rng.u64(from..to));
        let hold_replication = between(200, 600);
        let kill_primary = hold_replication + between(20, 250);
        let promote = kill_primary + between(0, 600);
        let kill_receiver = between(100, 1800);
        let start_receiver = kill_receiver + between(50, 500);
        let receiver = rng.usize(..RECEIVERS);
        Self { hold_replication, kill_primary, promote, receiver, kill_receiver, start_receiver }
    }
}

/// Plays the rounds. The error says what was lost, done twice, late or stuck.
pub fn run(plan: &Plan) -> Result<Summary, String> {
    let begun = Instant::now();
    let mut rng = Rng::with_seed(plan.seed);
    let mut summary = Summary { rounds: plan.rounds, seed: plan.seed, ..Summary::default() };
    let mut arena = Arena::new(plan)?;
    for round in 0..plan.rounds {
        arena
            .play(round, &mut rng.fork(), &mut summary)
            .map_err(|error| format!("round {round}: {error}"))?;
    }
    summary.delays.sort_unstable();
    summary.outages.sort_unstable();
    summary.took = begun.elapsed();
    match summary.percentile(99) {
        Some(late) if late >= LONGEST => Err(format!("the 99th percentile is late: {summary}")),
        _ => Ok(summary),
    }
}

struct Arena {
    plan: Plan,
    servers: Servers,
    _balancer: Balancer,
    balancer: u16,
    ports: Vec<u16>,
    receivers: Vec<Option<Process>>,
    folder: tempfile::TempDir,
}

impl Arena {
    fn new(plan: &Plan) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(text)?;
        let servers = Servers::start(plan.synchronous).map_err(text)?;
        let mut ports = free_ports(RECEIVERS + 1).map_err(text)?;
        let balancer = ports.pop().unwrap_or_default();
        let started = Balancer::start(folder.path(), balancer, &ports).map_err(text)?;
        let mut arena = Self {
            plan: plan.clone(),
            servers,
            _balancer: started,
            balancer,
            ports,
            receivers: Vec::new(),
            folder,
        };
        for number in 0..RECEIVERS {
            let receiver = arena.start(number)?;
            arena.receivers.push(Some(receiver));
        }
        Ok(arena)
    }

    /// Starts a receiver, which takes a while to be ready.
    fn start(&self, number: usize) -> Result<Process, String> {
        let listen = format!("{LISTEN}{}", self.ports[number]);
        let arguments = ["postgres".to_owned(), self.servers.pooled().to_owned(), listen];
        Process::start(&self.plan.program, &arguments).map_err(text)
    }

    fn play(&mut self, round: u32, rng: &mut Rng, summary: &mut Summary) -> Result<(), String> {
        if round > 0 {
            self.servers.add_standby().map_err(text)?;
        }
        for receiver in self.receivers.iter_mut().flatten() {
            receiver.wait_until_ready()?;
        }
        let histories = Histories::of(round, PAYMENTS, rng);
        let blows = Blows::choose(rng);
        let folder = self.plan.histories.as_deref().unwrap_or(self.folder.path());
        fs::create_dir_all(folder).map_err(text)?;
        let path = folder.join(format!("round-{round}.history"));
        let file = File::create(&path).map_err(text)?;
        let sender = Sender::new(self.balancer, &histories.sent, file);
        let posting = &sender;
        let seeds: Vec<u64> = (0..SENDERS).map(|_| rng.u64(..)).collect();
        let failover = thread::scope(|scope| {
            let senders: Vec<_> = seeds
                .into_iter()
                .map(|seed| scope.spawn(move || posting.run(Rng::with_seed(seed))))
                .collect();
            let failover = self.fail_over(round, &sender, &blows);
            if failover.is_err() {
                sender.stop();
            }
            for sender in senders {
                sender.join().map_err(|_| "a sender failed")??;
            }
            failover
        })?;

        let tried = senders::read(&path).map_err(text)?;
        self.judge(round, &histories, &tried, &failover, summary)
    }

    /// Does what the adversary has chosen. Returns when, and what the promoted standby had before
    /// anything was sent to it.
    fn fail_over(
        &mut self,
        round: u32,
        sender: &Sender<'_>,
        blows: &Blows,
    ) -> Result<Failover, String> {
        let mut steps = [
            (blows.hold_replication, Step::HoldReplication),
            (blows.kill_primary, Step::KillPrimary),
            (blows.promote, Step::Promote),
            (blows.kill_receiver, Step::KillReceiver),
            (blows.start_receiver, Step::StartReceiver),
        ];
        steps.sort_by_key(|(after, _)| *after);
        let mut failover = Failover::default();
        for (after, step) in steps {
            thread::sleep(after.saturating_sub(sender.clock()));
            match step {
                Step::HoldReplication => self.servers.hold_replication().map_err(text)?,
                Step::KillPrimary => {
                    self.servers.kill_primary().map_err(text)?;
                    failover.killed = sender.clock();
                }
                Step::Promote => {
                    self.servers.promote().map_err(text)?;
                    failover.promoted = sender.clock();
                    let like = format!(
                        "SELECT convert_from(raw, 'UTF8') FROM ecp_inbox.callbacks
                         WHERE convert_from(payment, 'UTF8') LIKE 'r{round}-%'"
                    );
                    let stored = self.servers.query(&like).map_err(text)?;
                    failover.stored = stored.lines().map(str::to_owned).collect();
                    failover.reachable = sender.clock();
                    self.servers.lead_to_primary().map_err(text)?;
                }
                Step::KillReceiver => {
                    self.receivers[blows.receiver].take().map(Process::kill);
                }
                Step::StartReceiver => {
                    self.receivers[blows.receiver] = Some(self.start(blows.receiver)?);
                }
            }
        }
        Ok(failover)
    }

    fn judge(
        &mut self,
        round: u32,
        histories: &Histories,
        tried: &[Tried],
        failover: &Failover,
        summary: &mut Summary,
    ) -> Result<(), String> {
        let is_stored = |tried: &&Tried| tried.status == 200;
        let mut first = vec![Duration::MAX; histories.sent.len()];
        let mut answered = vec![Duration::MAX; histories.sent.len()];
        for tried in tried {
            let first = &mut first[tried.callback];
            *first = (*first).min(tried.sent);
        }
        for tried in tried.iter().filter(is_stored) {
            let answered = &mut answered[tried.callback];
            *answered = (*answered).min(tried.answered);
        }
        if let Some(number) = answered.iter().position(|at| *at == Duration::MAX) {
            return Err(format!("never answered with 200: {}", histories.sent[number]));
        }

        // Nothing could be stored between the death of the primary and the new one's first
        // connection: what was answered until then must be there.
        let missing = histories.missing(&failover.stored);
        let before = |number: &usize| answered[*number] < failover.reachable;
        let lost: Vec<usize> = missing.into_iter().filter(before).collect();
        summary.answered_before += (0..histories.sent.len()).filter(before).count();
        summary.lost += lost.len();
        summary.sent += histories.sent.len();
        for (first, answered) in first.iter().zip(&answered) {
            if *answered >= failover.promoted {
                summary.delays.push(answered.saturating_sub(failover.promoted.max(*first)));
            }
        }
        let again = answered.iter().filter(|at| **at >= failover.promoted).min();
        summary.outages.extend(again.map(|again| again.saturating_sub(failover.killed)));
        if !self.plan.synchronous {
            return Ok(());
        }
        if let Some(number) = lost.first() {
            return Err(format!("lost: {}", histories.sent[*number]));
        }
        let receiver = self.receivers.iter_mut().flatten().next().ok_or("no receiver is left")?;
        receiver.wait_until_ready()?;
        Judge::new(receiver, histories).all(&format!("r{round}"), true)?;
        summary.effects += histories.effects.len();
        Ok(())
    }
}

enum Step {
    HoldReplication,
    KillPrimary,
    Promote,
    KillReceiver,
    StartReceiver,
}

/// What happened, by the senders' clock.
#[derive(Default)]
struct Failover {
    killed: Duration,
    promoted: Duration,
    /// The pooler leads to the new primary.
    reachable: Duration,
    /// Bodies that the new primary had before that.
    stored: BTreeSet<String>,
}

fn free_ports(count: usize) -> io::Result<Vec<u16>> {
    let listeners: io::Result<Vec<TcpListener>> =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect();
    listeners?.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

fn text(error: impl fmt::Display) -> String {
    error.to_string()
}

impl Summary {
    /// A percentile of the times from the promotion to the answer.
    pub fn percentile(&self, percent: usize) -> Option<Duration> {
        percentile(&self.delays, percent)
    }
}

fn percentile(sorted: &[Duration], percent: usize) -> Option<Duration> {
    let place = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(place).copied()
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rounds, seed, took, sent, answered_before, lost, effects, .. } = self;
        let seconds = |of: &[Duration], percent| {
            let at = percentile(of, percent).unwrap_or_default().as_secs_f64();
            format!("{at:.2} s")
        };
        write!(
            f,
            "{rounds} failovers in {:.0} s, seed {seed}: {sent} callbacks, {answered_before} answered \
             before the promotion, {lost} of them lost, {effects} effects, each once; from the \
             promotion to the answer p50 {}, p99 {}, longest {} ({} callbacks); without an answer p50 \
             {}, longest {}",
            took.as_secs_f64(),
            seconds(&self.delays, 50),
            seconds(&self.delays, 99),
            seconds(&self.delays, 100),
            self.delays.len(),
            seconds(&self.outages, 50),
            seconds(&self.outages, 100),
        )
    }
}
