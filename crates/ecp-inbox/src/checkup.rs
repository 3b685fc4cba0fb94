//! Findings about a store and its database: what it promises, and what keeps it from working.

use std::fmt;

use ecp_core::Clock;

use crate::clock::now;
use crate::entry::Query;
use crate::error::InboxError;
use crate::inbox::Inbox;
use crate::worker::with_causes;

/// One result of examining a store, by `SqliteOptions::examine` or `PostgresOptions::examine`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// What was examined.
    pub topic: Topic,
    /// How serious the finding is.
    pub level: Level,
    /// What was found, such as "fsync is off".
    pub text: String,
    /// What to do about it, if anything.
    pub advice: Option<String>,
}

/// How serious a [`Finding`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Level {
    /// As it should be.
    Fine,
    /// The inbox works, but is less safe than it could be, for example because callbacks are on one
    /// server only.
    Warning,
    /// The inbox does not work, or loses callbacks in a crash.
    Problem,
}

/// What a [`Finding`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Topic {
    /// Whether the database can be reached or opened.
    Connection,
    /// Versions of the database's program and of the inbox's tables.
    Versions,
    /// Whether a commit is on the disk, so that it survives a crash.
    Durability,
    /// Copies on other servers.
    Replicas,
    /// A pooler between this process and the server.
    Pooler,
    /// The clocks of this machine and of the database's.
    Clock,
    /// Rights on files, tables and sequences.
    Permissions,
}

impl Level {
    /// The level's name in outputs, such as `warning`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fine => "ok",
            Self::Warning => "warning",
            Self::Problem => "problem",
        }
    }
}

impl Topic {
    /// The topic's name in outputs, such as `durability`.
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
