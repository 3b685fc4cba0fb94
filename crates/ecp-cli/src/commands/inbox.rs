//! `ecp inbox`

mod doctor;
mod print;

use std::collections::HashMap;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ecp_core::json::Document;
use ecp_core::model::{StatusError, VerifiedStatus};
use ecp_core::signature::{Doubts, SigningKey};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_inbox::{Entry, EntryId, EntryState, Inbox, Query, Release};
use ecp_methods::Registry;
use ecp_sandbox::Config;
use serde_json::json;

use crate::connection::status_failure;
use crate::documents;
use crate::key::KeyOptions;
use crate::nearest::did_you_mean;
use crate::next::{argument, is_wanted, next};
use crate::output::{is_json, print_result};
use crate::profile::ProfileOptions;
use crate::store::Store;

/// Look into the inbox of a service, and schedule callbacks again
///
/// The inbox is the SQLite file or Postgres database in which your service keeps its verified
/// callbacks. A callback is `waiting` for the service's handler, `done`, `dead` (given up after the
/// handler's last attempt), `held` until Gate confirms it, or `repeated` (it says the same as an
/// earlier one, and is not handled).
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp inbox stats --db shop.db\n  ecp inbox list --db shop.db --state dead\n  ecp inbox show --db shop.db 42\n  ecp inbox replay --db shop.db --dead\n  ecp inbox release --db shop.db 17 --profile shop\n  ecp inbox doctor --db shop.db\n\nNo command makes an inbox or changes the structure of its tables. The service may go on running."
)]
pub(crate) struct InboxCommand {
    #[command(subcommand)]
    job: Job,
}

#[derive(Subcommand)]
enum Job {
    List(List),
    Show(Show),
    Replay(Replay),
    Release(ReleaseHeld),
    Stats(Stats),
    Doctor(doctor::Doctor),
}

/// List callbacks, newest first
#[derive(Args)]
struct List {
    #[command(flatten)]
    store: Store,

    /// Only callbacks in this state: waiting, done, dead (given up after the last attempt), held
    /// (until Gate confirms them) or repeated (the same as another one, and not handled)
    #[arg(long, value_parser = state)]
    state: Option<EntryState>,

    /// Only callbacks of this project
    #[arg(long, value_name = "NUMBER")]
    project: Option<ProjectId>,

    /// Only callbacks of this payment
    #[arg(long, alias = "payment", value_name = "ID")]
    payment_id: Option<PaymentId>,

    /// Only callbacks with a smaller number than this: give the last number of one page to list the
    /// next page
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,

    /// Maximum number of callbacks to list
    #[arg(long, value_name = "COUNT", default_value_t = 100)]
    limit: usize,

    /// Print the callbacks as a JSON list
    #[arg(long)]
    json: bool,
}

/// Show one callback and the state of its payment
#[derive(Args)]
struct Show {
    #[command(flatten)]
    store: Store,

    /// The callback's number, as `list` prints it
    id: i64,

    /// Print the received body as well. It holds the customer's personal data
    #[arg(long)]
    body: bool,

    /// Print the callback and the state of its payment as JSON
    #[arg(long)]
    json: bool,
}

/// Schedule callbacks that are done or dead (given up by the handler) for handling again
///
/// A callback that waits for its next attempt is tried at once, with the attempts that it has left:
/// once the handler is corrected, the rest of the pause need not pass.
#[derive(Args)]
struct Replay {
    #[command(flatten)]
    store: Store,

    /// The callbacks' numbers, as `list` prints them
    #[arg(required_unless_present = "dead")]
    ids: Vec<i64>,

    /// Replay all dead callbacks (given up after the last attempt) instead of those with given
    /// numbers
    #[arg(long, conflicts_with = "ids")]
    dead: bool,

    /// Print a line of JSON for each callback; with --dead, one for all of them
    #[arg(long)]
    json: bool,
}

/// Release a held callback, if Gate confirms it
///
/// A held callback is genuine and final, and is not handled until Gate's status of the payment says
/// the same. Requests that status from Gate, with the key and address of a profile, and compares it
/// with the callback. If they differ, the callback stays held.
///
/// With --key-env or --key-file the status is read from standard input instead: Gate's signed
/// answer to a status request, byte for byte. Any other message, above all a callback, is refused,
/// and so is an answer whose signature allows more than one meaning.
#[derive(Args)]
struct ReleaseHeld {
    #[command(flatten)]
    store: Store,

    #[command(flatten)]
    key: KeyOptions,

    #[command(flatten)]
    profile: ProfileOptions,

    /// The callback's number, as `list` prints it
    id: i64,

    /// Print the result as a line of JSON
    #[arg(long)]
    json: bool,
}

/// Count callbacks, and show the age of the oldest
#[derive(Args)]
struct Stats {
    #[command(flatten)]
    store: Store,

    /// Print the counts and the age as JSON
    #[arg(long)]
    json: bool,
}

impl InboxCommand {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            match &self.job {
                Job::List(job) => job.run().await,
                Job::Show(job) => job.run(registry).await,
                Job::Replay(job) => job.run().await,
                Job::Release(job) => job.run().await,
                Job::Stats(job) => job.run().await,
                Job::Doctor(job) => job.run().await,
            }
        })
    }
}

impl List {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let mut query = Query::default();
        query.state = self.state;
        query.project = self.project;
        query.payment.clone_from(&self.payment_id);
        query.before = self.before.map(EntryId::new);
        query.limit = Some(self.limit);
        let inbox = self.store.open().await?;
        let entries = inbox.entries(&query).await?;
        // JSON says nothing of it, so the other callbacks need not be read.
        let before =
            if self.json { Before::default() } else { Before::of(&*inbox, &entries).await? };
        print::list(&entries, &before, self.json)?;
        if entries.is_empty() && !self.json && !is_json() {
            note!("no callbacks match");
        }
        if is_wanted(self.json) {
            let of = |state| entries.iter().find(|entry| entry.state == state);
            let found = of(EntryState::Held).or_else(|| of(EntryState::Dead)).or(entries.first());
            if let Some(entry) = found {
                next(format_args!("ecp inbox show{} {}", self.store.flag(), entry.id));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let inbox = self.store.open().await?;
        let Some(entry) = inbox.entry(EntryId::new(self.id)).await? else {
            bail!("there is no callback with the number {}: see `ecp inbox list`", self.id);
        };
        let state = match &entry.payment {
            Some(payment) => inbox.payment(entry.project, payment).await?,
            None => None,
        };
        let before = Before::of(&*inbox, std::slice::from_ref(&entry)).await?;
        print::one(
            &entry,
            state.as_ref(),
            before.of_entry(&entry),
            registry,
            self.json,
            self.body,
        )?;
        if self.body {
            note!("note: the body holds personal data");
        }
        if is_wanted(self.json) {
            let store = self.store.flag();
            match entry.state {
                EntryState::Held => {
                    let profile = profile_of(entry.project);
                    next(format_args!("ecp inbox release{store}{profile} {}", self.id));
                }
                EntryState::Dead => next(format_args!("ecp inbox replay{store} {}", self.id)),
                _ => {
                    if let Some(first) = before.of_entry(&entry) {
                        next(format_args!("ecp inbox show{store} {first}"));
                    } else if waits_for_attempt(&entry) {
                        next(format_args!("ecp inbox replay{store} {}", self.id));
                    }
                }
            }
            if let Some(payment) = entry.payment.as_ref().filter(|_| print::has_reports(&entry)) {
                let profile = profile_of(entry.project);
                next(format_args!("ecp status{profile} {}", argument(payment.as_str())));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Replay {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let inbox = self.store.open().await?;
        if self.dead {
            return self.replay_dead(&*inbox).await;
        }
        let mut code = ExitCode::SUCCESS;
        for &id in &self.ids {
            let before = inbox.entry(EntryId::new(id)).await?;
            if inbox.replay(EntryId::new(id)).await? {
                let waited = before.is_some_and(|entry| entry.state == EntryState::Waiting);
                if self.json {
                    print_result(&format!("{}\n", json!({"id": id, "replayed": true})));
                } else if waited {
                    print_result(&format!("{id}: will be tried again now\n"));
                } else {
                    print_result(&format!("{id}: will be handled again\n"));
                }
                continue;
            }
            code = ExitCode::FAILURE;
            let why = match inbox.entry(EntryId::new(id)).await? {
                None => "there is no callback with this number: see `ecp inbox list`".to_owned(),
                Some(entry) if entry.state == EntryState::Waiting => waits(&*inbox, &entry).await?,
                Some(entry) => match entry.state {
                    EntryState::Held => {
                        "it is held until Gate confirms it: see `ecp inbox release --help`"
                    }
                    EntryState::Repeated => "it repeats another callback, which was handled",
                    _ => {
                        "its body was removed, so it cannot be handled again: request its \
                         payment's status (`ecp status`)"
                    }
                }
                .to_owned(),
            };
            if self.json {
                print_result(&format!("{}\n", json!({"id": id, "replayed": false, "why": why})));
            } else {
                print_result(&format!("{id}: not replayed: {why}\n"));
            }
        }
        if is_wanted(self.json) {
            next(format_args!("ecp inbox stats{}", self.store.flag()));
        }
        Ok(code)
    }

    async fn replay_dead(&self, inbox: &dyn Inbox) -> anyhow::Result<ExitCode> {
        let mut query = Query::default();
        query.state = Some(EntryState::Dead);
        let (mut replayed, mut others) = (0, 0);
        loop {
            let page = inbox.entries(&query).await?;
            let Some(last) = page.last() else { break };
            query.before = Some(last.id);
            for entry in page {
                if inbox.replay(entry.id).await? {
                    replayed += 1;
                } else {
                    others += 1;
                }
            }
        }
        if self.json {
            let both = json!({"replayed": replayed, "not_replayed": others});
            print_result(&format!("{both}\n"));
        } else {
            print_result(&format!("{replayed} dead callbacks will be handled again\n"));
            if others > 0 {
                print_result(&format!(
                    "{others} dead callbacks were not replayed: their bodies were removed; request \
                     their payments' statuses (`ecp status`)\n"
                ));
            }
        }
        Ok(if others > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

/// The oldest waiting callback of each payment that has one: the later callbacks of the payment are
/// not handled before it.
#[derive(Default)]
struct Before(HashMap<(ProjectId, PaymentId), EntryId>);

impl Before {
    /// Reads the oldest waiting callbacks of the payments of the waiting entries.
    async fn of(inbox: &dyn Inbox, entries: &[Entry]) -> anyhow::Result<Self> {
        let mut oldest = HashMap::new();
        for entry in entries.iter().filter(|entry| entry.state == EntryState::Waiting) {
            let Some(payment) = &entry.payment else { continue };
            let key = (entry.project, payment.clone());
            if oldest.contains_key(&key) {
                continue;
            }
            let mut query = Query::default();
            query.state = Some(EntryState::Waiting);
            query.project = Some(entry.project);
            query.payment = Some(payment.clone());
            query.limit = Some(usize::MAX);
            if let Some(first) = inbox.entries(&query).await?.last() {
                oldest.insert(key, first.id);
            }
        }
        Ok(Self(oldest))
    }

    /// The callback that the entry waits for; `None` if the entry does not wait, or is the first.
    fn of_entry(&self, entry: &Entry) -> Option<EntryId> {
        let payment = entry.payment.clone().filter(|_| entry.state == EntryState::Waiting)?;
        self.0.get(&(entry.project, payment)).copied().filter(|&first| first < entry.id)
    }
}

/// Why a waiting callback is not replayed, and when it is handled.
async fn waits(inbox: &dyn Inbox, entry: &Entry) -> anyhow::Result<String> {
    let before = Before::of(inbox, std::slice::from_ref(entry)).await?;
    if let Some(first) = before.of_entry(entry) {
        return Ok(format!(
            "it already waits to be handled, after callback {first} of the same payment"
        ));
    }
    Ok(match entry.due.filter(|_| waits_for_attempt(entry)) {
        Some(due) => format!("it is being handled: this attempt has until {due} to end"),
        None => "it already waits to be handled".to_owned(),
    })
}

/// Whether a callback waits for its next attempt, or an attempt runs.
fn waits_for_attempt(entry: &Entry) -> bool {
    let is_later = |due: Timestamp| SystemTime::from(due) > SystemTime::now();
    entry.state == EntryState::Waiting && entry.due.is_some_and(is_later)
}

/// The option that names the profile of a project, for a suggested command. The sandbox's project and
/// a profile that is set in the environment need none.
fn profile_of(project: ProjectId) -> &'static str {
    let is_set = std::env::var_os("ECP_PROFILE").is_some_and(|name| !name.is_empty());
    if is_set || project == Config::DEMO_PROJECT { "" } else { " --profile NAME" }
}

impl ReleaseHeld {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let keys: Vec<_> = self.key.load()?.into_iter().map(|named| named.key).collect();
        let inbox = self.store.open().await?;
        let id = EntryId::new(self.id);
        let held = inbox.entry(id).await?.filter(|entry| entry.state == EntryState::Held);
        let release = match held {
            Some(entry) => {
                let answer = if keys.is_empty() {
                    self.ask(&entry).await?
                } else {
                    answer_on_standard_input(entry.project, &keys)?
                };
                inbox.release(id, &answer).await?
            }
            None => Release::NotHeld,
        };
        let (word, text, code) = match release {
            Release::Released => ("released", "released, and will be handled".to_owned(), 0),
            Release::Repeated => {
                let text = "it repeats another callback; nothing is left to handle";
                ("repeated", text.to_owned(), 0)
            }
            Release::Disagrees(path) => (
                "disagrees",
                format!(
                    "still held: `{path}` in Gate's answer differs from `{path}` in the callback: \
                     deliver and book nothing by it, go by Gate's status (`ecp status`), and ask the \
                     platform's technical support"
                ),
                1,
            ),
            Release::Undecided(path) => (
                "undecided",
                format!("still held: Gate has not decided `{path}` yet; try again later"),
                1,
            ),
            Release::NotHeld => {
                let text = "there is no held callback with this number: see `ecp inbox list`";
                ("not held", text.to_owned(), 1)
            }
            _ => ("held", "not released".to_owned(), 1),
        };
        if self.json {
            print_result(&format!("{}\n", json!({"id": self.id, "release": word, "text": text})));
        } else {
            print_result(&format!("{id}: {text}\n"));
        }
        Ok(ExitCode::from(code))
    }

    async fn ask(&self, entry: &Entry) -> anyhow::Result<VerifiedStatus> {
        let profile = self.profile.load()?;
        if profile.project != entry.project {
            bail!(
                "callback {} belongs to project {}, and profile `{}` to project {}: name a \
                 profile of the callback's project with --profile",
                entry.id,
                entry.project,
                profile.name,
                profile.project
            );
        }
        let Some(payment) = &entry.payment else {
            bail!(
                "callback {0} names no payment, so its status cannot be requested from Gate, and it \
                 stays held: deliver and book nothing by it, read its operation with `ecp inbox show{1} {0} \
                 --body`, and ask the platform's technical support about it",
                entry.id,
                self.store.flag()
            );
        };
        profile
            .gate()?
            .verified_status(payment)
            .await
            .map_err(|error| profile.with_address(status_failure(error)))
            .with_context(|| {
                format!(
                    "callback {} stays held, and this command can be run again: cannot get the status \
                     of payment {payment} from Gate",
                    entry.id
                )
            })
    }
}

/// Reads a stored status answer. It could have been exchanged for another signed message, or cut
/// into one, so it must have one reading.
fn answer_on_standard_input(
    project: ProjectId,
    keys: &[SigningKey],
) -> anyhow::Result<VerifiedStatus> {
    let mut answer = None;
    documents::for_each(false, |_, json| {
        let document = Document::parse(json, documents::limits()).context(
            "standard input is not JSON, or a member is given twice; give Gate's answer to a \
                 status request",
        )?;
        let verified = VerifiedStatus::verify(project, keys, &document);
        answer = Some(verified.map_err(|error| {
            match error {
                error @ StatusError::NotGenuine(_) => anyhow::Error::new(error)
                    .context("Gate's answer on standard input is not genuine"),
                error => anyhow::Error::new(error)
                    .context("standard input is not Gate's answer to a status request"),
            }
        })?);
        Ok(())
    })?;
    let answer =
        answer.context("standard input is empty; give Gate's answer to a status request")?;
    let Doubts { ambiguous, uncovered } = answer.doubts();
    if let Some(path) = ambiguous.first() {
        bail!(
            "the signature of the answer on standard input allows more than one meaning of \
             `{path}`: give a --profile instead of a key, so that the status is requested from Gate"
        );
    }
    if let Some(path) = uncovered.first() {
        bail!(
            "the signature of the answer on standard input does not cover `{path}`: give a --profile \
             instead of a key, so that the status is requested from Gate"
        );
    }
    Ok(answer)
}

impl Stats {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let stats = self.store.open().await?.stats().await?;
        print::stats(&stats, self.json)?;
        if is_wanted(self.json) {
            for (count, entries) in [(stats.dead, EntryState::Dead), (stats.held, EntryState::Held)]
            {
                if count > 0 {
                    let store = self.store.flag();
                    next(format_args!("ecp inbox list{store} --state {}", entries.as_str()));
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn state(word: &str) -> Result<EntryState, String> {
    let known = EntryState::ALL.iter().find(|state| state.as_str() == word);
    known.copied().ok_or_else(|| {
        let words: Vec<&str> = EntryState::ALL.iter().map(|state| state.as_str()).collect();
        let meant = did_you_mean(word, words.iter().copied());
        format!("not a state of a callback; the states are {}{meant}", words.join(", "))
    })
}
