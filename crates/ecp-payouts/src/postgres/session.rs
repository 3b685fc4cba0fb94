//! Connections from the pool, and what is tried again after they fail.
//!
//! Statements are sent unnamed, with the types of their parameters, and settings last for one
//! transaction. So a pooler in transaction mode may be in between.

use std::time::Duration;

use ecp_postgres::deadpool_postgres::PoolError;
use ecp_postgres::shown_message;
pub(super) use ecp_postgres::{Parameter, Session};
use tokio::time::Instant;

use crate::journal::JournalError;

/// The connections of a journal.
#[derive(Clone)]
pub(super) struct Pool {
    pub(super) connections: ecp_postgres::Pool,
    /// The longest time in which work is tried again.
    pub(super) patience: Duration,
}

/// Why work on a session failed.
pub(super) enum Failure {
    Postgres(tokio_postgres::Error),
    Pool(String),
    /// The transaction was committed on the server, and may not be on its synchronous standby,
    /// because the wait for the standby was cancelled.
    NotReplicated,
    Other(String),
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Postgres(error)
    }
}

impl Failure {
    /// Whether the same work may succeed later: the server is away, is no longer the primary, was
    /// busy, or ended a deadlock.
    fn is_passing(&self) -> bool {
        match self {
            Self::Pool(_) | Self::NotReplicated => true,
            Self::Other(_) => false,
            Self::Postgres(error) => error.code().is_none_or(|code| {
                let classes = ["08", "40", "53", "55", "57", "58"];
                // A standby is read-only.
                code.code() == "25006" || classes.iter().any(|it| code.code().starts_with(it))
            }),
        }
    }
}

impl From<Failure> for JournalError {
    fn from(failure: Failure) -> Self {
        Self::Storage(failure.into_text().into())
    }
}

impl Failure {
    /// The failure in words, for one or several errors of the journal.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Pool(text) => format!("no connection to its Postgres server: {text}"),
            Self::Other(text) => text,
            Self::NotReplicated => "a commit did not wait for the synchronous standby, because \
                                       that wait was cancelled; look after the standby"
                .to_owned(),
            Self::Postgres(error) => match error.as_db_error() {
                None => {
                    let mut text = format!("the connection to its Postgres server: {error}");
                    let mut cause = std::error::Error::source(&error);
                    while let Some(next) = cause {
                        text = format!("{text}: {next}");
                        cause = next.source();
                    }
                    text
                }
                Some(said) => {
                    let code = said.code().code();
                    let hidden =
                        "a value is refused, and not shown because it may be personal data";
                    let message = shown_message(said).unwrap_or(hidden);
                    format!("its Postgres server reports: {message} (SQLSTATE {code})")
                }
            },
        }
    }
}

impl Pool {
    pub(super) async fn session(&self) -> Result<Session, Failure> {
        match self.connections.session().await {
            Ok(session) => Ok(session),
            Err(PoolError::Backend(error)) => Err(Failure::Postgres(error)),
            Err(error) => Err(Failure::Pool(error.to_string())),
        }
    }

    /// Tries of work that is done again while the server is away.
    pub(super) fn tries(&self) -> Tries {
        Tries { end: Instant::now() + self.patience, pause: Duration::from_millis(20) }
    }
}

/// Tries of one piece of work.
pub(super) struct Tries {
    end: Instant,
    pause: Duration,
}

impl Tries {
    /// Waits before the next try and returns `None` if there is one: the work failed for a reason
    /// that passes, and patience is left. Otherwise returns the result.
    pub(super) async fn judge<T>(
        &mut self,
        done: Result<T, Failure>,
    ) -> Option<Result<T, Failure>> {
        const LONGEST: Duration = Duration::from_secs(1);
        let failure = match done {
            Err(failure) if failure.is_passing() && Instant::now() + self.pause < self.end => {
                failure
            }
            result => return Some(result),
        };
        let code = match &failure {
            Failure::Postgres(error) => error.code().map(|code| code.code().to_owned()),
            _ => None,
        };
        tracing::warn!(
            "db.response.status_code" = code,
            "the journal's Postgres server failed: trying again"
        );
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST);
        None
    }
}

/// Does work on a session until it succeeds, fails for a reason that stays, or the patience ends. The
/// work must have the same effect if it is done twice: a commit whose answer was lost may have
/// happened. (A function that takes an async closure has no future that is known to be `Send`.)
macro_rules! again {
    ($pool:expr, |$session:ident| $work:expr) => {{
        let mut tries = $pool.tries();
        loop {
            let done = async {
                let session = $pool.session().await?;
                let $session = &session;
                let done = $work;
                if !session.end() {
                    return Err($crate::postgres::session::Failure::NotReplicated);
                }
                Ok::<_, $crate::postgres::session::Failure>(done)
            };
            if let Some(result) = tries.judge(done.await).await {
                break result;
            }
        }
    }};
}
pub(super) use again;
