//! The pages as a router, and what they show.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{get, post};
use ecp_core::{Clock, SystemClock};
use ecp_inbox::{Confirm, HandlerError, Inbox};
use ecp_payouts::Owner;
#[cfg(feature = "postgres")]
use ecp_payouts::postgres::PostgresJournalReader;
use ecp_reconcile::{Reconcile, Reconciliation};

use crate::action::{ActionLog, Event};
use crate::guard::{fenced, same_origin};
use crate::parts::{Parts, Shared};
use crate::reconciliation::Comparisons;
use crate::{callbacks, overview, page, payouts, reconciliation};

/// Larger than any form of these pages.
const BODY_LIMIT: usize = 64 << 10;

/// Builder of web pages for operators. The pages have the parts that are added: callbacks by
/// [`inbox`](Self::inbox), payout jobs by [`journals`](Self::journals), reports of reconciliations
/// (comparisons of the platform with your records) by [`reports`](Self::reports).
/// [`into_router`](Self::into_router) returns the pages.
///
/// The pages protect nothing by themselves: put the login of your service in front of them, as the
/// example of the [crate](crate) does.
#[must_use]
pub struct Console {
    inbox: Option<Arc<dyn Inbox>>,
    journals: Vec<PathBuf>,
    #[cfg(feature = "postgres")]
    shared: Vec<PostgresJournalReader>,
    reports: Vec<PathBuf>,
    comparisons: Option<Comparisons>,
    gate: Option<Arc<dyn Confirm>>,
    changes: bool,
    flags: String,
    log: Option<ActionLog>,
    clock: Arc<dyn Clock>,
}

impl Console {
    /// Makes the builder of pages that show nothing yet and change nothing.
    pub fn new() -> Self {
        Self {
            inbox: None,
            journals: Vec::new(),
            #[cfg(feature = "postgres")]
            shared: Vec::new(),
            reports: Vec::new(),
            comparisons: None,
            gate: None,
            changes: false,
            flags: String::new(),
            log: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Adds the pages of an inbox: its callbacks, and what to do about those that are stuck. There
    /// is one inbox: a later call replaces it.
    pub fn inbox(self, inbox: Arc<dyn Inbox>) -> Self {
        Self { inbox: Some(inbox), ..self }
    }

    /// Adds the pages of payout jobs: the journal (the record of what a mass payout has sent) at
    /// this path or, if it is a folder, each file in it whose name ends in `.journal`. May be
    /// called again. Files that appear later in a folder are shown too, and a path that cannot be
    /// read is shown with the reason. A run keeps its journal locked until it ends: meanwhile the
    /// pages say so and show none of its rows. A journal is read anew for each page, completely: a
    /// journal of 100,000 rows takes a moment.
    pub fn journals(mut self, path: impl Into<PathBuf>) -> Self {
        self.journals.push(path.into());
        self
    }

    /// Adds the pages of the payout jobs (each the rows of one file or service) in a Postgres
    /// database, which payers share (feature `postgres`). May be called again, and with
    /// [`journals`](Self::journals). Jobs that begin later are shown too, and all are shown while
    /// payers work on them. All rows of a job are read anew for each page.
    #[cfg(feature = "postgres")]
    pub fn shared_journals(mut self, reader: PostgresJournalReader) -> Self {
        self.shared.push(reader);
        self
    }

    /// Adds the pages of reconciliations, which compare the platform with your inbox and journals:
    /// the report at this path or, if it is a folder, each file in it whose name ends in `.json` or
    /// `.jsonl`. A report is what `ecp reconcile --json` prints. A file that cannot be read as a
    /// report, or is larger than 64 MiB, is shown with the reason. May be called again. The first
    /// page mentions only the file that was written last; the list has all of them.
    pub fn reports(mut self, path: impl Into<PathBuf>) -> Self {
        self.reports.push(path.into());
        self
    }

    /// Lets operators compare the platform with the inbox and the journals of this console for a
    /// range of days, and see the differences with what to do. `owner` is the project with the base
    /// address of Gate; `begin` calls [`Reconcile::begin`] with the service's clients. By default
    /// operators can start no comparison. A comparison reads and changes nothing, so it needs no
    /// [`allow_changes`](Self::allow_changes); that it was started is an [`Event`]. One runs at a
    /// time, the results of the last ten stay in memory, each with its first 10,000 differences. If
    /// a comparison fails, its page shows the text of the error. Without an inbox and journals
    /// there is nothing to compare, and the page offers nothing.
    ///
    /// ```no_run
    /// use ecp_console::Console;
    /// use ecp_inbox::HandlerError;
    /// use ecp_payouts::Owner;
    /// use ecp_reconcile::Reconcile;
    /// # use ecp_reconcile::Reconciliation;
    /// # #[derive(Clone)] struct Clients;
    /// # impl Clients { async fn begin(&self, sides: Reconcile) -> Result<Reconciliation, HandlerError> { unimplemented!() } }
    ///
    /// # fn pages(console: Console, owner: Owner, clients: Clients) -> Console {
    /// console.comparisons(owner, move |sides: Reconcile| {
    ///     let clients = clients.clone();
    ///     async move { clients.begin(sides).await } // sides.begin(&data_api, sender)
    /// })
    /// # }
    /// ```
    pub fn comparisons<B, F>(self, owner: Owner, begin: B) -> Self
    where
        B: Fn(Reconcile) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reconciliation, HandlerError>> + Send + 'static,
    {
        let begin = Box::new(move |sides| Box::pin(begin(sides)) as _);
        Self { comparisons: Some(Comparisons::new(owner, begin)), ..self }
    }

    /// Sets how the status of a payment is requested from Gate, to release a held callback (one
    /// that waits until Gate confirms it) for handling. `confirm` is given the project of the
    /// callback: with several projects, it must choose the Gate by the project. A request that
    /// takes longer than 20 seconds counts as failed. `confirm` is used only with
    /// [`allow_changes`](Self::allow_changes). By default nothing is requested, and the pages only
    /// say which command releases the callback.
    pub fn gate(self, confirm: impl Confirm + 'static) -> Self {
        Self { gate: Some(Arc::new(confirm)), ..self }
    }

    /// Allows everybody who can open the pages to replay callbacks, and to release held ones, which
    /// wait until Gate confirms them. By default the pages change nothing. A replayed callback is
    /// handled again, also if it was done before ([`Inbox::replay`]).
    pub fn allow_changes(self) -> Self {
        Self { changes: true, ..self }
    }

    /// Sets the flags that select this console's inbox in the `ecp` commands that pages suggest,
    /// such as `--db inbox.sqlite`. By default the suggested commands name no inbox, and operators
    /// must add the flags.
    pub fn command_flags(self, flags: impl Into<String>) -> Self {
        Self { flags: format!(" {}", flags.into().trim()), ..self }
    }

    /// Sets a function that is called with each [`Event`]: what an operator changed, and whose
    /// personal data was shown. It is called before personal data is shown, after a change, and
    /// after Gate was asked, also if nothing changed. The page waits for it, so it must be quick.
    /// Events are logged (`tracing`) in any case. A later call replaces the function.
    pub fn on_event(self, log: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { log: Some(Arc::new(log)), ..self }
    }

    /// Sets the clock that gives the ages of callbacks and the times of events; by default that of
    /// the machine.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Makes an axum router with the pages at this path and below, such as `/console`, to merge with
    /// your own router or to serve alone. Give the path as browsers see it: the pages link to each
    /// other by it, so the router cannot be nested under another path.
    ///
    /// # Panics
    ///
    /// Panics if the path is not empty and does not begin with a slash, or holds `{` or `}`.
    pub fn into_router(self, path: &str) -> Router {
        let base = path.trim_end_matches('/').to_owned();
        assert!(!base.contains(['{', '}']), "the console's path must be a fixed one: {path}");
        let first = if base.is_empty() { "/" } else { base.as_str() };
        let at = |path: &str| format!("{base}{path}");
        let mut router = Router::new().route(first, get(overview::show));
        if first != "/" {
            router = router.route(&at("/"), get(overview::show));
        }
        router = router
            .route(&at("/assets/{name}"), get(page::asset))
            .route(&at("/callbacks"), get(callbacks::list))
            .route(&at("/callbacks/replay"), post(callbacks::replay))
            .route(&at("/callbacks/{id}"), get(callbacks::show))
            .route(&at("/callbacks/{id}/body"), post(callbacks::body))
            .route(&at("/callbacks/{id}/release"), post(callbacks::release))
            .route(&at("/payouts"), get(payouts::list))
            .route(&at("/payouts/job"), get(payouts::show))
            .route(&at("/reconciliation"), get(reconciliation::list))
            .route(&at("/reconciliation/compare"), post(reconciliation::compare))
            .route(&at("/reconciliation/report"), get(reconciliation::show));
        let mut parts = Parts {
            base,
            inbox: self.inbox,
            journals: self.journals,
            #[cfg(feature = "postgres")]
            shared: self.shared,
            reports: self.reports,
            comparisons: self.comparisons,
            gate: self.gate,
            changes: self.changes,
            flags: self.flags,
            log: self.log,
            clock: self.clock,
        };
        if parts.inbox.is_none() && !parts.has_jobs() {
            parts.comparisons = None;
        }
        router
            .with_state(Shared::new(parts))
            .layer(DefaultBodyLimit::max(BODY_LIMIT))
            .layer(middleware::from_fn(same_origin))
            .layer(middleware::map_response(fenced))
    }
}

impl Default for Console {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Console {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Console")
            .field("inbox", &self.inbox)
            .field("journals", &self.journals)
            .field("reports", &self.reports)
            .field("changes", &self.changes)
            .finish_non_exhaustive()
    }
}
