//! Throwaway NATS servers with JetStream, run from the installed program.
//!
//! They listen on ports of 127.0.0.1 that were free. They stop, and their folder is removed, when the
//! value is dropped or when the process that started them ends, even by a crash.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, process, thread};

/// Time that the servers may take to start and to elect a leader.
const PATIENCE: Duration = Duration::from_secs(20);

const TRIES: u32 = 3;

/// Waits until its input ends, which happens when the owner's process ends, then stops the servers
/// and removes their folder.
const CARETAKER: &str = r#"
cat >/dev/null
for pid in "$1"/*.pid; do kill -KILL "$(cat "$pid")" 2>/dev/null; done
sleep 0.05
rm -rf "$1"
"#;

/// A cluster of NATS servers for tests, with data of their own in a temporary folder.
/// [`NatsCluster::start`] starts it. The servers stop, and their data is removed, when the value is
/// dropped or the process that started it ends.
#[derive(Debug)]
pub struct NatsCluster {
    program: PathBuf,
    folder: PathBuf,
    nodes: Vec<Node>,
    caretaker: Child,
}

#[derive(Debug)]
struct Node {
    port: u16,
    server: Child,
}

impl NatsCluster {
    /// The NATS servers that are installed here: the programs `nats-server` in the folders of
    /// `PATH` and in `/usr/sbin`. If there is none, returns an empty list and prints to standard
    /// error that a test is skipped; `left_out` is the name of the test.
    ///
    /// # Panics
    ///
    /// If there is none and the environment has `CI=true`: no test may be skipped there.
    pub fn programs_or_skip(left_out: &str) -> Vec<PathBuf> {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        let mut programs: Vec<PathBuf> = folders
            .map(|folder| folder.join("nats-server"))
            .filter_map(|program| program.canonicalize().ok())
            .collect();
        programs.sort();
        programs.dedup();
        if programs.is_empty() {
            let in_ci = env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!in_ci, "{left_out} needs nats-server: it is not in `PATH` or /usr/sbin here");
            eprintln!("left out: {left_out} (nats-server is not installed here)");
        }
        programs
    }

    /// Starts `nodes` NATS servers as one cluster, and waits until they are ready. `program` is the
    /// path of a `nats-server`, as [`NatsCluster::programs_or_skip`] returns it. `jetstream` is
    /// empty or has more settings of JetStream in the words of the configuration file, such as
    /// `sync_interval: always`.
    ///
    /// The start is tried 3 times, because another program may take a port; the error is that of
    /// the last try, such as [`ErrorKind::TimedOut`] after 20 seconds.
    pub fn start(program: &Path, nodes: usize, jetstream: &str) -> io::Result<Self> {
        Self::start_in(&env::temp_dir(), program, nodes, jetstream)
    }

    /// Starts servers like [`NatsCluster::start`], but keeps their data below `folder` instead of
    /// the system's folder for temporary files, for example on another disk.
    pub fn start_in(
        folder: &Path,
        program: &Path,
        nodes: usize,
        jetstream: &str,
    ) -> io::Result<Self> {
        // Another program may take a port that was free.
        for _ in 1..TRIES {
            if let Ok(cluster) = Self::try_start(folder, program, nodes, jetstream) {
                return Ok(cluster);
            }
        }
        Self::try_start(folder, program, nodes, jetstream)
    }

    fn try_start(folder: &Path, program: &Path, nodes: usize, jetstream: &str) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = folder.join(format!("ecp-nats-{}-{number}", process::id()));
        fs::create_dir(&folder)?;
        let caretaker = Command::new("sh")
            .args(["-c", CARETAKER, "caretaker"])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let program = program.to_owned();
        let mut cluster = Self { program, folder, nodes: Vec::new(), caretaker };
        // Held together, so that they differ.
        let free: Vec<TcpListener> =
            (0..2 * nodes).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<_>>()?;
        let ports: Vec<u16> =
            free.iter().map(|free| Ok(free.local_addr()?.port())).collect::<io::Result<_>>()?;
        drop(free);
        let (clients, routes) = ports.split_at(nodes);
        for (number, (port, route)) in clients.iter().zip(routes).enumerate() {
            cluster.configure(number, *port, *route, routes, jetstream)?;
            let server = cluster.spawn(number)?;
            cluster.nodes.push(Node { port: *port, server });
        }
        cluster.wait_until_ready()?;
        Ok(cluster)
    }

    /// The addresses of all servers for a client, separated by commas, such as
    /// `127.0.0.1:4222,127.0.0.1:4223`.
    pub fn addresses(&self) -> String {
        let addresses = self.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        addresses.collect::<Vec<_>>().join(",")
    }

    /// The numbers of all servers, from 0. Pass one to a method that is about one server, such as
    /// [`NatsCluster::kill`]. The server with number 1 has the name `n1`.
    pub fn nodes(&self) -> impl Iterator<Item = usize> {
        0..self.nodes.len()
    }

    /// Kills the server with this number ([`NatsCluster::nodes`]) with SIGKILL, as in a crash;
    /// [`NatsCluster::restart`] starts it again. A number that no server has is a panic.
    pub fn kill(&mut self, node: usize) -> io::Result<()> {
        let server = &mut self.nodes[node].server;
        server.kill()?;
        server.wait().map(drop)
    }

    /// Starts the server with this number again, with the same data, after [`NatsCluster::kill`],
    /// and does not wait until it is ready. Call it only for a killed server: one that still runs
    /// is not stopped.
    pub fn restart(&mut self, node: usize) -> io::Result<()> {
        self.nodes[node].server = self.spawn(node)?;
        Ok(())
    }

    /// Stops the server with this number, so that it does nothing and answers nothing until
    /// [`NatsCluster::resume`]. On Linux, all of its threads have stopped when this returns; it is
    /// an error if that takes more than 20 seconds.
    pub fn pause(&self, node: usize) -> io::Result<()> {
        self.signal(node, "-STOP")?;
        // The signal is only on its way: until it arrives, the server may still acknowledge.
        let patience = Instant::now() + PATIENCE;
        while !has_stopped(self.pid(node)) {
            if Instant::now() > patience {
                let problem = format!("nats-server {node} has not stopped after {PATIENCE:?}");
                return Err(io::Error::new(ErrorKind::TimedOut, problem));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Lets the server with this number go on after [`NatsCluster::pause`].
    pub fn resume(&self, node: usize) -> io::Result<()> {
        self.signal(node, "-CONT")
    }

    /// The process id of the server with this number, for example to measure its memory.
    pub fn pid(&self, node: usize) -> u32 {
        self.nodes[node].server.id()
    }

    /// The folder with the data of the streams of the server with this number. If no server has the
    /// number, the folder does not exist.
    pub fn data(&self, node: usize) -> PathBuf {
        self.folder.join(format!("n{node}"))
    }

    fn signal(&self, node: usize, signal: &str) -> io::Result<()> {
        let pid = self.pid(node).to_string();
        Command::new("kill").args([signal, &pid]).status().map(drop)
    }

    fn configure(
        &self,
        node: usize,
        port: u16,
        route: u16,
        routes: &[u16],
        jetstream: &str,
    ) -> io::Result<()> {
        let (pid, data) = (self.folder.join(format!("n{node}.pid")), self.data(node));
        let (pid, data) = (pid.display(), data.display());
        let mut text = format!(
            "server_name: n{node}\nlisten: 127.0.0.1:{port}\npid_file: \"{pid}\"\n\
             jetstream {{ store_dir: \"{data}\"\n{jetstream}\n}}\n"
        );
        if routes.len() > 1 {
            let routes = routes.iter().map(|route| format!("nats://127.0.0.1:{route}"));
            let routes = routes.collect::<Vec<_>>().join(", ");
            let _ = writeln!(
                text,
                "cluster {{ name: test, listen: 127.0.0.1:{route}, routes: [{routes}] }}"
            );
        }
        fs::write(self.folder.join(format!("n{node}.conf")), text)
    }

    fn spawn(&self, node: usize) -> io::Result<Child> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.folder.join(format!("n{node}.log")))?;
        Command::new(&self.program)
            .arg("--config")
            .arg(self.folder.join(format!("n{node}.conf")))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .spawn()
    }

    /// Waits until each server knows the leader of all.
    fn wait_until_ready(&mut self) -> io::Result<()> {
        let leader = if self.nodes.len() > 1 { "metadata leader" } else { "Server is ready" };
        let patience = Instant::now() + PATIENCE;
        for (number, node) in self.nodes.iter_mut().enumerate() {
            let path = self.folder.join(format!("n{number}.log"));
            loop {
                let log = fs::read_to_string(&path).unwrap_or_default();
                if log.contains(leader) {
                    break;
                }
                if let Some(status) = node.server.try_wait()? {
                    return Err(io::Error::other(format!("nats-server ended, {status}: {log}")));
                }
                if Instant::now() > patience {
                    let problem = format!("nats-server is not ready after {PATIENCE:?}: {log}");
                    return Err(io::Error::new(ErrorKind::TimedOut, problem));
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
        Ok(())
    }
}

/// Whether every thread of a process is stopped, as Linux says; elsewhere it is not known.
fn has_stopped(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return true };
    threads.filter_map(Result::ok).all(|thread| {
        // The state follows the name, which is in brackets.
        let stat = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('T'))
    })
}

impl Drop for NatsCluster {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            let _ = node.server.kill();
            let _ = node.server.wait();
        }
        drop(self.caretaker.stdin.take());
        let _ = self.caretaker.wait();
    }
}
