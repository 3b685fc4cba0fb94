//! What a file asks for, checked before anything is sent.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use csv::{Reader, ReaderBuilder, StringRecord};
use ecp_core::{Currency, Money, PaymentId, ProjectId};
use ecp_methods::request::{Field, PayoutRequest};
use ecp_methods::{DynMethod, Payout, Prepared, Registry, prepare_dyn};

use crate::layout::{AmountUnit, Layout};

/// A file of payouts, every row of which its method allows.
///
/// It keeps the file's bytes rather than the requests, so a million rows take no more memory than
/// their file, and a file that changes on disk changes nothing.
#[derive(Clone)]
pub struct Plan {
    file: Vec<u8>,
    columns: Columns,
    rows: usize,
    totals: Vec<Total>,
    registry: Registry,
    project: ProjectId,
}

/// A row that can be sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Row {
    /// Its line in the file, from 1.
    pub line: u64,
    /// The request.
    pub prepared: Prepared<Payout>,
}

/// What the rows of one method and currency come to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Total {
    /// The method's code.
    pub method: &'static str,
    /// How many there are.
    pub payouts: u64,
    /// Their sum.
    pub sum: Money,
}

/// What is wrong with a file, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// What is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The line in the file, from 1. Line 1 is the names of the columns.
    pub line: u64,
    /// The path of the field, if it is about one.
    pub field: Option<String>,
    /// What is wrong. A value stands in it only where it is no personal data.
    pub text: String,
}

impl Problems {
    /// All of them, by line.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }

    fn one(line: u64, field: Option<&str>, text: impl fmt::Display) -> Self {
        let field = field.map(str::to_owned);
        Self(vec![Problem { line, field, text: text.to_string() }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            let line_break = if place > 0 { "\n" } else { "" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "line {}, `{field}`: {}", self.line, self.text),
            None => write!(f, "line {}: {}", self.line, self.text),
        }
    }
}

impl Plan {
    /// Reads a file and checks all of it: its columns, each row against its method, and that no
    /// payment id stands there twice.
    pub fn read(
        file: Vec<u8>,
        layout: &Layout,
        registry: &Registry,
        project: ProjectId,
    ) -> Result<Self, Problems> {
        let file = match file.strip_prefix(b"\xef\xbb\xbf") {
            Some(rest) => rest.to_vec(),
            None => file,
        };
        if let Err(error) = std::str::from_utf8(&file) {
            let before = String::from_utf8_lossy(&file[..error.valid_up_to()]);
            let line = before.matches('\n').count() as u64 + 1;
            return Err(Problems::one(line, None, "is not UTF-8"));
        }
        let mut records = Records::of(&file, layout.delimiter);
        let names = match records.next() {
            Some((_, Ok(names))) => names,
            Some((_, Err(error))) => return Err(Problems::one(1, None, error)),
            None => return Err(Problems::one(1, None, "there are no columns")),
        };
        let columns = Columns::read(names, layout)?;

        let mut problems = Vec::new();
        let mut rows = 0;
        let mut first_lines: HashMap<PaymentId, u64> = HashMap::new();
        let mut totals = BTreeMap::<(&'static str, &'static str), (u64, Money)>::new();
        while let Some((line, record)) = records.next() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    problems.push(Problem { line, field: None, text: error.to_string() });
                    break;
                }
            };
            let prepared = match columns.prepare(record, registry, project) {
                Ok(prepared) => prepared,
                Err(found) => {
                    let with_line = |(field, text)| Problem { line, field, text };
                    problems.extend(found.into_iter().map(with_line));
                    continue;
                }
            };
            let id = prepared.payment_id();
            if let Some(first) = first_lines.get(id) {
                let text = format!("stands in line {first} already");
                problems.push(Problem { line, field: Some(PAYMENT_ID.to_owned()), text });
                continue;
            }
            first_lines.insert(id.clone(), line);
            if let Some(amount) = prepared.amount() {
                let zero = Money::from_minor(0, amount.currency());
                let key = (prepared.spec().code(), amount.currency().code());
                let (payouts, sum) = totals.entry(key).or_insert((0, zero));
                *payouts += 1;
                match sum.checked_add(amount) {
                    Ok(more) => *sum = more,
                    Err(error) => {
                        let field = Some("payment.amount".to_owned());
                        problems.push(Problem { line, field, text: error.to_string() });
                    }
                }
            }
            rows += 1;
        }
        if rows == 0 && problems.is_empty() {
            return Err(Problems::one(2, None, "there are no rows"));
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let total = |((method, _), (payouts, sum))| Total { method, payouts, sum };
        let totals = totals.into_iter().map(total).collect();
        Ok(Self { file, columns, rows, totals, registry: registry.clone(), project })
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Never: a file without rows is no plan.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// What it comes to, by method and currency.
    pub fn totals(&self) -> &[Total] {
        &self.totals
    }

    /// The project that the rows were checked for.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// The rows, in the order of the file.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let mut records = Records::of(&self.file, self.columns.delimiter);
        // The first one is the names of the columns. All others were read before, from these bytes.
        let mut is_first = true;
        std::iter::from_fn(move || {
            if std::mem::take(&mut is_first) {
                records.next();
            }
            let (line, record) = records.next()?;
            let prepared = self.columns.prepare(record.ok()?, &self.registry, self.project).ok()?;
            Some(Row { line, prepared })
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

/// The records of a file. Making a reader costs as much as reading many records, so there is one
/// for all.
struct Records<'f> {
    file: &'f [u8],
    reader: Reader<&'f [u8]>,
    record: StringRecord,
}

impl<'f> Records<'f> {
    fn of(file: &'f [u8], delimiter: u8) -> Self {
        let mut builder = ReaderBuilder::new();
        builder.delimiter(delimiter).flexible(true).has_headers(false);
        Self { file, reader: builder.from_reader(file), record: StringRecord::new() }
    }

    /// The next record and its line, from 1; `None` after the last.
    fn next(&mut self) -> Option<(u64, Result<&StringRecord, csv::Error>)> {
        let position = self.reader.position();
        let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
        let line = position.line() + empty_lines(self.file.get(from..).unwrap_or_default());
        match self.reader.read_record(&mut self.record) {
            Ok(true) => Some((line, Ok(&self.record))),
            Ok(false) => None,
            Err(error) => Some((line, Err(error))),
        }
    }
}

/// How many lines without anything the reader passes over.
fn empty_lines(rest: &[u8]) -> u64 {
    let breaks = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    breaks.filter(|&&byte| byte == b'\n').map(|_| 1).sum()
}

/// What the columns hold.
#[derive(Clone)]
struct Columns {
    holds: Vec<Holds>,
    delimiter: u8,
    method: Option<String>,
    amounts: AmountUnit,
}

#[derive(Clone, PartialEq, Eq)]
enum Holds {
    Nothing,
    Method,
    PaymentId,
    ProjectId,
    Amount,
    Currency,
    Field(Field),
    Extra(String),
}

const PAYMENT_ID: &str = "general.payment_id";

/// Problems of a row: the field's path, and what is wrong with it.
type Found = Vec<(Option<String>, String)>;

impl Columns {
    fn read(names: &StringRecord, layout: &Layout) -> Result<Self, Problems> {
        let mut holds = Vec::new();
        let mut problems = Vec::new();
        let mut wrong = |field: &str, text: &str| {
            problems.push(Problem {
                line: 1,
                field: Some(field.to_owned()),
                text: text.to_owned(),
            });
        };
        for name in names {
            let name = name.trim();
            let held = match layout.path(name) {
                None => Holds::Nothing,
                Some("method") => Holds::Method,
                Some(PAYMENT_ID) => Holds::PaymentId,
                Some("general.project_id") => Holds::ProjectId,
                Some("payment.amount") => Holds::Amount,
                Some("payment.currency") => Holds::Currency,
                Some(path) => match Field::ALL.iter().find(|field| field.path() == path) {
                    Some(&field) => Holds::Field(field),
                    None if path.contains('.') => Holds::Extra(path.to_owned()),
                    None => {
                        wrong(name, "is no path of a Gate request; map it or ignore it");
                        Holds::Nothing
                    }
                },
            };
            if held != Holds::Nothing && holds.contains(&held) {
                wrong(name, "the field has a column already");
            }
            holds.push(held);
        }
        for (held, path) in [
            (Holds::PaymentId, PAYMENT_ID),
            (Holds::Amount, "payment.amount"),
            (Holds::Currency, "payment.currency"),
        ] {
            if !holds.contains(&held) {
                wrong(path, "there is no column for it");
            }
        }
        if !holds.contains(&Holds::Method) && layout.method.is_none() {
            wrong("method", "there is no column for it, and no method for all rows");
        }
        if !problems.is_empty() {
            return Err(Problems(problems));
        }
        let Layout { delimiter, method, amounts, .. } = layout.clone();
        Ok(Self { holds, delimiter, method, amounts })
    }

    /// The request of a row, or everything that is wrong with it that can be told at once.
    fn prepare(
        &self,
        record: &StringRecord,
        registry: &Registry,
        project: ProjectId,
    ) -> Result<Prepared<Payout>, Found> {
        if record.len() != self.holds.len() {
            let (found, expected) = (record.len(), self.holds.len());
            let cells = if found == 1 { "cell" } else { "cells" };
            return Err(vec![(
                None,
                format!("has {found} {cells}, the first line has {expected}"),
            )]);
        }
        let mut found = Found::new();
        let cell = |held: &Holds| {
            let place = self.holds.iter().position(|other| other == held)?;
            record.get(place).map(str::trim).filter(|text| !text.is_empty())
        };
        if cell(&Holds::ProjectId).is_some_and(|text| text != project.to_string()) {
            let text = format!("is another project than {project}");
            found.push((Some("general.project_id".to_owned()), text));
        }
        let method = self.method(cell(&Holds::Method), registry, &mut found);
        let id = required(PAYMENT_ID, cell(&Holds::PaymentId), &mut found)
            .and_then(|text| noted(PAYMENT_ID, PaymentId::new(text), &mut found));
        let amount = self.amount(&cell, &mut found);
        let (Some(method), Some(id), Some(amount)) = (method, id, amount) else {
            return Err(found);
        };
        let mut request = PayoutRequest::new(id, amount);
        for (held, text) in self.holds.iter().zip(record).map(|(held, text)| (held, text.trim())) {
            request = match held {
                _ if text.is_empty() => request,
                Holds::Field(field) => request.field(*field, text),
                Holds::Extra(path) => request.extra(path, text),
                _ => request,
            };
        }
        match prepare_dyn(method, request.clone()) {
            Ok(prepared) if found.is_empty() => return Ok(prepared),
            Ok(_) => {}
            Err(rejection) => found.push(told(&rejection)),
        }
        // The check stops at the first problem; every field that is missing is told at once.
        if let Some(rule) = method.spec().rule(ecp_methods::FlowKind::Payout) {
            for field in rule.needed_fields() {
                let missing = (Some(field.path().to_owned()), "is required".to_owned());
                if cell(&Holds::Field(*field)).is_none() && !found.contains(&missing) {
                    found.push(missing);
                }
            }
        }
        Err(found)
    }

    fn method<'r>(
        &self,
        named: Option<&str>,
        registry: &'r Registry,
        found: &mut Found,
    ) -> Option<&'r dyn DynMethod> {
        let name = required("method", named.or(self.method.as_deref()), found)?;
        match registry.by_gate_path(name.trim_start_matches('/')) {
            Some(method) => Some(method),
            None => noted("method", registry.get(name), found),
        }
    }

    fn amount<'c>(
        &self,
        cell: &impl Fn(&Holds) -> Option<&'c str>,
        found: &mut Found,
    ) -> Option<Money> {
        let amount = required("payment.amount", cell(&Holds::Amount), found);
        let currency = required("payment.currency", cell(&Holds::Currency), found)
            .and_then(|code| noted("payment.currency", code.parse::<Currency>(), found));
        let (amount, currency) = (amount?, currency?);
        if self.amounts == AmountUnit::Major {
            return noted("payment.amount", Money::from_decimal(amount, currency), found);
        }
        let minor = amount.parse().map_err(|_| "is no whole number of minor units");
        noted("payment.amount", minor, found).map(|minor| Money::from_minor(minor, currency))
    }
}

fn required<'c>(path: &str, cell: Option<&'c str>, found: &mut Found) -> Option<&'c str> {
    if cell.is_none() {
        found.push((Some(path.to_owned()), "is required".to_owned()));
    }
    cell
}

fn noted<T, E: fmt::Display>(path: &str, result: Result<T, E>, found: &mut Found) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            found.push((Some(path.to_owned()), error.to_string()));
            None
        }
    }
}

/// The reason of a rejection without the names that the row tells by itself.
fn told(rejection: &ecp_methods::Rejection) -> (Option<String>, String) {
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
