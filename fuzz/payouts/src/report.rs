//! Comparison of the journal with the platform's books.

use std::collections::{BTreeMap, HashMap};

use ecp_payouts::{Entry, RowId, State};

use crate::payer;
use crate::platform::{Platform, end, right_amount};

/// Prints the results, and returns whether all are right: no row is paid or refunded twice, none is
/// lost, and each ended as on the platform. A refund whose answer was lost may be unknown.
pub(crate) fn compare(
    rows: u64,
    platform: &Platform,
    entries: &HashMap<RowId, Entry>,
) -> anyhow::Result<bool> {
    let books = platform.books();
    let (mut twice, mut lost, mut wrong, mut without_evidence) = (0, 0, 0, 0);
    let mut ends = BTreeMap::<&str, u64>::new();
    let mut sends = 0_u64;
    for row in 0..rows {
        let id = payer::id(row);
        let (entry, payment) = (entries.get(&payer::row_id(row)?), books.payments.get(&id));
        if let Some(entry) = entry.filter(|entry| payer::is_refund(row) && is_unknown(entry)) {
            sends += u64::from(entry.sends);
            twice += u64::from(payment.is_some_and(|payment| payment.times > 1));
            // All of the money of these is back by the platform's own status.
            if payment.is_some() && end(&id) == "success" {
                wrong += 1;
                println!("{id} is refunded, and unknown in the journal: {entry:?}");
            }
            *ends.entry("unknown, a refund").or_default() += 1;
            continue;
        }
        let (Some(entry), Some(payment)) = (entry, payment) else {
            lost += 1;
            continue;
        };
        sends += u64::from(entry.sends);
        twice += u64::from(payment.times > 1);
        let expected = match end(&id) {
            "success" => State::Success,
            "decline" => State::Decline,
            _ => State::Error,
        };
        if entry.state != expected || !right_amount(&id, payment) {
            wrong += 1;
            println!("{id} is `{}` on the platform: {entry:?}", end(&id));
        }
        without_evidence += u64::from(entry.evidence.is_empty());
        *ends.entry(entry.state.as_str()).or_default() += 1;
    }
    println!("{rows} rows, {} requests, {sends} intents", books.requests);
    for (fault, times) in &books.faults {
        println!("  {times:>9} {fault}");
    }
    for (end, rows) in &ends {
        println!("{rows:>9} ended as {end}");
    }
    println!(
        "paid or refunded twice: {twice}, lost: {lost}, wrong end: {wrong}, without evidence: {without_evidence}"
    );
    Ok(twice + lost + wrong + without_evidence == 0)
}

/// Whether a refund was sent once, and no answer proves that the platform has it.
fn is_unknown(entry: &Entry) -> bool {
    entry.state == State::Unknown && entry.request_id.is_none()
}
