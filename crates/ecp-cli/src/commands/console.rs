//! `ecp console`

mod login;

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ecp_console::{Action, Console as Pages, Event, Operator};
use ecp_core::{PaymentId, ProjectId};
use ecp_inbox::HandlerError;
use ecp_notify::Server;
use ecp_payouts::Owner;
use ecp_reconcile::{OperationNames, Reconcile};
use serde_json::json;

use self::login::Login;
use crate::connection::status_failure;
use crate::database;
use crate::next::next;
use crate::operation_names::NameOptions;
use crate::output::is_json;
use crate::profile::{Profile, ProfileOptions};
use crate::signals::Signals;
use crate::store::Store;
use crate::usage::Usage;

/// Show what needs a person in a browser: stuck callbacks, unclear payouts, differences
///
/// The pages show the inbox of a service, the journals of payouts and the reports of
/// `ecp reconcile --json`, each with what to do. If the profile has a token and key for the Data API, a
/// page also compares the platform with that inbox and those journals, as `ecp reconcile` does. They
/// change nothing without --allow-changes, and never send a payment. The printed address holds a key, and only browsers that opened it are
/// served. The body of a callback is hidden until it is asked for, and each such request is
/// printed.
///
/// For many operators, mount the same pages in your service, behind its login: see the crate
/// ecp-console.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp console --db shop.db\n  ecp console --postgres 'host=db user=shop' --journal /var/lib/shop/payouts --report reconciliations\n  ecp console --db shop.db --allow-changes --profile shop\n\nThe pages are explained in docs/console.md.",
    mut_group("Store", |store| store.required(false))
)]
pub(crate) struct Console {
    #[command(flatten)]
    inbox: Option<Store>,

    /// The journal of a payout file, which `ecp payouts` keeps as FILE.journal, or a folder with
    /// such files. May be repeated
    #[arg(long, value_name = "PATH")]
    journal: Vec<PathBuf>,

    /// The Postgres database of a payout journal that several machines share (`ecp payouts
    /// --postgres`), as a URL or as `host=.. user=.. dbname=..`. May be repeated
    #[arg(long, value_name = "URL")]
    postgres_journal: Vec<String>,

    /// The output of `ecp reconcile --json`, or a folder with such files that end in .json or .jsonl.
    /// May be repeated
    #[arg(long, value_name = "PATH")]
    report: Vec<PathBuf>,

    #[command(flatten)]
    names: NameOptions,

    /// Allow replaying callbacks, and releasing held ones (which wait until Gate confirms them) by
    /// asking the profile's Gate
    #[arg(long)]
    allow_changes: bool,

    /// The address to listen on; keep it on this machine, because the connection is not encrypted
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
    addr: SocketAddr,

    /// The name under which your actions on the pages are printed [default: the user of this
    /// machine]
    #[arg(long, value_name = "NAME")]
    operator: Option<String>,

    #[command(flatten)]
    profile: ProfileOptions,
}

impl Console {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if !self.has_sides() && self.report.is_empty() {
            let why = "nothing to show is given: add an inbox with --db or --postgres, journals with \
                       --journal or --postgres-journal, or reports with --report";
            return Err(Usage(why).into());
        }
        let runtime = crate::runtime::start()?;
        runtime.block_on(self.serve())
    }

    async fn serve(&self) -> anyhow::Result<ExitCode> {
        let pages = self.pages().await?;
        let login = Login::new()?;
        let listener = TcpListener::bind(self.addr).with_context(|| {
            format!("cannot listen on {}; is it in use? --addr names another address", self.addr)
        })?;
        let url = url(listener.local_addr()?, &login);
        if !self.addr.ip().is_loopback() {
            note!(
                "WARNING: {} is open to your network, and the connection is not encrypted: anyone who \
                 reads it has the key to these pages",
                self.addr
            );
        }
        let mut signals = Signals::listen()?;
        self.introduce(&url);
        let router = login.guard(pages.into_router("/").layer(axum::Extension(self.operator())));
        Server::new()
            .serve(listener, router, async move { signals.next().await })
            .await
            .context("the console has stopped; start it again")?;
        Ok(ExitCode::SUCCESS)
    }

    async fn pages(&self) -> anyhow::Result<Pages> {
        let mut pages = Pages::new().on_event(print);
        if let Some(store) = &self.inbox {
            pages = pages.inbox(store.open().await?).command_flags(store.flag());
        }
        for journal in &self.journal {
            pages = pages.journals(journal);
        }
        for text in &self.postgres_journal {
            pages = pages.shared_journals(database::journals(text)?);
        }
        for report in &self.report {
            pages = pages.reports(report);
        }
        if self.allow_changes {
            pages = pages.allow_changes();
            if self.inbox.is_some() {
                pages = self.with_gate(pages)?;
            }
        }
        let names = self.names.read()?;
        if self.has_sides() {
            match self.profile.load() {
                Ok(profile) if profile.has_data_api() => {
                    pages = with_comparisons(pages, profile, names)?;
                }
                Ok(_) => {}
                // The pages are of use without it.
                Err(error) => note!("note: the pages start no comparisons: {error:#}"),
            }
        }
        Ok(pages)
    }

    /// Whether there is something to compare with the platform.
    fn has_sides(&self) -> bool {
        self.inbox.is_some() || !self.journal.is_empty() || !self.postgres_journal.is_empty()
    }

    fn with_gate(&self, pages: Pages) -> anyhow::Result<Pages> {
        let profile = self.profile.load()?;
        let gate = profile.gate()?;
        let Profile { name, project, .. } = profile;
        Ok(pages.gate(move |of: ProjectId, payment: PaymentId| {
            let (gate, name) = (gate.clone(), name.clone());
            async move {
                if of != project {
                    let why = format!(
                        "it belongs to project {of}, and profile `{name}` to project {project}: start \
                         the console with a profile of its project (--profile)"
                    );
                    return Err(HandlerError::from(why));
                }
                gate.verified_status(&payment).await.map_err(|error| status_failure(error).into())
            }
        }))
    }

    fn operator(&self) -> Operator {
        let of_machine = || std::env::var("USER").or_else(|_| std::env::var("USERNAME")).ok();
        let name = self.operator.clone().or_else(of_machine);
        Operator::new(name.as_deref().unwrap_or("an operator"))
    }

    fn introduce(&self, url: &str) {
        if is_json() {
            print_line!("{}", json!({"url": url, "allow_changes": self.allow_changes}));
            return;
        }
        print_line!("Console:   {url}");
        if !self.allow_changes {
            print_line!("read only: --allow-changes lets it replay and release callbacks");
        }
        next(format_args!("open {url}"));
    }
}

/// Lets the pages compare the platform with what they show, by the profile's Data API and Gate.
fn with_comparisons(
    pages: Pages,
    profile: Profile,
    names: OperationNames,
) -> anyhow::Result<Pages> {
    let owner = Owner::new(profile.project, &profile.gate_url);
    let (data, sender) = (profile.data_api()?, profile.sender()?);
    let profile = Arc::new(profile);
    Ok(pages.comparisons(owner, move |sides: Reconcile| {
        let (data, sender, profile) = (data.clone(), sender.clone(), Arc::clone(&profile));
        let sides = sides.names(names.clone());
        async move {
            let begun = sides.begin(&data, sender).await;
            begun.map_err(|error| {
                HandlerError::from(format!("{:#}", profile.with_address(error.into())))
            })
        }
    }))
}

/// Prints what an operator did or asked for. Standard output may be closed; the pages go on.
fn print(event: &Event) {
    let line = if is_json() { json(event) } else { event.to_string() };
    let _ = writeln!(std::io::stdout(), "{line}");
}

fn json(event: &Event) -> String {
    let (name, callback, outcome) = match &event.action {
        Action::ComparisonStarted { project, interval } => {
            return json!({
                "event": "comparison_started",
                "at": event.at.to_string(),
                "operator": event.operator.as_ref().map(Operator::as_str),
                "project": project.get(),
                "from": interval.from().to_string(),
                "to": interval.to().to_string(),
            })
            .to_string();
        }
        Action::BodyShown(callback) => ("body_shown", Some(callback), None),
        Action::Replayed(callback) => ("replayed", Some(callback), None),
        Action::GateAsked { callback, outcome } => ("gate_asked", Some(callback), Some(*outcome)),
        _ => ("other", None, None),
    };
    json!({
        "event": name,
        "at": event.at.to_string(),
        "operator": event.operator.as_ref().map(Operator::as_str),
        "callback": callback.map(|callback| callback.id.get()),
        "project": callback.map(|callback| callback.project.get()),
        "payment": callback.and_then(|callback| callback.payment.as_ref()).map(PaymentId::as_str),
        "outcome": outcome,
    })
    .to_string()
}

/// The URL for a browser on this machine.
fn url(mut address: SocketAddr, login: &Login) -> String {
    if address.ip().is_unspecified() {
        address.set_ip(Ipv4Addr::LOCALHOST.into());
    }
    format!("http://{address}/?key={}", login.key())
}
