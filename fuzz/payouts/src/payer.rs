//! The process that is killed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ecp_core::PaymentId;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry, Rule};
use ecp_payouts::postgres::{PostgresJournal, PostgresJournalOptions};
use ecp_payouts::{
    Entry, Journal, JournalError, Layout, Owner, Payer, Plan, RowId, Settings, State, Stop,
};
use ecp_transport::{Gate, ReqwestTransport, RetryBudget, RetryPolicy, SendPolicy};

use crate::{key, project};

pub(crate) const FILE: &str = "payouts.csv";
pub(crate) const JOURNAL: &str = "payouts.journal";
/// The exit code when rows remain.
pub(crate) const NOT_COMPLETE: i32 = 3;

/// Whether a row is a refund.
pub(crate) const fn is_refund(row: u64) -> bool {
    row % 10 == 9
}

/// The payment id of a row.
pub(crate) fn id(row: u64) -> String {
    let kind = if is_refund(row) { 'R' } else { 'P' };
    format!("{kind}-{row}")
}

/// The journal's id of a row.
pub(crate) fn row_id(row: u64) -> anyhow::Result<RowId> {
    let payment = PaymentId::new(id(row))?;
    Ok(if is_refund(row) { RowId::refund(payment, id(row)) } else { RowId::payout(payment) })
}

/// The amount of a row in minor units.
pub(crate) const fn amount(row: u64) -> u64 {
    1000 + row % 5000
}

/// Writes a file of the first methods that have payouts and refunds.
pub(crate) fn write_file(path: &Path, rows: u64) -> anyhow::Result<()> {
    const DESCRIPTION: &str = "payment.description";
    let registry = Registry::builtin();
    let with = |flow: Operation| {
        let method = registry.iter().find(|method| method.spec().rule(flow).is_some());
        method.map(DynMethod::spec).ok_or_else(|| anyhow::anyhow!("no method has a {flow}"))
    };
    let (payouts, refunds) = (with(Operation::PAYOUT)?, with(Operation::REFUND)?);
    let needs = payouts.rule(Operation::PAYOUT).map(Rule::needed_fields).unwrap_or_default();
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "operation_type;method;general.payment_id;payment.amount;payment.currency")?;
    needs.iter().try_for_each(|field| write!(file, ";{field}"))?;
    write!(file, ";{DESCRIPTION}")?;
    let examples: Vec<&str> = needs.iter().map(|field| field.example()).collect();
    let (examples, nothing) = (examples.join(";"), ";".repeat(needs.len()));
    let currency = payouts.currencies().first().map(|currency| currency.code());
    let currency = currency.unwrap_or_default();
    let code = |spec: &MethodSpec| spec.dashboard_code().unwrap_or(spec.code()).to_owned();
    let (payouts, refunds) = (code(payouts), code(refunds));
    for row in 0..rows {
        let id = id(row);
        if is_refund(row) {
            write!(file, "\nrefund;{refunds};{id};;{nothing};returned")?;
        } else {
            write!(file, "\npayout;{payouts};{id};{};{currency};{examples};", amount(row))?;
        }
    }
    Ok(file.flush()?)
}

/// The journal that payers share.
pub(crate) async fn shared_journal(database: &str, url: &str) -> anyhow::Result<PostgresJournal> {
    let options = PostgresJournalOptions::new().lease(Duration::from_secs(1));
    Ok(options.open(database.parse()?, &Owner::new(project()?, url), "simulation").await?)
}

/// Pays the file in the folder until every row has ended or waits for a later run: alone, or with
/// others through a database.
pub(crate) async fn pay(
    folder: &Path,
    url: &str,
    database: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let project = project()?;
    let file = std::fs::read(folder.join(FILE))?;
    let plan = Plan::read(file, &Layout::new(), &Registry::builtin(), project)?;
    let gate = Gate::new(project, &key()?, ReqwestTransport::plain_http()?).base_url(url)?;
    let retry = RetryPolicy::new()
        .budget(RetryBudget::new(100, 100_000))
        .pauses(Duration::from_millis(20), Duration::from_millis(500));
    let policy = SendPolicy::new()
        .retry(retry)
        .concurrency(NonZeroU32::new(64).unwrap_or(NonZeroU32::MIN))
        .rate(None);
    let settings = Settings::new()
        .policy(policy)
        // No request in this simulation takes longer.
        .not_found_after(Duration::from_secs(2))
        .first_question(Duration::from_millis(5));
    let (counts, entries) = if let Some(database) = database {
        let journal = shared_journal(database, url).await?;
        let payer = Payer::new(gate, journal.clone(), settings);
        let counts = payer.run(&plan, &Stop::new(), &()).await?;
        (counts, journal.read().await?)
    } else {
        let path = folder.join(JOURNAL);
        let journal = Journal::open(&path, &Owner::new(project, url))?;
        let counts = Payer::new(gate, journal, settings).run(&plan, &Stop::new(), &()).await?;
        let entries = loop {
            match Journal::read(&path) {
                // The payer lets go of it when its last task is gone.
                Err(JournalError::InUse) => tokio::time::sleep(Duration::from_millis(5)).await,
                entries => break entries?,
            }
        };
        (counts, entries)
    };
    println!("{counts:?}");
    let left = counts.not_sent > 0 || entries.iter().any(|(id, entry)| has_not_ended(id, entry));
    Ok(if left { ExitCode::from(u8::try_from(NOT_COMPLETE)?) } else { ExitCode::SUCCESS })
}

/// A refund whose answer was lost may stay unknown for ever.
fn has_not_ended(id: &RowId, entry: &Entry) -> bool {
    let may_stay = id.refund_id().is_some() && entry.state == State::Unknown;
    !entry.state.is_final() && entry.state != State::Error && !may_stay
}
