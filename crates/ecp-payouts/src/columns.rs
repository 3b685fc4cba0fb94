//! The columns of a file, and the request of a row.

use std::collections::hash_map::DefaultHasher;
use std::fmt;
use std::hash::{Hash, Hasher};

use ecp_core::{Currency, Money, MoneyError, PaymentId, ProjectId};
use ecp_methods::mass_file::RowKind;
use ecp_methods::request::{Field, PayoutRequest, RefundRequest};
use ecp_methods::{DynMethod, MethodSpec, Reason, Registry, Rule, mass_file, prepare_dyn};
use ecp_table::{Row, Table};

use crate::cells;
use crate::layout::{AmountUnit, Layout};
use crate::names::{self, MEMBERS};
use crate::problem::{Problem, Problems};
use crate::row::RowRequest;

/// Contents of the columns.
#[derive(Clone)]
pub(crate) struct Columns {
    holds: Vec<Holds>,
    method: Option<String>,
    amounts: AmountUnit,
    items_in_texts: bool,
}

/// Content of a column.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A column that the layout ignores: its values are not sent.
    Nothing,
    /// A column without a name and without values.
    Nameless,
    OperationType,
    Method,
    PaymentId,
    OperationId,
    ProjectId,
    Amount,
    Currency,
    Field(Field),
    Extra(String),
}

pub(crate) const PAYMENT_ID: &str = "general.payment_id";
pub(crate) const PROJECT_ID: &str = "general.project_id";
pub(crate) const AMOUNT: &str = "payment.amount";
pub(crate) const CURRENCY: &str = "payment.currency";
pub(crate) const METHOD: &str = mass_file::METHOD;
pub(crate) const OPERATION_TYPE: &str = mass_file::OPERATION_TYPE;
pub(crate) const OPERATION_ID: &str = mass_file::OPERATION_ID;

/// A cell with fewer delimiters is text, however few columns there are.
const FEWEST_DELIMITERS: usize = 3;

/// The request of a row with its further fields.
macro_rules! with_fields {
    ($columns:expr, $row:expr, $spec:expr, $request:expr) => {{
        let mut request = $request;
        if $columns.items_in_texts {
            request = request.allow_items_in_texts();
        }
        for (held, text) in $columns.holds.iter().zip($row.cells()) {
            request = match (held, text.trim()) {
                (_, "") => request,
                (Holds::Field(field), text) => request.field(*field, text),
                (Holds::Extra(path), text) => request.text($spec, path, text),
                _ => request,
            };
        }
        request
    }};
}

/// Problems of a row: the field's path, and the description.
pub(crate) type Found = Vec<(Option<String>, String)>;

/// Whether payouts have a column of this name.
pub(crate) fn is_known(name: &str, layout: &Layout) -> bool {
    let is_of_the_platform = || MEMBERS.contains(&name) || mass_file::COLUMNS.contains(&name);
    layout.is_named(name) || is_of_the_platform() || field(name).is_some()
}

fn field(path: &str) -> Option<Field> {
    Field::KNOWN.iter().find(|field| field.path() == path).copied()
}

impl Columns {
    pub(crate) fn read(table: &Table, layout: &Layout) -> Result<Self, Problems> {
        let mut holds = Vec::new();
        let mut problems = Vec::new();
        let mut wrong = |field: &str, text: &str| {
            let (line, field) = (table.header_line(), Some(field.to_owned()));
            problems.push(Problem { line, field, text: text.to_owned() });
        };
        for name in table.names() {
            let held = match layout.path(name) {
                None => Holds::Nothing,
                Some("") => Holds::Nameless,
                Some(OPERATION_TYPE) => Holds::OperationType,
                Some(METHOD) => Holds::Method,
                Some(PAYMENT_ID) => Holds::PaymentId,
                Some(OPERATION_ID) => Holds::OperationId,
                Some(PROJECT_ID) => Holds::ProjectId,
                Some(AMOUNT) => Holds::Amount,
                Some(CURRENCY) => Holds::Currency,
                Some(path) => field(path).map_or_else(
                    || {
                        if let Some(problem) = names::problem(name, path) {
                            wrong(name, &problem);
                        }
                        Holds::Extra(path.to_owned())
                    },
                    Holds::Field,
                ),
            };
            let is_alone = matches!(held, Holds::Nothing | Holds::Nameless);
            let other = holds.iter().position(|other| !is_alone && *other == held);
            if let Some(other) = other.and_then(|place| table.names().get(place)) {
                wrong(
                    name,
                    &format!("holds the same field as the column `{other}`; leave one of them out"),
                );
            }
            holds.push(held);
        }
        let needed =
            [(Holds::PaymentId, PAYMENT_ID), (Holds::Amount, AMOUNT), (Holds::Currency, CURRENCY)];
        // A file of full refunds has no amounts.
        let needed = if holds.contains(&Holds::OperationType) { &needed[..1] } else { &needed };
        for (held, path) in needed {
            if !holds.contains(held) {
                wrong(
                    path,
                    "no column has this name, and none is mapped to it (`Layout::column`, \
                     `--column NAME=PATH`)",
                );
            }
        }
        if !holds.contains(&Holds::Method) && layout.method.is_none() {
            wrong(
                METHOD,
                "no column has this name, none is mapped to it, and no method is set for all rows \
                 (`Layout::method`, `--method`)",
            );
        }
        if !problems.is_empty() {
            return Err(Problems::all(problems));
        }
        let Layout { method, amounts, items_in_texts, .. } = layout.clone();
        Ok(Self { holds, method, amounts, items_in_texts })
    }

    /// Contents of the columns, from left to right.
    pub(crate) fn holds(&self) -> &[Holds] {
        &self.holds
    }

    pub(crate) const fn amounts(&self) -> AmountUnit {
        self.amounts
    }

    /// The cell of a field, as it is sent.
    pub(crate) fn cell<'r>(&self, row: &'r Row<'_>, held: &Holds) -> Option<&'r str> {
        let place = self.holds.iter().position(|other| other == held)?;
        Some(row.get(place).trim()).filter(|text| !text.is_empty())
    }

    /// A hash of a row without its id.
    pub(crate) fn without_id(&self, row: &Row<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        for (held, cell) in self.holds.iter().zip(row.cells()) {
            if !matches!(held, Holds::PaymentId | Holds::Nothing | Holds::Nameless) {
                cell.trim().hash(&mut hasher);
            }
        }
        hasher.finish()
    }

    /// The request of a row, or all of its problems that one pass can find.
    pub(crate) fn prepare(
        &self,
        table: &Table,
        row: &Row<'_>,
        registry: &Registry,
        project: ProjectId,
    ) -> Result<RowRequest, Found> {
        let mut found = Found::new();
        if self.holds.contains(&Holds::Nameless)
            && let Some(problem) = table.nameless(row)
        {
            found.push((None, problem.text));
        }
        let cells = self.holds.iter().zip(row.cells()).zip(table.names());
        for (place, ((held, text), name)) in cells.enumerate() {
            if let Some(problem) = self.swallowed(place, text, table.delimiter(), registry) {
                found.push((Some(name.clone()), problem.to_owned()));
            }
            let problem = held.path().zip(cells::problem(held, text));
            found.extend(problem.map(|(path, text)| (Some(path.to_owned()), text)));
        }
        let cell = |held: &Holds| self.cell(row, held);
        if cell(&Holds::ProjectId).is_some_and(|text| text != project.to_string()) {
            let text = format!("must be {project}, the project of this run");
            add(&mut found, Some(PROJECT_ID.to_owned()), text);
        }
        if cell(&Holds::OperationId).is_some() {
            let text = "names an operation, and Gate takes only the payment: write its id in \
                        `general.payment_id`, and leave this empty";
            add(&mut found, Some(OPERATION_ID.to_owned()), text.to_owned());
        }
        let flow = self.flow(cell(&Holds::OperationType), &mut found);
        let method = self.method(cell(&Holds::Method), registry, &mut found);
        let id = required(PAYMENT_ID, cell(&Holds::PaymentId), &mut found)
            .and_then(|text| noted(PAYMENT_ID, PaymentId::new(text), &mut found));
        let spec = method.map(DynMethod::spec);
        let amount = self.amount(&cell, flow, spec, &mut found);
        let (Some(flow), Some(method), Some(id), Some(amount)) = (flow, method, id, amount) else {
            return Err(found);
        };
        let spec = method.spec();
        let rule = spec.rule(flow.operation());
        let prepared = match (flow, amount) {
            (RowKind::Refund, amount) => {
                let request = refund(id, amount, rule);
                let request = with_fields!(self, row, spec, request);
                prepare_dyn(method, request).map(RowRequest::Refund)
            }
            (_, Some(amount)) => {
                let request = with_fields!(self, row, spec, PayoutRequest::new(id, amount));
                prepare_dyn(method, request).map(RowRequest::Payout)
            }
            // A payout has an amount.
            (_, None) => return Err(found),
        };
        let prepared = match prepared {
            Ok(prepared) => Some(prepared),
            Err(rejection) => {
                if let Reason::Missing(fields) = rejection.reason() {
                    for field in fields {
                        add(&mut found, Some(field.path().to_owned()), "is required".to_owned());
                    }
                } else {
                    let (path, text) = path_and_problem(&rejection);
                    add(&mut found, path, text);
                }
                None
            }
        };
        // The check stops at the first kind of problem; missing fields are all reported together. The
        // platform's files have a description in every refund.
        let description = (flow == RowKind::Refund).then_some(Field::DESCRIPTION);
        let needed = rule.into_iter().flat_map(Rule::needed_fields).copied();
        for field in needed.chain(description) {
            // A refund without an id of its own has one of the payment.
            let is_set = field == Field::MERCHANT_REFUND_ID || self.has(row, field.path());
            if rule.is_some() && !is_set {
                add(&mut found, Some(field.path().to_owned()), "is required".to_owned());
            }
        }
        prepared.filter(|_| found.is_empty()).ok_or(found)
    }

    /// Whether a row has anything at a path or below it.
    fn has(&self, row: &Row<'_>, path: &str) -> bool {
        let is_there = |own: &str| {
            own.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let cells = self.holds.iter().zip(row.cells());
        cells
            .into_iter()
            .any(|(held, text)| !text.trim().is_empty() && held.path().is_some_and(is_there))
    }

    /// Finds a cell with line breaks that looks as if it held a row of the file. By the grammar
    /// such a cell is valid, so two stray quotes in two rows hide everything between them.
    fn swallowed(
        &self,
        place: usize,
        text: &str,
        delimiter: u8,
        registry: &Registry,
    ) -> Option<&'static str> {
        if !text.contains(['\n', '\r']) {
            return None;
        }
        // The first line of the cell begins in its own column, all others in the first one.
        let starts = std::iter::once(place).chain(std::iter::repeat(0));
        let lines: Vec<(usize, Vec<&str>)> = starts
            .zip(text.split(['\n', '\r']))
            .map(|(start, line)| {
                let cells = line.split(char::from(delimiter));
                (start, cells.map(|cell| cell.trim_matches(['"', ' '])).collect())
            })
            .collect();
        let is_method = |name: &str| registry.by_file_name(name.trim_start_matches('/')).is_some();
        let is_currency = |code: &str| code.parse::<Currency>().is_ok();
        let place_of = |held| self.holds.iter().position(|other| *other == held);
        let (method, currency) = (place_of(Holds::Method), place_of(Holds::Currency));
        let has_a_row = lines.iter().any(|(start, cells)| {
            let cell = |place: Option<usize>| cells.get(place?.checked_sub(*start)?).copied();
            cells.len() > 1
                && (cell(method).is_some_and(is_method) || cell(currency).is_some_and(is_currency))
        });
        if has_a_row {
            return Some(
                "holds a line that is a row of the file: a quote that opens here closes in \
                 another row; remove the quotes",
            );
        }
        // A hidden row need not be valid.
        let delimiters = |(_, cells): &(usize, Vec<&str>)| cells.len() - 1;
        let row = (self.holds.len() - 1).max(FEWEST_DELIMITERS);
        let around = lines.first().map_or(0, delimiters) + lines.last().map_or(0, delimiters);
        let is_long = lines
            .iter()
            .map(delimiters)
            .any(|count| count >= FEWEST_DELIMITERS && count + 1 >= row)
            || around >= row;
        (is_long && self.holds.get(place) == Some(&Holds::Nothing)).then_some(
            "holds a line with as many delimiters as a row: a quote that opens here may close in \
             another row; remove the quotes, or the line breaks in the cell",
        )
    }

    fn method<'r>(
        &self,
        named: Option<&str>,
        registry: &'r Registry,
        found: &mut Found,
    ) -> Option<&'r dyn DynMethod> {
        let name = required(METHOD, named.or(self.method.as_deref()), found)?;
        match registry.by_file_name(name.trim_start_matches('/')) {
            Some(method) => Some(method),
            None => noted(METHOD, registry.get(name), found),
        }
    }

    /// The operation of a row; a file without a column for it has payouts.
    fn flow(&self, named: Option<&str>, found: &mut Found) -> Option<RowKind> {
        if !self.holds.contains(&Holds::OperationType) {
            return Some(RowKind::Payout);
        }
        let name = required(OPERATION_TYPE, named, found)?;
        noted(OPERATION_TYPE, mass_file::flow(name), found)
    }

    /// The amount of a row; `Some(None)` for a refund of all that was paid, which has neither an
    /// amount nor a currency.
    #[expect(clippy::option_option, reason = "a problem, or none with or without an amount")]
    fn amount<'c>(
        &self,
        cell: &impl Fn(&Holds) -> Option<&'c str>,
        flow: Option<RowKind>,
        spec: Option<&MethodSpec>,
        found: &mut Found,
    ) -> Option<Option<Money>> {
        let cells = (cell(&Holds::Amount), cell(&Holds::Currency));
        if flow == Some(RowKind::Refund) && cells == (None, None) {
            return Some(None);
        }
        let amount = required(AMOUNT, cells.0, found);
        let currency = required(CURRENCY, cells.1, found)
            .and_then(|code| noted(CURRENCY, code.parse::<Currency>(), found));
        let amount = amount?;
        if let Some(problem) = cells::separators(amount) {
            add(found, Some(AMOUNT.to_owned()), problem.to_owned());
            return None;
        }
        if self.amounts == AmountUnit::Major {
            return noted(AMOUNT, Money::from_decimal(amount, currency?), found).map(Some);
        }
        let in_major = |currency: &Currency| {
            spec.is_some_and(|spec| spec.major_units().contains(currency)) && amount.contains('.')
        };
        if let Some(currency) = currency.filter(in_major) {
            let text = format!(
                "has a decimal point, but the platform counts {currency} in whole major units for \
                 this method: leave the fraction out"
            );
            add(found, Some(AMOUNT.to_owned()), text);
            return None;
        }
        if let Some(problem) = mass_file::amount_problem(amount, currency) {
            add(found, Some(AMOUNT.to_owned()), problem);
            return None;
        }
        let minor = amount.parse().map_err(|_| {
            "is not a whole number of minor units; for major units such as 1.50 say so \
             (`AmountUnit::Major`, `--major-units`)"
        });
        let (number, code) = noted(AMOUNT, minor, found).zip(currency)?;
        // Some methods count a currency in major units, in files too (sources: major units).
        let money = spec.map_or(Some(Money::from_minor(number, code)), |spec| {
            spec.received_amount(number, code)
        });
        noted(AMOUNT, money.ok_or(MoneyError::Overflow), found).map(Some)
    }
}

/// A refund of a row. Without an id of its own it has the payment's, so that the same row has the
/// same id in every run, and a payment is refunded once by files without such ids.
fn refund(id: PaymentId, amount: Option<Money>, rule: Option<&Rule>) -> RefundRequest {
    let refund_id = id.as_str().to_owned();
    let request = match amount {
        None => RefundRequest::full(id),
        Some(amount) if rule.is_some_and(Rule::allows_partial) => {
            RefundRequest::partial(id, amount)
        }
        Some(amount) => RefundRequest::full_of(id, amount),
    };
    request.with_merchant_refund_id(refund_id)
}

impl Holds {
    /// The field's path in the request.
    pub(crate) fn path(&self) -> Option<&str> {
        match self {
            Self::Nothing | Self::Nameless => None,
            Self::OperationType => Some(OPERATION_TYPE),
            Self::OperationId => Some(OPERATION_ID),
            Self::Method => Some(METHOD),
            Self::PaymentId => Some(PAYMENT_ID),
            Self::ProjectId => Some(PROJECT_ID),
            Self::Amount => Some(AMOUNT),
            Self::Currency => Some(CURRENCY),
            Self::Field(field) => Some(field.path()),
            Self::Extra(path) => Some(path),
        }
    }
}

/// One problem per field is enough.
fn add(found: &mut Found, path: Option<String>, text: String) {
    if path.is_none() || found.iter().all(|(other, _)| *other != path) {
        found.push((path, text));
    }
}

/// The cell, if there is one without a problem.
fn required<'c>(path: &str, cell: Option<&'c str>, found: &mut Found) -> Option<&'c str> {
    if cell.is_none() {
        add(found, Some(path.to_owned()), "is required".to_owned());
    }
    let is_fine = found.iter().all(|(other, _)| other.as_deref() != Some(path));
    cell.filter(|_| is_fine)
}

fn noted<T, E: fmt::Display>(path: &str, result: Result<T, E>, found: &mut Found) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            add(found, Some(path.to_owned()), error.to_string());
            None
        }
    }
}

/// The reason of a rejection without the names that the row already gives.
fn path_and_problem(rejection: &ecp_methods::Rejection) -> (Option<String>, String) {
    let path = rejection.path().map(str::to_owned);
    let reason = rejection.reason().to_string();
    let text = match &path {
        Some(path) => {
            let rest = reason.strip_prefix(&format!("`{path}`")).unwrap_or(&reason);
            rest.trim_start_matches(':').trim_start().to_owned()
        }
        None => reason,
    };
    (path, text)
}
