//! A standby of a throwaway server, and the failures that a standby is for.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::chown;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use super::{PATIENCE, Server, User, as_user, end, output, own_folder, signal, spawn};

impl Server {
    /// Starts a standby of this server: a copy of its data by `pg_basebackup`, which then receives
    /// what this server commits. The settings of this server that were made by `ALTER SYSTEM` are
    /// copied too. The standby has the same databases; [`Server::same_database`] gives their
    /// connection strings there.
    pub fn standby(&self) -> io::Result<Self> {
        let (folder, user, caretaker) = own_folder()?;
        let binaries = self.binaries.clone();
        let copied = output(
            as_user(&binaries.join("pg_basebackup"), user, &folder)
                .args(["--username=postgres", "--checkpoint=fast", "--wal-method=stream"])
                .args(["--no-sync", "--port", &self.port.unwrap_or(5432).to_string()])
                .arg("--host")
                .arg(&self.folder)
                .arg("--pgdata")
                .arg(folder.join("data")),
        );
        let postmaster = copied.and_then(|_| {
            let primary = format!(
                "primary_conninfo = 'host={} port={} user=postgres'\n",
                self.folder.display(),
                self.port.unwrap_or(5432)
            );
            let settings = folder.join("data/postgresql.auto.conf");
            OpenOptions::new().append(true).open(settings)?.write_all(primary.as_bytes())?;
            let mark = folder.join("data/standby.signal");
            fs::write(&mark, "")?;
            if let Some(User { uid, gid }) = user {
                chown(&mark, Some(uid), Some(gid))?;
            }
            spawn(&binaries, user, &folder, None)
        });
        let postmaster = match postmaster {
            Ok(postmaster) => postmaster,
            Err(error) => {
                let _ = end(caretaker);
                return Err(error);
            }
        };
        let mut standby = Self { binaries, folder, user, port: None, postmaster, caretaker };
        standby.wait_until_ready()?;
        Ok(standby)
    }

    /// Makes commits on this server wait until its standbys have them on their disks
    /// (`synchronous_standby_names`), and waits until a standby is connected. If there is none
    /// after a minute, the error has the kind [`ErrorKind::TimedOut`]; start one with
    /// [`Server::standby`] before.
    pub fn wait_for_standbys(&self) -> io::Result<()> {
        self.run(&["ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()"])?;
        let patience = Instant::now() + PATIENCE;
        let connected = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        while self.run(&[connected])? == "0" {
            if Instant::now() > patience {
                return Err(io::Error::new(
                    ErrorKind::TimedOut,
                    "no standby has connected within a minute: start one with `Server::standby`",
                ));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Makes commits on this server wait for its own disk only, no longer for standbys: takes
    /// [`Server::wait_for_standbys`] back.
    pub fn wait_for_no_standby(&self) -> io::Result<()> {
        let own = "ALTER SYSTEM RESET synchronous_standby_names";
        self.run(&[own, "SELECT pg_reload_conf()"]).map(drop)
    }

    /// Returns a connection string for the copy of a database on this server. `database` is the
    /// connection string of the same database on another server, such as the primary of this
    /// standby.
    pub fn same_database(&self, database: &str) -> String {
        let others = database.split(' ').filter(|pair| pair.starts_with("dbname="));
        let host = format!("host={} user=postgres", self.folder.display());
        let port = self.port.map(|port| format!("port={port}"));
        let words = [host].into_iter().chain(others.map(str::to_owned)).chain(port);
        words.collect::<Vec<_>>().join(" ")
    }

    /// Makes this standby a primary, and waits until it is one; after a minute the error has the
    /// kind [`ErrorKind::TimedOut`]. Its commits wait for its own disk only, since it has no
    /// standby yet.
    pub fn promote(&self) -> io::Result<()> {
        // A standby refuses `ALTER SYSTEM`.
        let settings = self.folder.join("data/postgresql.auto.conf");
        let own = b"synchronous_standby_names = ''\n";
        OpenOptions::new().append(true).open(settings)?.write_all(own)?;
        self.run(&["SELECT pg_reload_conf()"])?;
        match self.run(&["SELECT pg_promote(true, 60)"])?.as_str() {
            "t" => Ok(()),
            _ => Err(io::Error::new(
                ErrorKind::TimedOut,
                "the standby was not promoted within a minute",
            )),
        }
    }

    /// Stops the processes that send commits to standbys if `held` is true, and continues them if
    /// it is false. Meanwhile the standbys receive nothing, as over a slow network.
    pub fn hold_replication(&self, held: bool) -> io::Result<()> {
        let senders = self.processes("postgres: walsender ")?;
        signal(if held { "STOP" } else { "CONT" }, &senders)
    }

    /// Kills all processes of the server with SIGKILL, as when its machine loses power.
    /// [`Server::restart`] starts the server again, with the same data.
    pub fn crash(&mut self) -> io::Result<()> {
        // A stopped postmaster starts no process in place of a killed one.
        signal("STOP", &[self.postmaster.id()])?;
        signal("KILL", &self.processes("postgres: ")?)?;
        self.kill()?;
        // The segment that marks the data as used is released by the next start, or here.
        let state = fs::read_to_string(self.folder.join("data/postmaster.pid"))?;
        let segment = state.lines().nth(6).and_then(|line| line.split_whitespace().nth(1));
        if let Some(segment) = segment {
            output(Command::new("ipcrm").args(["--shmem-id", segment])).ok();
        }
        Ok(())
    }
}
