//! The reader against an oracle that is written in another way, and against a lenient one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_table::{DELIMITERS, Problem, Table};
use proptest::prelude::*;

fn known(name: &str) -> bool {
    matches!(name, "a" | "b" | "c")
}

fn read(text: &str) -> Result<Table, Problem> {
    Table::read(text.as_bytes().to_vec(), None, known)
}

/// Lines and cells of a body of three columns, or the first problem.
fn rows(body: &str) -> (Vec<(u64, Vec<String>)>, Option<Problem>) {
    let table = read(&format!("a,b,c\n{body}")).unwrap();
    let (mut rows, mut problem) = (Vec::new(), None);
    for row in table.rows() {
        match row {
            Ok(row) => rows.push((row.line(), row.cells().map(str::to_owned).collect())),
            Err(found) => {
                problem = problem.or(Some(found));
            }
        }
    }
    (rows, problem)
}

/// Breaks a text at the places that an even number of quotes precedes.
fn at_even_quotes(text: &str, is_break: impl Fn(char) -> bool) -> Vec<&str> {
    let (mut parts, mut quotes, mut start) = (Vec::new(), 0, 0);
    for (at, character) in text.char_indices() {
        if character == '"' {
            quotes += 1;
        } else if quotes % 2 == 0 && is_break(character) {
            parts.push(&text[start..at]);
            start = at + 1;
        }
    }
    parts.push(&text[start..]);
    parts
}

/// The value of a cell, if its quotes are those of the grammar.
fn value(cell: &str) -> Option<String> {
    if !cell.contains('"') {
        return Some(cell.to_owned());
    }
    let inner = cell.strip_prefix('"')?.strip_suffix('"').filter(|_| cell.len() > 1)?;
    let pairs = inner.replace("\"\"", "");
    (!pairs.contains('"')).then(|| inner.replace("\"\"", "\""))
}

/// Records by the parity of quotes: their lines and cells, until one that breaks the grammar, with
/// the line of its first quote. Line breaks are LF here.
type Oracle = (Vec<(u64, Vec<String>)>, Option<u64>);

fn oracle(text: &str) -> Oracle {
    let (mut records, mut line) = (Vec::new(), 1);
    for record in at_even_quotes(text, |character| character == '\n') {
        let mut cells = Vec::new();
        let mut in_record = 0;
        for cell in at_even_quotes(record, |character| character == ',') {
            let Some(value) = value(cell) else {
                let before = cell.split('"').next().unwrap();
                let quote = line + in_record + before.matches('\n').count() as u64;
                return (records, Some(quote));
            };
            in_record += cell.matches('\n').count() as u64;
            cells.push(value);
        }
        if cells.iter().any(|cell| !cell.trim().is_empty()) {
            records.push((line, cells));
        }
        line += 1 + record.matches('\n').count() as u64;
    }
    (records, None)
}

fn csv_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => Just("x"),
        2 => Just("\""),
        1 => Just("\"\""),
        2 => Just(","),
        1 => Just("\n"),
        1 => Just(" "),
        1 => Just("é"),
        1 => Just("\",\""),
        1 => Just("\"\n\""),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// Cells of three columns, at least one of which has something in it.
fn cells() -> impl Strategy<Value = Vec<Vec<String>>> {
    let cell = "[a-z \"',;\t|\r\né]{0,6}";
    let row = proptest::collection::vec(cell, 3);
    let row = row.prop_filter("not blank", |row| row.iter().any(|cell| !cell.trim().is_empty()));
    proptest::collection::vec(row, 0..8)
}

fn written(rows: &[Vec<String>], delimiter: u8, line_break: csv::Terminator) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .terminator(line_break)
        .from_writer(Vec::new());
    for row in rows {
        writer.write_record(row).unwrap();
    }
    writer.into_inner().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_row_is_lost_whatever_the_quotes(body in csv_text()) {
        let (expected, broken) = oracle(&format!("a,b,c\n{body}"));
        // The names are the first record, and blank cells beyond the third count for nothing.
        let expected: Vec<_> = expected.into_iter().skip(1).collect();
        let table = read(&format!("a,b,c\n{body}")).unwrap();
        let mut found = table.rows();
        for (line, cells) in expected {
            let next = found.next();
            let fits = cells.len() >= 3 && cells[3..].iter().all(|cell| cell.trim().is_empty());
            match next {
                Some(Ok(row)) => {
                    prop_assert!(fits);
                    prop_assert_eq!(row.line(), line);
                    prop_assert!(row.cells().eq(cells[..3].iter().map(String::as_str)));
                }
                Some(Err(problem)) => {
                    prop_assert!(!fits, "{}", problem);
                    prop_assert_eq!(problem.line, line);
                    prop_assert!(problem.text.starts_with("has "), "{}", problem);
                }
                None => prop_assert!(false, "line {} is lost", line),
            }
        }
        let last = found.next();
        match broken {
            None => prop_assert!(last.is_none()),
            Some(line) => {
                let problem = last.unwrap().unwrap_err();
                prop_assert_eq!(problem.line, line);
                prop_assert!(problem.text.starts_with("a quote "), "{}", problem);
                prop_assert!(found.next().is_none());
            }
        }
    }

    #[test]
    fn what_a_writer_wrote_is_read(rows in cells(), place in 0..DELIMITERS.len(), crlf in any::<bool>()) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let delimiter = DELIMITERS[place];
        let names = vec![["a", "b", "c"].map(str::to_owned).to_vec()];
        let file = written(&[names, rows.clone()].concat(), delimiter, terminator);
        let table = Table::read(file, None, known).unwrap();
        prop_assert_eq!(table.delimiter(), delimiter);
        let found: Vec<Vec<String>> = table
            .rows()
            .map(|row| row.unwrap().cells().map(str::to_owned).collect())
            .collect();
        prop_assert_eq!(found, rows);
    }

    /// The lines of rows are those that an editor shows, whatever breaks stand in cells.
    #[test]
    fn lines_are_counted_as_an_editor_does(rows in cells(), crlf in any::<bool>()) {
        let terminator = if crlf { csv::Terminator::CRLF } else { csv::Terminator::Any(b'\n') };
        let names = vec![["a", "b", "c"].map(str::to_owned).to_vec()];
        let file = written(&[names, rows.clone()].concat(), b',', terminator);
        let table = Table::read(file, None, known).unwrap();
        let mut line = 2;
        for (row, cells) in table.rows().zip(&rows) {
            prop_assert_eq!(row.unwrap().line(), line);
            let breaks = |cell: &String| {
                let text = cell.replace("\r\n", "\n").replace('\r', "\n");
                text.matches('\n').count() as u64
            };
            line += 1 + cells.iter().map(breaks).sum::<u64>();
        }
    }

    #[test]
    fn arbitrary_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(table) = Table::read(bytes, None, known) {
            let _ = table.rows().count();
        }
    }
}

#[test]
fn a_quote_is_a_problem_with_the_line_in_which_it_opens() {
    let table = [
        ("1,2,\"3", 2, "`c`: a quote opens here and is never closed; close it, or remove it"),
        (
            "1,2,\"3\n4,5,6\n",
            2,
            "`c`: a quote opens here and is never closed; close it, or remove it (the lines after it \
             were not read)",
        ),
        (
            "1,2,3\n1,\"15\n1,15\" screen,3\n",
            3,
            "`b`: a quote opens here, and text follows the closing quote in line 4; write \
             quotes that belong to the text twice",
        ),
        (
            "1,15\" screen,3",
            2,
            "`b`: a quote inside a cell that does not begin with one; put the whole cell in \
             quotes and write this one twice, or remove it",
        ),
        (
            "1, \"2\",3",
            2,
            "`b`: a quote inside a cell that does not begin with one; put the whole cell in \
             quotes and write this one twice, or remove it",
        ),
        (
            "\"1\"x,2,3",
            2,
            "`a`: a quote opens here, and text follows the closing quote; write quotes that \
             belong to the text twice",
        ),
    ];
    for (body, line, text) in table {
        let problem = rows(body).1.unwrap();
        assert_eq!(problem.to_string(), format!("line {line}, {text}"), "{body}");
    }
}

#[test]
fn blank_rows_and_columns_without_a_name_pass() {
    let text = "\n ,\na,b,,\n1,2,,\n,,,\n   \n\"\",\"\"\n\u{a0},\n3,4\n5,6,,,,\n7,8,x,\n9\n";
    let table = read(text).unwrap();
    assert_eq!(table.header_line(), 3);
    let found: Vec<String> = table
        .rows()
        .map(|row| match row {
            Ok(row) => match table.nameless(&row) {
                None => format!("{}: {}", row.line(), row.cells().collect::<Vec<_>>().join("+")),
                Some(problem) => problem.to_string(),
            },
            Err(problem) => problem.to_string(),
        })
        .collect();
    assert_eq!(
        found,
        [
            "4: 1+2++",
            "9: 3+4++",
            "10: 5+6++",
            "line 11: cell 3 holds a value, and its column has no name; name the column in line 3, \
             or remove the value",
            "line 12: has 1 cell, but line 3 names 4 columns; add or remove cells, and quote a cell that holds the delimiter",
        ]
    );
}

#[test]
fn the_delimiter_is_the_one_of_the_names() {
    let table: [(&str, Option<u8>, Result<u8, &str>); 16] = [
        ("a,b\n1;2,3\n", None, Ok(b',')),
        ("a;b\n1;2,3\n", None, Ok(b';')),
        ("a\tb\n", None, Ok(b'\t')),
        ("a|b\n", None, Ok(b'|')),
        ("\"a\";\"b,x\"\n", None, Ok(b';')),
        ("x;y;z,u\n", None, Ok(b';')),
        ("a\n", None, Ok(b',')),
        (
            "a,x;b\n",
            None,
            Err(
                "line 1: the names of the columns may be delimited by `,` or by `;`; name the delimiter, or begin the file with a line such as `sep=;`",
            ),
        ),
        ("a,x;b\n", Some(b';'), Ok(b';')),
        ("a:b\n", Some(b':'), Ok(b':')),
        (
            "a;b\n",
            Some(b','),
            Err(
                "line 1: the names of the columns are delimited by `;`, but the given delimiter is `,`; make the two agree",
            ),
        ),
        ("sep=;\r\na;b\r\n", None, Ok(b';')),
        ("\u{feff}SEP=\t\na\tb\n", None, Ok(b'\t')),
        ("\"sep=;\"\na;b\n", None, Ok(b';')),
        (
            "sep=;\na,b\n",
            None,
            Err(
                "line 2: the names of the columns are delimited by `,`, but the line `sep=` names `;`; make the two agree",
            ),
        ),
        ("sep=;\na,b\n", Some(b','), Ok(b',')),
    ];
    for (text, given, expected) in table {
        let found = Table::read(text.into(), given, known);
        let found = found.map(|table| table.delimiter()).map_err(|problem| problem.to_string());
        assert_eq!(found, expected.map_err(str::to_owned), "{text:?}");
    }
    let table = Table::read("sep=;\na,b\n1,2\n".into(), Some(b','), known).unwrap();
    let note = table.note().unwrap().to_string();
    assert_eq!(note, "line 1: names `;`; ignored, because the given delimiter is `,`");
    assert_eq!(table.rows().next().unwrap().unwrap().line(), 3);
}

#[test]
fn a_file_that_is_no_text_is_named() {
    let utf16 = |text: &str, big: bool| -> Vec<u8> {
        let unit = |unit: u16| if big { unit.to_be_bytes() } else { unit.to_le_bytes() };
        text.encode_utf16().flat_map(unit).collect()
    };
    for big in [false, true] {
        let table = Table::read(utf16("\u{feff}a\tb\r\né\t2\r\n", big), None, known).unwrap();
        let row = table.rows().next().unwrap().unwrap();
        assert_eq!((row.line(), row.get(0)), (2, "é"));
    }
    let table: [(Vec<u8>, &str); 10] = [
        (utf16("a\tb\r\n1\t2\r\n", false), "line 1: holds a NUL byte; it may be UTF-16 without"),
        (utf16("a\tb\r\n1\t2\r\n", true), "line 1: holds a NUL byte; it may be UTF-16 without"),
        (b"\xff\xfea".to_vec(), "line 1: the file is damaged UTF-16;"),
        (b"\xff\xfe\x00\xd8a\0".to_vec(), "line 1: the file is damaged UTF-16;"),
        (b"a,b\nM\xfcller,2\n".to_vec(), "line 2: byte 2 of the line is 0xFC, which is not UTF-8;"),
        (b"a,b\r1,\x80\r".to_vec(), "line 2: byte 3 of the line is 0x80,"),
        (b"PK\x03\x04\x14".to_vec(), "line 1: the file is a workbook or another ZIP archive"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0".to_vec(),
            "line 1: the file is a workbook of an old",
        ),
        (b"\xef\xbb\xbf<html><table>".to_vec(), "line 1: the file is an HTML or XML document;"),
        (b"".to_vec(), "line 1: there are no columns"),
    ];
    for (file, expected) in table {
        let problem = Table::read(file.clone(), None, known).unwrap_err().to_string();
        assert!(problem.starts_with(expected), "{file:?}: {problem}");
    }
}
