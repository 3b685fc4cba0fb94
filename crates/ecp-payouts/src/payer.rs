//! Payers, which send a plan row by row.

use std::sync::Arc;
use std::time::Duration;

use ecp_core::model::{About, Code};
use ecp_core::observe::Metric;
use ecp_methods::mass_file::RowKind;
use ecp_methods::{Operation, Payout, Prepared, Refund, Rule};
use ecp_transport::{Gate, GateError, Intents, Sender};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tracing::Instrument;
use tracing::field::Empty;

use crate::evidence::{RowInProgress, ended, failed, has_ended, is_refused, refused, registered};
use crate::journal::{Held, JournalError, JournalStore, State, Store};
use crate::plan::Plan;
use crate::progress::{Counts, Progress, Stop};
use crate::refunds;
use crate::row::RowRequest;
use crate::run::Run;
use crate::settings::Settings;

/// All metrics that this crate reports: how long each payout or refund took. They go to the
/// observer of the payer's [`Gate`], which also receives the metrics of each request.
pub const METRICS: &[&Metric] = &[&ROW];

static ROW: Metric = Metric::duration(
    "ecp.payouts.row.duration",
    "One row of a plan in one run, from its turn to its end or to what this run knows of it",
    &["ecp.method", "ecp.outcome"],
);

/// Sends the payouts and refunds of a plan, which is a checked file, and records each request and
/// its result in a journal. Each row is a `tracing` span, and the requests of the row are spans in
/// it.
///
/// ```no_run
/// use std::path::Path;
/// use ecp_core::{ProjectId, SecretKey};
/// use ecp_methods::Registry;
/// use ecp_payouts::{Journal, Layout, Owner, Payer, Plan, Settings, Stop, write_results};
/// use ecp_transport::{GATE_URL, Gate, ReqwestTransport};
///
/// # async fn pay(file: Vec<u8>, key: SecretKey) -> Result<(), Box<dyn std::error::Error>> {
/// let project = ProjectId::new(1236)?;
/// let plan = Plan::read(file, &Layout::new(), &Registry::builtin(), project)?;
/// let path = Path::new("payouts.journal");
/// let journal = Journal::open(path, &Owner::new(project, GATE_URL))?;
/// let gate = Gate::new(project, &key, ReqwestTransport::new()?);
/// let counts = Payer::new(gate, journal, Settings::new()).run(&plan, &Stop::new(), &()).await?;
/// println!("{} paid, {} declined", counts.success, counts.decline);
/// write_results(&plan, &Journal::read(path)?, std::fs::File::create("results.csv")?)?;
/// # Ok(())
/// # }
/// ```
///
/// Clones share the journal, and the limits on requests. [`Payer::pay`] is for single payouts.
#[derive(Clone, Debug)]
pub struct Payer {
    sender: Sender,
    pub(crate) journal: Arc<dyn Store>,
    pub(crate) settings: Settings,
}

/// Time of a call beyond that of its evidence.
const BEYOND: Duration = Duration::from_mins(1);

impl Payer {
    /// Makes a payer that sends payouts and refunds through `gate` and records them in `journal`.
    /// The project of `gate` must be that of the plan and of the journal's [`Owner`](crate::Owner),
    /// and its base address that of the owner. This is not checked, so take both from one place: a
    /// journal of a sandbox does not know what was paid on the platform, and its rows could be paid
    /// twice.
    pub fn new(gate: Gate, journal: impl JournalStore, settings: Settings) -> Self {
        let Settings { policy, not_found_after, .. } = &settings;
        let policy = policy
            .clone()
            .wait_for_budget(true)
            .not_found_after(*not_found_after)
            .deadline(not_found_after.saturating_add(BEYOND));
        let sender = Sender::new(gate, policy);
        let sender = match journal.limits() {
            Some(limits) => sender.shared_limits(limits),
            None => sender,
        };
        Self { sender, journal: Arc::new(journal), settings }
    }

    /// Sends every row of the plan that was not sent yet, and waits for its result, at most for
    /// [`Settings::patience`]. For a row that may have been sent, it requests the status first. It
    /// sends a payout of unknown outcome again only if the platform does not know that payment
    /// ([`Settings::not_found_after`]). It never sends again a payout that the platform has
    /// registered, a refund, or a row that ended in an error: it only requests their status.
    ///
    /// Before that, all rows are compared with the journal: if a value of a row was changed after
    /// the row may have been sent, nothing is sent. A changed id is found by its looks only
    /// ([`Plan::check_against`]): a row under an id that looks different is a new row, and is paid.
    ///
    /// Dropping the call, the end of the process, or an error (of the journal) leaves a journal
    /// from which the next run continues. Call it inside a tokio runtime.
    pub async fn run(
        self,
        plan: &Plan,
        stop: &Stop,
        progress: &dyn Progress,
    ) -> Result<Counts, JournalError> {
        let project = self.sender.gate().project();
        let span = tracing::info_span!(
            "ecp.payouts",
            "ecp.project_id" = project.get(),
            "ecp.payouts.rows" = plan.len(),
            "ecp.payouts.success" = Empty,
            "ecp.payouts.decline" = Empty,
            "ecp.payouts.error" = Empty,
            "ecp.payouts.unknown" = Empty,
            "ecp.payouts.not_sent" = Empty,
        );
        let run = Run::new(self, plan, stop, progress, span.clone());
        let counts = run.finish().instrument(span.clone()).await?;
        span.record("ecp.payouts.success", counts.success)
            .record("ecp.payouts.decline", counts.decline)
            .record("ecp.payouts.error", counts.error)
            .record("ecp.payouts.unknown", counts.unknown)
            .record("ecp.payouts.not_sent", counts.not_sent);
        Ok(counts)
    }

    /// Processes a reserved row until its end, at least for this run.
    pub(crate) async fn row(
        &self,
        request: &RowRequest,
        held: Held,
        stop: &Stop,
        stored: watch::Sender<Option<State>>,
    ) -> Result<State, JournalError> {
        let method = request.spec().code();
        let span = tracing::info_span!(
            "ecp.payouts.row",
            "ecp.project_id" = self.sender.gate().project().get(),
            "ecp.payment_id" = request.payment_id().as_str(),
            "ecp.method" = method,
            "ecp.outcome" = Empty,
        );
        let meter = self.sender.gate().meter().clone();
        let begun = Instant::now();
        let line = Arc::new(RowInProgress::new(
            Arc::clone(&self.journal),
            held,
            Arc::clone(&self.settings.clock),
            stop.clone(),
            request,
            self.digest(request),
            stored,
        ));
        let state = async {
            match request {
                RowRequest::Payout(prepared) => self.pay_out(prepared, &line).await,
                RowRequest::Refund(prepared) => self.refund_row(prepared, &line).await,
            }
        };
        let state = state.instrument(span.clone()).await;
        let outcome = match &state {
            Ok(state) => state.label(),
            Err(JournalError::Lost { .. }) => "taken_over",
            Err(_) => "failed",
        };
        span.record("ecp.outcome", outcome);
        meter.took(&ROW, begun.elapsed(), &[("ecp.method", method), ("ecp.outcome", outcome)]);
        state
    }

    async fn pay_out(
        &self,
        prepared: &Prepared<Payout>,
        line: &Arc<RowInProgress>,
    ) -> Result<State, JournalError> {
        let before = line.entry();
        let mut pause = self.first_question(prepared.spec().rule(Operation::PAYOUT));
        if matches!(before.state, State::Registered | State::Error) {
            // An earlier run has waited for a part of it.
            pause = pause.saturating_sub(self.age(line));
        } else {
            let state = self.send(prepared, line).await?;
            if state != State::Registered {
                return Ok(state);
            }
        }
        self.wait(prepared, line, pause).await
    }

    /// Sends a refund if it was never sent, and otherwise only requests the payment's status: no
    /// answer says that a refund does not exist.
    async fn refund_row(
        &self,
        prepared: &Prepared<Refund>,
        line: &Arc<RowInProgress>,
    ) -> Result<State, JournalError> {
        let before = line.entry();
        let mut pause = self.first_question(prepared.spec().rule(Operation::REFUND));
        if before.state == State::NotSent {
            let sender = self.sender.clone().intents(Arc::clone(line) as Arc<dyn Intents>);
            match sender.send(prepared).await {
                Ok(sent) => line.keep(|entry| registered(entry, &sent)).await?,
                Err(error) => {
                    let state = line.keep(|entry| failed(entry, &error, RowKind::Refund)).await?;
                    if stops(error.error(), line) {
                        return Ok(state);
                    }
                    if is_refused(&error) {
                        let answer = self.sender.status(prepared.payment_id()).await;
                        if let Err(error) = &answer {
                            stops(error, line);
                        }
                        return line.keep(|entry| refunds::refused(entry, prepared, &answer)).await;
                    }
                    if state == State::NotSent {
                        return Ok(state);
                    }
                    state
                }
            };
        } else {
            // An earlier run has waited for a part of it.
            pause = pause.saturating_sub(self.age(line));
        }
        self.wait_for_refund(prepared, line, pause).await
    }

    /// Requests the payment's status until the refund has ended. Without evidence that the platform
    /// has the refund, no longer than such evidence may take, or than a refund that may be this one
    /// is going on.
    async fn wait_for_refund(
        &self,
        prepared: &Prepared<Refund>,
        line: &RowInProgress,
        pause: Duration,
    ) -> Result<State, JournalError> {
        let mut questions = self.questions(prepared.spec().rule(Operation::REFUND), pause);
        let patience = questions.end;
        let before = line.entry();
        if before.state == State::Error {
            questions.end = Instant::now() + pause;
        } else if before.request_id.is_none() {
            let left = self.settings.not_found_after.saturating_sub(self.age(line));
            questions.end = questions.end.min(Instant::now() + left.max(pause));
        }
        let usual = questions.end;
        loop {
            if !questions.pause(line).await {
                return Ok(line.entry().state);
            }
            let answer = self.sender.status(prepared.payment_id()).await;
            let stops = answer.as_ref().is_err_and(|error| stops(error, line));
            if let Ok(status) = &answer {
                // Looked at in a copy first: most answers change nothing.
                let mut entry = line.entry();
                if refunds::look(&mut entry, prepared, status) {
                    let state = line.keep(|kept| *kept = entry).await?;
                    if state == State::Decline {
                        stops_as_declined(line.entry().code.as_deref(), line);
                    }
                    return Ok(state);
                }
                let waits = refunds::is_going_on(prepared, status) && before.state != State::Error;
                questions.end = if waits { patience } else { usual };
            }
            if stops || questions.are_over() {
                return line.keep(|entry| refunds::open(entry, prepared, &answer)).await;
            }
        }
    }

    /// Time from a request to the first status request.
    fn first_question(&self, rule: Option<&Rule>) -> Duration {
        let first = self.settings.first_question;
        first.or_else(|| rule?.average_time()).unwrap_or(Duration::from_secs(30))
    }

    /// The status requests of a row that may have been registered.
    fn questions(&self, rule: Option<&Rule>, pause: Duration) -> Questions {
        let patience = self.settings.patience;
        let patience = patience.or_else(|| rule?.longest_time()).unwrap_or(Duration::from_mins(30));
        let end = Instant::now() + patience.max(pause);
        Questions { first: self.first_question(rule), pause, end }
    }

    /// Sends the payout if it was not sent, and otherwise requests its status.
    async fn send(
        &self,
        prepared: &Prepared<Payout>,
        line: &Arc<RowInProgress>,
    ) -> Result<State, JournalError> {
        /// Number of answers that the payment is not known yet, after which the row is given up for
        /// this run.
        const QUESTIONS: u32 = 8;
        let id = prepared.payment_id();
        let sender = self.sender.clone().intents(Arc::clone(line) as Arc<dyn Intents>);
        let first = self.first_question(prepared.spec().rule(Operation::PAYOUT));
        let sender = sender.first_question(first);
        let mut asked = 0;
        loop {
            let before = line.entry();
            let sent = match before.state {
                State::NotSent => sender.send(prepared).await,
                _ => sender.resume(prepared, self.age(line)).await,
            };
            let error = match sent {
                Ok(sent) => return line.keep(|entry| registered(entry, &sent)).await,
                Err(error) => error,
            };
            let state = line.keep(|entry| failed(entry, &error, RowKind::Payout)).await?;
            if stops(error.error(), line) {
                return Ok(state);
            }
            if is_refused(&error) {
                let answer = self.sender.status(id).await;
                if let Err(error) = &answer {
                    stops(error, line);
                }
                return line.keep(|entry| refused(entry, &answer)).await;
            }
            asked += 1;
            // The platform answers, and only time is missing for its answer to be evidence.
            if state != State::Unknown || !error.is_not_found_yet() || asked == QUESTIONS {
                return Ok(state);
            }
            tokio::select! {
                () = sleep(self.settings.not_found_after / 2) => {}
                () = line.stop().stopped() => return Ok(state),
            }
        }
    }

    /// Requests the status, after a pause, until the payout has ended.
    async fn wait(
        &self,
        prepared: &Prepared<Payout>,
        line: &RowInProgress,
        pause: Duration,
    ) -> Result<State, JournalError> {
        let mut questions = self.questions(prepared.spec().rule(Operation::PAYOUT), pause);
        loop {
            if !questions.pause(line).await {
                return Ok(line.entry().state);
            }
            let answer = self.sender.status(prepared.payment_id()).await;
            let stops = answer.as_ref().is_err_and(|error| stops(error, line));
            let is_last = stops || questions.are_over();
            if is_last || answer.as_ref().is_ok_and(has_ended) {
                let state = line.keep(|entry| ended(entry, prepared, &answer)).await?;
                if state == State::Decline {
                    stops_as_declined(line.entry().code.as_deref(), line);
                }
                return Ok(state);
            }
        }
    }

    /// Minimum time since the end of a send by another process. The send may have taken a while.
    fn age(&self, line: &RowInProgress) -> Duration {
        let Some(age) = line.age() else { return Duration::ZERO };
        age.saturating_sub(self.settings.not_found_after.min(BEYOND))
    }

    pub(crate) fn digest(&self, request: &RowRequest) -> [u8; 32] {
        request.digest(self.sender.gate().project())
    }
}

/// The pauses between the status requests of a row, and their end.
struct Questions {
    first: Duration,
    pause: Duration,
    end: Instant,
}

impl Questions {
    /// Waits for the next one. Returns false if the run is stopped meanwhile.
    async fn pause(&mut self, line: &RowInProgress) -> bool {
        const SHORTEST: Duration = Duration::from_millis(10);
        const LONGEST: Duration = Duration::from_mins(5);
        let pause = self.pause.min(self.end.saturating_duration_since(Instant::now()));
        let longer = self.pause + self.pause / 2;
        self.pause = longer.clamp(SHORTEST.max(self.first), LONGEST.max(self.first));
        tokio::select! {
            () = sleep(pause) => true,
            () = line.stop().stopped() => false,
        }
    }

    /// Whether the last request was the last one of this run.
    fn are_over(&self) -> bool {
        Instant::now() >= self.end
    }
}

/// Stops the run if an answer shows that every row will fail alike: its cause is in the project,
/// its key, the method or the base address.
fn stops(error: &GateError, line: &RowInProgress) -> bool {
    let stops = error.concerns_others();
    if stops {
        line.stop().stop_because(&format!("{}: {error}", line.id()));
    }
    stops
}

/// Stops the run if a row was declined for a cause in the project, such as its balance: the next
/// rows would be declined too, and their ids used up.
fn stops_as_declined(code: Option<&str>, line: &RowInProgress) {
    let number = code.and_then(|code| code.parse::<u32>().ok());
    let Some(code) = number.map(Code::from) else { return };
    if code.about() == About::Project {
        let (id, message) = (line.id(), code.info().map_or("", |info| info.message));
        line.stop().stop_because(&format!(
            "{id}: declined with code {code}: {message}; this is about the project, not the \
             payment: correct it, then run again, and pay this row under a new id"
        ));
    }
}
