//! The embedded store: one file, one writing process, no server.
//!
//! SQLite runs in WAL mode with `synchronous=FULL`: a committed transaction survives the death of
//! the process and the loss of power. One thread writes, and queued writes share one commit, so
//! that many callbacks share one wait for the disk. Other processes may open the same file on the
//! same machine; network file systems are not supported.
//!
//! Before and after each commit, and before each read, the file's name is checked: a file that was
//! removed, moved or replaced under a running service is no longer written or read
//! ([`InboxErrorKind::Removed`]). An inbox that takes its place is opened, and so is the file when
//! it returns.

mod checkup;
mod database;
mod error;
mod held;
mod options;
mod outbox;
mod read;
mod schema;
mod transaction;
mod write;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{Callback, VerifiedStatus};
use ecp_core::{Clock, PaymentId, ProjectId, Timestamp};
use ecp_notify::Verified;
pub use rusqlite;
use rusqlite::Connection;
use tokio::sync::Notify;
use tokio::time::timeout;

use self::database::Database;
use self::error::Error;
pub use self::options::SqliteOptions;
use self::read::Readers;
use self::schema::Change;
use self::writer::Writer;
use crate::accept::{self, Record};
use crate::clock::{self, SetBack};
use crate::entry::{
    Claim, Claimed, ClaimedHeld, Delivery, Entry, EntryId, Finish, Query, Question, Stats, Version,
};
use crate::error::{InboxError, InboxErrorKind};
use crate::hold::Hold;
use crate::inbox::{Accepted, Inbox, Release};
use crate::outbox::{LEASE, Publication, PublisherId};
use crate::state::PaymentState;
use crate::telemetry;

/// An inbox in a SQLite file, opened by [`SqliteInbox::open`], or with options by
/// [`SqliteOptions::open`]. Clones share the open inbox.
#[derive(Clone, Debug)]
pub struct SqliteInbox {
    writer: Writer,
    readers: Arc<Readers>,
    clock: Arc<dyn Clock>,
    set_back: Arc<SetBack>,
    wake: Arc<Notify>,
    hold: Hold,
}

impl SqliteOptions {
    /// Opens the inbox in the file at `path`. A missing file is created, and tables of an older
    /// version are migrated, unless [`SqliteOptions::existing_only`] is set. So a wrong path makes
    /// a new, empty inbox.
    pub async fn open(self, path: impl AsRef<Path>) -> Result<SqliteInbox, InboxError> {
        let path = path.as_ref().to_owned();
        let opened = tokio::task::spawn_blocking(move || self.open_now(path)).await;
        let closed = |_| InboxError::plain(InboxErrorKind::Closed, OPENING);
        opened.map_err(closed)?.map_err(|error| error.doing(OPENING))
    }

    fn open_now(self, path: PathBuf) -> Result<SqliteInbox, Error> {
        // SQLite would open these as databases in memory, one for each connection.
        let text = path.as_os_str();
        if text.is_empty() || text == ":memory:" {
            let cause = "an inbox is a file on the disk: name one";
            return Err(InboxError::new(InboxErrorKind::NoInbox, OPENING, cause).into());
        }
        if self.change == Change::Allowed {
            let open = ecp_files::prepare_database(&path)
                .map_err(|error| InboxError::new(InboxErrorKind::Unavailable, OPENING, error))?;
            if let Some(open) = open {
                let path = open.display().to_string();
                tracing::warn!(
                    path,
                    "other users may read the inbox, and only the file's owner can change that"
                );
            }
        }
        let database = Database::open(self.clone(), path.clone())?;
        let readers = Readers::new(path, self.busy, database.current());
        Ok(SqliteInbox {
            writer: Writer::start(database)?,
            readers: Arc::new(readers),
            clock: self.clock,
            set_back: Arc::default(),
            wake: Arc::default(),
            hold: self.hold,
        })
    }
}

const OPENING: &str = "opening the inbox";

impl SqliteInbox {
    /// Opens or creates the inbox in the file at `path`, with the default [`SqliteOptions`]. So a
    /// wrong path makes a new, empty inbox. Tables of an older version are migrated.
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, InboxError> {
        SqliteOptions::new().open(path).await
    }

    async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        doing: &'static str,
        work: impl FnMut(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, InboxError> {
        self.writer.write(name, work).await.map_err(|error| error.doing(doing))
    }

    async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl Fn(&Connection) -> Result<T, Error> + Send + Sync + 'static,
    ) -> Result<T, InboxError> {
        let work = Arc::new(work);
        let mut is_second = false;
        loop {
            if is_second || !self.readers.is_current() {
                // The writer thread opens the current file.
                self.write("look", doing, |_| Ok(())).await?;
            }
            let shared = Arc::clone(&work);
            match self.readers.read(doing, move |connection| shared(connection)).await {
                // The writer may have closed its connection in between, over the same file.
                Err(error) if error.kind() == InboxErrorKind::Removed && !is_second => {
                    is_second = true;
                }
                read => return read,
            }
        }
    }

    async fn replay(&self, id: EntryId, version: Option<Version>) -> Result<bool, InboxError> {
        let now = self.now();
        let work = move |connection: &Connection| write::replay(connection, id, version, now);
        let replayed = self.write("replay", "replaying a callback", work).await?;
        telemetry::replayed(id, replayed);
        self.wake.notify_one();
        Ok(replayed)
    }

    fn now(&self) -> i64 {
        clock::now(&*self.clock)
    }
}

impl crate::inbox::sealed::Sealed for SqliteInbox {}

#[async_trait]
impl Inbox for SqliteInbox {
    async fn accept(&self, callback: &Verified<Callback>) -> Result<Accepted, InboxError> {
        let record = Record::of(callback, self.hold);
        let (project, payment) = (record.project, record.payment.clone());
        let is_ambiguous = record.is_ambiguous;
        let now = self.now();
        let written = async {
            let written = self.writer.accept(record, now).await;
            written.map_err(|error| error.doing("storing a callback"))
        };
        let accepted = telemetry::accept(project, payment.as_ref(), is_ambiguous, written).await?;
        if matches!(accepted, Accepted::New(_)) {
            self.wake.notify_one();
        }
        Ok(accepted)
    }

    async fn claim(&self, claim: &Claim) -> Result<Claimed, InboxError> {
        let Claim { limit, lease, attempts } = *claim;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (lease, now) = (clock::milliseconds(lease), self.now());
        let look = self.set_back.look(&*self.clock, now, lease);
        let work = move |connection: &Connection| {
            if let Some(look) = look {
                write::bring_back(connection, look, lease, now)?;
            }
            write::claim(connection, limit, lease, attempts, now)
        };
        let claimed = self.write("claim", "claiming callbacks", work).await?;
        if look.is_some() {
            self.set_back.looked(&*self.clock);
        }
        Ok(claimed)
    }

    async fn finish(&self, delivery: &Delivery, finish: Finish) -> Result<bool, InboxError> {
        let (delivery, now) = (delivery.clone(), self.now());
        let work =
            move |connection: &Connection| write::finish(connection, &delivery, &finish, now);
        let finished = self.writer.write_whole("finish", work).await;
        finished.map_err(|error| error.doing("finishing a callback"))
    }

    async fn wait(&self, at_most: Duration) {
        // A timeout is not a failure.
        drop(timeout(at_most, self.wake.notified()).await);
    }

    async fn payment(
        &self,
        project: ProjectId,
        payment: &PaymentId,
    ) -> Result<Option<PaymentState>, InboxError> {
        let (project, payment) = (accept::number(project), payment.clone());
        self.read("reading a payment", move |connection| {
            read::payment(connection, project, &payment)
        })
        .await
    }

    async fn entries(&self, query: &Query) -> Result<Vec<Entry>, InboxError> {
        let query = query.clone();
        let work = move |connection: &Connection| read::entries(connection, &query);
        self.read("listing callbacks", work).await
    }

    async fn entry(&self, id: EntryId) -> Result<Option<Entry>, InboxError> {
        self.read("reading a callback", move |connection| read::entry(connection, id)).await
    }

    async fn replay(&self, id: EntryId) -> Result<bool, InboxError> {
        Self::replay(self, id, None).await
    }

    async fn replay_version(&self, id: EntryId, version: Version) -> Result<bool, InboxError> {
        Self::replay(self, id, Some(version)).await
    }

    async fn claim_held(&self, claim: &Claim) -> Result<ClaimedHeld, InboxError> {
        let Claim { limit, lease, attempts } = *claim;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let (lease, now) = (clock::milliseconds(lease), self.now());
        let look = self.set_back.look(&*self.clock, now, lease);
        let work = move |connection: &Connection| {
            if let Some(look) = look {
                write::bring_back(connection, look, lease, now)?;
            }
            held::claim(connection, limit, lease, attempts, now)
        };
        let claimed = self.write("claim_held", "claiming callbacks that are held", work).await?;
        if look.is_some() {
            self.set_back.looked(&*self.clock);
        }
        Ok(claimed)
    }

    async fn postpone(
        &self,
        question: &Question,
        after: Option<Duration>,
        reason: &str,
    ) -> Result<bool, InboxError> {
        let (question, reason, now) = (question.clone(), reason.to_owned(), self.now());
        let work = move |connection: &Connection| {
            held::postpone(connection, &question, after, &reason, now)
        };
        self.write("postpone", "storing why a callback stays held", work).await
    }

    async fn release(&self, id: EntryId, answer: &VerifiedStatus) -> Result<Release, InboxError> {
        let (answer, now) = (answer.clone(), self.now());
        let work = move |connection: &Connection| held::release(connection, id, &answer, now);
        let decided = self.write("release", "releasing a callback", work).await?;
        telemetry::released(id, &decided);
        self.wake.notify_one();
        Ok(decided.release)
    }

    async fn remove_bodies(&self, before: Timestamp) -> Result<u64, InboxError> {
        let before = before.unix_seconds().saturating_mul(1000);
        let (mut removed, mut last) = (0, 0);
        loop {
            let work =
                move |connection: &Connection| write::remove_bodies(connection, before, last);
            let Some((count, id)) = self.write("remove_bodies", "removing bodies", work).await?
            else {
                break;
            };
            (removed, last) = (removed + count, id);
        }
        // The removed bodies are still in the log. A reader may block this; then the next run does
        // it.
        if let Err(error) = self.readers.empty_log("emptying the log").await {
            tracing::debug!("error.type" = error.kind().as_str(), "the log was not emptied");
        }
        telemetry::bodies_removed(removed);
        Ok(removed)
    }

    async fn keep_outbox(&self, keep: bool) -> Result<(), InboxError> {
        let work = move |connection: &Connection| outbox::keep(connection, keep);
        self.write("keep_outbox", "turning the outbox on or off", work).await
    }

    async fn publications(
        &self,
        publisher: PublisherId,
        limit: usize,
    ) -> Result<Vec<Publication>, InboxError> {
        const READING: &str = "reading the outbox";
        let look = move |connection: &Connection| outbox::look(connection, publisher);
        let (is_empty, until) = self.read(READING, look).await?;
        if is_empty {
            return Ok(Vec::new());
        }
        // Writing waits for the disk, so a lease is renewed when half of it is over.
        let (now, lease) = (self.now(), clock::milliseconds(LEASE));
        if !until.is_some_and(|until| (now + lease / 2..=now + lease).contains(&until)) {
            let work = move |connection: &Connection| outbox::lease(connection, publisher, now);
            if !self.write("lease_outbox", READING, work).await? {
                return Ok(Vec::new());
            }
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.read(READING, move |connection| outbox::read(connection, limit)).await
    }

    async fn published(&self, publications: &[Publication]) -> Result<(), InboxError> {
        let published: Vec<(i64, i64)> =
            publications.iter().map(|one| (one.place, one.id.get())).collect();
        let work = move |connection: &Connection| outbox::remove(connection, &published);
        self.write("published", "removing what was published from the outbox", work).await
    }

    async fn stats(&self) -> Result<Stats, InboxError> {
        self.read("counting callbacks", read::stats).await
    }
}
