//! A stream on three NATS servers: what it costs to write each message to the disk before it is
//! acknowledged, and what is lost without that when all servers lose power.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use ecp_stream::nats::{NatsStore, StreamSettings, async_nats};
use ecp_testkit::nats::NatsCluster;
use tempfile::TempDir;

use super::Options;
use super::turns::{Rate, Store, middle, spread, turn};

const NAME: &str = "CALLBACKS";

/// Settings of JetStream: the default of the servers, and the safest.
const SYNCS: [(&str, &str); 2] =
    [("default", ""), ("sync_interval: always", "sync_interval: always")];

/// Measures streams with each setting, turn by turn, and then what a loss of power leaves of them.
pub(super) async fn measure(options: &Options) {
    for program in NatsCluster::programs_or_skip("accepts of a stream") {
        let version = Command::new(&program).arg("--version").output().unwrap();
        print!("{}", String::from_utf8_lossy(&version.stdout));
        // It is known since 2.10.
        match NatsCluster::start(&program, 3, SYNCS[1].1) {
            Ok(_) => measure_program(&program, options).await,
            Err(error) => println!("left out: {error}"),
        }
    }
}

async fn measure_program(program: &Path, options: &Options) {
    let mut turns: [Vec<Rate>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..options.turns {
        for ((_, sync), rates) in SYNCS.iter().zip(&mut turns) {
            let cluster = NatsCluster::start(program, 3, sync).unwrap();
            rates.push(turn(&Store::Stream(Arc::new(open(&cluster).await)), options).await);
        }
    }
    for ((name, _), rates) in SYNCS.iter().zip(&turns) {
        println!(
            "stream, {name}: {:.0} accepts/s, p50 {:.1} ms, p99 {:.1} ms",
            spread(rates.iter().map(|rate| rate.per_second)),
            middle(rates.iter().map(|rate| rate.p50)),
            middle(rates.iter().map(|rate| rate.p99)),
        );
    }
    let [default, always] = &turns;
    let ratios = always.iter().zip(default).map(|(a, b)| a.per_second / b.per_second);
    println!("stream, always of default: ratio {:.2}", spread(ratios));
    for (name, sync) in SYNCS {
        match lose(program, sync, options).await {
            Ok((acknowledged, left)) => println!(
                "stream, {name}: {acknowledged} acknowledged, of which {left} are left after all \
                 servers lost power"
            ),
            Err(problem) => println!("left out: a stream that loses power ({problem})"),
        }
    }
}

/// The stream of a receiver, as soon as the servers can make it.
async fn open(cluster: &NatsCluster) -> NatsStore {
    let settings = StreamSettings::new(NAME, "callbacks");
    for _ in 0..600 {
        if let Ok(store) = NatsStore::open(client(cluster).await, settings.clone()).await {
            return store;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the servers have no stream after 30 s");
}

async fn client(cluster: &NatsCluster) -> async_nats::Client {
    let addresses: Vec<String> = cluster.addresses().split(',').map(str::to_owned).collect();
    for _ in 0..600 {
        if let Ok(client) = async_nats::connect(&addresses).await {
            return client;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the servers take no connection after 30 s");
}

/// Sends callbacks for a turn, and then takes the power from all servers. Returns how many callbacks
/// were acknowledged, and how many the stream has afterwards.
async fn lose(program: &Path, sync: &str, options: &Options) -> Result<(usize, u64), String> {
    let disk = Disk::new()?;
    let mut cluster = NatsCluster::start_in(&disk.point(), program, 3, sync).unwrap();
    let store = Store::Stream(Arc::new(open(&cluster).await));
    // The servers and the stream have been there for long.
    run(&mut Command::new("sync"))?;
    let acknowledged = turn(&store, options).await.count;
    for node in 0..3 {
        cluster.pause(node).unwrap();
    }
    disk.copy()?;
    for node in 0..3 {
        cluster.kill(node).unwrap();
    }
    disk.lose_power()?;
    for node in 0..3 {
        cluster.restart(node).unwrap();
    }
    drop(store);
    for _ in 0..60 {
        let context = async_nats::jetstream::new(client(&cluster).await);
        if let Ok(stream) = context.get_stream(NAME).await {
            return Ok((acknowledged, stream.cached_info().state.messages));
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok((acknowledged, 0))
}

/// A file system in a file, which has only what was written to it.
struct Disk(TempDir);

impl Disk {
    fn new() -> Result<Self, String> {
        let disk = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir(disk.point()).unwrap();
        let image = disk.image("disk");
        std::fs::File::create(&image).and_then(|file| file.set_len(4 << 30)).unwrap();
        run(Command::new("mkfs.ext4").arg("-q").arg(&image))?;
        disk.mount(&image)?;
        Ok(disk)
    }

    fn point(&self) -> PathBuf {
        self.0.path().join("mounted")
    }

    fn image(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn mount(&self, image: &Path) -> Result<(), String> {
        run(Command::new("mount").args(["-o", "loop"]).arg(image).arg(self.point()))
    }

    fn unmount(&self) -> Result<(), String> {
        run(Command::new("umount").arg(self.point()))
    }

    /// Copies what is written now. What the system still has in memory is not in the copy.
    fn copy(&self) -> Result<(), String> {
        let copy = ["disk", "copy"].map(|name| self.image(name));
        run(Command::new("cp").arg("--sparse=always").args(copy))
    }

    /// Continues with the copy.
    fn lose_power(&self) -> Result<(), String> {
        self.unmount()?;
        self.mount(&self.image("copy"))
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = self.unmount();
    }
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let problem = String::from_utf8_lossy(&output.stderr);
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {problem}")) }
}
