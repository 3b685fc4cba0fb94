//! `ecp reconcile`

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::SystemTime;

use anyhow::Context;
use clap::Args;
use ecp_core::Timestamp;
use ecp_core::model::OperationType;
use ecp_payouts::Owner;
use ecp_reconcile::{Counts, Difference, Reconcile as Sides, ReconcileError, Reconciliation};

use crate::database;
use crate::interval::IntervalOptions;
use crate::operation_names::NameOptions;
use crate::profile::{Profile, ProfileOptions};
use crate::store::Store;
use crate::usage::Usage;

/// Compare the platform with the inbox of callbacks and with payout journals
///
/// Prints every difference, with the recommended action. It compares the operations that the
/// platform began in a time interval, the payouts sent in it and the callbacks received in it.
/// Nothing is changed anywhere. Choose an interval that ended so long ago that the platform
/// no longer repeats its callbacks.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp reconcile --from '2024-01-01 00:00:00' --to '2024-01-31 23:59:59' --profile shop --db shop.db --journal payouts.csv.journal\n  ecp reconcile --from '2024-01-01 00:00:00' --to '2024-01-31 23:59:59' --postgres 'host=db user=shop' --json | jq -r 'select(.difference) | .payment'\n\nThe words for differences are explained in docs/reconcile.md.\n\nExit codes:\n  0  the sides agree\n  1  they could not be compared, or not to the end\n  2  the command line was wrong\n  5  there are differences",
    mut_group("Store", |store| store.required(false))
)]
pub(crate) struct Reconcile {
    #[command(flatten)]
    interval: IntervalOptions,

    #[command(flatten)]
    inbox: Option<Store>,

    /// The journal of a payout file, which `ecp payouts` keeps as FILE.journal; together the
    /// journals must hold all payouts of the project. May be repeated
    #[arg(long, value_name = "FILE")]
    journal: Vec<PathBuf>,

    /// The Postgres database of payout journals that several machines share (`ecp payouts
    /// --postgres`), as a URL or as `host=.. user=.. dbname=..`; all jobs that it has for the
    /// profile's project are compared. May be repeated
    #[arg(long, value_name = "URL")]
    postgres_journal: Vec<String>,

    #[command(flatten)]
    profile: ProfileOptions,

    #[command(flatten)]
    names: NameOptions,

    /// Print a line of JSON for each difference, and one with totals
    #[arg(long)]
    json: bool,
}

/// The exit code when there are differences.
const DIFFERENCES: u8 = 5;

impl Reconcile {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.inbox.is_none() && self.journal.is_empty() && self.postgres_journal.is_empty() {
            let why = "nothing to compare with the platform is given: add an inbox with --db or \
                       --postgres, or a journal with --journal or \
                       --postgres-journal";
            return Err(Usage(why).into());
        }
        let interval = self.interval.read()?;
        let names = self.names.read()?;
        let profile = self.profile.load()?;
        if Timestamp::try_from(SystemTime::now()).is_ok_and(|now| now < interval.to()) {
            note!("note: the interval has not ended: operations in progress show as differences");
        }
        let owner = Owner::new(profile.project, &profile.gate_url);
        let sides = Sides::new(owner, interval).names(names);
        // Two spellings of one path are the same journal.
        let mut seen = BTreeSet::new();
        let is_new =
            |path: &&PathBuf| seen.insert(path.canonicalize().unwrap_or_else(|_| (*path).clone()));
        let mut sides = self.journal.iter().filter(is_new).fold(sides, Sides::journal);
        for text in self.postgres_journal.iter().collect::<BTreeSet<_>>() {
            sides = sides.shared_journal(database::journals(text)?);
        }
        let runtime = crate::runtime::start()?;
        let compared = runtime.block_on(self.compare(sides, &profile));
        let compared = compared?;
        self.sum_up(&compared)?;
        Ok(if compared.counts().agrees() { ExitCode::SUCCESS } else { ExitCode::from(DIFFERENCES) })
    }

    async fn compare(&self, sides: Sides, profile: &Profile) -> anyhow::Result<Reconciliation> {
        let sides = match &self.inbox {
            Some(store) => sides.inbox(store.open().await?),
            None => sides,
        };
        let with_address = |error: ReconcileError| profile.with_address(error.into());
        let begun = sides.begin(&profile.data_api()?, profile.sender()?).await;
        let mut begun = begun
            .map_err(with_address)
            .context("the platform's records cannot be compared with yours")?;
        while let Some(difference) = begun
            .next()
            .await
            .map_err(with_address)
            .context("the comparison with the platform's records stopped before its end")?
        {
            self.print(&difference)?;
        }
        Ok(begun)
    }

    fn print(&self, difference: &Difference) -> anyhow::Result<()> {
        let mut output = crate::output::stdout();
        if self.json {
            writeln!(output, "{}", difference.to_json())?;
            return Ok(());
        }
        writeln!(output, "{difference}")?;
        let kind = difference.operation_type.as_ref().map(OperationType::as_str);
        let what = match (kind, difference.operation) {
            (Some(kind), Some(id)) => format!("{} {id} ", kind.escape_debug()),
            (Some(kind), None) => format!("{} ", kind.escape_debug()),
            _ => String::new(),
        };
        let Difference { platform, journal, inbox, .. } = difference;
        for (side, state, what) in
            [("platform", platform, what.as_str()), ("journal", journal, ""), ("inbox", inbox, "")]
        {
            if let Some(state) = state {
                writeln!(output, "  {side:<8}  {what}{state}")?;
            }
        }
        if !difference.members.is_empty() {
            let members: Vec<_> = difference.members.iter().map(ToString::to_string).collect();
            writeln!(output, "  members   {}", members.join(", "))?;
        }
        writeln!(output, "  to do     {}", difference.action())?;
        Ok(())
    }

    fn sum_up(&self, compared: &Reconciliation) -> anyhow::Result<()> {
        let (counts, odd) = (compared.counts(), compared.odd());
        let Counts { operations, payouts, callbacks, payments, questions, pending, .. } = counts;
        let Counts { without_sum, differences, odd: odd_ones, odd_payouts, .. } = counts;
        let mut output = crate::output::stdout();
        if self.json {
            writeln!(output, "{}", compared.to_json())?;
        } else {
            writeln!(
                output,
                "{payments} payments compared: {differences} differences, {pending} pending\n\
                 {operations} operations, {payouts} payouts in journals, {callbacks} callbacks; \
                 Gate was asked about {questions} payments"
            )?;
        }
        for odd in odd.iter().take(SHOWN) {
            note!("unusual record: {odd}");
        }
        if odd_ones > 0 {
            note!(
                "note: {odd_ones} unusual records are not compared, or compared without their sum{}",
                if odd.len() > SHOWN { "; --json names more of them" } else { "" }
            );
        }
        if odd_payouts > 0 {
            note!(
                "note: {odd_payouts} of these records are payouts, whose money may have left: look \
                 at them in the platform's Dashboard"
            );
        }
        if without_sum > 0 {
            note!(
                "note: {without_sum} operations have no sum to compare: name the members of the sum \
                 with --name, see --help"
            );
        }
        Ok(())
    }
}

/// Maximum number of odd records shown.
const SHOWN: usize = 20;
