//! Stores that take turns, and what is printed of them.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ecp_core::model::Callback;
use ecp_core::signature::{self, Place, Rules};
use ecp_inbox::Inbox;
use ecp_inbox::postgres::PostgresOptions;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_notify::{CallbackStore as _, Verified};
use ecp_stream::nats::NatsStore;
use ecp_testkit::postgres::Server;
use tempfile::TempDir;

use super::floors::{Floor, Tables};
use super::{Options, fill};

/// Connections to Postgres, of an inbox and of pgmq.
pub(super) const CONNECTIONS: usize = 32;

/// The stores of `ecp-inbox`.
const INBOXES: [&str; 3] = ["sqlite", "postgres", "postgres-named"];

/// Rate and latencies of one turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    pub(super) count: usize,
    pub(super) per_second: f64,
    pub(super) p50: f64,
    pub(super) p99: f64,
}

/// Measures every store, or the only one, and prints a line for each.
pub fn run(options: &Options) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        if options.is_machine {
            answer_lines(options).await;
        } else {
            measure_all(options).await;
        }
    });
}

/// Takes a turn for each line of the input: the program of a later commit asks.
async fn answer_lines(options: &Options) {
    let name = options.only.as_deref().expect("--machine-readable needs --only-store");
    let place = Databases::new(options).await;
    let mut store = Store::open(name, &place, options.fill).await;
    println!("ready");
    let mut line = String::new();
    while std::io::stdin().read_line(&mut line).unwrap_or(0) > 0 {
        if options.fill == 0 {
            store = Store::open(name, &place, 0).await;
        }
        let Rate { per_second, p50, p99, .. } = turn(&store, options).await;
        println!("{name} {per_second} {p50} {p99}");
        line.clear();
    }
}

async fn measure_all(options: &Options) {
    println!(
        "{} senders, {} turns of {:?}, {} callbacks before; medians, lowest and highest in brackets",
        options.senders, options.turns, options.time, options.fill
    );
    if options.only.as_deref() == Some("stream") {
        return super::stream::measure(options).await;
    }
    let place = Databases::new(options).await;
    for name in INBOXES {
        if options.only.as_deref().is_some_and(|only| only != name) {
            continue;
        }
        if name != "sqlite" && place.server.is_none() {
            continue;
        }
        measure(name, &place, options).await;
    }
}

async fn measure(name: &str, place: &Databases, options: &Options) {
    let mut before = options.before.as_ref().map(|path| Program::earlier(path, name, options));
    let mut peer = options.peer.as_ref().map(|path| Program::peer(path, options));
    let filled =
        if options.fill > 0 { Some(Store::open(name, place, options.fill).await) } else { None };
    let kind = name.split('-').next().unwrap_or(name);
    let pgmq = options.pgmq.as_ref().filter(|_| kind == "postgres");
    let mut turns: Vec<Turn> = Vec::new();
    for _ in 0..options.turns {
        let before = before.as_mut().map(|before| before.turn("turn"));
        let filled = match &filled {
            Some(store) => Some(turn(store, options).await),
            None => None,
        };
        let inbox = turn(&Store::open(name, place, 0).await, options).await;
        let standby = match place.standby.as_ref().and(place.server.as_ref()) {
            Some(server) if kind == "postgres" => {
                let store = Store::open(name, place, 0).await;
                server.wait_for_standbys().unwrap();
                let log = || server.run(&["SELECT pg_current_wal_lsn() - '0/0'"]).unwrap();
                let before: f64 = log().parse().unwrap();
                let rate = turn(&store, options).await;
                let written = log().parse::<f64>().unwrap() - before;
                server.wait_for_no_standby().unwrap();
                Some((rate, written / (rate.per_second * options.time.as_secs_f64())))
            }
            _ => None,
        };
        let tables = Store::Floor(Floor::open(kind, Tables::Inbox, place).await);
        let tables = turn(&tables, options).await;
        let plain = Store::Floor(Floor::open(kind, Tables::Plain, place).await);
        let plain = turn(&plain, options).await;
        let pgmq = match pgmq {
            Some(script) => {
                Some(turn(&Store::Floor(Floor::pgmq(script, place).await), options).await)
            }
            None => None,
        };
        let peer = peer.as_mut().map(|peer| match kind {
            "sqlite" => peer.turn(&format!("sqlite {}", place.file().display())),
            _ => peer.turn(&format!("postgres {}", place.database())),
        });
        turns.push(Turn { before, filled, inbox, standby, tables, plain, pgmq, peer });
    }
    print_turns(name, &turns);
    if let Some(Store::Inbox { inbox, .. }) = &filled {
        let mut took = Vec::new();
        let mut stats = ecp_inbox::Stats::default();
        for _ in 0..5 {
            let begun = Instant::now();
            stats = inbox.stats().await.unwrap();
            took.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        println!(
            "{name}: stats of {} waiting in {:.1} ms",
            stats.waiting,
            spread(took.into_iter())
        );
    }
}

/// Prints the line of a store.
fn print_turns(name: &str, turns: &[Turn]) {
    let rates = |of: &dyn Fn(&Turn) -> Rate| spread(turns.iter().map(|turn| of(turn).per_second));
    let ratio = |of: &dyn Fn(&Turn) -> Option<(Rate, Rate)>| {
        let ratios: Option<Vec<f64>> =
            turns.iter().map(|turn| of(turn).map(|(a, b)| a.per_second / b.per_second)).collect();
        ratios.map(|ratios| spread(ratios.into_iter()))
    };
    let p99 = |of: &dyn Fn(&Turn) -> Rate| middle(turns.iter().map(|turn| of(turn).p99));
    let p50 = middle(turns.iter().map(|turn| turn.inbox.p50));
    print!(
        "{name}: {:.0} accepts/s, p50 {p50:.1} ms, p99 {:.1} ms; own tables {:.0}, ratio {:.2}; one \
         table {:.0}, ratio {:.2}",
        rates(&|turn| turn.inbox),
        p99(&|turn| turn.inbox),
        rates(&|turn| turn.tables),
        ratio(&|turn| Some((turn.inbox, turn.tables))).unwrap(),
        rates(&|turn| turn.plain),
        ratio(&|turn| Some((turn.inbox, turn.plain))).unwrap(),
    );
    // The earlier program is as full as the filled inbox, or as empty as the other one.
    let compared = |turn: &Turn| turn.filled.unwrap_or(turn.inbox);
    if let Some(ratio) = ratio(&|turn| turn.before.map(|before| (compared(turn), before))) {
        print!(
            "; before {:.0}, p99 {:.1} ms, ratio {ratio:.2}",
            rates(&|turn| turn.before.unwrap()),
            p99(&|turn| turn.before.unwrap()),
        );
    }
    if let Some(ratio) = ratio(&|turn| turn.filled.map(|filled| (filled, turn.inbox))) {
        print!(
            "; filled {:.0}, p99 {:.1} ms, of the empty rate {ratio:.2}",
            rates(&|turn| turn.filled.unwrap()),
            p99(&|turn| turn.filled.unwrap()),
        );
    }
    if let Some(ratio) = ratio(&|turn| turn.pgmq.map(|pgmq| (turn.inbox, pgmq))) {
        print!("; pgmq {:.0}, ratio {ratio:.2}", rates(&|turn| turn.pgmq.unwrap()));
    }
    if let Some(ratio) = ratio(&|turn| turn.peer.map(|peer| (turn.inbox, peer))) {
        print!(
            "; peer {:.0}, p99 {:.1} ms, ratio {ratio:.2}",
            rates(&|turn| turn.peer.unwrap()),
            p99(&|turn| turn.peer.unwrap()),
        );
    }
    if let Some(ratio) = ratio(&|turn| turn.standby.map(|(rate, _)| (rate, turn.inbox))) {
        print!(
            "; waiting for a standby {:.0}, p99 {:.1} ms, ratio {ratio:.2}, {:.0} bytes of log an accept",
            rates(&|turn| turn.standby.unwrap().0),
            p99(&|turn| turn.standby.unwrap().0),
            spread(turns.iter().map(|turn| turn.standby.unwrap().1)),
        );
    }
    println!();
}

/// One turn of each.
struct Turn {
    before: Option<Rate>,
    filled: Option<Rate>,
    inbox: Rate,
    /// With the bytes of the log that each accept wrote.
    standby: Option<(Rate, f64)>,
    tables: Rate,
    plain: Rate,
    pgmq: Option<Rate>,
    peer: Option<Rate>,
}

/// Median, lowest and highest.
pub(super) struct Spread(f64, f64, f64);

pub(super) fn spread(figures: impl Iterator<Item = f64>) -> Spread {
    let mut sorted: Vec<f64> = figures.collect();
    sorted.sort_by(f64::total_cmp);
    Spread(sorted[sorted.len() / 2], sorted[0], sorted[sorted.len() - 1])
}

pub(super) fn middle(figures: impl Iterator<Item = f64>) -> f64 {
    spread(figures).0
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(2);
        write!(f, "{:.digits$} ({:.digits$} to {:.digits$})", self.0, self.1, self.2)
    }
}

/// Another program that takes turns: this one of an earlier commit, with inboxes of its own, or a
/// peer.
struct Program {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Program {
    fn earlier(path: &Path, name: &str, options: &Options) -> Self {
        let mut command = command(path, options);
        command.args(["--machine-readable", "--only-store", name]);
        let mut program = Self::start(command.args(["--fill", &options.fill.to_string()]));
        let mut line = String::new();
        program.output.read_line(&mut line).unwrap();
        assert_eq!(line, "ready\n", "the earlier program does not start");
        program
    }

    fn peer(path: &Path, options: &Options) -> Self {
        Self::start(command(path, options).args(["--connections", &CONNECTIONS.to_string()]))
    }

    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, input, output }
    }

    fn turn(&mut self, line: &str) -> Rate {
        writeln!(self.input, "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        let figures = answer.split_whitespace().rev().map(|figure| figure.parse::<f64>().unwrap());
        let [p99, p50, per_second] = figures.take(3).collect::<Vec<_>>()[..] else {
            panic!("the answer of a turn has no three figures: {answer}");
        };
        Rate { count: 0, per_second, p50, p99 }
    }
}

fn command(path: &Path, options: &Options) -> Command {
    let mut command = Command::new(path);
    command.args(["--seconds", &options.time.as_secs().to_string()]);
    command.args(["--senders", &options.senders.to_string()]);
    command
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where databases are made.
pub(super) struct Databases {
    folder: TempDir,
    server: Option<Server>,
    standby: Option<Server>,
}

impl Databases {
    async fn new(options: &Options) -> Self {
        let server = Server::start_or_skip("durable accepts over Postgres");
        let folder = tempfile::tempdir().unwrap();
        let mut databases = Self { folder, server, standby: None };
        if databases.server.is_some() && options.time >= Duration::from_secs(1) {
            databases.write_log_ahead().await;
        }
        if options.standby {
            let server = databases.server.as_ref();
            databases.standby = server.map(|server| server.standby().unwrap());
        }
        databases
    }

    /// A server that has run for a while reuses the files of its log. A new one makes each, 16 MiB
    /// long, while all commits wait, which decides the 99th percentile.
    async fn write_log_ahead(&self) {
        let client = super::floors::connect(&self.database()).await;
        for setting in ["min_wal_size = '4GB'", "max_wal_size = '8GB'"] {
            client.batch_execute(&format!("ALTER SYSTEM SET {setting}")).await.unwrap();
        }
        client.batch_execute("SELECT pg_reload_conf()").await.unwrap();
        tokio::time::sleep(Duration::from_millis(200)).await;
        for _ in 0..96 {
            let next = "SELECT pg_logical_emit_message(false, '', ''); SELECT pg_switch_wal()";
            client.batch_execute(next).await.unwrap();
        }
        client.batch_execute("CHECKPOINT").await.unwrap();
    }

    /// Path of a new file.
    pub(super) fn file(&self) -> std::path::PathBuf {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        self.folder.path().join(format!("{}.db", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// Address of a new database.
    pub(super) fn database(&self) -> String {
        self.server.as_ref().unwrap().database().unwrap()
    }
}

/// What takes callbacks in.
pub(super) enum Store {
    Inbox { inbox: Arc<dyn Inbox>, file: Option<std::path::PathBuf> },
    Floor(Floor),
    Stream(Arc<NatsStore>),
}

impl Store {
    async fn open(name: &str, place: &Databases, fill: u64) -> Self {
        if name == "sqlite" {
            let path = place.file();
            drop(SqliteInbox::open(&path).await.unwrap());
            if fill > 0 {
                fill::sqlite(&path, fill);
            }
            let inbox = Arc::new(SqliteInbox::open(&path).await.unwrap());
            return Self::Inbox { inbox, file: Some(path) };
        }
        let options = PostgresOptions::new().connections(CONNECTIONS);
        let options = if name == "postgres-named" { options.named_statements() } else { options };
        let address = place.database();
        let inbox = Arc::new(options.open(address.parse().unwrap()).await.unwrap());
        if fill > 0 {
            fill::postgres(&address, fill).await;
        }
        Self::Inbox { inbox, file: None }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        if let Self::Inbox { file: Some(file), .. } = self {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Sends callbacks for the time of a turn, as many at once as there are senders.
#[expect(clippy::cast_precision_loss, reason = "so many are not sent")]
pub(super) async fn turn(store: &Store, options: &Options) -> Rate {
    let count = usize::try_from(options.time.as_millis() * 25).unwrap();
    let callbacks = Arc::new(callbacks(count));
    let next = Arc::new(AtomicUsize::new(0));
    let begun = Instant::now();
    let end = begun + options.time;
    let senders = (0..options.senders).map(|sender| {
        let (callbacks, next, target) = (callbacks.clone(), next.clone(), store.target(sender));
        tokio::spawn(async move {
            let mut latencies = Vec::new();
            while Instant::now() < end {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(callback) = callbacks.get(number) else { break };
                let begun = Instant::now();
                target.store(callback).await;
                latencies.push(begun.elapsed());
            }
            latencies
        })
    });
    let mut latencies: Vec<Duration> = Vec::new();
    for sender in senders.collect::<Vec<_>>() {
        latencies.extend(sender.await.unwrap());
    }
    let took = begun.elapsed();
    latencies.sort_unstable();
    let at = |part: usize| latencies[(latencies.len() * part / 100).min(latencies.len() - 1)];
    Rate {
        count: latencies.len(),
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        p50: at(50).as_secs_f64() * 1e3,
        p99: at(99).as_secs_f64() * 1e3,
    }
}

/// A sender's way into a store.
enum Target {
    Inbox(Arc<dyn Inbox>),
    Stream(Arc<NatsStore>),
    Floor(super::floors::Sender),
}

impl Target {
    async fn store(&self, callback: &Verified<Callback>) {
        match self {
            Self::Inbox(inbox) => drop(inbox.accept(callback).await.unwrap()),
            Self::Stream(stream) => stream.store(callback.clone()).await.unwrap(),
            Self::Floor(floor) => floor.store(callback).await,
        }
    }
}

impl Store {
    fn target(&self, sender: usize) -> Target {
        match self {
            Self::Inbox { inbox, .. } => Target::Inbox(inbox.clone()),
            Self::Floor(floor) => Target::Floor(floor.sender(sender)),
            Self::Stream(stream) => Target::Stream(stream.clone()),
        }
    }
}

/// New callbacks, three of each payment.
fn callbacks(count: usize) -> Vec<Verified<Callback>> {
    static RUN: AtomicUsize = AtomicUsize::new(0);
    let run = RUN.fetch_add(1, Ordering::Relaxed);
    let sample: String = crate::JETON_SUCCESS.lines().map(str::trim).collect();
    let cut = sample.rfind(",\"signature\"").unwrap();
    let (key, verifier) = (crate::key(), crate::verifier());
    let make = |number: usize| {
        let status = ["processing", "external processing", "success"][number % 3];
        let json = format!("{}}}", &sample[..cut])
            .replace("ac17805971555", &format!("order-{run}-{}", number / 3))
            .replace("\"status\": \"success\"", &format!("\"status\": \"{status}\""));
        let body =
            signature::sign_document(&key, json.as_bytes(), Place::Root, Rules::private()).unwrap();
        verifier.verify(&body).unwrap()
    };
    std::thread::scope(|threads| {
        let half = threads.spawn(|| (count / 2..count).map(&make).collect::<Vec<_>>());
        let mut all: Vec<_> = (0..count / 2).map(&make).collect();
        all.extend(half.join().unwrap());
        all
    })
}
