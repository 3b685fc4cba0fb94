//! The pages of an inbox.

mod body;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::body::Bytes;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::response::Response;
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_inbox::{
    Amount, Confirm, Entry, EntryId, EntryState, Inbox, InboxError, PaymentState, Query, Release,
    Stats, Version,
};
use ecp_reconcile::Sum;
use http::{HeaderMap, StatusCode};
use tokio::time::timeout;
use tracing::Instrument as _;

use self::body::{Fact, facts, indented};
use crate::action::{Action, CallbackRecord, Operator};
use crate::advice::{self, Advice};
use crate::guard::is_from_elsewhere;
use crate::page::{
    Notice, Parameters, Shell, html, inbox_failed, problem, read_only, see_other, when,
};
use crate::parts::{Parts, Shared};

type Who = Option<Extension<Operator>>;

/// Callbacks on a page of the list.
const PAGE: usize = 50;

/// Dead callbacks that one form replays at most, so that it is answered in seconds.
const REPLAYED_AT_ONCE: usize = 500;

/// Longest time that Gate may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

const SECTION: &str = "callbacks";

#[derive(Template)]
#[template(path = "callbacks.html")]
struct List {
    shell: Shell,
    stats: Stats,
    filter: Filter,
    entries: Vec<Entry>,
    now: Timestamp,
    /// Query string of the link to the next page, which has older callbacks; `None` on the last
    /// page.
    older: Option<String>,
}

#[derive(Template)]
#[template(path = "callback.html")]
struct Page {
    shell: Shell,
    entry: Entry,
    advice: Advice,
    state: Option<PaymentState>,
    facts: Vec<Fact>,
    /// Whether the inbox has the callback's body, so that the page can offer to show it.
    has_body: bool,
    /// The callback's body; `None` unless the operator asked to see it.
    body: Option<String>,
    can_replay: bool,
    can_release: bool,
    /// The `ecp inbox` command that replays or releases the callback; `None` if the page has a
    /// button for it, if the callback is done, or if it can be neither replayed nor released.
    command: Option<String>,
}

/// What the list is narrowed to.
#[derive(Default)]
struct Filter {
    state: Option<EntryState>,
    project: String,
    payment: String,
    before: Option<EntryId>,
    /// Why a value that the operator entered to narrow the list cannot be used; `None` if all can.
    problem: Option<&'static str>,
}

impl Filter {
    fn read(query: &Parameters) -> Self {
        let state = query.get("state");
        let known = state.and_then(|word| EntryState::ALL.iter().find(|one| one.as_str() == word));
        let before = query.get("before").and_then(|number| number.parse().ok()).map(EntryId::new);
        let text = |name| query.get(name).unwrap_or_default().to_owned();
        let mut filter = Self {
            state: known.copied(),
            project: text("project"),
            payment: text("payment"),
            before,
            problem: None,
        };
        filter.problem = match (filter.project(), filter.payment()) {
            (Err(()), _) => Some("A project is a number: the list below is of all projects."),
            (_, Err(())) => Some("This is not a payment's id: the list below is of all payments."),
            _ => None,
        };
        filter
    }

    fn project(&self) -> Result<Option<ProjectId>, ()> {
        let read = |text: &str| text.parse().ok().and_then(|id| ProjectId::new(id).ok()).ok_or(());
        Some(self.project.as_str()).filter(|text| !text.is_empty()).map(read).transpose()
    }

    fn payment(&self) -> Result<Option<PaymentId>, ()> {
        let read = |text: &str| PaymentId::new(text).map_err(drop);
        Some(self.payment.as_str()).filter(|text| !text.is_empty()).map(read).transpose()
    }

    fn query(&self) -> Query {
        let mut query = Query::default();
        query.state = self.state;
        query.project = self.project().unwrap_or_default();
        query.payment = self.payment().unwrap_or_default();
        query.before = self.before;
        // One more than is shown says whether there is another page.
        query.limit = Some(PAGE + 1);
        query
    }

    fn is_empty(&self) -> bool {
        self.state.is_none() && self.project.is_empty() && self.payment.is_empty()
    }

    /// The end of the address of the same list with this state; empty for all callbacks.
    fn tab(&self, state: &str) -> String {
        let query = self.with(state, None);
        if query.is_empty() { query } else { format!("?{query}") }
    }

    /// The query of a page of the same list: of the callbacks before this one, or of the newest.
    fn page(&self, before: Option<EntryId>) -> String {
        self.with(self.state.map(EntryState::as_str).unwrap_or_default(), before)
    }

    fn with(&self, state: &str, before: Option<EntryId>) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for (name, value) in
            [("state", state), ("project", &*self.project), ("payment", &*self.payment)]
        {
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        if let Some(id) = before {
            query.append_pair("before", &id.to_string());
        }
        query.finish()
    }

    fn is_state(&self, state: EntryState) -> bool {
        self.state == Some(state)
    }
}

pub(crate) async fn list(
    State(parts): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = Parameters::read(query.as_deref().map(str::as_bytes));
    let shell = Shell::new(&parts, SECTION).notice(done(&query, &headers, None));
    let Some(inbox) = &parts.inbox else { return no_inbox(shell) };
    let filter = Filter::read(&query);
    let read = async { Ok((inbox.stats().await?, inbox.entries(&filter.query()).await?)) };
    let (stats, mut entries) = match read.await {
        Ok(read) => read,
        Err(error) => return inbox_failed(shell, &error),
    };
    let is_last = entries.len() <= PAGE;
    entries.truncate(PAGE);
    let last = entries.last().filter(|_| !is_last);
    let older = last.map(|entry| filter.page(Some(entry.id)));
    html(StatusCode::OK, &List { shell, stats, filter, entries, now: parts.now(), older })
}

pub(crate) async fn show(
    State(parts): State<Shared>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = Parameters::read(query.as_deref().map(str::as_bytes));
    match find(&parts, Shell::new(&parts, SECTION), &id).await {
        Ok((inbox, shell, entry)) => {
            let shell = shell.notice(done(&query, &headers, Some(entry.state)));
            page(&parts, &*inbox, shell, entry, false).await
        }
        Err(answer) => answer,
    }
}

/// Shows a callback with its body. It is asked for by a form, so that nothing shows it by accident:
/// no link, no reload of a list, no page that is read ahead.
pub(crate) async fn body(
    State(parts): State<Shared>,
    Path(id): Path<String>,
    who: Who,
) -> Response {
    let (inbox, shell, entry) = match find(&parts, Shell::new(&parts, SECTION), &id).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    if entry.raw.is_some() {
        parts.report(operator(&who), Action::BodyShown(CallbackRecord::of(&entry)));
    }
    page(&parts, &*inbox, shell, entry, true).await
}

/// Replays the given callbacks, or dead ones.
pub(crate) async fn replay(State(parts): State<Shared>, who: Who, form: Bytes) -> Response {
    let shell = Shell::new(&parts, SECTION);
    if !parts.changes {
        return read_only(shell);
    }
    let Some(inbox) = &parts.inbox else { return no_inbox(shell) };
    let form = Parameters::read(Some(&form));
    let seen = match form.get("all") {
        Some("dead") => dead(&**inbox).await,
        _ => Ok(form.all("seen").filter_map(Seen::read).collect()),
    };
    let seen = match seen {
        Ok(seen) => seen,
        Err(error) => return inbox_failed(shell, &error),
    };
    let (shared, inbox) = (parts.clone(), Arc::clone(inbox));
    let work = async move { replay_each(&shared, &*inbox, operator(&who), &seen).await };
    let Some(Replayed { count, changed, others, failure }) = to_its_end(work).await else {
        return broken(shell);
    };
    if let Some(error) = failure {
        let were = if count == 1 { "callback was" } else { "callbacks were" };
        let text = format!("{count} {were} replayed before the error, and will be handled again.");
        let notice = Some(Notice { good: false, text }).filter(|_| count > 0);
        return inbox_failed(shell.notice(notice), &error);
    }
    let result = format!("replayed={count}&changed={changed}&others={others}");
    let target = match form.get("back").and_then(|id| id.parse::<i64>().ok()) {
        Some(id) => format!("{}/callbacks/{id}?{result}", parts.base),
        None => format!("{}/callbacks?state=dead&{result}", parts.base),
    };
    see_other(&target)
}

async fn dead(inbox: &dyn Inbox) -> Result<Vec<Seen>, InboxError> {
    let mut query = Query::default();
    query.state = Some(EntryState::Dead);
    query.limit = Some(REPLAYED_AT_ONCE);
    Ok(inbox.entries(&query).await?.iter().map(Seen::of).collect())
}

/// A callback as an operator saw it: a form that is sent twice, or long after, does not replay what has
/// been handled since.
#[derive(Clone, Copy)]
pub(crate) struct Seen {
    id: EntryId,
    version: Version,
}

impl Seen {
    fn of(entry: &Entry) -> Self {
        Self { id: entry.id, version: entry.version() }
    }

    /// Reads the value of a form's field.
    fn read(text: &str) -> Option<Self> {
        let (id, version) = text.split_once(':')?;
        Some(Self { id: EntryId::new(id.parse().ok()?), version: version.parse().ok()? })
    }
}

/// `3:dead-20-1700000000000`
impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, self.version)
    }
}

/// The result of replaying several callbacks.
#[derive(Default)]
struct Replayed {
    /// Number of callbacks that were replayed.
    count: usize,
    /// Number of callbacks that were not replayed because they have changed since the operator saw
    /// them.
    changed: usize,
    /// Number of callbacks that were not replayed because they are not in the inbox, their body was
    /// removed, or the inbox does not replay callbacks in their state.
    others: usize,
    /// The error of the inbox that ended the replaying, so that the remaining callbacks were not
    /// tried; `None` if all were tried.
    failure: Option<InboxError>,
}

async fn replay_each(
    parts: &Parts,
    inbox: &dyn Inbox,
    operator: Option<&Operator>,
    all: &[Seen],
) -> Replayed {
    let mut replayed = Replayed::default();
    for &seen in all {
        match replay_one(inbox, seen).await {
            Ok(One::Replayed(callback)) => {
                replayed.count += 1;
                parts.report(operator, Action::Replayed(callback));
            }
            Ok(One::Changed) => replayed.changed += 1,
            Ok(One::Not) => replayed.others += 1,
            Err(error) => return Replayed { failure: Some(error), ..replayed },
        }
    }
    replayed
}

/// The result of replaying one callback.
enum One {
    Replayed(CallbackRecord),
    Changed,
    Not,
}

async fn replay_one(inbox: &dyn Inbox, seen: Seen) -> Result<One, InboxError> {
    // Read before the change: an error of reading cannot keep a change from its event.
    let Some(entry) = inbox.entry(seen.id).await? else { return Ok(One::Not) };
    if entry.version() != seen.version {
        return Ok(One::Changed);
    }
    // A held callback is never handled without Gate: this refuses it.
    let is_replayed = inbox.replay_version(seen.id, seen.version).await?;
    Ok(if is_replayed { One::Replayed(CallbackRecord::of(&entry)) } else { One::Not })
}

/// Completes work that changes something, also if the browser disconnects, which drops its request:
/// otherwise a change could be made and its event not reported. Returns `None` if the work panics.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Option<T> {
    tokio::spawn(work.in_current_span()).await.ok()
}

/// Asks Gate about a held callback, and releases it if Gate agrees.
pub(crate) async fn release(
    State(parts): State<Shared>,
    Path(id): Path<String>,
    who: Who,
) -> Response {
    let shell = Shell::new(&parts, SECTION);
    if !parts.changes {
        return read_only(shell);
    }
    let (inbox, shell, entry) = match find(&parts, shell, &id).await {
        Ok(found) => found,
        Err(answer) => return answer,
    };
    let Some((gate, payment)) = parts.gate.clone().zip(entry.payment.clone()) else {
        let text = "This console cannot ask Gate about the callback: it is not set up for that (a \
                    service does so by Console::gate), or the callback names no payment.";
        return problem(StatusCode::CONFLICT, shell, "Not released", text);
    };
    let back = format!("{}/callbacks/{}", parts.base, entry.id);
    if entry.state != EntryState::Held {
        return see_other(&format!("{back}?release=not_held"));
    }
    let (shared, asking) = (parts.clone(), Arc::clone(&inbox));
    let work = async move {
        let asked = ask(&*gate, &*asking, &entry, &payment).await;
        let outcome = asked.as_ref().map_or("failed", Release::as_str);
        let callback = CallbackRecord::of(&entry);
        shared.report(operator(&who), Action::GateAsked { callback, outcome });
        (entry, asked)
    };
    let Some((entry, asked)) = to_its_end(work).await else { return broken(shell) };
    match asked {
        Ok(release) => see_other(&format!("{back}?release={}", release.as_str())),
        Err(Failed::Gate(text)) => {
            let text = format!("Still held: Gate gave no answer that can be used: {text}");
            let shell = shell.notice(Some(Notice { good: false, text }));
            page(&parts, &*inbox, shell, entry, false).await
        }
        Err(Failed::Inbox(error)) => inbox_failed(shell, &error),
    }
}

/// Why a held callback could not be compared with Gate's answer.
enum Failed {
    Gate(String),
    Inbox(InboxError),
}

async fn ask(
    gate: &dyn Confirm,
    inbox: &dyn Inbox,
    entry: &Entry,
    payment: &PaymentId,
) -> Result<Release, Failed> {
    let asked = timeout(PATIENCE, gate.status(entry.project, payment)).await;
    let late = || Failed::Gate(format!("it took longer than {} seconds", PATIENCE.as_secs()));
    let answer = asked.map_err(|_| late())?.map_err(|error| Failed::Gate(error.to_string()))?;
    inbox.release(entry.id, &answer).await.map_err(Failed::Inbox)
}

/// The page of a callback.
async fn page(
    parts: &Parts,
    inbox: &dyn Inbox,
    shell: Shell,
    mut entry: Entry,
    with_body: bool,
) -> Response {
    let state = match &entry.payment {
        Some(payment) => match inbox.payment(entry.project, payment).await {
            Ok(state) => state,
            Err(error) => return inbox_failed(shell, &error),
        },
        None => None,
    };
    let raw = entry.raw.take();
    let raw = raw.as_ref().map(ecp_inbox::Raw::expose);
    let is_replayable = is_replayable(&entry, parts.now());
    let is_held = entry.state == EntryState::Held && entry.payment.is_some();
    let can_replay = parts.changes && is_replayable && raw.is_some();
    let can_release = parts.changes && is_held && parts.gate.is_some();
    let job = match entry.state {
        EntryState::Dead | EntryState::Waiting if !parts.changes && is_replayable => {
            raw.map(|_| "replay")
        }
        EntryState::Held if !can_release && is_held => Some("release"),
        _ => None,
    };
    let page = Page {
        advice: advice::callback(&entry, &parts.flags),
        state,
        facts: raw.map(facts).unwrap_or_default(),
        has_body: raw.is_some(),
        body: raw.filter(|_| with_body).map(indented),
        can_replay,
        can_release,
        command: job.map(|job| format!("ecp inbox {job}{} {}", parts.flags, entry.id)),
        entry,
        shell,
    };
    html(StatusCode::OK, &page)
}

/// Whether a callback can be scheduled for handling now. An attempt that runs is not seen here; the inbox
/// refuses then.
fn is_replayable(entry: &Entry, now: Timestamp) -> bool {
    match entry.state {
        EntryState::Dead | EntryState::Done => true,
        EntryState::Waiting => entry.attempts > 0 && entry.due.is_some_and(|due| due > now),
        _ => false,
    }
}

/// The callback that an address names.
async fn find(
    parts: &Parts,
    shell: Shell,
    id: &str,
) -> Result<(Arc<dyn Inbox>, Shell, Entry), Response> {
    let Some(inbox) = &parts.inbox else { return Err(no_inbox(shell)) };
    let entry = match id.parse().ok().map(EntryId::new) {
        Some(id) => inbox.entry(id).await,
        None => Ok(None),
    };
    match entry {
        Ok(Some(entry)) => Ok((Arc::clone(inbox), shell, entry)),
        Ok(None) => {
            let text = "No callback of this inbox has this number.";
            Err(problem(StatusCode::NOT_FOUND, shell, "No such callback", text))
        }
        Err(error) => Err(inbox_failed(shell, &error)),
    }
}

fn operator(who: &Who) -> Option<&Operator> {
    who.as_ref().map(|Extension(operator)| operator)
}

fn broken(shell: Shell) -> Response {
    let text = "An error of this program ended it: please report it. What was done before is in the \
                log and on the callbacks' pages.";
    problem(StatusCode::INTERNAL_SERVER_ERROR, shell, "Not completed", text)
}

fn no_inbox(shell: Shell) -> Response {
    let text = "This console has no inbox: a service adds one by Console::inbox, the command by \
                --db or --postgres.";
    problem(StatusCode::NOT_FOUND, shell, "No inbox", text)
}

/// The result of the form from which the browser was redirected here. Only numbers and known words
/// are read from the address. A link of another page can hold them too, and an address can be loaded
/// again later, so a result that the `state` of the page's callback contradicts is not shown.
fn done(query: &Parameters, headers: &HeaderMap, state: Option<EntryState>) -> Option<Notice> {
    if is_from_elsewhere(headers) {
        return None;
    }
    let number = |name| query.get(name).and_then(|text| text.parse::<u64>().ok());
    if let Some(replayed) = number("replayed") {
        if replayed > 0 && state.is_some_and(|state| state != EntryState::Waiting) {
            return None;
        }
        let [changed, others] = ["changed", "others"].map(|name| number(name).unwrap_or_default());
        let text = replayed_in_words(replayed, changed, others);
        return Some(Notice { good: others + changed == 0 && replayed > 0, text });
    }
    let (good, text) = match (query.get("release")?, state?) {
        ("released", EntryState::Waiting | EntryState::Done | EntryState::Dead) => {
            (true, "Gate confirms it: it was released for handling.")
        }
        ("repeated", EntryState::Repeated) => {
            (true, "Gate confirms it, and it repeats another callback: nothing is left to do.")
        }
        ("disagrees", EntryState::Held) => {
            (false, "Still held: Gate contradicts the callback. Deliver nothing by it.")
        }
        ("undecided", EntryState::Held) => {
            (false, "Still held: Gate has not decided yet. Try again later.")
        }
        ("not_held", state) if state != EntryState::Held => {
            (false, "Nothing was done: the callback is not held.")
        }
        _ => return None,
    };
    Some(Notice { good, text: text.to_owned() })
}

/// How many callbacks were replayed, how many had changed, and how many cannot be replayed.
fn replayed_in_words(replayed: u64, changed: u64, others: u64) -> String {
    let callbacks = if replayed == 1 { "callback" } else { "callbacks" };
    let changed = match changed {
        0 => String::new(),
        1 => {
            " 1 has changed since this console showed it, and was left as it is: look at it again."
                .to_owned()
        }
        _ => format!(
            " {changed} have changed since this console showed them, and were left as they are: look \
             at them again."
        ),
    };
    let others = match others {
        0 => String::new(),
        _ => format!(
            " {others} {} not: only what is done or dead and still has its body, or waits for its \
             next attempt, can be.",
            if others == 1 { "was" } else { "were" }
        ),
    };
    format!("{replayed} {callbacks} will be handled again.{changed}{others}")
}

/// `100.00 EUR`
fn money(amount: &Amount) -> String {
    Sum::from(amount).to_string()
}

/// How a state is shown: as good, as bad, as to be watched, or as nothing of note.
fn tone(state: EntryState) -> &'static str {
    match state {
        EntryState::Done => "yes",
        EntryState::Dead => "no",
        EntryState::Held | EntryState::Waiting => "wait",
        _ => "plain",
    }
}

fn moved(entry: &Entry) -> Option<String> {
    entry.change.moved().map(|(from, to)| match from {
        Some(from) => format!("The payment went from “{from}” to “{to}”."),
        None => format!("The payment became “{to}”."),
    })
}
