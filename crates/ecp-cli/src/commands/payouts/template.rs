//! `ecp payouts template`

use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use ecp_methods::Registry;
use ecp_methods::mass_file::RowKind;
use ecp_payouts::write_template;

use crate::fields::method;
use crate::profile::ProfileOptions;

/// Write a mass file to begin with: the platform's columns, and an example row for each operation
/// that the method has in such files
///
/// The file is CSV in UTF-8 without a byte order mark, with `;` between the cells and amounts in
/// minor units, as the platform's Dashboard takes it. Columns may be moved, and others of the Gate
/// request added. Cells that stay empty keep their `;`.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp payouts template touchngo > payouts.csv\n  ecp payouts template wallet-partner --profile shop > refunds.csv"
)]
pub(crate) struct Template {
    /// The payment method, by its code (`ecp methods` lists the codes), its Gate path or its
    /// Dashboard code
    #[arg(value_name = "METHOD")]
    method: String,

    #[command(flatten)]
    profile: ProfileOptions,
}

impl Template {
    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let method = method(registry, &self.method)?;
        let project = self.profile.load()?.project;
        if [RowKind::Payout, RowKind::Refund]
            .iter()
            .all(|kind| method.spec().rule(kind.operation()).is_none())
        {
            bail!(
                "{} has neither payouts nor refunds; `ecp methods` lists the flows of each method",
                method.spec().title()
            );
        }
        write_template(method, project, crate::output::stdout())?;
        Ok(ExitCode::SUCCESS)
    }
}
