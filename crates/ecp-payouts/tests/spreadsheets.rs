//! Files as spreadsheets and careless hands leave them. Each is read as what it says, or refused
//! with the line, the column and what to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;

use ecp_core::{Currency, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{PaymentMethod, Payout, Registry, Rule, Spec, Supports};
use ecp_payouts::{AmountUnit, Layout, Plan, Problems};

const HEAD: &str =
    "method,general.payment_id,payment.amount,payment.currency,account.number,customer.ip_address";

fn plan(file: impl Into<Vec<u8>>, layout: &Layout) -> Result<Plan, Problems> {
    Plan::read(file.into(), layout, &Registry::builtin(), ProjectId::new(1).unwrap())
}

fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new("tests").join(name)).unwrap()
}

/// The problems of a file, one a line; ids and accounts of its rows, if it has none.
fn read(name: &str, layout: &Layout) -> Result<Vec<(u64, String)>, String> {
    match plan(file(name), layout) {
        Ok(plan) => {
            let row = |row: ecp_payouts::Row| (row.line, row.request.payment_id().to_string());
            Ok(plan.rows().map(row).collect())
        }
        Err(problems) => Err(problems.to_string()),
    }
}

fn ignoring_comments() -> Layout {
    Layout::new().ignore("Comment")
}

#[test]
fn a_quote_that_is_never_closed_and_text_after_one_stop_the_file() {
    let table = [
        (
            "files/unclosed-quote.csv",
            "line 3, `Comment`: a quote opens here and is never closed; close it, or remove it \
             (the lines after it were not read)",
        ),
        (
            "files/two-quotes.csv",
            "line 2, `Comment`: a quote opens here, and text follows the closing quote in \
             line 4; write quotes that belong to the text twice (the lines after it were not read)",
        ),
        (
            "files/in-a-sent-column.csv",
            "line 3, `addendum.note`: a quote opens here and is never closed; close it, or remove \
             it (the lines after it were not read)",
        ),
    ];
    for (name, expected) in table {
        assert_eq!(read(name, &ignoring_comments()).unwrap_err(), expected, "{name}");
    }
}

#[test]
fn a_row_inside_of_a_cell_is_no_text() {
    // Both quotes are right by the grammar, and the rows between them would be a comment.
    let unclosed = String::from_utf8(file("files/unclosed-quote.csv")).unwrap();
    let (start, _) = unclosed.rsplit_once("May bonus").unwrap();
    let hidden = plan(format!("{start}May bonus\"\n"), &ignoring_comments());
    let swallowed = "holds a line that is a row of the file: a quote that opens here closes in \
                     another row; remove the quotes";
    let expected = format!("line 3, `Comment`: {swallowed}");
    assert_eq!(hidden.unwrap_err().to_string(), expected);
    let notes = "method,addendum.note,general.payment_id,payment.amount,payment.currency,\
                 account.number,customer.ip_address\n\
                 jeton,\"a,P-1,30000,EUR,1,192.0.2.1\njeton,b\",P-2,30000,EUR,2,192.0.2.1\n";
    let problems = plan(notes, &Layout::new()).unwrap_err().to_string();
    assert!(problems.contains(&format!("line 2, `addendum.note`: {swallowed}")), "{problems}");
    // A closed quoted cell with a line break in it stays legal.
    let legal = unclosed.replace("\"May bonus", "\"May bonus,\nwith \"\"thanks\"\", EUR\"");
    let plan = plan(legal, &ignoring_comments()).unwrap();
    assert_eq!(plan.rows().map(|row| row.line).collect::<Vec<_>>(), [2, 3, 5, 6]);
}

#[test]
fn a_row_on_the_first_line_of_a_cell_is_found_as_well() {
    let row = |number| format!("jeton,P-{number},30000,EUR,93017949,192.0.2.1");
    let swallowed = "holds a line that is a row of the file: a quote that opens here closes in \
                     another row; remove the quotes";
    let doubtful = "holds a line with as many delimiters as a row: a quote that opens here may \
                    close in another row; remove the quotes, or the line breaks in the cell";
    let at = |column: &str, problem: &str| Some(format!("line 2, `{column}`: {problem}"));
    let file = |name: &str, first: &str, middle: &str, last: &str| {
        format!("{name},{HEAD}\n{first},{}\n{middle}{last},{}\nz,{}\n", row(1), row(2), row(3))
    };
    let without_method = |text: String| text.replace("method,", "").replace("jeton,", "");
    let odd = |text: String| text.replace("EUR", "euros").replace("jeton,", "Jeton wallet,");
    let read = |text: String| {
        let layout = ignoring_comments().method("jeton");
        let problems = plan(text, &layout).err().map(|problems| problems.to_string());
        problems.map(|text| text.lines().next().unwrap().to_owned())
    };
    let [comment, note] = ["Comment", "addendum.note"];
    let table = [
        (file(comment, "\"15 in screen", "", "note\""), at(comment, swallowed)),
        (file(note, "\"15 in screen", "", "note\""), at(note, swallowed)),
        (file(comment, "\"15 in", &format!("x,{}\n", row(4)), "note\""), at(comment, swallowed)),
        (without_method(file(comment, "\"15 in", "", "note\"")), at(comment, swallowed)),
        // A row that is hidden need not be a right one.
        (odd(file(comment, "\"15 in", "", "note\"")), at(comment, doubtful)),
        (
            odd(file(comment, "\"15 in", &format!("x,{}\n", row(4)), "note\"")),
            at(comment, doubtful),
        ),
        (file(comment, "\"one, two,\nthree, four\"", "", "note"), None),
        (file(comment, "\"one, two\"", "", "note"), None),
    ];
    for (text, expected) in table {
        assert_eq!(read(text.clone()), expected, "{text}");
    }
}

#[test]
fn blank_rows_and_columns_pass_and_lines_are_kept() {
    for name in ["files/blanks.csv", "files/trailing-columns.csv", "files/trailing.csv"] {
        assert_eq!(read(name, &Layout::new()).unwrap(), [(2, "D-1".to_owned())], "{name}");
    }
    let rows = format!(
        "\n,,\n{HEAD},,\n,,,,,,,\njeton,P-1,30000,EUR,1,192.0.2.1,,\n \t \n\njeton,P-2,0,EUR,1,192.0.2.1\n"
    );
    let problem = plan(rows, &Layout::new()).unwrap_err().to_string();
    assert_eq!(problem, "line 8, `payment.amount`: 0.00 EUR is not positive");
    let value = format!("{HEAD},\njeton,P-1,30000,EUR,1,192.0.2.1,x\n");
    assert_eq!(
        plan(value.clone(), &Layout::new()).unwrap_err().to_string(),
        "line 2: cell 7 holds a value, and its column has no name; name the column in line 1, or \
         remove the value"
    );
    assert!(plan(value, &Layout::new().ignore("")).is_ok());
}

#[test]
fn the_delimiter_is_the_one_of_the_names() {
    assert_eq!(read("files/semicolon.csv", &Layout::new()).unwrap(), [(2, "D-1".to_owned())]);
    assert_eq!(read("files/sep-line.csv", &Layout::new()).unwrap(), [(3, "D-1".to_owned())]);
    assert_eq!(
        read("files/semicolon.csv", &Layout::new().delimiter(b',')).unwrap_err(),
        "line 1: the names of the columns are delimited by `;`, but the given delimiter is `,`; make the two agree"
    );
    // A name that is mapped is known as well.
    let layout = Layout::new()
        .column("Order", "general.payment_id")
        .column("Sum, EUR", "payment.amount")
        .column("Currency", "payment.currency")
        .method("jeton");
    let text = "Order;\"Sum, EUR\";Currency;account.number;customer.ip_address\n\
                P-1;1000;EUR;1;192.0.2.1\n";
    assert_eq!(plan(text, &layout).unwrap().len(), 1);
}

#[test]
fn characters_that_are_not_seen_are_named_by_code_point() {
    assert_eq!(
        read("files/zero-width-id.csv", &Layout::new()).unwrap_err(),
        "line 3, `general.payment_id`: holds U+200B, a zero width space, which makes it another \
         value than the one that is seen; remove it"
    );
    assert_eq!(
        read("files/bidi-account.csv", &Layout::new()).unwrap_err(),
        "line 2, `account.number`: holds U+202A, a mark of text direction, which makes it another \
         value than the one that is seen; remove it"
    );
    let hidden = [
        '\u{0}',
        '\u{7}',
        '\t',
        '\u{7f}',
        '\u{85}',
        '\u{a0}',
        '\u{ad}',
        '\u{34f}',
        '\u{61c}',
        '\u{115f}',
        '\u{180e}',
        '\u{2003}',
        '\u{200b}',
        '\u{200c}',
        '\u{200d}',
        '\u{200e}',
        '\u{200f}',
        '\u{2028}',
        '\u{202a}',
        '\u{202e}',
        '\u{202f}',
        '\u{2060}',
        '\u{2066}',
        '\u{2800}',
        '\u{3000}',
        '\u{3164}',
        '\u{e000}',
        '\u{fe0f}',
        '\u{feff}',
        '\u{fff9}',
        '\u{fffc}',
        '\u{e0001}',
        '\u{e0100}',
    ];
    let columns = [0, 1, 2, 3, 4, 5];
    for character in hidden {
        for column in columns {
            for place in ["start", "middle", "end"] {
                let mut cells =
                    ["jeton", "P-1", "30000", "EUR", "93017949", "192.0.2.1"].map(str::to_owned);
                let cell = &mut cells[column];
                let at = match place {
                    "start" => 0,
                    "middle" => 2,
                    _ => cell.len(),
                };
                cell.insert(at, character);
                let text = format!("{HEAD}\n{}\n", cells.join(","));
                let problems = plan(text, &Layout::new()).unwrap_err().to_string();
                let named = format!("U+{:04X}", u32::from(character));
                let nul = character == '\0' && problems.contains("NUL");
                assert!(problems.contains(&named) || nul, "{named} {column} {place}: {problems}");
            }
        }
    }
    // Spaces at the edges are part of an id, and of nothing that has a form.
    let padded = format!("{HEAD}\n jeton , P-1,30000 , EUR,1, 192.0.2.1 \n");
    assert_eq!(
        plan(padded, &Layout::new()).unwrap_err().to_string(),
        "line 2, `general.payment_id`: holds a space at its edge, which makes it another value \
         than the one that is seen; remove it"
    );
    // Names of people need joiners and accents; ids do not.
    let name =
        format!("{HEAD},customer.last_name\njeton,P-1,30000,EUR,1,192.0.2.1,نامه\u{200c}ای\n");
    assert!(plan(name, &Layout::new()).is_ok());
}

#[test]
fn ids_that_look_alike_are_not_both_paid() {
    let row = |id: &str, account: &str| format!("jeton,{id},30000,EUR,{account},192.0.2.1\n");
    let read = |first: &str, second: &str, account: &str| {
        let text = format!("{HEAD}\n{}{}", row(first, "1"), row(second, account));
        plan(text, &Layout::new())
    };
    let alike = "line 3, `general.payment_id`: looks like the id in line 2 and differs from it: write both alike if they are one payout, otherwise choose an id that looks different";
    for (first, second, account) in [
        ("P-1", "Ｐ-1", "2"),
        ("P-1", "P-①", "1"),
        ("P-fi", "P-\u{fb01}", "2"),
        ("é-1", "e\u{301}-1", "2"),
        ("P-1a", "p-1A", "1"),
        ("P 1", "P1", "1"),
    ] {
        let problem = read(first, second, account).unwrap_err().to_string();
        assert_eq!(problem, alike, "{first} {second}");
    }
    // Random ids may differ in case alone, in rows that say other things.
    let plan = read("aB3x", "ab3x", "2").unwrap();
    let warnings: Vec<String> = plan.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        [
            "line 3, `general.payment_id`: differs from the id in line 2 in case or spaces only: check that they are two payouts"
        ]
    );
    assert!(read("P-1", "P-2", "1").unwrap().warnings().is_empty());
}

#[test]
fn ids_in_another_spelling_are_not_both_paid_for_one_row() {
    let row = |id: &str, account: &str| format!("jeton,{id},30000,EUR,{account},192.0.2.1\n");
    let read = |first: &str, second: &str, account: &str| {
        let text = format!("{HEAD}\n{}{}", row(first, "1"), row(second, account));
        plan(text, &Layout::new())
    };
    let pairs = [
        ("1", "01"),
        ("0", "000"),
        ("+1", "1"),
        ("-1", "-01"),
        ("P-1", "P\u{2013}1"),
        ("P-1", "P\u{2010}1"),
        ("P-1", "P\u{2011}1"),
        ("P-1", "P\u{2212}1"),
        ("P-1", "P\u{2014}1"),
        ("P-1", "P\u{fe63}1"),
        ("P/1", "P\u{2215}1"),
        ("P/1", "P\u{2044}1"),
        ("P'1", "P\u{2019}1"),
        ("P'1", "P\u{2bc}1"),
        ("P:1", "P\u{2236}1"),
        ("Pß", "Pss"),
        ("Pß", "Pẞ"),
        ("Pı", "PI"),
        ("PΣ", "Pς"),
        ("Pſ", "PS"),
    ];
    for (first, second) in pairs {
        for (first, second) in [(first, second), (second, first)] {
            let problem = read(first, second, "1").unwrap_err().to_string();
            assert_eq!(
                problem,
                "line 3, `general.payment_id`: looks like the id in line 2 and differs from it: write both alike if they are one payout, otherwise choose an id that looks different",
                "{first} {second}"
            );
            let warnings: Vec<String> = read(first, second, "2")
                .unwrap()
                .warnings()
                .iter()
                .map(ToString::to_string)
                .collect();
            let begins = "line 3, `general.payment_id`: differs from the id in line 2 in ";
            assert!(warnings.len() == 1 && warnings[0].starts_with(begins), "{warnings:?}");
        }
    }
    for (first, second) in
        [("1", "10"), ("P-1", "P-01"), ("P1", "P-1"), ("1-0", "10"), ("P_1", "P-1")]
    {
        assert!(read(first, second, "1").unwrap().warnings().is_empty(), "{first} {second}");
    }
}

#[test]
fn characters_that_are_drawn_over_others_are_named() {
    let named = |id: &str| {
        let text = format!("{HEAD}\njeton,{id},30000,EUR,1,192.0.2.1\n");
        let problems = plan(text, &Layout::new()).unwrap_err().to_string();
        let begins = "line 2, `general.payment_id`: holds ";
        problems.strip_prefix(begins).unwrap_or_else(|| panic!("{id}: {problems}")).to_owned()
    };
    let over = "a mark that is drawn over another character";
    for (id, expected) in [
        ("P-1\u{338}", format!("U+0338, {over}")),
        ("P\u{336}-1", format!("U+0336, {over}")),
        ("P-1\u{20dd}", format!("U+20DD, {over}")),
        ("P-1\u{301}", format!("U+0301, {over}")),
        ("Pé\u{301}1", format!("U+0301, {over}")),
        ("\u{301}P-1", format!("U+0301, {over}")),
        ("P-1\u{1d159}", "U+1D159, a character that is not seen".to_owned()),
        ("P-1\u{16fe4}", "U+16FE4, a character that is not seen".to_owned()),
    ] {
        assert!(named(id).starts_with(&expected), "{id}: {}", named(id));
    }
    // Accents and the vowels of other scripts are letters.
    for id in ["Pe\u{301}-1", "Pế-1", "कि-1", "אָ-1"] {
        let text = format!("{HEAD}\njeton,{id},30000,EUR,1,192.0.2.1\n");
        assert!(plan(text, &Layout::new()).is_ok(), "{id}");
    }
}

#[test]
fn files_that_a_spreadsheet_saved_are_the_same_payouts() {
    let body = |plan: &Plan| -> Vec<Vec<u8>> {
        plan.rows().map(|row| row.request.body(plan.project())).collect()
    };
    let source = plan(file("spreadsheets/source/payouts.csv"), &Layout::new()).unwrap();
    for name in ["commas", "semicolons", "quoted", "tabs-utf16"] {
        let saved = plan(file(&format!("spreadsheets/{name}.csv")), &Layout::new()).unwrap();
        assert_eq!(body(&saved), body(&source), "{name}");
        assert!(saved.warnings().is_empty());
        // With a byte order mark and the line breaks of Windows, as Excel saves it.
        if name != "tabs-utf16" {
            let text = String::from_utf8(file(&format!("spreadsheets/{name}.csv"))).unwrap();
            let text = format!("\u{feff}{}", text.replace('\n', "\r\n"));
            assert_eq!(body(&plan(text, &Layout::new()).unwrap()), body(&source), "{name}");
        }
    }
}

#[test]
fn the_platforms_file_goes_through_a_workbook_and_back() {
    let body = |plan: &Plan| -> Vec<(String, Vec<u8>)> {
        let request =
            |row: ecp_payouts::Row| (row.request.endpoint(), row.request.body(plan.project()));
        plan.rows().map(request).collect()
    };
    let source = plan(file("spreadsheets/source/platform.csv"), &Layout::new()).unwrap();
    assert_eq!(source.len(), 4);
    for name in ["semicolons", "commas", "quoted"] {
        let text = String::from_utf8(file(&format!("spreadsheets/platform-{name}.csv"))).unwrap();
        // LibreOffice's line breaks, and those of Excel with its byte order mark.
        for text in [text.clone(), format!("\u{feff}{}", text.replace('\n', "\r\n"))] {
            let saved = plan(text, &Layout::new()).unwrap();
            assert_eq!(body(&saved), body(&source), "{name}");
            assert!(saved.warnings().is_empty(), "{name}");
        }
    }
    let workbook = read("spreadsheets/platform-xlsx.csv", &Layout::new()).unwrap_err();
    assert!(workbook.starts_with("line 1: the file is a workbook"), "{workbook}");
    // Where numbers are detected, zeros are lost, and an id is another one.
    let numbers = plan(file("spreadsheets/platform-numbers.csv"), &Layout::new()).unwrap();
    let ids: Vec<_> =
        numbers.rows().map(|row| row.request.payment_id().as_str().to_owned()).collect();
    assert_eq!(ids, ["P-1", "P-2", "17", "order-2"]);
}

/// The results of the run that never began, as a spreadsheet saved them again.
#[test]
fn results_that_a_spreadsheet_saved_are_the_same_results() {
    let rows = "jeton,P-1,30000,EUR,93017949,192.0.2.1\njeton,=1+1,100050,EUR,93017950,192.0.2.1\n\
                jeton,-5,30000,EUR,93017951,192.0.2.1\njeton,@x,30000,EUR,93017952,192.0.2.1\n";
    let plan = plan(format!("{HEAD}\n{rows}"), &Layout::new()).unwrap();
    let mut written = Vec::new();
    let nothing = std::collections::HashMap::<_, ecp_payouts::Entry>::new();
    ecp_payouts::write_results(&plan, &nothing, &mut written).unwrap();
    assert_eq!(
        String::from_utf8(written),
        String::from_utf8(file("spreadsheets/source/results.csv"))
    );
    let cells = |name: &str| -> Vec<Vec<String>> {
        let table = ecp_table::Table::read(file(name), None, |name| name == "result").unwrap();
        let cells = |row: ecp_table::Row<'_>| row.cells().map(str::to_owned).collect();
        let names = vec![table.names().to_vec()];
        names.into_iter().chain(table.rows().map(|row| cells(row.unwrap()))).collect()
    };
    let source = cells("spreadsheets/source/results.csv");
    assert_eq!(source.len(), 5);
    for name in ["results-commas", "results-semicolons", "results-utf16"] {
        assert_eq!(cells(&format!("spreadsheets/{name}.csv")), source, "{name}");
    }
}

#[test]
fn what_a_spreadsheet_changed_is_named_by_line_and_column() {
    let major = Layout::new().amounts(AmountUnit::Major);
    let save = "save it again as CSV in UTF-8 (Excel: `CSV UTF-8 (Comma delimited)`, LibreOffice: \
                `Text CSV` with the character set UTF-8)";
    let comma = "holds a comma, which is a decimal comma to one and a separator of thousands to \
                 another; write digits, and in major units a decimal point";
    let text = "make the column text, and write the value again";
    let table = [
        (
            "converted",
            &Layout::new(),
            format!(
                "line 2, `general.payment_id`: looks like a date that a spreadsheet made from another value; {text}\n\
                 line 3, `general.payment_id`: is a truth value of a spreadsheet; {text}\n\
                 line 4, `account.number`: is a number that a spreadsheet shortened, its last digits are \
                 lost; {text}\n\
                 line 6, `payment.amount`: has a decimal point, and amounts are whole minor units: write 30050 for 300.50 EUR\n\
                 line 7, `general.payment_id`: looks like a date that a spreadsheet made from another value; {text}"
            ),
        ),
        (
            "decimal-comma",
            &major,
            format!(
                "line 2, `payment.amount`: {comma}\nline 3, `payment.amount`: {comma}\n\
                 line 4, `payment.amount`: `1.234` has more decimals than EUR, which has 2"
            ),
        ),
        (
            "errors",
            &Layout::new(),
            format!(
                "line 2, `payment.amount`: {comma}\n\
                 line 3, `payment.amount`: is a number that a spreadsheet shortened, its last digits are \
                 lost; {text}\n\
                 line 3, `account.number`: is a spreadsheet's error value, or the `###` of a \
                 narrow column; write the value\n\
                 line 4, `general.payment_id`: is a spreadsheet's error value, or the `###` of a \
                 narrow column; write the value\n\
                 line 4, `payment.amount`: is a spreadsheet's error value, or the `###` of a \
                 narrow column; write the value\n\
                 line 4, `payment.currency`: is a spreadsheet's error value, or the `###` of a \
                 narrow column; write the value\n\
                 line 4, `account.number`: is a truth value of a spreadsheet; {text}"
            ),
        ),
        (
            "windows-1252",
            &Layout::new(),
            format!(
                "line 3: byte 41 of the line is 0xFC, which is not UTF-8; the file may be in \
                 Windows-1252 or another encoding that does not say which characters it holds: {save}"
            ),
        ),
        (
            "workbook-xlsx",
            &Layout::new(),
            format!(
                "line 1: the file is a workbook or another ZIP archive (xlsx, ods, numbers), not a CSV file; \
                 {save}"
            ),
        ),
        (
            "workbook-ods",
            &Layout::new(),
            format!(
                "line 1: the file is a workbook or another ZIP archive (xlsx, ods, numbers), not a CSV file; \
                 {save}"
            ),
        ),
        (
            "workbook-xls",
            &Layout::new(),
            format!(
                "line 1: the file is a workbook of an old or a protected kind (xls), not a CSV file; {save}"
            ),
        ),
        (
            "sheet-html",
            &Layout::new(),
            format!("line 1: the file is an HTML or XML document; {save}"),
        ),
    ];
    for (name, layout, expected) in table {
        let problems = read(&format!("spreadsheets/{name}.csv"), layout).unwrap_err();
        assert_eq!(problems, expected, "{name}");
    }
    // A lost zero cannot be distinguished from a short number, so a person is asked.
    let lost = plan(file("spreadsheets/zeros-lost.csv"), &Layout::new()).unwrap();
    let warnings: Vec<String> = lost.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        warnings,
        ["line 3, `account.number`: has fewer digits than most others (1 of 4, the others have \
             8); a spreadsheet drops leading zeros: check them"]
    );
}

#[test]
fn ids_and_accounts_that_a_program_made_numbers_of_are_named() {
    let again = "make the column text, and write the value again";
    let shortened =
        format!("is a number that a spreadsheet shortened, its last digits are lost; {again}");
    let decimals = format!("is a whole number to which a program added decimals; {again}");
    let formula = "is a formula that keeps text in a spreadsheet; write the value alone".to_owned();
    let digits = "holds digits of another script, which are other characters than those of ASCII; \
                  write it in ASCII"
        .to_owned();
    let grouped = format!(
        "is a number with the brackets or the separators of thousands of a spreadsheet; {again}"
    );
    let table: [(&[&str], &str); 5] = [
        (
            &[
                "9.3017949e+07",
                "9.3017949E7",
                "9,3017949e7",
                "1.2345678901234568E19",
                "1.2345678901234568e+19",
                "9.3e+07",
                "93.0E+06",
                "3e+04",
            ],
            &shortened,
        ),
        (
            &["93017949.0", "93017949.00", "93017949,0", "-5.0", "93,017,949.00", "93.017.949,00"],
            &decimals,
        ),
        (&["=\"93017949\"", "=\"P-1\"", "=\"0017", "=93017949"], &formula),
        (&["９３０１７９４９", "P-１", "٩٣٠١٧٩٤٩", "۱۲۳", "१२३"], &digits),
        (&["93,017,949", "(93017949)", "93'017'949", "1,001"], &grouped),
    ];
    let row = |id: &str, account: &str| {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let (id, account) = (quoted(id), quoted(account));
        plan(format!("{HEAD}\njeton,{id},30000,EUR,{account},192.0.2.1\n"), &Layout::new())
    };
    for (values, expected) in table {
        for value in values {
            let account = row("P-1", value).unwrap_err().to_string();
            assert_eq!(account, format!("line 2, `account.number`: {expected}"), "{value}");
            let id = row(value, "1").unwrap_err().to_string();
            assert_eq!(id, format!("line 2, `general.payment_id`: {expected}"), "{value}");
        }
    }
    // A formula is no value of any column.
    for name in ["customer.zip", "customer.last_name", "payment.description", "addendum.note"] {
        let file = format!("{HEAD},{name}\njeton,P-1,30000,EUR,1,192.0.2.1,\"=\"\"0017\"\"\"\n");
        let problem = plan(file, &Layout::new()).unwrap_err().to_string();
        assert_eq!(problem, format!("line 2, `{name}`: {formula}"));
    }
    // Ids and wallets that look like numbers in no spreadsheet.
    for value in ["12e3", "5E7", "ABE+12", "v1.0", "1.0a", "a@b.com", "(P-1)", "=1+1", "12,5", "P²"]
    {
        assert!(row(value, value).is_ok(), "{value}");
        assert!(row(value, value).unwrap().warnings().is_empty(), "{value}");
    }
    // An account may be written in groups.
    for (value, other) in [("93.017.949", "20.30.4000"), ("93 017 949", "9301 7949")] {
        let warnings = |value: &str| -> Vec<String> {
            row("P-1", value).unwrap().warnings().iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            warnings(value),
            [
                "line 2, `account.number`: looks like a number with separators of thousands (1 value of \
                 this column); a spreadsheet puts them there: check them"
            ]
        );
        assert_eq!(warnings(other), [""; 0]);
    }
}

#[test]
fn no_amount_has_two_readings() {
    let major = Layout::new().amounts(AmountUnit::Major);
    let comma = "holds a comma, ";
    let separators = "holds separators of thousands; ";
    let table: [(&str, &str, &str); 17] = [
        ("1.234", "EUR", "`1.234` has more decimals"),
        ("1.000", "JPY", "`1.000` has more decimals"),
        ("300,00", "EUR", comma),
        ("1,234", "EUR", comma),
        ("1,234.50", "EUR", comma),
        ("1.234.567", "EUR", separators),
        ("1 234", "EUR", separators),
        ("1'234", "EUR", separators),
        ("1\u{a0}234", "EUR", "holds U+00A0"),
        ("1\u{202f}234", "EUR", "holds U+202F"),
        ("3.00E+04", "EUR", "is a number that a spreadsheet shortened"),
        ("'300", "EUR", "begins with an apostrophe"),
        ("−300", "EUR", "holds digits or a sign that are not ASCII"),
        ("３００", "EUR", "holds digits or a sign that are not ASCII"),
        ("300 EUR", "EUR", separators),
        ("€300", "EUR", ""),
        ("(300)", "EUR", ""),
    ];
    for (amount, currency, expected) in table {
        let text = format!("{HEAD}\njeton,P-1,\"{amount}\",{currency},93017949,192.0.2.1\n");
        let problem = plan(text, &major).unwrap_err().to_string();
        let start = format!("line 2, `payment.amount`: {expected}");
        assert!(problem.starts_with(&start), "{amount}: {problem}");
    }
    // Three decimals look like thousands, unless another amount of the file shows the point.
    let registry = Registry::empty().with(Dinar).unwrap();
    let dinars = |amounts: &[&str]| -> Result<usize, String> {
        let row = |(place, amount): (usize, &&str)| format!("dinar,P-{place},{amount},KWD\n");
        let rows: String = amounts.iter().enumerate().map(row).collect();
        let head = "method,general.payment_id,payment.amount,payment.currency";
        let file = format!("{head}\n{rows}").into_bytes();
        let plan = Plan::read(file, &major, &registry, ProjectId::new(1).unwrap());
        plan.map(|plan| plan.len()).map_err(|problems| problems.to_string())
    };
    let problem = "`payment.amount`: may have a decimal point or a point between thousands, and no \
                   other amount of the file says which; give amounts in minor units";
    assert_eq!(
        dinars(&["5", "1.234", "999.000"]),
        Err(format!("line 3, {problem}\nline 4, {problem}"))
    );
    for other in ["0.500", "12.5", "1234.500"] {
        assert_eq!(dinars(&["1.234", other]), Ok(2), "{other}");
    }
}

/// A method whose currency has three decimals.
#[derive(Debug)]
struct Dinar;

impl Supports<Payout> for Dinar {}
impl PaymentMethod for Dinar {
    const SPEC: Spec<Self> = Spec::new("dinar", "Dinar Wallet")
        .gate_path("wallet/dinar")
        .callback_names(&["DinarWallet"])
        .currencies(&[Currency::KWD])
        .flow::<Payout>(Rule::new().amount("0.001", "100000.000").on(&[Interface::Gate]));
}

#[test]
fn a_long_number_without_its_last_digits_is_seen_across_rows() {
    let rows = |accounts: &[&str]| -> Vec<String> {
        let row = |(place, account): (usize, &&str)| {
            format!("jeton,P-{place},30000,EUR,{account},192.0.2.1\n")
        };
        let rows: String = accounts.iter().enumerate().map(row).collect();
        let plan = plan(format!("{HEAD}\n{rows}"), &Layout::new()).unwrap();
        plan.warnings().iter().map(ToString::to_string).collect()
    };
    assert_eq!(
        rows(&["1234567890123450", "1234567890123460"]),
        ["line 2, `account.number`: all long numbers of this column end in zeros from the 16th \
             digit on; a spreadsheet keeps 15 digits: check them"]
    );
    assert!(rows(&["1234567890123450", "1234567890123461"]).is_empty());
    assert!(rows(&["1234567890123450"]).is_empty());
}

#[test]
fn text_that_lost_its_encoding_is_a_problem() {
    for name in ["MÃ¼ller", "M\u{fffd}ller", "Å\u{81}ukasz", "Å\u{a0}ariÄ‡"] {
        let text = format!("{HEAD},customer.last_name\njeton,P-1,30000,EUR,1,192.0.2.1,{name}\n");
        let problems = plan(text, &Layout::new()).unwrap_err().to_string();
        let expected =
            "line 2, `customer.last_name`: holds characters that an earlier conversion lost";
        assert!(problems.starts_with(expected), "{name}: {problems}");
    }
    for name in ["Müller", "Łukasz", "Šarić", "São Paulo", "Ævar", "’t Hart", "O'Brien", "李"]
    {
        let text = format!("{HEAD},customer.last_name\njeton,P-1,30000,EUR,1,192.0.2.1,{name}\n");
        assert!(plan(text, &Layout::new()).is_ok(), "{name}");
    }
}
