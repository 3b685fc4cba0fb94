//! `ecp report`, as a shell sees it.

use crate::support::{ecp, stderr, stdout};

const FILE: &str = "id,operation_created_at,status,customer.email\n\
                    1,2024-01-02 10:00:00,success,sentinel@example.com\n\
                    2,2024-01-01 11:00:00,<b>&decline,sentinel@example.com\n\
                    3,2024-01-02 12:00:00,success,sentinel@example.com\n\
                    4,2024-01-02 13:00:00,,sentinel@example.com\n";

#[test]
fn a_page_counts_by_day_and_by_value_and_holds_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("january.csv"), FILE).unwrap();
    let arguments = ["report", "january.csv", "--by", "status", "--output", "january.html"];
    let output = ecp(folder.path(), &arguments).output().unwrap();
    assert_eq!((output.status.code(), stderr(&output), stdout(&output)), (Some(0), "", ""));
    let page = std::fs::read_to_string(folder.path().join("january.html")).unwrap();
    let texts: Vec<&str> =
        page.split("<text ").skip(1).map(|text| text.split(['>', '<']).nth(1).unwrap()).collect();
    let expected = ["2024-01-01", "1", "2024-01-02", "3", "success", "2", "(none)", "1"];
    assert_eq!(texts[..8], expected);
    assert_eq!(texts[8..], ["&lt;b&gt;&amp;decline", "1"]);
    assert!(page.contains("<p>4 rows</p>"));
    for outside in ["sentinel", "<script", "http:", "https:"] {
        assert!(!page.contains(outside), "{outside}");
    }
}

#[test]
fn problems_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "id,status\n1,success\n").unwrap();
    std::fs::write(folder.path().join("b.csv"), "id,status\n1\n").unwrap();
    let table: [(&[&str], i32, &str); 5] = [
        (
            &["a.csv", "--output", "x"],
            1,
            "error: no column to count by is given: add --by or --day with one of the columns: id, status\n",
        ),
        (
            &["a.csv", "--by", "no", "--output", "x"],
            1,
            "error: a.csv has no column `no`; its columns are: id, status\n",
        ),
        (
            &["b.csv", "--by", "id", "--output", "x"],
            1,
            "error: no row of b.csv can be read: line 2: has 1 cell, but line 1 names 2 columns; add or remove cells, and quote a cell that holds the delimiter\n",
        ),
        (&["c.csv", "--by", "id", "--output", "x"], 1, "error: cannot read the CSV file c.csv: "),
        (&["a.csv", "--by", "id"], 2, "error: the following required arguments were not provided"),
    ];
    for (arguments, code, message) in table {
        let output = ecp(folder.path(), &["report"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
    }
    assert!(!folder.path().join("x").exists());
}

/// The export of `ecp operations`, saved by a spreadsheet with a byte order mark, semicolons and CR LF.
const RESAVED: &[u8] = include_bytes!("files/resaved.csv");

#[test]
fn a_file_that_a_spreadsheet_saved_again_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::str::from_utf8(RESAVED).unwrap();
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let files = [
        ("resaved", RESAVED.to_vec()),
        ("utf16", utf16),
        ("separator", text.replacen('\u{feff}', "\u{feff}sep=;\r\n", 1).into_bytes()),
        ("blank", format!("{text};;;;;;;;;;;;;;;\r\n").into_bytes()),
    ];
    for (name, bytes) in files {
        std::fs::write(folder.path().join("r.csv"), bytes).unwrap();
        for more in [&[][..], &["--by", "operation_status"], &["--delimiter", ";"]] {
            let output =
                ecp(folder.path(), &["report", "r.csv", "--output", "r.html"]).args(more).output();
            let output = output.unwrap();
            assert_eq!((output.status.code(), stderr(&output)), (Some(0), ""), "{name} {more:?}");
            let page = std::fs::read_to_string(folder.path().join("r.html")).unwrap();
            assert!(
                page.contains("<p>3 rows</p>") && page.contains(">2026-11-27</text>"),
                "{page}"
            );
            assert_eq!(page.contains(">success</text>"), more.contains(&"--by"), "{name}");
        }
    }
}

#[test]
fn one_odd_row_is_named_and_the_others_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let rows = "id,operation_created_at,status\n1,2024-01-02 10:00:00,success\n2,success\n\
                3,27.11.2026 10:00,decline\n4,2024-01-02 10:00:00,success\n";
    std::fs::write(folder.path().join("a.csv"), rows).unwrap();
    let command = ["report", "a.csv", "--by", "status", "--output", "a.html"];
    let output = ecp(folder.path(), &command).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        stderr(&output),
        "a row is left out: line 3: has 2 cells, but line 1 names 3 columns; add or remove cells, and quote a cell that holds the delimiter\n\
         note: the column `operation_created_at` has 1 values that do not begin with a day such as 2024-01-31; \
         they are counted by their text\n"
    );
    let page = std::fs::read_to_string(folder.path().join("a.html")).unwrap();
    assert!(page.contains("<p>3 rows, 1 more left out</p>") && page.contains(">27.11.2026</text>"));
    // Behind a quote that is never closed nothing can be told apart, so there is no page.
    std::fs::write(folder.path().join("a.csv"), rows.replace("3,27", "\"3,27")).unwrap();
    let output = ecp(folder.path(), &command).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let message = "error: cannot read the table in a.csv: line 4, `id`: a quote opens here and is never closed";
    assert!(stderr(&output).starts_with(message), "{}", stderr(&output));
}
