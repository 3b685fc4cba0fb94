//! Mass payouts and refunds: a table of requests, made one after the other.
//!
//! The file is the platform's ([`ecp_methods::mass_file`]). Without a column `operation_type` its
//! rows are payouts, and any delimiter is read that the line of names has.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ecp_core::model::{End, PaymentStatus};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_methods::mass_file::{self, RowKind};
use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_table::{Hidden, Trace};

use super::nested::nested;
use crate::engine::Engine;
use crate::engine::place::Placed;
use crate::engine::view::{Filter, Paging};

const MOST_ROWS: usize = 10_000;
const MOST_BATCHES: usize = 50;
const METHOD: &str = mass_file::METHOD;
const NEEDED: [&str; 3] = ["general.payment_id", "payment.amount", "payment.currency"];

/// The latest mass payouts, from uploaded files.
#[derive(Default)]
pub(crate) struct Batches(Mutex<Latest>);

#[derive(Default)]
struct Latest {
    begun: u64,
    batches: VecDeque<Arc<Batch>>,
}

impl Batches {
    /// Starts the payouts and refunds of a table, and returns the number of the mass payout.
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
            notes: table.notes,
            rows: Mutex::new(table.rows.iter().map(Row::of).collect()),
        });
        latest.batches.push_front(Arc::clone(&batch));
        latest.batches.truncate(MOST_BATCHES);
        drop(latest);
        let number = batch.number;
        let engine = engine.clone();
        tokio::spawn(async move {
            for (place, request) in table.rows.iter().enumerate() {
                batch.carry_out(&engine, place, request);
                // Others have their turn, and the page shows how far it is.
                tokio::task::yield_now().await;
            }
        });
        number
    }

    pub(super) fn get(&self, number: u64) -> Option<Arc<Batch>> {
        lock(&self.0).batches.iter().find(|batch| batch.number == number).cloned()
    }

    /// Returns the latest mass payouts, newest first.
    pub(super) fn all(&self) -> Vec<Arc<Batch>> {
        lock(&self.0).batches.iter().cloned().collect()
    }
}

/// A mass payout from one uploaded file.
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) file: String,
    pub(super) project: ProjectId,
    pub(super) created: Timestamp,
    /// Requirements of the platform's documents for the file that it does not meet.
    pub(super) notes: Vec<&'static str>,
    rows: Mutex<Vec<Row>>,
}

#[derive(Clone)]
struct Row {
    line: u64,
    flow: RowKind,
    payment_id: String,
    amount: String,
    placed: Option<Result<Placed, String>>,
}

impl Row {
    fn of(request: &Request) -> Self {
        let cell = |name: &str| request.cell(name).unwrap_or_default();
        let operation = request.cell(mass_file::OPERATION_ID);
        let of_operation = || operation.map(|id| format!("operation {id}")).unwrap_or_default();
        let id = request.cell(NEEDED[0]).map_or_else(of_operation, str::to_owned);
        Self {
            line: request.line,
            flow: request.flow,
            payment_id: id,
            amount: format!("{} {}", cell(NEEDED[1]), cell(NEEDED[2])).trim().to_owned(),
            placed: None,
        }
    }
}

/// A row of a file.
struct Request {
    line: u64,
    flow: RowKind,
    cells: Cells,
}

impl Request {
    fn cell(&self, name: &str) -> Option<&str> {
        self.cells.iter().find(|(path, _)| path == name).map(|(_, text)| text.as_str())
    }
}

/// A row of a mass payout as the page shows it.
pub(crate) struct RowView {
    /// Line number in the file, counted from 1.
    pub(crate) line: u64,
    pub(crate) operation: &'static str,
    pub(crate) payment_id: String,
    pub(crate) amount: String,
    pub(crate) status: String,
    /// The problem, if the row was not registered or did not succeed; otherwise `None`.
    pub(crate) problem: Option<String>,
    pub(crate) registered: bool,
}

/// Progress of a mass payout: the number of its rows in each state.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) all: usize,
    pub(crate) success: usize,
    pub(crate) decline: usize,
    pub(crate) refused: usize,
    /// Number of rows that ended in an error: it is unknown whether money has moved.
    pub(crate) error: usize,
    /// Number of rows with payments that were removed from the history: their results are unknown.
    pub(crate) forgotten: usize,
}

impl Progress {
    pub(crate) const fn done(self) -> usize {
        self.success + self.decline + self.refused + self.error + self.forgotten
    }

    pub(crate) const fn is_done(self) -> bool {
        self.done() == self.all
    }

    /// Returns the status of the mass payout, in the platform's words.
    pub(crate) const fn status(self) -> &'static str {
        if self.is_done() { "done" } else { "processing" }
    }
}

impl Batch {
    fn carry_out(&self, engine: &Engine, place: usize, request: &Request) {
        const OWN: [&str; 3] = [METHOD, mass_file::OPERATION_TYPE, mass_file::OPERATION_ID];
        let method = request.cell(METHOD).unwrap_or_default();
        let others = request.cells.iter().filter(|(name, _)| !OWN.contains(&name.as_str()));
        let operation = request.cell(mass_file::OPERATION_ID);
        let named = match operation.map(|operation| self.payment_of(engine, operation)) {
            None => Ok(None),
            Some(Some(id)) => Ok(Some(id)),
            Some(None) => Err("No payment has an operation with this id.".to_owned()),
        };
        let placed = named.and_then(|id| {
            let id = id.as_ref().map(|id| (NEEDED[0], id.as_str()));
            let cells = others.map(|(path, text)| (path.as_str(), text.as_str()));
            let document = nested(cells.chain(id));
            let interface = Interface::Dashboard;
            engine
                .place(self.project, method, request.flow.operation(), interface, &document)
                .map_err(|error| error.to_string())
        });
        if let Some(row) = lock(&self.rows).get_mut(place) {
            row.placed = Some(placed);
        }
    }

    /// The payment with an operation.
    fn payment_of(&self, engine: &Engine, operation: &str) -> Option<PaymentId> {
        let id: u64 = operation.parse().ok()?;
        let all = Filter { project: Some(self.project), ..Filter::default() };
        let mut operations = engine.operations(&all, Paging::ALL).items.into_iter();
        operations.find(|operation| operation.id == id).map(|operation| operation.payment_id)
    }

    pub(super) fn rows(&self, engine: &Engine) -> Vec<RowView> {
        let rows = lock(&self.rows).clone();
        let view = |row: Row| {
            let (status, problem, registered) = match &row.placed {
                None => ("waiting".to_owned(), None, false),
                Some(Err(problem)) => ("refused".to_owned(), Some(problem.clone()), false),
                Some(Ok(Placed { request_id, payment_id })) => {
                    let payment = engine.payment(self.project, payment_id);
                    let operations = payment.map(|payment| payment.operations).unwrap_or_default();
                    match operations.into_iter().find(|one| one.request_id == *request_id) {
                        Some(one) => {
                            let problem = (one.is_final && one.code.as_str() != "0")
                                .then(|| format!("{} {}", one.code.as_str(), one.message));
                            (one.status, problem, true)
                        }
                        None => ("forgotten".to_owned(), None, true),
                    }
                }
            };
            let registered_id = row.placed.and_then(Result::ok).map(|placed| placed.payment_id);
            RowView {
                line: row.line,
                operation: row.flow.name(),
                payment_id: registered_id.map_or(row.payment_id, |id| id.as_str().to_owned()),
                amount: row.amount,
                status,
                problem,
                registered,
            }
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

/// The checked payouts and refunds of an uploaded file.
pub(super) struct Table {
    rows: Vec<Request>,
    notes: Vec<&'static str>,
}

impl Table {
    /// Reads and checks a file. `method` is the method for a file without a column `method`.
    pub(super) fn read(
        file: &[u8],
        method: Option<&str>,
        project: ProjectId,
    ) -> Result<Self, String> {
        let is_known = |name: &str| {
            mass_file::COLUMNS.contains(&name) || name == Field::MERCHANT_REFUND_ID.path()
        };
        let table = ecp_table::Table::read(file.to_vec(), None, is_known)
            .map_err(|problem| problem.to_string())?;
        let names = table.names();
        let has = |name: &str| names.iter().any(|other| other == name);
        let has_operations = has(mass_file::OPERATION_TYPE);
        // A refund may name its payment by an operation, and needs no amount.
        let needed = if has_operations { &[][..] } else { &NEEDED[..] };
        let missing: Vec<&str> = needed.iter().copied().filter(|needed| !has(needed)).collect();
        if !missing.is_empty() {
            return Err(format!(
                "The first line of the file lacks these columns: {}.",
                missing.join(", ")
            ));
        }
        if method.is_none() && !has(METHOD) {
            return Err(
                "Choose a method: the first line of the file has no column `method`.".to_owned()
            );
        }
        let mut rows = Vec::new();
        for row in table.rows() {
            let row = row.map_err(|problem| problem.to_string())?;
            if let Some(problem) = table.nameless(&row) {
                return Err(problem.to_string());
            }
            let line = row.line();
            let cells = names.iter().zip(row.cells()).map(|(name, text)| (name, text.trim()));
            let mut cells: Cells = cells
                .filter(|(_, text)| !text.is_empty())
                .map(|(name, text)| (name.clone(), text.to_owned()))
                .collect();
            if let Some((name, problem)) = cells.iter().find_map(changed) {
                return Err(format!("line {line}, `{name}`: {problem}"));
            }
            if let Some(method) = method
                && !cells.iter().any(|(name, _)| name == METHOD)
            {
                cells.push((METHOD.to_owned(), method.to_owned()));
            }
            let mut request = Request { line, flow: RowKind::Payout, cells };
            let checked = request.check(has_operations, project);
            checked.map_err(|(name, problem)| format!("line {line}, `{name}`: {problem}"))?;
            rows.push(request);
            if rows.len() > MOST_ROWS {
                return Err(format!(
                    "The file has more than {MOST_ROWS} payouts and refunds: split the file."
                ));
            }
        }
        let has_mark = [&b"\xef\xbb\xbf"[..], b"\xff\xfe", b"\xfe\xff"];
        let has_mark = has_mark.iter().any(|mark| file.starts_with(mark));
        let notes = [
            (has_mark, "UTF-8 without a byte order mark"),
            (table.delimiter() != mass_file::DELIMITER, "`;` between the cells"),
            (!has_operations, "a column `operation_type`"),
            (!has(METHOD), "a column `method`"),
        ];
        let notes = notes.into_iter().filter(|(differs, _)| *differs).map(|(_, note)| note);
        let notes = notes.collect();
        let none = || Err("The file has no payouts and no refunds.".to_owned());
        if rows.is_empty() { none() } else { Ok(Self { rows, notes }) }
    }
}

impl Request {
    /// What a whole file is refused for, by the column; the rest is checked as on Gate.
    fn check(
        &mut self,
        has_operations: bool,
        project: ProjectId,
    ) -> Result<(), (&'static str, String)> {
        const PROJECT: &str = "general.project_id";
        if has_operations {
            let operation = self.cell(mass_file::OPERATION_TYPE).unwrap_or_default();
            let problem = |problem: &str| (mass_file::OPERATION_TYPE, problem.to_owned());
            self.flow = mass_file::flow(operation).map_err(problem)?;
        }
        if self.cell(PROJECT).is_some_and(|id| id != project.to_string()) {
            return Err((
                PROJECT,
                format!("is not project {project}, which was chosen for the file"),
            ));
        }
        let currency = self.cell(NEEDED[2]).and_then(|code| code.parse().ok());
        let amount = self.cell(NEEDED[1]);
        match amount.and_then(|amount| mass_file::amount_problem(amount, currency)) {
            Some(problem) => Err((NEEDED[1], problem)),
            None => Ok(()),
        }
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
        let table = Table::read(text.as_bytes(), method, ProjectId::new(1).unwrap());
        table.map(|table| table.rows.into_iter().map(|request| request.cells).collect())
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
            (
                &format!("{names},method\nP1,300.00,EUR,m\n"),
                "line 2, `payment.amount`: has a decimal point, and amounts are whole minor units: \
                 write 30000 for 300.00 EUR",
            ),
            (
                &format!("{names},method,operation_type\nP1,5,EUR,m,capture\n"),
                "line 2, `operation_type`: is `capture`, which only cards have",
            ),
            (
                &format!("{names},method,operation_type\nP1,5,EUR,m,\n"),
                "line 2, `operation_type`: must be `payout` or `refund`",
            ),
            (
                &format!("{names},method,general.project_id\nP1,5,EUR,m,2\n"),
                "line 2, `general.project_id`: is not project 1, which was chosen for the file",
            ),
            ("payment.amount\n5\n", "general.payment_id, payment.currency"),
            (names, "no column `method`"),
            (&format!("{names},method\n"), "has no payouts and no refunds"),
            (
                &format!("{names},method\nP1,5\n"),
                "line 2: has 2 cells, but line 1 names 4 columns; add or remove cells, and quote a cell that holds the delimiter",
            ),
        ];
        for (text, expected) in table {
            let problem = read(text, None).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
        let project = ProjectId::new(1).unwrap();
        assert!(Table::read(&[0xff], None, project).is_err());
        assert!(Table::read(b"PK\x03\x04", None, project).is_err());
        let many = format!("{names}\n{}", "P,1,EUR\n".repeat(MOST_ROWS + 1));
        assert!(read(&many, Some("m")).unwrap_err().contains("more than"));
    }
}
