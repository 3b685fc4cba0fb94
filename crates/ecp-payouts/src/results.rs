//! Results of a run, one line per row, as a file.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::io;

use ecp_methods::mass_file::{self, RowKind};
use ecp_methods::request::Field;
use ecp_table::neutral;

use crate::journal::{Entry, State};
use crate::plan::Plan;
use crate::row::RowId;

/// Writes a CSV file with a line for each row of a plan: the row's result, and a text that explains
/// how it is known. The file has no account numbers or other personal data. `entries` are the
/// records of the journal ([`Journal::read`](crate::Journal::read)); a row without one was not
/// sent.
///
/// The result is one of these:
///
/// - `success` or `decline`
/// - `error`: the payout or refund has ended, and nothing says whether money has moved
/// - `unknown`: the request may have been sent, and the final result is not known
/// - `not sent`: also a row that was refused for a cause outside of it, such as a wrong key
///
/// Amounts are written as they are sent to Gate, in minor units for most methods
/// ([`AmountUnit::Minor`](crate::AmountUnit::Minor)), whichever unit the plan's file has.
///
/// Cells that a spreadsheet would read as a formula are neutralized (see [`neutral`]). If the plan
/// has refunds, two more columns hold each row's operation and the id of its refund.
pub fn write_results<S: BuildHasher>(
    plan: &Plan,
    entries: &HashMap<RowId, Entry, S>,
    output: impl io::Write,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(output);
    let has_refunds = plan.totals().iter().any(|total| total.flow == RowKind::Refund);
    let mut names = vec![
        "line",
        "general.payment_id",
        "method",
        "payment.amount",
        "payment.currency",
        "result",
        "status",
        "code",
        "request_id",
        "sends",
        "evidence",
    ];
    if has_refunds {
        names.extend([mass_file::OPERATION_TYPE, Field::MERCHANT_REFUND_ID.path()]);
    }
    writer.write_record(names)?;
    for row in plan.rows() {
        let (request, id) = (&row.request, row.request.id());
        let entry = entries.get(&id);
        let amount = request.amount();
        let text = |value: Option<&String>| neutral(value.map_or("", String::as_str)).into_owned();
        let mut cells = vec![
            row.line.to_string(),
            neutral(id.payment_id().as_str()).into_owned(),
            request.spec().code().to_owned(),
            amount
                .and_then(|amount| request.spec().sent_amount(amount))
                .map(|number| number.to_string())
                .unwrap_or_default(),
            amount.map(|amount| amount.currency().code().to_owned()).unwrap_or_default(),
            result(entry.map(|entry| entry.state)).to_owned(),
            text(entry.and_then(|entry| entry.status.as_ref())),
            text(entry.and_then(|entry| entry.code.as_ref())),
            text(entry.and_then(|entry| entry.request_id.as_ref())),
            entry.map_or(0, |entry| entry.sends).to_string(),
            entry.map_or_else(
                || "the run ended before its turn".to_owned(),
                |entry| neutral(&entry.evidence).into_owned(),
            ),
        ];
        if has_refunds {
            let refund_id = id.refund_id().unwrap_or_default();
            cells.extend([request.flow().name().to_owned(), neutral(refund_id).into_owned()]);
        }
        writer.write_record(cells)?;
    }
    writer.flush()
}

fn result(state: Option<State>) -> &'static str {
    match state {
        None | Some(State::NotSent) => State::NotSent.as_str(),
        Some(State::Intended | State::Registered | State::Unknown) => State::Unknown.as_str(),
        Some(state) => state.as_str(),
    }
}
