//! The grammar of CSV (RFC 4180). A line break is CR LF, LF or CR.

use std::borrow::Cow;

/// A record, before its width is checked.
#[derive(Debug)]
pub(crate) struct Record<'t> {
    /// Line of its beginning, from 1.
    pub(crate) line: u64,
    pub(crate) cells: Vec<Cow<'t, str>>,
}

/// Place where a text breaks the grammar. After it, cells cannot be distinguished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    /// Line of the cell's first quote.
    pub(crate) line: u64,
    /// Index of the cell in its record, from 0.
    pub(crate) cell: usize,
    pub(crate) text: String,
}

/// Reads records. An empty line is a record of one empty cell.
#[derive(Clone, Debug)]
pub(crate) struct Scanner<'t> {
    text: &'t str,
    at: usize,
    line: u64,
    delimiter: u8,
}

/// End of a cell.
enum End {
    Cell,
    Record,
}

impl<'t> Scanner<'t> {
    /// The delimiter must be ASCII, and neither a quote nor a line break.
    pub(crate) const fn new(text: &'t str, delimiter: u8) -> Self {
        Self { text, at: 0, line: 1, delimiter }
    }

    /// Offset and line of the next record.
    pub(crate) const fn position(&self) -> (usize, u64) {
        (self.at, self.line)
    }

    pub(crate) const fn at(text: &'t str, delimiter: u8, (at, line): (usize, u64)) -> Self {
        Self { text, at, line, delimiter }
    }

    /// The next record, `None` after the last one or after an error.
    pub(crate) fn next(&mut self) -> Option<Result<Record<'t>, Broken>> {
        if self.at >= self.text.len() {
            return None;
        }
        let mut record = Record { line: self.line, cells: Vec::new() };
        loop {
            let is_quoted = self.text.as_bytes().get(self.at) == Some(&b'"');
            let cell = if is_quoted { self.quoted() } else { self.plain() };
            match cell {
                Ok((cell, end)) => {
                    record.cells.push(cell);
                    if let End::Record = end {
                        return Some(Ok(record));
                    }
                }
                Err((line, text)) => {
                    self.at = self.text.len();
                    return Some(Err(Broken { line, cell: record.cells.len(), text }));
                }
            }
        }
    }

    fn plain(&mut self) -> Result<(Cow<'t, str>, End), (u64, String)> {
        let rest = &self.text.as_bytes()[self.at..];
        let ends = |byte: &u8| *byte == self.delimiter || matches!(byte, b'"' | b'\r' | b'\n');
        let length = rest.iter().position(ends).unwrap_or(rest.len());
        if rest.get(length) == Some(&b'"') {
            let text = "a quote inside a cell that does not begin with one; put the whole \
                        cell in quotes and write this one twice, or remove it";
            return Err((self.line, self.unread(text)));
        }
        let cell = &self.text[self.at..self.at + length];
        self.at += length;
        Ok((Cow::Borrowed(cell), self.end()))
    }

    fn quoted(&mut self) -> Result<(Cow<'t, str>, End), (u64, String)> {
        let opened = self.line;
        let start = self.at + 1;
        let bytes = self.text.as_bytes();
        let mut close = start;
        let mut has_quotes = false;
        loop {
            let Some(length) = memchr::memchr(b'"', &bytes[close..]) else {
                let text = "a quote opens here and is never closed; close it, or remove it";
                return Err((opened, self.unread(text)));
            };
            close += length;
            if bytes.get(close + 1) != Some(&b'"') {
                break;
            }
            has_quotes = true;
            close += 2;
        }
        let content = &self.text[start..close];
        self.line += line_breaks(content.as_bytes());
        self.at = close + 1;
        match bytes.get(self.at) {
            None | Some(b'\r' | b'\n') => {}
            Some(byte) if *byte == self.delimiter => {}
            Some(_) => {
                let closed = if self.line == opened {
                    String::new()
                } else {
                    format!(" in line {}", self.line)
                };
                let text = format!(
                    "a quote opens here, and text follows the closing quote{closed}; write \
                     quotes that belong to the text twice"
                );
                return Err((opened, self.unread(&text)));
            }
        }
        let cell = if has_quotes {
            Cow::Owned(content.replace("\"\"", "\""))
        } else {
            Cow::Borrowed(content)
        };
        Ok((cell, self.end()))
    }

    /// Skips a delimiter or a line break.
    fn end(&mut self) -> End {
        let bytes = self.text.as_bytes();
        match bytes.get(self.at) {
            Some(b'\r') => {
                self.at += if bytes.get(self.at + 1) == Some(&b'\n') { 2 } else { 1 };
                self.line += 1;
                End::Record
            }
            Some(b'\n') => {
                self.at += 1;
                self.line += 1;
                End::Record
            }
            Some(_) => {
                self.at += 1;
                End::Cell
            }
            None => End::Record,
        }
    }

    /// Adds to the text that the rest of the file was not read, if there is a rest.
    fn unread(&self, text: &str) -> String {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let is_last = line_breaks(rest.trim_ascii_end()) == 0;
        let note = if is_last { "" } else { " (the lines after it were not read)" };
        format!("{text}{note}")
    }
}

/// Number of line breaks in these bytes.
pub(crate) fn line_breaks(bytes: &[u8]) -> u64 {
    let breaks = memchr::memchr2_iter(b'\r', b'\n', bytes);
    let second = |at: &usize| bytes[*at] == b'\n' && *at > 0 && bytes[*at - 1] == b'\r';
    breaks.filter(|at| !second(at)).map(|_| 1).sum()
}
