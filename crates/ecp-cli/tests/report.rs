//! `ecp report`, as a shell sees it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use support::{ecp, stderr, stdout};

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
fn what_is_wrong_is_told() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.csv"), "id,status\n1,success\n").unwrap();
    std::fs::write(folder.path().join("b.csv"), "id,status\n1\n").unwrap();
    let table: [(&[&str], i32, &str); 5] = [
        (
            &["a.csv", "--output", "x"],
            1,
            "error: name a column with --by or --day; there are: id, status\n",
        ),
        (&["a.csv", "--by", "no", "--output", "x"], 1, "error: a.csv has no column `no`\n"),
        (&["b.csv", "--by", "id", "--output", "x"], 1, "error: in b.csv: CSV error: "),
        (&["c.csv", "--by", "id", "--output", "x"], 1, "error: cannot read c.csv: "),
        (&["a.csv", "--by", "id"], 2, "error: the following required arguments were not provided"),
    ];
    for (arguments, code, message) in table {
        let output = ecp(folder.path(), &["report"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).starts_with(message), "{arguments:?}: {}", stderr(&output));
    }
    assert!(!folder.path().join("x").exists());
}
