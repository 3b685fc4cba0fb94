//! Options that say where the Data API's answer has the members of an operation.

use clap::Args;
use ecp_payouts::AmountUnit;
use ecp_reconcile::OperationNames;

use crate::fields::pair;
use crate::usage::Usage;

/// Options of the names of an operation's members.
#[derive(Args)]
pub(crate) struct NameOptions {
    /// Path of a member in the Data API's answer, as in status=operation.status. Members are
    /// payment_id, operation_id, type, status, amount and currency. May be repeated
    #[arg(long, value_name = "MEMBER=PATH", value_parser = pair)]
    name: Vec<(String, String)>,

    /// The Data API's amounts are in major units: 300.00 rather than 30000
    #[arg(long)]
    major_units: bool,
}

impl NameOptions {
    /// Returns the names. Fails if one is of no member that is compared.
    pub(crate) fn read(&self) -> anyhow::Result<OperationNames> {
        let unit = if self.major_units { AmountUnit::Major } else { AmountUnit::Minor };
        let mut names = OperationNames::new().amounts(unit);
        for (member, path) in &self.name {
            names = match member.as_str() {
                "payment_id" => names.payment_id(path),
                "operation_id" => names.operation_id(path),
                "type" => names.kind(path),
                "status" => names.status(path),
                "amount" => names.amount(path),
                "currency" => names.currency(path),
                _ => {
                    let why = "--name takes MEMBER=PATH, where MEMBER is payment_id, operation_id, \
                               type, status, amount or currency";
                    return Err(Usage(why).into());
                }
            };
        }
        Ok(names)
    }
}
