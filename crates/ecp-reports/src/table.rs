//! Tables of a report, and their files.

use std::fmt;

use ecp_table::{for_workbook, is_number, neutral};
use rust_xlsxwriter::{Format as CellFormat, Workbook, Worksheet, XlsxError};

use crate::format::Format;

/// Rows of cells under named columns. The cells may be personal data, so `Debug` prints only the
/// names of the columns and the number of rows.
#[derive(Clone, PartialEq, Eq)]
pub struct Table {
    title: String,
    columns: Vec<String>,
    rows: Vec<Vec<Cell>>,
}

/// A cell of a [`Table`]. `Debug` leaves out its value.
#[derive(Clone, PartialEq, Eq)]
pub enum Cell {
    /// A whole number, such as an amount in minor units. In a workbook it is a number up to 15
    /// digits, which is exact, and text beyond that.
    Number(i64),
    /// A decimal number as its digits, such as `-10.50`. In CSV it is written unchanged. In a
    /// workbook it is a number with as many decimals, or text if [`is_decimal`](Self::is_decimal)
    /// does not accept it.
    Decimal(String),
    /// Text. Files are written so that no program reads it as a formula. Empty text is an empty
    /// cell.
    Text(String),
}

/// The contents of a file that was made from a [`Table`], with warnings about cells and columns
/// that the file does not hold unchanged.
#[derive(Clone)]
#[non_exhaustive]
pub struct Written {
    /// The contents of the file.
    pub bytes: Vec<u8>,
    /// Cells and columns that the format cannot hold as they are. It is empty for CSV, in which
    /// text that a program would read as a formula is changed without a warning
    /// ([`ecp_table::neutral`]).
    pub warnings: Vec<Warning>,
}

/// A cell or column of a table that is changed or left out in the file, because the file's format
/// cannot hold it as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warning {
    /// The row, counted from 0 after the line of column names; `None` for a whole column.
    pub row: Option<usize>,
    /// The name of the column.
    pub column: String,
    /// What was changed and what to do, such as `40000 characters are cut to 32767; export to CSV
    /// for all of them`.
    pub problem: String,
}

/// Error of a table that could not be written, for example because its title cannot be the name of
/// a sheet.
#[derive(Debug, thiserror::Error)]
#[error("the table cannot be written as {format}: {reason}")]
pub struct WriteError {
    format: Format,
    reason: String,
}

/// Limits of a worksheet (ECMA-376 leaves them open, Excel does not).
struct Limits {
    /// Rows of a sheet, including the row of names.
    rows: usize,
    columns: usize,
}

const EXCEL: Limits = Limits { rows: 1_048_576, columns: 16_384 };

/// Largest whole number of which a spreadsheet shows every digit.
const EXACT: u64 = 999_999_999_999_999;

impl Cell {
    /// Makes a cell of a table with this text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Whether a text is a decimal number that a spreadsheet shows as it is: up to 15 digits,
    /// without leading zeros, which a spreadsheet would drop.
    pub fn is_decimal(text: &str) -> bool {
        let digits = text.trim_start_matches('-');
        let whole = digits.split('.').next().unwrap_or_default();
        let is_plain = whole == "0" || !whole.starts_with('0');
        is_number(text) && is_plain && !text.starts_with('+') && digits.len() <= 15
    }

    /// The value of the cell as text.
    pub fn to_text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Decimal(text) | Self::Text(text) => text.clone(),
        }
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cell(..)")
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("columns", &self.columns)
            .field("rows", &self.rows.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Written")
            .field("bytes", &self.bytes.len())
            .field("warnings", &self.warnings)
            .finish()
    }
}

impl Table {
    /// Makes a table with these column names and without rows.
    pub fn new<C: Into<String>>(columns: impl IntoIterator<Item = C>) -> Self {
        let columns = columns.into_iter().map(Into::into).collect();
        Self { title: "Report".to_owned(), columns, rows: Vec::new() }
    }

    /// Sets the name of the sheet in a workbook (an XLSX file), `Report` by default: at most 28
    /// characters, without `[]:*?/\`. With a longer name, or with one of these characters,
    /// [`write`](Self::write) may return an error for a workbook. CSV has no such name.
    pub fn title(self, title: impl Into<String>) -> Self {
        Self { title: title.into(), ..self }
    }

    /// Adds a row to the table. If the row has fewer cells than the table has columns, the missing
    /// ones are empty; cells beyond the last column are dropped.
    pub fn push(&mut self, cells: impl IntoIterator<Item = Cell>) {
        let mut row: Vec<Cell> = cells.into_iter().take(self.columns.len()).collect();
        row.resize(self.columns.len(), Cell::Text(String::new()));
        self.rows.push(row);
    }

    /// The name of the sheet if the table is written as a workbook (an XLSX file).
    pub fn sheet(&self) -> &str {
        &self.title
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The rows, each with a cell for every column.
    pub fn rows(&self) -> &[Vec<Cell>] {
        &self.rows
    }

    /// Makes the contents of a file in this format from the table: a line of column names, and a
    /// line for each row. A table without columns is an empty CSV file. In a workbook the line of
    /// names is bold, stays in view and has filters, and columns are as wide as their cells. A name
    /// of the sheet that a workbook cannot have is an error ([`title`](Self::title)).
    pub fn write(&self, format: Format) -> Result<Written, WriteError> {
        let failed = |reason: String| WriteError { format, reason };
        match format {
            Format::Csv => self.csv().map_err(|error| failed(error.to_string())),
            Format::Xlsx => self.xlsx(&EXCEL).map_err(|error| failed(error.to_string())),
        }
    }

    fn csv(&self) -> Result<Written, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        if !self.columns.is_empty() {
            writer.write_record(self.columns.iter().map(|name| neutral(name).into_owned()))?;
            for row in &self.rows {
                writer.write_record(row.iter().map(|cell| match cell {
                    Cell::Number(number) => number.to_string(),
                    Cell::Decimal(text) | Cell::Text(text) => neutral(text).into_owned(),
                }))?;
            }
        }
        let bytes = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
        Ok(Written { bytes, warnings: Vec::new() })
    }

    /// A sheet, and further ones when one is full. Text is written as text, so none of it is a
    /// formula and no long number loses its digits.
    fn xlsx(&self, limits: &Limits) -> Result<Written, XlsxError> {
        let mut warnings = Vec::new();
        if let Some(name) = self.columns.get(limits.columns) {
            let problem = format!(
                "it and those after it are left out: a sheet holds {} of {} columns; export to CSV \
                 for all of them",
                limits.columns,
                self.columns.len()
            );
            warnings.push(Warning { row: None, column: name.clone(), problem });
        }
        let columns = &self.columns[..self.columns.len().min(limits.columns)];
        let (mut workbook, bold) = (Workbook::new(), CellFormat::new().set_bold());
        let mut place = 0;
        for (number, part) in chunks(&self.rows, limits.rows - 1).enumerate() {
            let sheet = workbook.add_worksheet();
            match number {
                0 => sheet.set_name(&self.title)?,
                _ => sheet.set_name(format!("{} {}", self.title, number + 1))?,
            };
            for (column, name) in (0..).zip(columns) {
                sheet.write_string_with_format(0, column, for_workbook(name).0, &bold)?;
            }
            for (row, cells) in (1..).zip(part) {
                for ((column, name), value) in (0..).zip(columns).zip(cells) {
                    if let Some(problem) = cell(sheet, (row, column), value)? {
                        let column = name.clone();
                        warnings.push(Warning { row: Some(place), column, problem });
                    }
                }
                place += 1;
            }
            sheet.set_freeze_panes(1, 0)?;
            if let Some(last) = columns.len().checked_sub(1) {
                let (rows, last) = (u32::try_from(part.len()), u16::try_from(last));
                sheet.autofilter(0, 0, rows.unwrap_or(u32::MAX), last.unwrap_or(u16::MAX))?;
            }
            sheet.autofit();
        }
        Ok(Written { bytes: workbook.save_to_buffer()?, warnings })
    }
}

/// Writes a cell, and returns what of it was changed.
fn cell(
    sheet: &mut Worksheet,
    (row, column): (u32, u16),
    value: &Cell,
) -> Result<Option<String>, XlsxError> {
    match value {
        #[expect(clippy::cast_precision_loss, reason = "a double holds these digits exactly")]
        Cell::Number(number) if number.unsigned_abs() <= EXACT => {
            sheet.write_number(row, column, *number as f64)?;
        }
        Cell::Number(number) => {
            sheet.write_string(row, column, number.to_string())?;
        }
        Cell::Decimal(text) | Cell::Text(text) if text.is_empty() => {}
        Cell::Decimal(text) | Cell::Text(text) => {
            let number = text.parse::<f64>().ok().filter(|_| Cell::is_decimal(text));
            if let (Cell::Decimal(_), Some(number)) = (value, number) {
                // As many decimals as the text has: 10.50 is not shown as 10.5.
                let decimals = text.split_once('.').map_or(0, |(_, decimals)| decimals.len());
                let shown = match decimals {
                    0 => "0".to_owned(),
                    decimals => format!("0.{}", "0".repeat(decimals)),
                };
                let shown = CellFormat::new().set_num_format(shown);
                sheet.write_number_with_format(row, column, number, &shown)?;
                return Ok(None);
            }
            let (text, warning) = for_workbook(text);
            sheet.write_string(row, column, text)?;
            return Ok(warning);
        }
    }
    Ok(None)
}

/// Parts of a length, at least one.
fn chunks<T>(all: &[T], length: usize) -> impl Iterator<Item = &[T]> {
    let one = all.is_empty().then_some(all);
    one.into_iter().chain(all.chunks(length))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use calamine::{Data, Reader as _, Xlsx};

    use super::*;

    fn read(bytes: Vec<u8>) -> Vec<(String, Vec<Vec<Data>>)> {
        let mut book: Xlsx<_> = Xlsx::new(Cursor::new(bytes)).unwrap();
        let sheets = book.worksheets();
        let rows = |range: &calamine::Range<Data>| range.rows().map(<[Data]>::to_vec).collect();
        sheets.iter().map(|(name, range)| (name.clone(), rows(range))).collect()
    }

    #[test]
    fn a_file_holds_what_the_table_holds_and_no_formula() {
        let mut table = Table::new(["id", "amount", "=1+1"]);
        table.push([Cell::text("a,\"b\"\nc"), Cell::Number(-5), Cell::text("")]);
        table.push([Cell::text("=1"), Cell::text("-0.35"), Cell::text("7"), Cell::text("more")]);
        table.push([Cell::text("short")]);
        let file = table.write(Format::Csv).unwrap();
        assert_eq!(
            String::from_utf8(file.bytes).unwrap(),
            "id,amount,'=1+1\n\"a,\"\"b\"\"\nc\",-5,\n'=1,-0.35,7\nshort,,\n"
        );
        let sheets = read(table.write(Format::Xlsx).unwrap().bytes);
        let (name, rows) = &sheets[0];
        assert_eq!((name.as_str(), sheets.len(), rows.len()), ("Report", 1, 4));
        assert_eq!(rows[0][2], Data::String("=1+1".to_owned()));
        assert_eq!(rows[1][1], Data::Float(-5.0));
        assert_eq!(rows[2][..2], [Data::String("=1".into()), Data::String("-0.35".into())]);
        assert_eq!(rows[3][1], Data::Empty);
    }

    #[test]
    fn a_number_with_more_digits_than_a_spreadsheet_shows_is_text() {
        let mut table = Table::new(["n"]);
        let numbers = [999_999_999_999_999, 1_000_000_000_000_000, i64::MIN];
        for number in numbers {
            table.push([Cell::Number(number)]);
        }
        let (_, rows) = read(table.write(Format::Xlsx).unwrap().bytes).remove(0);
        assert_eq!(rows[1][0], Data::Float(999_999_999_999_999.0));
        for (row, number) in rows[2..].iter().zip(&numbers[1..]) {
            assert_eq!(row[0], Data::String(number.to_string()));
        }
    }

    #[test]
    fn a_decimal_number_is_a_number_where_it_is_exact() {
        let mut table = Table::new(["sum"]).title("Sums");
        let texts = ["10.50", "-5", "007", "+7", "1234567890123456", "1e5", "=1", ""];
        for text in texts {
            table.push([Cell::Decimal(text.to_owned())]);
        }
        let (name, rows) = read(table.write(Format::Xlsx).unwrap().bytes).remove(0);
        assert_eq!(
            (name.as_str(), &rows[1][0], &rows[2][0]),
            ("Sums", &10.5.into(), &(-5.0).into())
        );
        for (row, text) in rows[3..].iter().zip(&texts[2..7]) {
            assert_eq!(row[0], Data::String((*text).to_owned()));
        }
        let csv = String::from_utf8(table.write(Format::Csv).unwrap().bytes).unwrap();
        assert!(csv.starts_with("sum\n10.50\n-5\n007\n") && csv.contains("\n'=1\n"), "{csv}");
    }

    #[test]
    fn a_workbook_has_filters_widths_and_bold_names_that_stay_and_keeps_decimals() {
        let mut table = Table::new(["payment_id", "sum"]);
        table.push([
            Cell::text("an-id-that-is-longer-than-its-column"),
            Cell::Decimal("10.50".into()),
        ]);
        let bytes = table.write(Format::Xlsx).unwrap().bytes;
        let mut file = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut part = |name: &str| {
            let mut text = String::new();
            std::io::Read::read_to_string(&mut file.by_name(name).unwrap(), &mut text).unwrap();
            text
        };
        let sheet = part("xl/worksheets/sheet1.xml");
        assert!(sheet.contains(r#"<autoFilter ref="A1:B2"/>"#), "{sheet}");
        let width = sheet.split_once(r#"<col min="1" max="1" width=""#).unwrap().1;
        assert!(width.split('.').next().unwrap().parse::<u32>().unwrap() > 30, "{width}");
        assert!(sheet.contains(r#"<pane ySplit="1" topLeftCell="A2""#), "{sheet}");
        // Each name has the style whose font is bold, and no other cell has it.
        for (cell, style) in [("A1", " s=\"1\""), ("B1", " s=\"1\""), ("A2", "")] {
            let start = format!("<c r=\"{cell}\"{style} t=\"s\">");
            assert!(sheet.contains(&start), "{start} in {sheet}");
        }
        let styles = part("xl/styles.xml");
        let fonts = styles.split("</fonts>").next().unwrap();
        assert!(fonts.split("<font>").nth(2).unwrap().contains("<b/>"), "{styles}");
        let formats = styles.split("<cellXfs").nth(1).unwrap();
        assert!(formats.split("<xf ").nth(2).unwrap().contains(r#"fontId="1""#), "{styles}");
        assert!(styles.contains(r#"formatCode="0.00""#), "{styles}");
    }

    #[test]
    fn a_full_sheet_is_followed_by_another_and_what_does_not_fit_is_named() {
        let mut table = Table::new(["a", "b", "c"]);
        let long = "x".repeat(40_000);
        for text in ["1", "2", &long] {
            table.push([Cell::text(text)]);
        }
        let written = table.xlsx(&Limits { rows: 3, columns: 2 }).unwrap();
        let sheets = read(written.bytes);
        let names: Vec<&str> = sheets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Report", "Report 2"]);
        assert_eq!((sheets[0].1.len(), sheets[1].1.len()), (3, 2));
        let [columns, cell] = &written.warnings[..] else { panic!("{:?}", written.warnings) };
        assert_eq!((columns.row, columns.column.as_str()), (None, "c"));
        assert!(columns.problem.contains("a sheet holds 2 of 3 columns"), "{}", columns.problem);
        assert_eq!((cell.row, cell.column.as_str()), (Some(2), "a"));
        assert!(cell.problem.starts_with("40000 characters are cut"), "{}", cell.problem);
    }

    #[test]
    fn no_cell_is_printed() {
        let mut table = Table::new(["name"]);
        table.push([Cell::text("sentinel")]);
        let written = table.write(Format::Csv).unwrap();
        let printed = format!("{table:?} {:?} {written:?}", table.rows());
        assert!(!printed.contains("sentinel") && printed.contains("name"), "{printed}");
    }
}
