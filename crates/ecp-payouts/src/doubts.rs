//! Doubts that arise only across rows: ids that look alike, digits that a spreadsheet dropped,
//! points that may separate thousands.

use std::collections::HashMap;

use ecp_core::PaymentId;
use ecp_methods::mass_file::RowKind;
use ecp_methods::request::Field;
use ecp_methods::{Operation, Rule};
use ecp_table::{Row, in_thousands};

use crate::alike;
use crate::cells::may_be_thousands;
use crate::columns::{AMOUNT, Columns, Holds, PAYMENT_ID};
use crate::layout::AmountUnit;
use crate::problem::Problem;
use crate::row::{RowId, RowRequest};

/// Doubts about the rows so far.
pub(crate) struct Doubts {
    /// Ids of the payouts so far, by a key that is equal for ids that look alike; `refunds` has
    /// those of refunds.
    payouts: HashMap<String, Vec<SeenId>>,
    refunds: HashMap<String, Vec<SeenId>>,
    /// For each payment that the file refunds: the line of its first refund, and the line of its
    /// first refund in full (one without an amount), if there is one.
    refunded: HashMap<PaymentId, (u64, Option<u64>)>,
    lengths: Vec<(Field, Digits)>,
    /// For each column of ids or accounts: the number of values that look like numbers in groups of
    /// three digits (`1,234,567`), as a spreadsheet writes them, and the line of the first such
    /// value.
    grouped: Vec<(Holds, u64, u64)>,
    warnings: Vec<Problem>,
    /// Places of the columns without a known field, each with the code of a payment method in which
    /// the column's path was looked up already.
    paths: Vec<(usize, &'static str)>,
    /// Places of the columns about which there is a warning already: their path is in no document
    /// of the platform.
    unknown: Vec<usize>,
    /// Lines whose amount is either a decimal number or whole thousands, such as `1.234`.
    thousands: Vec<u64>,
    /// Whether an amount of the file proves that a point is a decimal point.
    has_decimal_point: bool,
}

struct SeenId {
    id: RowId,
    line: u64,
    without_id: u64,
}

/// The numbers of a column.
#[derive(Default)]
struct Digits {
    /// For each number of digits: how many values have that many, and the line of the first one.
    lengths: HashMap<usize, (u64, u64)>,
    has_text: bool,
    /// How many digits all values together have after their 15th; a spreadsheet turns those into
    /// zeros.
    beyond: usize,
    /// Whether the digits after the 15th are zeros in all values.
    are_zeros: bool,
    first_long: u64,
}

/// Spreadsheets compute in doubles, which keep this many digits.
const EXACT: usize = 15;

impl Doubts {
    pub(crate) fn new(columns: &Columns) -> Self {
        let of =
            [Field::ACCOUNT_NUMBER, Field::CUSTOMER_ZIP, Field::CUSTOMER_ID, Field::CUSTOMER_PHONE];
        let has = |field: &Field| columns.holds().contains(&Holds::Field(*field));
        let digits = || Digits { are_zeros: true, ..Digits::default() };
        let of_ids = [Field::ACCOUNT_NUMBER, Field::CUSTOMER_ID, Field::MERCHANT_REFUND_ID];
        let fields = of_ids.into_iter().filter(has).map(Holds::Field);
        let grouped = std::iter::once(Holds::PaymentId).chain(fields);
        Self {
            payouts: HashMap::new(),
            refunds: HashMap::new(),
            refunded: HashMap::new(),
            grouped: grouped.map(|held| (held, 0, 0)).collect(),
            lengths: of.into_iter().filter(has).map(|field| (field, digits())).collect(),
            warnings: Vec::new(),
            paths: Vec::new(),
            unknown: Vec::new(),
            thousands: Vec::new(),
            has_decimal_point: false,
        }
    }

    /// Adds a row that is valid by itself.
    pub(crate) fn row(
        &mut self,
        columns: &Columns,
        row: &Row<'_>,
        request: &RowRequest,
    ) -> Result<(), Problem> {
        self.id(&request.id(), row.line(), columns.without_id(row))?;
        self.once(request, row.line())?;
        for (field, digits) in &mut self.lengths {
            if let Some(text) = columns.cell(row, &Holds::Field(*field)) {
                digits.take(text, row.line());
            }
        }
        for (held, count, first) in &mut self.grouped {
            if columns.cell(row, held).and_then(in_thousands).is_some() {
                if *count == 0 {
                    *first = row.line();
                }
                *count += 1;
            }
        }
        self.unknown_paths(columns, row, request);
        let text = columns.cell(row, &Holds::Amount).filter(|text| text.contains('.'));
        let amount = request.amount().filter(|_| columns.amounts() == AmountUnit::Major);
        if let (Some(text), Some(amount)) = (text, amount) {
            if !may_be_thousands(text) {
                self.has_decimal_point = true;
            } else if amount.currency().exponent() >= 3 {
                self.thousands.push(row.line());
            }
        }
        Ok(())
    }

    /// Warns once of each column with values whose path is in no document of the platform.
    fn unknown_paths(&mut self, columns: &Columns, row: &Row<'_>, request: &RowRequest) {
        let spec = request.spec();
        for (place, held) in columns.holds().iter().enumerate() {
            let Holds::Extra(path) = held else { continue };
            let key = (place, spec.code());
            let is_done = self.unknown.contains(&place) || self.paths.contains(&key);
            if is_done || row.get(place).trim().is_empty() {
                continue;
            }
            self.paths.push(key);
            if let Some(warning) = spec.unknown_path(path) {
                self.unknown.push(place);
                let field = Some(path.clone());
                self.warnings.push(Problem { line: row.line(), field, text: warning.problem() });
            }
        }
    }

    fn id(&mut self, id: &RowId, line: u64, without_id: u64) -> Result<(), Problem> {
        let seen = if id.refund_id().is_some() { &mut self.refunds } else { &mut self.payouts };
        let alike = seen.entry(alike::row_key(id)).or_default();
        let problem = |text: String| Problem { line, field: Some(path(id).to_owned()), text };
        for seen in &*alike {
            let first = seen.line;
            if seen.id == *id {
                return Err(problem(format!(
                    "is in line {first} already; give each row an id of its own"
                )));
            }
            // Ids from a random generator may differ in case alone; a row that was typed twice is
            // equal otherwise.
            let [theirs, ours] = [&seen.id, id].map(|id| alike::row_text(id, str::to_owned));
            let [spelt, spelling] = [&seen.id, id].map(|id| alike::row_text(id, alike::spelling));
            if seen.without_id == without_id || spelt != spelling {
                return Err(problem(format!(
                    "looks like the id in line {first} and differs from it: write both alike if they \
                     are one payout, otherwise choose an id that looks different"
                )));
            }
            let cased = |id: &str| id.to_lowercase().replace(' ', "");
            let what = if cased(&theirs) == cased(&ours) {
                "case or spaces"
            } else {
                "the form of a number, of letters, dashes, apostrophes or slashes"
            };
            self.warnings
                .push(problem(format!("differs from the id in line {first} in {what} only: check that they are two payouts")));
        }
        alike.push(SeenId { id: id.clone(), line, without_id });
        Ok(())
    }

    /// Refunds of one payment, and a payout under the id of a payment that is refunded.
    fn once(&mut self, request: &RowRequest, line: u64) -> Result<(), Problem> {
        let id = request.payment_id();
        let problem = |text: String| Problem { line, field: Some(PAYMENT_ID.to_owned()), text };
        if request.flow() == RowKind::Payout {
            return match self.refunded.get(id) {
                Some((first, _)) => Err(problem(format!(
                    "is the payment that line {first} refunds; give the payout an id of its own"
                ))),
                None => Ok(()),
            };
        }
        let paid_out = self.payouts.get(&alike::key(id.as_str())).into_iter().flatten();
        if let Some(payout) = paid_out.into_iter().find(|seen| seen.id.payment_id() == id) {
            let first = payout.line;
            return Err(problem(format!(
                "is the id of the payout in line {first}; a refund needs the id of a sale"
            )));
        }
        let is_partial = request.amount().is_some()
            && request.spec().rule(Operation::REFUND).is_some_and(Rule::allows_partial);
        let of_all = (!is_partial).then_some(line);
        let Some((first, first_of_all)) = self.refunded.get_mut(id) else {
            self.refunded.insert(id.clone(), (line, of_all));
            return Ok(());
        };
        match (of_all, *first_of_all) {
            (_, Some(first)) => Err(problem(format!(
                "is refunded in full by line {first} already; leave one of them out"
            ))),
            (Some(_), None) => Err(problem(format!(
                "is refunded in part by line {first}, and in full here; leave one of them out"
            ))),
            (None, None) => Ok(()),
        }
    }

    /// Amounts with two readings, if the file does not show which one is meant.
    pub(crate) fn two_readings(&mut self) -> Vec<Problem> {
        let lines = std::mem::take(&mut self.thousands).into_iter();
        let text = "may have a decimal point or a point between thousands, and no other amount of \
                    the file says which; give amounts in minor units";
        let problem =
            |line| Problem { line, field: Some(AMOUNT.to_owned()), text: text.to_owned() };
        if self.has_decimal_point { Vec::new() } else { lines.map(problem).collect() }
    }

    pub(crate) fn warnings(mut self) -> Vec<Problem> {
        for (field, digits) in &self.lengths {
            let warning = |(line, text)| {
                let field = Some(field.path().to_owned());
                Problem { line, field, text }
            };
            let can_have_zeros = matches!(*field, Field::ACCOUNT_NUMBER | Field::CUSTOMER_ZIP);
            let shorter = digits.shorter().filter(|_| can_have_zeros);
            self.warnings.extend(shorter.map(warning));
            self.warnings.extend(digits.rounded().map(warning));
        }
        for (held, count, first) in self.grouped.iter().filter(|(_, count, _)| *count > 0) {
            let values = if *count == 1 { "1 value".to_owned() } else { format!("{count} values") };
            let text = format!(
                "looks like a number with separators of thousands ({values} of this column); a \
                 spreadsheet puts them there: check them"
            );
            let field = held.path().map(str::to_owned);
            self.warnings.push(Problem { line: *first, field, text });
        }
        self.warnings.sort_by_key(|warning| warning.line);
        self.warnings
    }
}

/// The column of the id that tells a row from others of its kind.
fn path(id: &RowId) -> &'static str {
    match id.refund_id() {
        Some(refund) if refund != id.payment_id().as_str() => Field::MERCHANT_REFUND_ID.path(),
        _ => PAYMENT_ID,
    }
}

impl Digits {
    fn take(&mut self, text: &str, line: u64) {
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            self.has_text = true;
            return;
        }
        self.lengths.entry(text.len()).or_insert((0, line)).0 += 1;
        if let Some(beyond) = text.get(EXACT..).filter(|beyond| !beyond.is_empty()) {
            if self.beyond == 0 {
                self.first_long = line;
            }
            self.beyond += beyond.len();
            self.are_zeros &= beyond.bytes().all(|digit| digit == b'0');
        }
    }

    /// A few values that are shorter than all others.
    fn shorter(&self) -> Option<(u64, String)> {
        let (usual, &(many, _)) = self.lengths.iter().max_by_key(|(_, (count, _))| *count)?;
        let shorter: Vec<&(u64, u64)> = self
            .lengths
            .iter()
            .filter(|(length, _)| *length < usual)
            .map(|(_, seen)| seen)
            .collect();
        let few: u64 = shorter.iter().map(|(count, _)| count).sum();
        let first = shorter.iter().map(|(_, line)| *line).min()?;
        let is_odd = !self.has_text && many >= 3 && many >= few.saturating_mul(3);
        is_odd.then(|| {
            let text = format!(
                "has fewer digits than most others ({few} of {}, the others have {usual}); a \
                 spreadsheet drops leading zeros: check them",
                few + many
            );
            (first, text)
        })
    }

    /// Long values of which none has a digit beyond those that a spreadsheet keeps.
    fn rounded(&self) -> Option<(u64, String)> {
        (self.beyond >= 2 && self.are_zeros).then(|| {
            let text = format!(
                "all long numbers of this column end in zeros from the {}th digit on; a \
                 spreadsheet keeps {EXACT} digits: check them",
                EXACT + 1
            );
            (self.first_long, text)
        })
    }
}
