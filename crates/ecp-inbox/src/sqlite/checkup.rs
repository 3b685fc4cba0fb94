//! What a file of an inbox and its place promise, and what is missing.

use std::path::Path;

use rusqlite::Connection;

use super::SqliteOptions;
use super::error::Error;
use crate::checkup::{Finding, Findings, Topic};

/// `PRAGMA synchronous` of a connection that waits for the disk at each commit.
const FULL: i64 = 2;

impl SqliteOptions {
    /// Examines the inbox in a file: durability, copies, clocks, the rights on the file, and
    /// versions. Makes no inbox, and changes no table; like any opening, it may make the log
    /// (`-wal`, `-shm`) beside the file. Whatever cannot be examined is a [`Finding`] too, so there
    /// is always a result.
    pub async fn examine(self, path: impl AsRef<Path>) -> Vec<Finding> {
        let mut to = Findings::default();
        let clock = self.clock.clone();
        to.fine(Topic::Versions, format!("SQLite is {}", rusqlite::version()));
        match self.existing_only().open(&path).await {
            Ok(inbox) => {
                to.fine(Topic::Connection, "the file can be opened");
                to.fine(Topic::Versions, "the tables are those of this version");
                match inbox.write("examine", "examining the inbox", settings).await {
                    Ok((mode, synchronous)) => durability(&mode, synchronous, &mut to),
                    Err(error) => to.error(Topic::Durability, &error),
                }
                to.newest(&inbox, &*clock).await;
                to.fine(Topic::Clock, "one machine has one clock");
            }
            Err(error) => to.error(Topic::Connection, &error),
        }
        #[cfg(unix)]
        permissions(path.as_ref(), &mut to);
        to.warning(
            Topic::Replicas,
            "callbacks are in one file on one disk",
            "back it up (docs/operations/backup.md), and reconcile with the platform after a loss; \
             a Postgres inbox with a synchronous standby survives a machine",
        );
        to.0
    }
}

/// Of the connection that writes.
fn settings(db: &Connection) -> Result<(String, i64), Error> {
    let mode = db.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    Ok((mode, db.pragma_query_value(None, "synchronous", |row| row.get(0))?))
}

fn durability(mode: &str, synchronous: i64, to: &mut Findings) {
    let topic = Topic::Durability;
    if mode == "wal" && synchronous >= FULL {
        to.fine(topic, "the journal mode is WAL with synchronous=FULL: commits are on the disk");
    } else {
        to.problem(
            topic,
            format!("the journal mode is {mode} with synchronous={synchronous}"),
            "use the file through ecp-inbox only, on a local disk",
        );
    }
}

/// The file is for its owner only, and SQLite makes its log beside it.
#[cfg(unix)]
fn permissions(path: &Path, to: &mut Findings) {
    use std::os::unix::fs::PermissionsExt;

    let topic = Topic::Permissions;
    let Ok(file) = std::fs::metadata(path) else { return };
    let mode = file.permissions().mode() & 0o777;
    let of_others = mode & 0o077;
    if of_others == 0 {
        to.fine(topic, "only the owner may read the file");
    } else {
        to.warning(
            topic,
            format!("others may read or write the file: its mode is {mode:o}"),
            "it holds personal data: `chmod 600` the file and the ones beside it (-wal, -shm)",
        );
    }
}
