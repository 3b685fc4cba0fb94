//! The process that is killed.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::num::NonZeroU32;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use ecp_methods::{FlowKind, Registry, Rule};
use ecp_payouts::{Counts, Journal, Layout, Owner, Payer, Plan, Settings, Stop};
use ecp_transport::{Gate, ReqwestTransport, RetryBudget, RetryPolicy, SendPolicy};

use crate::{key, project};

pub(crate) const FILE: &str = "payouts.csv";
pub(crate) const JOURNAL: &str = "payouts.journal";
/// The exit code when rows remain.
pub(crate) const NOT_COMPLETE: i32 = 3;

/// The id of a row.
pub(crate) fn id(row: u64) -> String {
    format!("P-{row}")
}

/// The amount of a row in minor units.
pub(crate) const fn amount(row: u64) -> u64 {
    1000 + row % 5000
}

/// Writes a file of payouts of the first method that has them.
pub(crate) fn write_file(path: &Path, rows: u64) -> anyhow::Result<()> {
    let registry = Registry::builtin();
    let method = registry.iter().find(|method| method.spec().rule(FlowKind::Payout).is_some());
    let spec = method.ok_or_else(|| anyhow::anyhow!("no method has payouts"))?.spec();
    let needs = spec.rule(FlowKind::Payout).map(Rule::needed_fields).unwrap_or_default();
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "method,general.payment_id,payment.amount,payment.currency")?;
    needs.iter().try_for_each(|field| write!(file, ",{field}"))?;
    let examples: Vec<&str> = needs.iter().map(|field| field.example()).collect();
    let examples = examples.join(",");
    let currency = spec.currencies().first().map(|currency| currency.code()).unwrap_or_default();
    for row in 0..rows {
        write!(file, "\n{},{},{},{currency},{examples}", spec.code(), id(row), amount(row))?;
    }
    Ok(file.flush()?)
}

/// Pays the file in the folder until every row has ended or waits for a later run.
pub(crate) async fn pay(folder: &Path, url: &str) -> anyhow::Result<ExitCode> {
    let project = project()?;
    let file = std::fs::read(folder.join(FILE))?;
    let plan = Plan::read(file, &Layout::new(), &Registry::builtin(), project)?;
    let owner = Owner::new(project, url);
    let journal = Journal::open(&folder.join(JOURNAL), &owner)?;
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
    let counts = Payer::new(gate, journal, settings).run(&plan, &Stop::new(), &()).await?;
    println!("{counts:?}");
    let Counts { not_sent, unknown, .. } = counts;
    let left = not_sent > 0 || unknown > 0;
    Ok(if left { ExitCode::from(u8::try_from(NOT_COMPLETE)?) } else { ExitCode::SUCCESS })
}
