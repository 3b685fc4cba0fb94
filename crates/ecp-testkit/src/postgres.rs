//! A throwaway Postgres server, run from the installed binaries.
//!
//! It listens on a socket in its own folder and on no port, so that it does not conflict with
//! servers of other tests. It stops, and its folder is removed, when the value is dropped or when
//! the process that started it ends, even by a crash.

mod pooler;
mod standby;

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, process, thread};

pub use self::pooler::Pooler;

/// Time that a server may take to start, recovery included.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until its input ends, which happens when the owner's process ends, then stops the server
/// and removes its folder.
const CARETAKER: &str = r#"
cat >/dev/null
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
    kill -QUIT "$pid" 2>/dev/null
    tries=0
    while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 100 ]; do
        tries=$((tries + 1))
        sleep 0.05
    done
fi
rm -rf "$1"
"#;

/// A Postgres server for tests, with data of its own in a temporary folder; [`Server::database`]
/// creates a database on it. It is as durable as in production: `fsync` and `synchronous_commit`
/// are on. It stops, and its data is removed, when the value is dropped or the process that started
/// it ends.
#[derive(Debug)]
pub struct Server {
    binaries: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    port: Option<u16>,
    postmaster: Child,
    caretaker: Child,
}

/// The TLS certificate and private key of a Postgres server, in PEM format.
/// [`Server::start_with_tls_or_skip`] takes it.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The certificate of the server in PEM format, followed by intermediate certificates, if any.
    pub certificate: String,
    /// The private key of the server's certificate, in PEM format.
    pub key: String,
}

/// Access over TCP: over TLS only, with a password for the user `customer`.
const TLS_ONLY: &str = "
local all all trust
hostssl all customer all scram-sha-256
hostssl all all all trust
";

/// Postgres refuses to run as root; then another user runs it.
#[derive(Clone, Copy, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

impl Server {
    /// Starts a Postgres server. If Postgres is not installed, returns `None` and prints to
    /// standard error that a test is skipped; `left_out` is the name of the test.
    ///
    /// # Panics
    ///
    /// If the server does not start, or if Postgres is not installed and the environment has
    /// `CI=true`: no test may be skipped there.
    pub fn start_or_skip(left_out: &str) -> Option<Self> {
        Self::or_skip(Self::start(), left_out)
    }

    /// Starts a Postgres server that also listens on a TCP port of 127.0.0.1 and, if the machine
    /// has it, of ::1; connections to the port must use TLS. If Postgres is not installed, returns
    /// `None`, as [`Server::start_or_skip`] does.
    ///
    /// # Panics
    ///
    /// In the same cases as [`Server::start_or_skip`].
    pub fn start_with_tls_or_skip(identity: &Identity, left_out: &str) -> Option<Self> {
        Self::or_skip(Self::start_with(Some(identity)), left_out)
    }

    fn or_skip(started: io::Result<Self>, left_out: &str) -> Option<Self> {
        match started {
            Ok(server) => Some(server),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                assert!(!in_ci(), "{left_out} needs a Postgres server: {error}");
                eprintln!("left out: {left_out} ({error})");
                None
            }
            Err(error) => panic!("the Postgres server does not start: {error}"),
        }
    }

    /// Starts a Postgres server. If Postgres is not installed, the error has the kind
    /// [`ErrorKind::NotFound`]; if it does not start, the error has its output.
    pub fn start() -> io::Result<Self> {
        Self::start_with(None)
    }

    fn start_with(identity: Option<&Identity>) -> io::Result<Self> {
        let binaries = binaries()?;
        let (folder, user, caretaker) = own_folder()?;
        let made = as_user(&binaries.join("initdb"), user, &folder)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"])
            .args(["--no-sync", "--pgdata"])
            .arg(folder.join("data"))
            .output()?;
        if !made.status.success() {
            let _ = end(caretaker);
            let text = String::from_utf8_lossy(&made.stderr);
            return Err(io::Error::other(format!("initdb failed, {}: {text}", made.status)));
        }
        let port = identity.map(|identity| identity.install(&folder, user)).transpose()?;
        let postmaster = spawn(&binaries, user, &folder, port)?;
        let mut server = Self { binaries, folder, user, port, postmaster, caretaker };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Creates an empty database on the server, and returns its connection string, such as
    /// `host=/tmp/ecp-postgres-4711-0 user=postgres dbname=test0`.
    pub fn database(&self) -> io::Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        output(self.client("createdb").arg(&name))?;
        let port = self.port.map(|port| format!(" port={port}")).unwrap_or_default();
        Ok(format!("host={} user=postgres dbname={name}{port}", self.folder.display()))
    }

    /// The TCP port of the Postgres server; `None` if it listens on a Unix socket only.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// Kills the main process of the Postgres server with SIGKILL, as in a crash. The server's
    /// other processes end by themselves soon after. [`Server::restart`] starts the server again.
    pub fn kill(&mut self) -> io::Result<()> {
        self.postmaster.kill()?;
        self.postmaster.wait().map(drop)
    }

    /// Kills the Postgres process that serves the latest connection with SIGKILL. The server then
    /// ends all other connections and recovers by itself. Returns `false` if there is no
    /// connection.
    pub fn kill_backend(&self) -> io::Result<bool> {
        let backends = self.processes("postgres: postgres ")?;
        let Some(pid) = backends.into_iter().max() else { return Ok(false) };
        signal("KILL", &[pid])?;
        Ok(true)
    }

    /// Runs SQL statements on the server, each in a transaction of its own, in the database
    /// `postgres`. Returns the values of their rows: a line for each row, with `|` between the
    /// values. If a statement fails, the error has the message of Postgres.
    pub fn run(&self, statements: &[&str]) -> io::Result<String> {
        self.run_in("postgres", statements)
    }

    /// Runs SQL statements in a database of the server and returns their rows, like
    /// [`Server::run`]. `database` is its name or a connection string from [`Server::database`].
    pub fn run_in(&self, database: &str, statements: &[&str]) -> io::Result<String> {
        let named = database.split(' ').find_map(|pair| pair.strip_prefix("dbname="));
        let mut psql = self.client("psql");
        psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--dbname", named.unwrap_or(database)])
            .args(statements.iter().flat_map(|statement| ["--command", statement]));
        output(&mut psql)
    }

    /// A client program of Postgres, for this server.
    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(self.binaries.join(program));
        command
            .args(["--username=postgres", "--port", &self.port.unwrap_or(5432).to_string()])
            .arg("--host")
            .arg(&self.folder);
        command
    }

    /// Ids of the server's processes whose titles begin so.
    fn processes(&self, title: &str) -> io::Result<Vec<u32>> {
        let parent = self.postmaster.id();
        let mut found: Vec<u32> = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(pid) = pid else { continue };
            // The process may have ended by now.
            let read = |name| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let is_child = || {
                let stat = read("stat");
                let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').nth(1));
                after_name.flatten().and_then(|parent| parent.parse().ok()) == Some(parent)
            };
            if read("cmdline").starts_with(title) && is_child() {
                found.push(pid);
            }
        }
        Ok(found)
    }

    /// Starts the Postgres server again, with the same data, after [`Server::kill`], and waits
    /// until it is ready. If it does not start within about a minute, the error has the server's
    /// log.
    pub fn restart(&mut self) -> io::Result<()> {
        let patience = Instant::now() + PATIENCE;
        loop {
            // Processes of the killed server may exist for a moment and block a new one.
            self.postmaster = spawn(&self.binaries, self.user, &self.folder, self.port)?;
            match self.wait_until_ready() {
                Err(_) if Instant::now() < patience => thread::sleep(Duration::from_millis(50)),
                done => return done,
            }
        }
    }

    fn wait_until_ready(&mut self) -> io::Result<()> {
        let patience = Instant::now() + PATIENCE;
        let own = self.postmaster.id().to_string();
        while Instant::now() < patience {
            if let Some(status) = self.postmaster.try_wait()? {
                let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(io::Error::other(format!("postgres ended, {status}: {log}")));
            }
            let state = fs::read_to_string(self.folder.join("data/postmaster.pid"));
            let state = state.unwrap_or_default();
            let lines: Vec<&str> = state.lines().map(str::trim).collect();
            if lines.first() == Some(&own.as_str()) && lines.get(7) == Some(&"ready") {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        let log = fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let problem = format!("postgres is not ready after a minute: {log}");
        Err(io::Error::new(ErrorKind::TimedOut, problem))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Reaps the server too: the caretaker waits until it is reaped.
        drop(self.caretaker.stdin.take());
        let _ = self.postmaster.wait();
        let _ = self.caretaker.wait();
    }
}

/// A new folder, its user, and the caretaker of both.
fn own_folder() -> io::Result<(PathBuf, Option<User>, Child)> {
    let folder = folder()?;
    let user = user(&folder)?;
    if let Some(User { uid, gid }) = user {
        chown(&folder, Some(uid), Some(gid))?;
    }
    let caretaker = Command::new("sh")
        .args(["-c", CARETAKER, "caretaker"])
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok((folder, user, caretaker))
}

/// Runs a program and returns its standard output. Its standard error is the text of the error.
fn output(command: &mut Command) -> io::Result<String> {
    let output = command.stdin(Stdio::null()).output()?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(io::Error::other(text(&output.stderr)))
    }
}

/// Sends a signal to processes. Those that have ended are passed over.
fn signal(name: &str, pids: &[u32]) -> io::Result<()> {
    if pids.is_empty() {
        return Ok(());
    }
    let pids = pids.iter().map(ToString::to_string);
    let mut kill = Command::new("kill");
    kill.arg(format!("-{name}")).args(pids).stderr(Stdio::null()).status().map(drop)
}

fn end(mut caretaker: Child) -> io::Result<()> {
    drop(caretaker.stdin.take());
    caretaker.wait().map(drop)
}

impl Identity {
    /// Writes the identity to the server's folder. Returns a free port.
    fn install(&self, folder: &Path, user: Option<User>) -> io::Result<u16> {
        let files = [
            ("server.crt", &*self.certificate),
            ("server.key", &*self.key),
            ("tls.conf", TLS_ONLY),
        ];
        for (name, text) in files {
            let path = folder.join("data").join(name);
            let mut file =
                OpenOptions::new().create_new(true).write(true).mode(0o600).open(&path)?;
            file.write_all(text.as_bytes())?;
            if let Some(User { uid, gid }) = user {
                chown(&path, Some(uid), Some(gid))?;
            }
        }
        Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
    }
}

fn in_ci() -> bool {
    env::var("CI").is_ok_and(|ci| ci == "true")
}

fn spawn(
    binaries: &Path,
    user: Option<User>,
    folder: &Path,
    port: Option<u16>,
) -> io::Result<Child> {
    let log = OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    let listening = match port {
        None => vec!["listen_addresses=".to_owned()],
        Some(port) => vec![
            "listen_addresses=127.0.0.1,::1".to_owned(),
            format!("port={port}"),
            "ssl=on".to_owned(),
            format!("hba_file={}", folder.join("data/tls.conf").display()),
        ],
    };
    as_user(&binaries.join("postgres"), user, folder)
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "max_connections=200"])
        // A crashed server leaves no shared memory behind beside its folder.
        .args(["-c", "dynamic_shared_memory_type=mmap"])
        .args(listening.iter().flat_map(|setting| ["-c", setting.as_str()]))
        .stdin(Stdio::null())
        .stdout(log.try_clone()?)
        .stderr(log)
        .process_group(0)
        .spawn()
}

fn as_user(program: &Path, user: Option<User>, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(folder).env("LC_ALL", "C");
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
    command
}

/// The folder with `initdb` and `postgres`: Debian's newest version, or one of `PATH`.
fn binaries() -> io::Result<PathBuf> {
    let version = |folder: &Path| -> u32 {
        let name = folder.parent().and_then(Path::file_name).and_then(|name| name.to_str());
        name.and_then(|name| name.parse().ok()).unwrap_or_default()
    };
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).collect();
    folders.sort_by_key(|folder| std::cmp::Reverse(version(folder)));
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    let has_both = |folder: &PathBuf| {
        ["initdb", "postgres", "createdb"].iter().all(|name| folder.join(name).is_file())
    };
    folders.into_iter().find(has_both).ok_or_else(|| {
        let problem = "initdb, postgres and createdb are not installed here: no folder of `PATH`, \
                       nor /usr/lib/postgresql/*/bin, has all three";
        io::Error::new(ErrorKind::NotFound, problem)
    })
}

/// A new folder that only its owner may enter. The name is short: a socket's path has 107 bytes.
fn folder() -> io::Result<PathBuf> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("ecp-postgres-{}-{number}", process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            done => return done.map(|()| folder),
        }
    }
}

/// User that runs the server: the owner of this process, or an unprivileged user if that is root.
fn user(own: &Path) -> io::Result<Option<User>> {
    if fs::metadata(own)?.uid() != 0 {
        return Ok(None);
    }
    let users = fs::read_to_string("/etc/passwd")?;
    let find = |name: &str| {
        users.lines().find_map(|line| {
            let mut fields = line.split(':');
            let found = fields.next() == Some(name);
            let uid = fields.nth(1)?.parse().ok()?;
            let gid = fields.next()?.parse().ok()?;
            found.then_some(User { uid, gid })
        })
    };
    let user = find("postgres").or_else(|| find("nobody"));
    user.map(Some).ok_or_else(|| {
        io::Error::other(
            "Postgres does not run as root, and this machine has neither a user `postgres` nor a \
             user `nobody` to run it as: add one, or run the tests as another user",
        )
    })
}

#[cfg(test)]
mod tests {

    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_server_comes_back_after_a_kill_and_leaves_nothing_behind() {
        let Some(mut server) = Server::start_or_skip("a throwaway server's life") else { return };
        let first = server.database().unwrap();
        assert_ne!(first, server.database().unwrap());
        let socket = server.folder.join(".s.PGSQL.5432");
        UnixStream::connect(&socket).unwrap();
        server.kill().unwrap();
        // The process of the connection above may be starting, and has the socket until it is up.
        let patience = Instant::now() + PATIENCE;
        while UnixStream::connect(&socket).is_ok() {
            assert!(Instant::now() < patience, "a killed server accepts connections");
            thread::sleep(Duration::from_millis(10));
        }
        server.restart().unwrap();
        UnixStream::connect(&socket).unwrap();
        let folder = server.folder.clone();
        drop(server);
        UnixStream::connect(&socket).unwrap_err();
        assert!(!folder.exists());
    }
}
