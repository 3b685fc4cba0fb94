//! The pages of payout jobs, by their journals.

mod job;
#[cfg(feature = "postgres")]
mod shared;

use askama::Template;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use ecp_payouts as payouts;
use http::StatusCode;

pub(crate) use self::job::{Content, Job, Unreadable, jobs, journals};
use self::job::{Rows, rows};
use crate::page::{Parameters, Shell, html, problem, when};
use crate::parts::{Parts, Shared};
use crate::{advice, files};

const SECTION: &str = "payouts";

#[derive(Template)]
#[template(path = "payouts.html")]
struct List {
    shell: Shell,
    jobs: Vec<Job>,
}

#[derive(Template)]
#[template(path = "job.html")]
struct Page {
    shell: Shell,
    job: Job,
    show: Show,
    rows: Rows,
    /// Number of the shown page of rows, from 0.
    number: usize,
}

/// Which rows a page shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Show {
    /// Rows for which it is unknown whether money has moved.
    Unclear,
    /// Rows in one state.
    State(payouts::State),
    All,
}

impl Show {
    fn read(word: Option<&str>) -> Self {
        let state = || payouts::State::ALL.iter().find(|state| Some(state.as_str()) == word);
        match word {
            None | Some("unclear") => Self::Unclear,
            Some(_) => state().map_or(Self::All, |&state| Self::State(state)),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Unclear => "unclear",
            Self::State(state) => state.as_str(),
            Self::All => "all",
        }
    }

    fn takes(self, state: payouts::State) -> bool {
        match self {
            Self::Unclear => job::is_unclear(state),
            Self::State(only) => state == only,
            Self::All => true,
        }
    }

    fn is(self, other: Self) -> &'static str {
        if self == other { "page" } else { "false" }
    }
}

pub(crate) async fn list(State(parts): State<Shared>) -> Response {
    let shell = Shell::new(&parts, SECTION);
    if !parts.has_jobs() {
        return no_journals(shell);
    }
    html(StatusCode::OK, &List { shell, jobs: jobs(&parts).await })
}

pub(crate) async fn show(State(parts): State<Shared>, RawQuery(query): RawQuery) -> Response {
    let query = Parameters::read(query.as_deref().map(str::as_bytes));
    let shell = Shell::new(&parts, SECTION);
    let show = Show::read(query.get("show"));
    let number = query.get("page").and_then(|page| page.parse().ok()).unwrap_or(0_usize);
    let found = find(&parts, &query, move |state| show.takes(state), number).await;
    let Some((job, rows)) = found else {
        let text = "This console has no journal under this name. A journal may have been moved.";
        return problem(StatusCode::NOT_FOUND, shell, "No such payout job", text);
    };
    html(StatusCode::OK, &Page { shell, job, show, rows, number })
}

/// The job that an address names, of those that are shown: an address leads to no other one.
async fn find(
    parts: &Parts,
    query: &Parameters,
    takes: impl Fn(payouts::State) -> bool + Send + 'static,
    number: usize,
) -> Option<(Job, Rows)> {
    #[cfg(feature = "postgres")]
    if let Some(database) = query.get("database") {
        return shared::find(parts, database, query, takes, number).await;
    }
    let journals = journals(parts).await;
    let path = query.get("file").and_then(|name| files::named(&journals, name))?;
    Some(rows(path, takes, number).await)
}

fn no_journals(shell: Shell) -> Response {
    let text = "This console has no journals of payouts: a service adds them by Console::journals, \
                the command by --journal.";
    problem(StatusCode::NOT_FOUND, shell, "No payout jobs", text)
}

/// How a state is shown: as good, as bad, as to be watched, or as nothing of note.
fn tone(state: payouts::State) -> &'static str {
    match state {
        payouts::State::Success => "yes",
        state if job::is_unclear(state) => "no",
        payouts::State::Registered => "wait",
        _ => "plain",
    }
}
