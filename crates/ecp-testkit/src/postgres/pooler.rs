//! A pgbouncer in front of a throwaway server.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

use super::{PATIENCE, Server, User, as_user, in_ci, signal};

/// Stops the pooler when its input ends, which happens when the owner's process ends.
const CARETAKER: &str = r#"
"$1" "$2" >/dev/null 2>&1 &
pid=$!
cat >/dev/null
kill -TERM "$pid" 2>/dev/null
wait "$pid"
"#;

const PORT: u16 = 6432;

/// A pgbouncer connection pooler in transaction mode: each transaction may use another connection
/// to the Postgres server. It listens on a Unix socket in the server's folder, and ends when the
/// value is dropped or the process that started it ends. [`Pooler::before`] gives the connection
/// strings for clients.
#[derive(Debug)]
pub struct Pooler {
    caretaker: Child,
    folder: PathBuf,
    connections: u32,
}

impl Pooler {
    /// Starts pgbouncer with at most this many connections to the server for each database. If
    /// pgbouncer is not installed, returns `None` and prints to standard error that a test is
    /// skipped; `left_out` is the name of the test.
    ///
    /// # Panics
    ///
    /// If pgbouncer does not start, or if it is not installed and the environment has `CI=true`.
    pub fn start_or_skip(server: &Server, connections: u32, left_out: &str) -> Option<Self> {
        match Self::start(server, connections) {
            Ok(pooler) => Some(pooler),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                assert!(!in_ci(), "{left_out} needs pgbouncer: {error}");
                eprintln!("left out: {left_out} ({error})");
                None
            }
            Err(error) => panic!("pgbouncer does not start: {error}"),
        }
    }

    /// Starts pgbouncer with at most this many connections to the server for each database. If
    /// pgbouncer is not installed, the error has the kind [`ErrorKind::NotFound`].
    pub fn start(server: &Server, connections: u32) -> io::Result<Self> {
        let program = program()?;
        let folder = server.folder.as_path();
        let settings = folder.join("pgbouncer.ini");
        fs::write(&settings, self::settings(folder, server, connections))?;
        if let Some(User { uid, gid }) = server.user {
            chown(&settings, Some(uid), Some(gid))?;
        }
        let caretaker = as_user(Path::new("/bin/sh"), server.user, folder)
            .args(["-c", CARETAKER, "caretaker"])
            .args([&program, &settings])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()?;
        let pooler = Self { caretaker, folder: folder.to_owned(), connections };
        let socket = folder.join(format!(".s.PGSQL.{PORT}"));
        let patience = Instant::now() + PATIENCE;
        while UnixStream::connect(&socket).is_err() {
            if Instant::now() > patience {
                let log = fs::read_to_string(folder.join("pgbouncer.log")).unwrap_or_default();
                let problem = format!("pgbouncer is not ready after a minute: {log}");
                return Err(io::Error::new(ErrorKind::TimedOut, problem));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(pooler)
    }

    /// Makes new connections lead to another server, such as a promoted standby. The pooler's files
    /// stay in the folder of the server that it was started for, so keep that server's value as
    /// long as the pooler.
    pub fn lead_to(&self, server: &Server) -> io::Result<()> {
        let settings = self::settings(&self.folder, server, self.connections);
        fs::write(self.folder.join("pgbouncer.ini"), settings)?;
        let pid = fs::read_to_string(self.folder.join("pgbouncer.pid"))?;
        let pid = pid
            .trim()
            .parse()
            .map_err(|_| io::Error::other("pgbouncer.pid holds no process id: is pgbouncer up?"))?;
        signal("HUP", &[pid])
    }

    /// Returns the connection string that leads to the same database through the pooler. `database`
    /// is a connection string from [`Server::database`].
    pub fn before(&self, database: &str) -> String {
        let rest = database.split(' ').filter(|pair| !pair.starts_with("port="));
        rest.chain([format!("port={PORT}").as_str()]).collect::<Vec<_>>().join(" ")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.caretaker.stdin.take());
        let _ = self.caretaker.wait();
    }
}

fn settings(folder: &Path, server: &Server, connections: u32) -> String {
    let (folder, host) = (folder.display(), server.folder.display());
    let port = server.port.unwrap_or(5432);
    format!(
        "[databases]
* = host={host} port={port} user=postgres
[pgbouncer]
listen_port = {PORT}
unix_socket_dir = {folder}
logfile = {folder}/pgbouncer.log
pidfile = {folder}/pgbouncer.pid
server_login_retry = 1
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
max_client_conn = 1000
"
    )
}

fn program() -> io::Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let program = folders.map(|folder| folder.join("pgbouncer")).find(|program| program.is_file());
    program.ok_or_else(|| {
        io::Error::new(ErrorKind::NotFound, "pgbouncer is not in `PATH` or /usr/sbin here")
    })
}
