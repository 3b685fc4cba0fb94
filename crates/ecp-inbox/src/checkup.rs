//! Findings about a store and its database: what it promises, and what keeps it from working.

use std::fmt;

use ecp_core::Clock;

use crate::clock::now;
use crate::entry::Query;
use crate::error::InboxError;
use crate::inbox::Inbox;
use crate::worker::with_causes;

/// One result of `SqliteOptions::examine` or `PostgresOptions::examine`, which check whether the
/// database of an inbox is safe: for example the warning that callbacks are on one server only.
/// Unless its level is [`Level::Fine`], follow its advice.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The part of the database that was examined, such as its durability.
    pub topic: Topic,
    /// How serious the result is: fine, a warning or a problem.
    pub level: Level,
    /// The result as text for a person, such as "fsync is off".
    pub text: String,
    /// Text that says what to do; `None` if the level is [`Level::Fine`].
    pub advice: Option<String>,
}

/// How serious a [`Finding`] is: one result of examining the database of an inbox. The more serious
/// level is the greater one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// As it should be: there is nothing to do.
    Fine,
    /// The inbox works, but is less safe than it could be, for example because callbacks are on one
    /// server only.
    Warning,
    /// The inbox does not work, loses callbacks in a crash, or could not be examined: follow
    /// [`Finding::advice`] before it takes callbacks.
    Problem,
}

/// The part of the database of an inbox that a [`Finding`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// Whether the database can be reached or opened.
    Connection,
    /// Whether the versions of SQLite or Postgres and of the inbox's tables fit this crate.
    Versions,
    /// Whether a commit is written to the disk before it is reported as done, so that it survives a
    /// crash.
    Durability,
    /// Whether other servers have copies of the callbacks, so that the loss of one server loses
    /// none.
    Replicas,
    /// Whether a connection pooler in transaction mode, such as pgbouncer, is between this process
    /// and the Postgres server. Behind one, `PostgresOptions::named_statements` is unsafe, unless
    /// the pooler tracks the names of statements.
    Pooler,
    /// Whether the clocks of the machines that use the inbox agree: retries and the times for which
    /// workers reserve callbacks depend on them.
    Clock,
    /// Rights on the database: whether the Postgres role may use the tables and sequences, or
    /// whether other users may read the SQLite file.
    Permissions,
}

impl Level {
    /// The level's name in output: `ok`, `warning` or `problem`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Topic {
    /// The topic's name in output, in lower case, such as `durability`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Versions => "versions",
            Self::Durability => "durability",
            Self::Replicas => "replicas",
            Self::Pooler => "pooler",
            Self::Clock => "clock",
            Self::Permissions => "permissions",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The findings so far.
#[derive(Default)]
pub(crate) struct Findings(pub(crate) Vec<Finding>);

impl Findings {
    pub(crate) fn fine(&mut self, topic: Topic, text: impl Into<String>) {
        let (text, advice) = (text.into(), None);
        self.0.push(Finding { topic, level: Level::Fine, text, advice });
    }

    pub(crate) fn warning(&mut self, topic: Topic, text: impl Into<String>, advice: &str) {
        self.add(topic, Level::Warning, text.into(), advice);
    }

    pub(crate) fn problem(&mut self, topic: Topic, text: impl Into<String>, advice: &str) {
        self.add(topic, Level::Problem, text.into(), advice);
    }

    /// An error while something was examined. Its text may come from the database.
    pub(crate) fn error(&mut self, topic: Topic, error: &InboxError) {
        let advice = "repair what the text names, and examine again: what follows was not examined";
        self.problem(topic, with_causes(error), advice);
    }

    fn add(&mut self, topic: Topic, level: Level, text: String, advice: &str) {
        self.0.push(Finding { topic, level, text, advice: Some(advice.to_owned()) });
    }

    /// Compares the newest callback's time with this machine's clock.
    pub(crate) async fn newest(&mut self, inbox: &dyn Inbox, clock: &dyn Clock) {
        let query = Query { limit: Some(1), ..Query::default() };
        match inbox.entries(&query).await {
            Err(error) => self.error(Topic::Clock, &error),
            Ok(entries) => {
                let Some(newest) = entries.first() else { return };
                let ahead = newest.received.unix_seconds().saturating_sub(now(clock) / 1000);
                if ahead > CLOCK_WARNING {
                    self.warning(
                        Topic::Clock,
                        format!("the newest callback was received {ahead} s in the future"),
                        "this machine's clock is late, or another one was early: synchronize both \
                         (chrony, systemd-timesyncd)",
                    );
                }
            }
        }
    }
}

/// Seconds between two clocks that are reported. A lease is 30 seconds by default, and clocks may
/// differ by a small part of it.
pub(crate) const CLOCK_WARNING: i64 = 2;
