//! A report: the lines that `ecp reconcile --json` prints.

use std::sync::Arc;

use ecp_core::{Currency, Money, Timestamp};
use serde::Deserialize;

pub(crate) struct Report {
    pub(crate) name: String,
    /// Query of the report's page.
    pub(crate) query: String,
    /// Time when the file was last written.
    pub(crate) written: Option<Timestamp>,
    /// Whether the comparison is still running.
    pub(crate) is_running: bool,
    /// Why a comparison of this console did not come to its end.
    pub(crate) problem: Option<String>,
    /// The report; otherwise why it cannot be read.
    pub(crate) content: Result<Arc<Content>, String>,
}

#[derive(Clone, Default)]
pub(crate) struct Content {
    pub(crate) differences: Vec<Difference>,
    /// `None` if the comparison did not come to its end.
    pub(crate) summary: Option<Summary>,
}

/// A line with a difference.
#[derive(Clone, Deserialize)]
pub(crate) struct Difference {
    #[serde(rename = "difference")]
    pub(crate) kind: String,
    pub(crate) payment: String,
    pub(crate) operation: Option<u64>,
    pub(crate) operation_type: Option<String>,
    pub(crate) platform: Option<Side>,
    pub(crate) journal: Option<Side>,
    pub(crate) inbox: Option<Side>,
    pub(crate) request_id: Option<String>,
    #[serde(default)]
    pub(crate) callbacks: Vec<i64>,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    pub(crate) meaning: String,
    pub(crate) action: String,
}

/// State on one side, its amount in minor units.
#[derive(Clone, Deserialize)]
pub(crate) struct Side {
    pub(crate) status: String,
    amount: Option<i64>,
    currency: Option<String>,
}

/// The numbers of the last line.
#[derive(Clone, Deserialize)]
pub(crate) struct Summary {
    pub(crate) agrees: bool,
    pub(crate) differences: u64,
    pub(crate) payments: u64,
    pub(crate) pending: u64,
    pub(crate) operations: u64,
    pub(crate) payouts: u64,
    pub(crate) callbacks: u64,
    #[serde(default)]
    pub(crate) odd: u64,
    #[serde(default)]
    pub(crate) odd_payouts: u64,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Difference(Box<Difference>),
    Summary { summary: Summary },
}

impl Content {
    /// Reads a line of a report, and keeps it unless there are this many differences. The error says
    /// nothing: its own text could quote the line.
    pub(crate) fn read_line(&mut self, line: &str, most: usize) -> Result<(), ()> {
        match serde_json::from_str(line) {
            Ok(Line::Difference(_)) if self.differences.len() >= most => {}
            Ok(Line::Difference(difference)) => self.differences.push(*difference),
            Ok(Line::Summary { summary }) => self.summary = Some(summary),
            Err(_) => return Err(()),
        }
        Ok(())
    }

    /// Whether the comparison came to its end and found nothing to do.
    pub(crate) fn agrees(&self) -> bool {
        self.summary.as_ref().is_some_and(|summary| summary.agrees)
    }
}

impl Summary {
    /// The number of differences in words; `None` if payouts that could not be compared are all
    /// that keeps the sides from agreeing.
    pub(crate) fn differing(&self) -> Option<String> {
        match self.differences {
            0 if self.odd_payouts > 0 => None,
            1 => Some("1 difference".to_owned()),
            count => Some(format!("{count} differences")),
        }
    }

    /// The number of payouts that could not be compared in words; `None` without any.
    pub(crate) fn not_compared(&self) -> Option<String> {
        match self.odd_payouts {
            0 => None,
            1 => Some("1 payout not compared".to_owned()),
            count => Some(format!("{count} payouts not compared")),
        }
    }
}

impl Side {
    /// The sum as people read it; empty without one.
    pub(crate) fn sum(&self) -> String {
        let (Some(amount), Some(code)) = (self.amount, &self.currency) else {
            return String::new();
        };
        match code.parse::<Currency>() {
            Ok(currency) => Money::from_minor(amount, currency).to_string(),
            Err(_) => format!("{amount} minor units of {code}"),
        }
    }
}
