//! Mass payouts: a table of payouts, asked for one after the other.
//!
//! The platform's own layout is not published. Chosen here: UTF-8, a line of names, then a line a
//! payout. Names are the dotted paths of a Gate payout (`general.payment_id`, `payment.amount` in
//! minor units, `account.number` and so on) and `method`, with the method's Gate path. The
//! delimiter is the one of the line of names.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::model::{End, PaymentStatus};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_methods::FlowKind;
use ecp_methods::spec::Interface;
use ecp_table::{Hidden, Trace};

use super::nested::nested;
use crate::engine::Engine;

const MOST_ROWS: usize = 10_000;
const MOST_BATCHES: usize = 50;
const METHOD: &str = "method";
const NEEDED: [&str; 3] = ["general.payment_id", "payment.amount", "payment.currency"];

/// The latest mass payouts.
#[derive(Default)]
pub(crate) struct Batches(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    begun: u64,
    batches: VecDeque<Arc<Batch>>,
}

impl Batches {
    /// Begins with the payouts of a table, and returns the batch's number.
    pub(super) fn begin(
        &self,
        engine: &Engine,
        file: &str,
        project: ProjectId,
        table: Table,
    ) -> u64 {
        let mut latest = lock(&self.0);
        latest.begun += 1;
        let batch = Arc::new(Batch {
            number: latest.begun,
            file: file.to_owned(),
            project,
            created: engine.now(),
            rows: Mutex::new(
                table.rows.iter().map(|(line, cells)| Row::of(*line, cells)).collect(),
            ),
        });
        latest.batches.push_front(Arc::clone(&batch));
        latest.batches.truncate(MOST_BATCHES);
        drop(latest);
        let number = batch.number;
        let engine = engine.clone();
        tokio::spawn(async move {
            for (place, (_, cells)) in table.rows.iter().enumerate() {
                batch.pay(&engine, place, cells);
                // Others have their turn, and the page shows how far it is.
                tokio::task::yield_now().await;
            }
        });
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<Arc<Batch>> {
        lock(&self.0).batches.iter().find(|batch| batch.number == number).cloned()
    }

    /// Newest first.
    pub(super) fn all(&self) -> Vec<Arc<Batch>> {
        lock(&self.0).batches.iter().cloned().collect()
    }
}

/// One upload.
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) file: String,
    pub(super) project: ProjectId,
    pub(super) created: Timestamp,
    rows: Mutex<Vec<Row>>,
}

#[derive(Clone)]
struct Row {
    line: u64,
    payment_id: String,
    amount: String,
    placed: Option<Result<PaymentId, String>>,
}

impl Row {
    fn of(line: u64, cells: &Cells) -> Self {
        let cell = |name: &str| {
            let found = cells.iter().find(|(path, _)| path == name);
            found.map(|(_, text)| text.clone()).unwrap_or_default()
        };
        Self {
            line,
            payment_id: cell(NEEDED[0]),
            amount: format!("{} {}", cell(NEEDED[1]), cell(NEEDED[2])),
            placed: None,
        }
    }
}

/// A row as it is shown.
pub(crate) struct RowView {
    /// In the file, counted from 1.
    pub(crate) line: u64,
    pub(crate) payment_id: String,
    pub(crate) amount: String,
    pub(crate) status: String,
    /// The problem, if there is no payout.
    pub(crate) problem: Option<String>,
    pub(crate) registered: bool,
}

/// How far a batch is.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) all: usize,
    pub(crate) success: usize,
    pub(crate) decline: usize,
    pub(crate) refused: usize,
    /// Ended in an error, so that nothing says whether money has moved.
    pub(crate) error: usize,
    /// Dropped from the history of payments: how they ended is not known any more.
    pub(crate) forgotten: usize,
}

impl Progress {
    pub(crate) const fn done(self) -> usize {
        self.success + self.decline + self.refused + self.error + self.forgotten
    }

    pub(crate) const fn is_done(self) -> bool {
        self.done() == self.all
    }

    /// The platform's words.
    pub(crate) const fn status(self) -> &'static str {
        if self.is_done() { "done" } else { "processing" }
    }
}

impl Batch {
    fn pay(&self, engine: &Engine, place: usize, cells: &Cells) {
        let method = cells.iter().find(|(name, _)| name == METHOD);
        let method = method.map(|(_, method)| method.as_str()).unwrap_or_default();
        let others = cells.iter().filter(|(name, _)| name != METHOD);
        let document = nested(others.map(|(path, text)| (path.as_str(), text.as_str())));
        let placed =
            engine.place(self.project, method, FlowKind::Payout, Interface::Dashboard, &document);
        let placed = placed.map(|placed| placed.payment_id).map_err(|error| error.to_string());
        if let Some(row) = lock(&self.rows).get_mut(place) {
            row.placed = Some(placed);
        }
    }

    pub(super) fn rows(&self, engine: &Engine) -> Vec<RowView> {
        let rows = lock(&self.rows).clone();
        let view = |row: Row| {
            let (status, problem, registered) = match &row.placed {
                None => ("waiting".to_owned(), None, false),
                Some(Err(problem)) => ("refused".to_owned(), Some(problem.clone()), false),
                Some(Ok(payment_id)) => match engine.payment(self.project, payment_id) {
                    Some(payment) => {
                        let problem = (payment.ended.is_some() && payment.code.as_str() != "0")
                            .then(|| format!("{} {}", payment.code.as_str(), payment.message));
                        (payment.status.as_str().to_owned(), problem, true)
                    }
                    None => ("forgotten".to_owned(), None, true),
                },
            };
            let Row { line, payment_id, amount, .. } = row;
            RowView { line, payment_id, amount, status, problem, registered }
        };
        rows.into_iter().map(view).collect()
    }
}

impl Progress {
    pub(super) fn of(rows: &[RowView]) -> Self {
        let mut progress = Self { all: rows.len(), ..Self::default() };
        for row in rows {
            match row.status.as_str() {
                "forgotten" => progress.forgotten += 1,
                "refused" => progress.refused += 1,
                status => match PaymentStatus::from(status).end() {
                    End::Success => progress.success += 1,
                    End::Decline => progress.decline += 1,
                    End::Error | End::Returned => progress.error += 1,
                    End::Open | End::Unknown => {}
                },
            }
        }
        progress
    }
}

type Cells = Vec<(String, String)>;

/// A table of payouts that can be begun with.
pub(super) struct Table {
    /// Lines and their cells.
    rows: Vec<(u64, Cells)>,
}

impl Table {
    /// Reads a file. `method` is for files that have no column of that name.
    pub(super) fn read(file: &[u8], method: Option<&str>) -> Result<Self, String> {
        let is_known = |name: &str| name == METHOD || NEEDED.contains(&name);
        let table = ecp_table::Table::read(file.to_vec(), None, is_known)
            .map_err(|problem| problem.to_string())?;
        let names = table.names();
        let missing: Vec<&str> =
            NEEDED.into_iter().filter(|needed| !names.iter().any(|name| name == needed)).collect();
        if !missing.is_empty() {
            return Err(format!("The first line lacks these columns: {}.", missing.join(", ")));
        }
        if method.is_none() && !names.iter().any(|name| name == METHOD) {
            return Err("Choose a method: the first line has no column `method`.".to_owned());
        }
        let mut rows = Vec::new();
        for row in table.rows() {
            let row = row.map_err(|problem| problem.to_string())?;
            if let Some(problem) = table.nameless(&row) {
                return Err(problem.to_string());
            }
            let cells = names.iter().zip(row.cells()).map(|(name, text)| (name, text.trim()));
            let mut cells: Cells = cells
                .filter(|(_, text)| !text.is_empty())
                .map(|(name, text)| (name.clone(), text.to_owned()))
                .collect();
            if let Some((name, problem)) = cells.iter().find_map(changed) {
                return Err(format!("line {}, `{name}`: {problem}", row.line()));
            }
            if let Some(method) = method
                && !cells.iter().any(|(name, _)| name == METHOD)
            {
                cells.push((METHOD.to_owned(), method.to_owned()));
            }
            rows.push((row.line(), cells));
            if rows.len() > MOST_ROWS {
                return Err(format!("The file has more than {MOST_ROWS} payouts."));
            }
        }
        if rows.is_empty() { Err("The file has no payouts.".to_owned()) } else { Ok(Self { rows }) }
    }
}

/// Damage by a spreadsheet to an id, an account number or a sum: the column, and the kind.
fn changed((name, text): &(String, String)) -> Option<(&str, String)> {
    let decides = NEEDED.contains(&name.as_str()) || name == "account.number" || name == METHOD;
    let hidden = Hidden::find(text).map(|hidden| format!("holds {hidden}"));
    let problem = hidden.or_else(|| Trace::find(text).map(|trace| trace.to_string()));
    problem.filter(|_| decides).map(|problem| (name.as_str(), problem))
}

/// The stored data is consistent at any time, so a panic elsewhere does not spoil it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, method: Option<&str>) -> Result<Vec<Cells>, String> {
        let table = Table::read(text.as_bytes(), method);
        table.map(|table| table.rows.into_iter().map(|(_, cells)| cells).collect())
    }

    #[test]
    fn every_separator_is_read() {
        for separator in [",", ";", "\t", "|"] {
            let text = "general.payment_id~payment.amount~payment.currency~payment.description\n\
                        P1~500~MYR~\"a, b\"\n~~~\n"
                .replace('~', separator);
            let rows = read(&text, Some("group/name")).unwrap();
            let cells: Vec<_> =
                rows[0].iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
            assert_eq!(
                cells,
                [
                    ("general.payment_id", "P1"),
                    ("payment.amount", "500"),
                    ("payment.currency", "MYR"),
                    ("payment.description", "a, b"),
                    ("method", "group/name"),
                ]
            );
        }
    }

    #[test]
    fn what_is_no_table_is_refused_before_anything_is_paid() {
        let names = "general.payment_id,payment.amount,payment.currency";
        let table = [
            ("", "there are no columns"),
            ("x,y\n1,2\n", "lacks these columns"),
            (
                &format!("{names},method\nP1,5,EUR,\"m\nP2,5,EUR,m\n"),
                "line 2, `method`: a quote opens",
            ),
            (
                &format!("{names},method\nP1\u{200b},5,EUR,m\n"),
                "line 2, `general.payment_id`: holds U+200B",
            ),
            (
                &format!("{names},method\nP1,3E+04,EUR,m\n"),
                "line 2, `payment.amount`: is a number that",
            ),
            ("payment.amount\n5\n", "general.payment_id, payment.currency"),
            (names, "no column `method`"),
            (&format!("{names},method\n"), "has no payouts"),
            (&format!("{names},method\nP1,5\n"), "line 2: has 2 cells, line 1 has 4"),
        ];
        for (text, expected) in table {
            let problem = read(text, None).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
        assert!(Table::read(&[0xff], None).is_err());
        assert!(Table::read(b"PK\x03\x04", None).is_err());
        let many = format!("{names}\n{}", "P,1,EUR\n".repeat(MOST_ROWS + 1));
        assert!(read(&many, Some("m")).unwrap_err().contains("more than"));
    }
}
