//! Plan of a file's payouts, checked before anything is sent.

use std::collections::BTreeMap;
use std::fmt;

use ecp_core::{Money, ProjectId};
use ecp_methods::Registry;
use ecp_methods::mass_file::RowKind;
use ecp_table::Table;

use crate::columns::{AMOUNT, Columns, is_known};
use crate::doubts::Doubts;
use crate::layout::Layout;
use crate::problem::{Problem, Problems};
use crate::row::Row;

/// A file of payouts and refunds, with every row checked against the rules of its payment method.
///
/// A plan stores the file's text rather than the requests, so a million rows take no more memory
/// than their file. Later changes to the file have no effect.
#[derive(Clone)]
pub struct Plan {
    table: Table,
    columns: Columns,
    rows: usize,
    totals: Vec<Total>,
    warnings: Vec<Problem>,
    registry: Registry,
    project: ProjectId,
}

/// Number and sum of a plan's rows with the same operation (payout or refund), payment method and
/// currency.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// The code of the payment method, such as `jeton`.
    pub method: &'static str,
    /// The operation: a payout or a refund.
    pub flow: RowKind,
    /// Number of rows with this operation, payment method and currency.
    pub rows: u64,
    /// The sum of the rows; `None` for refunds of all that was paid, whose amounts only the
    /// platform knows.
    pub sum: Option<Money>,
}

impl Plan {
    /// Reads a file of payouts and refunds, and checks all of it:
    ///
    /// - its CSV form and its columns
    /// - each row against the rules of its payment method
    /// - that no cell looks changed by a spreadsheet, such as `1.23457E+15`
    /// - that no payout or refund is in the file twice, also under another spelling of its id
    ///
    /// `registry` has the payment methods that rows may name. `project` is the project that pays: a
    /// row that names another one is a problem. The error lists the problems of all lines; if the
    /// file's form or its columns have problems, only those, because the rows cannot be checked.
    pub fn read(
        file: Vec<u8>,
        layout: &Layout,
        registry: &Registry,
        project: ProjectId,
    ) -> Result<Self, Problems> {
        let table = Table::read(file, layout.delimiter, |name| is_known(name, layout))
            .map_err(|problem| Problems::all(vec![problem.into()]))?;
        let columns = Columns::read(&table, layout)?;

        let mut problems = Vec::new();
        let mut rows = 0;
        let mut doubts = Doubts::new(&columns);
        let mut totals = BTreeMap::<_, (u64, Option<Money>)>::new();
        for row in table.rows() {
            let row = match row {
                Ok(row) => row,
                Err(problem) => {
                    problems.push(problem.into());
                    continue;
                }
            };
            let line = row.line();
            let request = match columns.prepare(&table, &row, registry, project) {
                Ok(request) => request,
                Err(found) => {
                    let with_line = |(field, text)| Problem { line, field, text };
                    problems.extend(found.into_iter().map(with_line));
                    continue;
                }
            };
            if let Err(problem) = doubts.row(&columns, &row, &request) {
                problems.push(problem);
                continue;
            }
            let amount = request.amount();
            let currency = amount.map(|amount| amount.currency().code());
            let key = (request.flow(), request.spec().code(), currency);
            let zero = amount.map(|amount| Money::from_minor(0, amount.currency()));
            let (in_total, sum) = totals.entry(key).or_insert((0, zero));
            *in_total += 1;
            if let (Some(sum), Some(amount)) = (sum, amount) {
                match sum.checked_add(amount) {
                    Ok(more) => *sum = more,
                    Err(error) => {
                        let field = Some(AMOUNT.to_owned());
                        problems.push(Problem { line, field, text: error.to_string() });
                    }
                }
            }
            rows += 1;
        }
        if rows == 0 && problems.is_empty() {
            return Err(Problems::one(
                table.header_line() + 1,
                None,
                "there are no rows below the names of the columns",
            ));
        }
        problems.extend(doubts.two_readings());
        if !problems.is_empty() {
            problems.sort_by_key(|problem| problem.line);
            return Err(Problems::all(problems));
        }
        let note = table.note().cloned().map(Problem::from);
        let warnings = note.into_iter().chain(doubts.warnings()).collect();
        let total = |((flow, method, _), (rows, sum))| Total { method, flow, rows, sum };
        let totals = totals.into_iter().map(total).collect();
        Ok(Self { table, columns, rows, totals, warnings, registry: registry.clone(), project })
    }

    /// The number of rows in the file.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Always `false`: [`Plan::read`] refuses a file without rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Numbers and sums of the rows, by operation (payout or refund), payment method and currency.
    pub fn totals(&self) -> &[Total] {
        &self.totals
    }

    /// Warnings about rows or columns that look wrong but may be right, such as one account number
    /// with fewer digits than all others, or a column whose path is in no document of the platform.
    /// A payer does not look at them: a person should read them before anything is paid.
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }

    /// The id of the project for which the rows were checked, and which pays.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// The payouts and refunds, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        // All rows were read before, from this text.
        self.table.rows().flatten().filter_map(|row| {
            let request =
                self.columns.prepare(&self.table, &row, &self.registry, self.project).ok()?;
            Some(Row { line: row.line(), request })
        })
    }
}

/// Prints no row: they are personal data.
impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("rows", &self.rows)
            .field("totals", &self.totals)
            .finish_non_exhaustive()
    }
}
