//! Tables: a line of column names, and rows of as many cells.

use std::borrow::Cow;
use std::fmt;

use crate::encoding::decode;
use crate::grammar::{Broken, Scanner};

/// The delimiters that [`Table::read`] tries if the file does not name one: comma, semicolon, tab
/// and vertical bar.
pub const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// A table in the CSV format: a line of column names, then rows.
///
/// It stores the text of the file rather than the cells, so that it takes no more memory than the
/// file, even with many rows.
#[derive(Clone)]
pub struct Table {
    text: String,
    delimiter: u8,
    header_line: u64,
    names: Vec<String>,
    body: (usize, u64),
    note: Option<Problem>,
}

/// A row of a table, with one cell for each column name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<'t> {
    line: u64,
    cells: Vec<Cow<'t, str>>,
}

/// A problem with a CSV file or with one of its rows. The description of the problem contains no
/// value of a cell, which may be personal data.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The line of the file that has the problem, counted from 1.
    pub line: u64,
    /// The name of the column, `None` if the problem is not about one column.
    pub column: Option<String>,
    /// The description of the problem, with what to do about it.
    pub text: String,
    /// Whether the rest of the file cannot be read (`true`), or only this row (`false`).
    pub ends_reading: bool,
}

/// An iterator over the rows of a table. A row that cannot be read is an error, with its line; the
/// next rows follow unless [`Problem::ends_reading`] is true.
#[derive(Clone, Debug)]
pub struct Rows<'t> {
    table: &'t Table,
    scanner: Scanner<'t>,
}

impl Table {
    /// Reads the text of a CSV file and its line of column names. `delimiter` is the character
    /// between two cells, as ASCII; with `None` it is found in the file. `is_known` says whether a
    /// column name is one that the caller expects, which helps to find the delimiter.
    /// [`rows`](Self::rows) returns the rows.
    ///
    /// A delimiter must be an ASCII character other than a quote or a line break. It is found in
    /// this order:
    ///
    /// - the argument `delimiter`;
    /// - a first line such as `sep=;`, which Excel also reads;
    /// - the line of column names: of [`DELIMITERS`], the one that gives the most names for which
    ///   `is_known` is true or, if no name is known, the most names. Two equally good delimiters
    ///   are an error, and the caller must pass one.
    ///
    /// A delimiter from the argument or the first line is an error if it gives no known name while
    /// another delimiter does.
    ///
    /// The file must be UTF-8, or UTF-16 with a byte order mark; any other encoding is an error.
    pub fn read(
        file: Vec<u8>,
        delimiter: Option<u8>,
        is_known: impl Fn(&str) -> bool,
    ) -> Result<Self, Problem> {
        let text = decode(file)?;
        let (separator, start) = separator_line(&text);
        let mut note = None;
        let header = match (delimiter, separator) {
            (Some(given), _) => {
                let header =
                    Header::agreed(&text, start, given, &is_known, "the given delimiter is")?;
                if let Some(said) = separator.filter(|said| *said != given) {
                    let shown = (shown(said), shown(given));
                    let text = format!(
                        "names {}; ignored, because the given delimiter is {}",
                        shown.0, shown.1
                    );
                    note = Some(Problem::new(1, None, text));
                }
                header
            }
            (None, Some(said)) => {
                Header::agreed(&text, start, said, &is_known, "the line `sep=` names")?
            }
            (None, None) => Header::found(&text, start, &is_known)?,
        };
        let Header { delimiter, line, names, body, .. } = header;
        Ok(Self { text, delimiter, header_line: line, names, body, note })
    }

    /// The delimiter between two cells of the file.
    pub const fn delimiter(&self) -> u8 {
        self.delimiter
    }

    /// The number of the file's line with the column names, counted from 1.
    pub const fn header_line(&self) -> u64 {
        self.header_line
    }

    /// The column names, without white space at their start and end. The name of a column may be
    /// empty.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// A note that the first line of the file, such as `sep=;`, is ignored because the caller
    /// passed another delimiter; otherwise `None`.
    pub const fn note(&self) -> Option<&Problem> {
        self.note.as_ref()
    }

    /// Iterates over the rows with at least one non-empty cell, in the order of the file. The
    /// iterator ends after text that breaks the CSV grammar, such as a quote that is not closed,
    /// because later rows cannot be distinguished.
    pub fn rows(&self) -> Rows<'_> {
        Rows { table: self, scanner: Scanner::at(&self.text, self.delimiter, self.body) }
    }

    /// Returns a problem if a row has a value in a column without a name, because the meaning of
    /// such a value is unknown; `None` if there is no such value. Whether the row is used all the
    /// same is up to the caller.
    pub fn nameless(&self, row: &Row<'_>) -> Option<Problem> {
        let is_nameless = |(name, cell): &(&String, &str)| name.is_empty() && !is_blank(cell);
        let place = self.names.iter().zip(row.cells()).position(|pair| is_nameless(&pair))?;
        let text = format!(
            "cell {} holds a value, and its column has no name; name the column in line {}, or \
             remove the value",
            place + 1,
            self.header_line
        );
        let problem = Problem::new(row.line, None, text);
        Some(Problem { ends_reading: false, ..problem })
    }

    fn broken(&self, broken: Broken) -> Problem {
        let name = self.names.get(broken.cell).filter(|name| !name.is_empty());
        Problem::new(broken.line, name.cloned(), broken.text)
    }
}

impl<'t> Iterator for Rows<'t> {
    type Item = Result<Row<'t>, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let record = match self.scanner.next()? {
                Ok(record) => record,
                Err(broken) => return Some(Err(self.table.broken(broken))),
            };
            if record.cells.iter().all(|cell| is_blank(cell)) {
                continue;
            }
            let (line, mut cells) = (record.line, record.cells);
            let (found, names) = (cells.len(), &self.table.names);
            let extra = cells.iter().skip(names.len()).all(|cell| is_blank(cell));
            let missing = names.iter().skip(found).all(String::is_empty);
            if !extra || !missing {
                let count = if found == 1 { "1 cell".to_owned() } else { format!("{found} cells") };
                let header = self.table.header_line;
                let columns = match names.len() {
                    1 => "1 column".to_owned(),
                    many => format!("{many} columns"),
                };
                let text = format!(
                    "has {count}, but line {header} names {columns}; add or remove cells, and \
                     quote a cell that holds the delimiter"
                );
                let problem = Problem::new(line, None, text);
                return Some(Err(Problem { ends_reading: false, ..problem }));
            }
            cells.resize(names.len(), Cow::Borrowed(""));
            return Some(Ok(Row { line, cells }));
        }
    }
}

impl Row<'_> {
    /// The line of the file on which the row begins, counted from 1 as in a text editor.
    pub const fn line(&self) -> u64 {
        self.line
    }

    /// The text of the row's cell at an index from 0; empty if there is no such cell.
    pub fn get(&self, place: usize) -> &str {
        self.cells.get(place).map_or("", |cell| cell)
    }

    /// All cells of the row, from left to right, one for each column name.
    pub fn cells(&self) -> impl ExactSizeIterator<Item = &str> {
        self.cells.iter().map(|cell| &**cell)
    }
}

impl Problem {
    pub(crate) const fn new(line: u64, column: Option<String>, text: String) -> Self {
        Self { line, column, text, ends_reading: true }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "line {}, `{}`: {}", self.line, column, self.text),
            None => write!(f, "line {}: {}", self.line, self.text),
        }
    }
}

impl std::error::Error for Problem {}

/// Prints no cell: they are personal data.
impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table").field("names", &self.names).finish_non_exhaustive()
    }
}

/// The names under one delimiter.
struct Header {
    delimiter: u8,
    line: u64,
    names: Vec<String>,
    body: (usize, u64),
    known: usize,
}

impl Header {
    fn read(
        text: &str,
        start: (usize, u64),
        delimiter: u8,
        is_known: &impl Fn(&str) -> bool,
    ) -> Result<Self, Problem> {
        let mut scanner = Scanner::at(text, delimiter, start);
        loop {
            let record = match scanner.next() {
                None => {
                    let text = "there are no columns: the file has nothing in it".to_owned();
                    return Err(Problem::new(1, None, text));
                }
                Some(Err(broken)) => return Err(Problem::new(broken.line, None, broken.text)),
                Some(Ok(record)) => record,
            };
            if record.cells.iter().all(|cell| is_blank(cell)) {
                continue;
            }
            let names: Vec<String> =
                record.cells.iter().map(|name| name.trim().to_owned()).collect();
            let known = names.iter().filter(|name| !name.is_empty() && is_known(name)).count();
            let (line, body) = (record.line, scanner.position());
            return Ok(Self { delimiter, line, names, body, known });
        }
    }

    /// The header by a given delimiter.
    fn agreed(
        text: &str,
        start: (usize, u64),
        delimiter: u8,
        is_known: &impl Fn(&str) -> bool,
        source: &str,
    ) -> Result<Self, Problem> {
        let header = Self::read(text, start, delimiter, is_known);
        if header.as_ref().is_ok_and(|header| header.known > 0) {
            return header;
        }
        let others = DELIMITERS.into_iter().filter(|other| *other != delimiter);
        let others = others.filter_map(|other| Self::read(text, start, other, is_known).ok());
        // A single name under any delimiter is not a sign of that delimiter.
        let better = others.filter(|other| other.known > 0 && other.names.len() > 1);
        match better.max_by_key(|other| other.known) {
            None => header,
            Some(better) => {
                let text = format!(
                    "the names of the columns are delimited by {}, but {source} {}; make \
                     the two agree",
                    shown(better.delimiter),
                    shown(delimiter)
                );
                Err(Problem::new(better.line, None, text))
            }
        }
    }

    /// The header by the delimiter that fits the names best.
    fn found(
        text: &str,
        start: (usize, u64),
        is_known: &impl Fn(&str) -> bool,
    ) -> Result<Self, Problem> {
        let mut readings = Vec::new();
        let mut problem = None;
        for delimiter in DELIMITERS {
            match Self::read(text, start, delimiter, is_known) {
                Ok(header) => readings.push(header),
                Err(found) => {
                    problem.get_or_insert(found);
                }
            }
        }
        let fit = |header: &Self| match header.known {
            0 => (0, header.names.len()),
            known => (known, 0),
        };
        let Some(best) = readings.iter().map(fit).max() else {
            let nothing = || Problem::new(1, None, "there are no columns".to_owned());
            return Err(problem.unwrap_or_else(nothing));
        };
        readings.retain(|header| fit(header) == best);
        let mut readings = readings.into_iter();
        let Some(first) = readings.next() else {
            return Err(Problem::new(1, None, "there are no columns".to_owned()));
        };
        match readings.find(|other| other.names != first.names) {
            None => Ok(first),
            Some(other) => {
                let text = format!(
                    "the names of the columns may be delimited by {} or by {}; name the delimiter, \
                     or begin the file with a line such as `sep=;`",
                    shown(first.delimiter),
                    shown(other.delimiter)
                );
                Err(Problem::new(first.line, None, text))
            }
        }
    }
}

/// The delimiter of a first line such as `sep=;`, which Excel reads, and the position after it.
fn separator_line(text: &str) -> (Option<u8>, (usize, u64)) {
    let none = (None, (0, 1));
    let length = text.find(['\r', '\n']).unwrap_or(text.len());
    let line = &text[..length];
    // LibreOffice also takes it in quotes.
    let unquoted = line.strip_prefix('"').and_then(|line| line.strip_suffix('"')).unwrap_or(line);
    let Some(name) = unquoted.get(..4).filter(|name| name.eq_ignore_ascii_case("sep=")) else {
        return none;
    };
    match unquoted.as_bytes()[name.len()..] {
        [delimiter] if delimiter.is_ascii() && delimiter != b'"' => {
            let mut scanner = Scanner::new(text, delimiter);
            // A quoted line, or cells that are empty or hold `sep=`.
            match scanner.next() {
                Some(Ok(_)) => (Some(delimiter), scanner.position()),
                _ => none,
            }
        }
        _ => none,
    }
}

fn shown(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tabs".to_owned(),
        other => format!("`{}`", char::from(other).escape_default()),
    }
}

fn is_blank(cell: &str) -> bool {
    cell.trim().is_empty()
}
