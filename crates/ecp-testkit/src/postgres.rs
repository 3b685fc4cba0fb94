//! A Postgres server to throw away, from the binaries that are installed.
//!
//! It listens on a socket in a folder of its own and on no port, so that servers of other tests
//! are not in its way. It ends, and its folder goes, when the value is dropped or when the process
//! that started it ends in whatever manner.

use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use std::{env, process, thread};

/// How long a server may take to start, recovery included.
const PATIENCE: Duration = Duration::from_mins(1);

/// Waits until its input ends, which it does when the owner's process does, then stops the server
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

/// A server of its own data, durable as in production: `fsync` and `synchronous_commit` are on.
#[derive(Debug)]
pub struct Server {
    binaries: PathBuf,
    folder: PathBuf,
    user: Option<User>,
    postmaster: Child,
    caretaker: Child,
}

/// Postgres refuses to run as root; then somebody else runs it.
#[derive(Clone, Copy, Debug)]
struct User {
    uid: u32,
    gid: u32,
}

impl Server {
    /// Starts a server, or says on standard error what is left out because none is installed.
    ///
    /// # Panics
    ///
    /// When the server does not start, and when none is installed where the environment says
    /// `CI=true`: there, nothing may be left out.
    pub fn start_or_skip(left_out: &str) -> Option<Self> {
        match Self::start() {
            Ok(server) => Some(server),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let ci = env::var("CI").is_ok_and(|ci| ci == "true");
                assert!(!ci, "{left_out} needs a Postgres server: {error}");
                eprintln!("left out: {left_out} ({error})");
                None
            }
            Err(error) => panic!("the Postgres server does not start: {error}"),
        }
    }

    /// Starts a server. The error is of the kind [`ErrorKind::NotFound`] if none is installed.
    pub fn start() -> io::Result<Self> {
        let binaries = binaries()?;
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
        let made = as_user(&binaries.join("initdb"), user, &folder)
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-locale"])
            .args(["--no-sync", "--pgdata"])
            .arg(folder.join("data"))
            .output()?;
        if !made.status.success() {
            let _ = end(caretaker);
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        let postmaster = spawn(&binaries, user, &folder)?;
        let mut server = Self { binaries, folder, user, postmaster, caretaker };
        server.wait_until_ready()?;
        Ok(server)
    }

    /// Makes an empty database and returns the connection string for it, in the `key=value` form.
    pub fn database(&self) -> io::Result<String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.binaries.join("createdb"))
            .args(["--username=postgres", "--host"])
            .arg(&self.folder)
            .arg(&name)
            .output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        Ok(format!("host={} user=postgres dbname={name}", self.folder.display()))
    }

    /// Kills the server's first process with SIGKILL. The others end when they notice.
    pub fn kill(&mut self) -> io::Result<()> {
        self.postmaster.kill()?;
        self.postmaster.wait().map(drop)
    }

    /// Kills the process of one connection with SIGKILL, of the latest one. The server then ends all
    /// others and recovers by itself. `false` if nobody is connected.
    pub fn kill_backend(&self) -> io::Result<bool> {
        let parent = self.postmaster.id();
        let mut backends: Vec<u32> = Vec::new();
        for entry in fs::read_dir("/proc")?.flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse().ok());
            let Some(pid) = pid else { continue };
            // It may have ended by now.
            let read = |name| fs::read_to_string(entry.path().join(name)).unwrap_or_default();
            let is_child = || {
                let stat = read("stat");
                let after_name = stat.rsplit_once(") ").map(|(_, rest)| rest.split(' ').nth(1));
                after_name.flatten().and_then(|parent| parent.parse().ok()) == Some(parent)
            };
            if read("cmdline").starts_with("postgres: postgres ") && is_child() {
                backends.push(pid);
            }
        }
        let Some(pid) = backends.into_iter().max() else { return Ok(false) };
        let killed = Command::new("kill").args(["-KILL", &pid.to_string()]).status()?;
        Ok(killed.success())
    }

    /// Starts the server again over the same data, after it was killed.
    pub fn restart(&mut self) -> io::Result<()> {
        let patience = Instant::now() + PATIENCE;
        loop {
            // Processes of the killed server may be there for a moment and keep a new one out.
            self.postmaster = spawn(&self.binaries, self.user, &self.folder)?;
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
                return Err(io::Error::other(format!("the server ended, {status}: {log}")));
            }
            let state = fs::read_to_string(self.folder.join("data/postmaster.pid"));
            let state = state.unwrap_or_default();
            let lines: Vec<&str> = state.lines().map(str::trim).collect();
            if lines.first() == Some(&own.as_str()) && lines.get(7) == Some(&"ready") {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        Err(io::Error::new(ErrorKind::TimedOut, "the server is not ready after a minute"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Reaps the server too: the caretaker waits for a process that is there until then.
        drop(self.caretaker.stdin.take());
        let _ = self.postmaster.wait();
        let _ = self.caretaker.wait();
    }
}

fn end(mut caretaker: Child) -> io::Result<()> {
    drop(caretaker.stdin.take());
    caretaker.wait().map(drop)
}

fn spawn(binaries: &Path, user: Option<User>, folder: &Path) -> io::Result<Child> {
    let log = fs::OpenOptions::new().create(true).append(true).open(folder.join("log"))?;
    as_user(&binaries.join("postgres"), user, folder)
        .arg("-D")
        .arg(folder.join("data"))
        .arg("-k")
        .arg(folder)
        .args(["-c", "listen_addresses=", "-c", "max_connections=200"])
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

/// The folder that has `initdb` and `postgres`: of the newest version where Debian puts them,
/// or one of `PATH`.
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
        io::Error::new(ErrorKind::NotFound, "initdb and postgres are not installed here")
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

/// Who runs the server: whoever owns this process, or a user without rights if that is root.
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
    user.map(Some)
        .ok_or_else(|| io::Error::other("root may not run Postgres, and no other user can"))
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
        UnixStream::connect(&socket).unwrap_err();
        server.restart().unwrap();
        UnixStream::connect(&socket).unwrap();
        let folder = server.folder.clone();
        drop(server);
        UnixStream::connect(&socket).unwrap_err();
        assert!(!folder.exists());
    }
}
