//! Operations as a workbook, within its limits.

use ecp_table::{for_workbook, is_number};
use ecp_transport::DataOperation;
use rust_xlsxwriter::{Workbook, Worksheet, XlsxError};

/// Limits of a workbook (ECMA-376 leaves them open, Excel does not).
pub(super) struct Limits {
    /// Rows of a sheet, including the row of names.
    rows: usize,
    columns: usize,
}

pub(super) const EXCEL: Limits = Limits { rows: 1_048_576, columns: 16_384 };

/// A workbook, and warnings about incomplete cells.
pub(super) struct Written {
    pub(super) bytes: Vec<u8>,
    pub(super) warnings: Vec<String>,
}

/// Writes a sheet, and further ones when one is full. All cells are text, so none is a formula and
/// no long number loses its digits; only amounts stay numbers.
pub(super) fn write(
    operations: &[DataOperation],
    columns: &[&str],
    limits: &Limits,
) -> Result<Written, XlsxError> {
    let mut warnings = Vec::new();
    if columns.len() > limits.columns {
        warnings.push(format!(
            "{} columns are left out, beginning with `{}`: a sheet holds {}; export to CSV for all of them",
            columns.len() - limits.columns,
            columns.get(limits.columns).unwrap_or(&""),
            limits.columns
        ));
    }
    let columns = &columns[..columns.len().min(limits.columns)];
    let amounts: Vec<bool> = columns.iter().map(|path| is_amounts(operations, path)).collect();
    let mut workbook = Workbook::new();
    let mut place = 0;
    for (number, part) in chunks(operations, limits.rows - 1).enumerate() {
        let sheet = workbook.add_worksheet();
        match number {
            0 => sheet.set_name("Operations")?,
            _ => sheet.set_name(format!("Operations {}", number + 1))?,
        };
        for (column, path) in (0..).zip(columns) {
            sheet.write_string(0, column, for_workbook(path).0)?;
        }
        for (row, operation) in (1..).zip(part) {
            place += 1;
            for ((column, path), is_amount) in (0..).zip(columns).zip(&amounts) {
                let Some(value) = operation.get(path) else { continue };
                if let Some(warning) = cell(sheet, (row, column), value, *is_amount)? {
                    warnings.push(format!("{}, `{path}`: {warning}", named(operation, place)));
                }
            }
        }
        sheet.set_freeze_panes(1, 0)?;
    }
    Ok(Written { bytes: workbook.save_to_buffer()?, warnings })
}

/// Parts of a length, at least one.
fn chunks<T>(all: &[T], length: usize) -> impl Iterator<Item = &[T]> {
    let one = all.is_empty().then_some(all);
    one.into_iter().chain(all.chunks(length))
}

fn cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    value: &str,
    is_amount: bool,
) -> Result<Option<String>, XlsxError> {
    if is_amount && let Ok(number) = value.parse::<f64>() {
        sheet.write_number(row, column, number)?;
        return Ok(None);
    }
    let (text, warning) = for_workbook(value);
    sheet.write_string(row, column, text)?;
    Ok(warning)
}

/// Whether a column holds amounts that a double represents exactly.
fn is_amounts(operations: &[DataOperation], path: &str) -> bool {
    let mut values = operations.iter().filter_map(|operation| operation.get(path)).peekable();
    let is_exact = |text: &str| {
        let digits = text.trim_start_matches('-');
        let whole = digits.split('.').next().unwrap_or_default();
        let is_plain = whole == "0" || !whole.starts_with('0');
        is_number(text) && is_plain && !text.starts_with('+') && digits.len() <= 15
    };
    let name = path.rsplit('.').next().unwrap_or(path);
    name == "amount" && values.peek().is_some() && values.all(is_exact)
}

fn named(operation: &DataOperation, place: usize) -> String {
    match operation.get("operation_id") {
        Some(id) => format!("operation {}", id.chars().take(40).collect::<String>().escape_debug()),
        None => format!("the operation at place {place}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_sheet_is_followed_by_another() {
        assert_eq!(chunks::<u8>(&[], 2).collect::<Vec<_>>(), [&[] as &[u8]]);
        assert_eq!(chunks(&[1, 2, 3], 2).collect::<Vec<_>>(), [&[1, 2][..], &[3]]);
    }
}
