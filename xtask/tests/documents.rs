//! Checks `docs/documents.md`: its files and tests exist, and it has every row that it had.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};

/// The least number of rows. A sentence of the documents does not change: the row of one that is
/// built no more says `not built`.
const LEAST: usize = 214;

const HEAD: &str = "document | asks for | built in | test";
const DOCUMENTS: [&str; 4] = ["Jeton Wallet", "Touch&Go", "India", "EcoVoucher"];

/// How many rows the page has, by their last cell.
#[derive(Debug, Default, PartialEq)]
struct Counts {
    tested: usize,
    not_tested: usize,
    not_built: usize,
}

impl Counts {
    const fn all(&self) -> usize {
        self.tested + self.not_tested + self.not_built
    }
}

/// Counts the rows, and says what is wrong with them. Paths begin at the top folder.
fn check(page: &str, top: &Path) -> (Counts, Vec<String>) {
    let mut sources = Sources::below(top);
    let mut counts = Counts::default();
    let mut wrong = Vec::new();
    let lines = page.lines().filter_map(|line| line.strip_prefix("| "));
    let lines = lines.map(|line| line.strip_suffix(" |").unwrap_or(line));
    for line in lines.filter(|line| *line != HEAD) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let [documents, asks, built, tests] = cells[..] else {
            wrong.push(format!("not four cells: {line}"));
            continue;
        };
        let known = |name: &str| DOCUMENTS.contains(&name);
        if documents != "all" && !documents.split(", ").all(known) {
            wrong.push(format!("no document `{documents}`: {asks}"));
        }
        if let Some(reason) = tests.strip_prefix("not built: ") {
            counts.not_built += 1;
            if built != "–" || reason.is_empty() {
                wrong.push(format!("not built, and `{built}`: {asks}"));
            }
            continue;
        }
        if !in_code(built).is_some_and(|path| top.join(path).is_file()) {
            wrong.push(format!("no file {built}: {asks}"));
        }
        if tests == "not tested" {
            counts.not_tested += 1;
            continue;
        }
        counts.tested += 1;
        for test in tests.split(", ") {
            let found = in_code(test).map_or(0, |test| sources.with(test));
            if found != 1 {
                wrong.push(format!("{found} files have the test {test}: {asks}"));
            }
        }
    }
    (counts, wrong)
}

/// The text between backticks.
fn in_code(cell: &str) -> Option<&str> {
    cell.strip_prefix('`')?.strip_suffix('`')
}

/// The Rust files of the tree.
struct Sources {
    files: Vec<PathBuf>,
    /// The tests of the files that were named.
    tests: BTreeMap<PathBuf, BTreeSet<String>>,
}

impl Sources {
    fn below(top: &Path) -> Self {
        let mut files = Vec::new();
        for folder in ["crates", "examples", "fuzz", "xtask"] {
            find_sources(&top.join(folder), &mut files);
        }
        Self { files, tests: BTreeMap::new() }
    }

    /// How many files have a test, which is named by the end of its file's path and its function.
    fn with(&mut self, test: &str) -> usize {
        let Some((end, function)) = test.rsplit_once("::") else { return 0 };
        let end = format!("{end}.rs");
        let mut files = 0;
        for file in self.files.iter().filter(|file| file.ends_with(&end)) {
            let read = || tests(&fs::read_to_string(file).unwrap());
            let found = self.tests.entry(file.clone()).or_insert_with(read);
            files += usize::from(found.contains(function));
        }
        files
    }
}

/// Every Rust file below a folder.
fn find_sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            find_sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The tests of a file that run: functions with an attribute called `test`, also in macros.
fn tests(source: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    find_tests(source.parse().unwrap(), &mut found);
    found
}

fn find_tests(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let (mut is_test, mut is_ignored) = (false, false);
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                if let Some(TokenTree::Group(attribute)) = tokens.peek() {
                    let name = last_name(attribute.stream());
                    is_test |= name == "test";
                    is_ignored |= name == "ignore";
                    tokens.next();
                }
            }
            TokenTree::Ident(word) if word == "fn" => {
                if let (Some(TokenTree::Ident(name)), true, false) =
                    (tokens.peek(), is_test, is_ignored)
                {
                    found.insert(name.to_string());
                }
                (is_test, is_ignored) = (false, false);
            }
            TokenTree::Group(group) => find_tests(group.stream(), found),
            _ => {}
        }
    }
}

/// The last name of an attribute's path.
fn last_name(attribute: TokenStream) -> String {
    let mut last = String::new();
    for token in attribute {
        match token {
            TokenTree::Ident(name) => last = name.to_string(),
            TokenTree::Punct(mark) if mark.as_char() == ':' => {}
            _ => break,
        }
    }
    last
}

#[test]
fn every_sentence_of_the_documents_names_files_and_tests_that_exist() {
    let page = fs::read_to_string("../docs/documents.md").unwrap();
    let (counts, wrong) = check(&page, Path::new(".."));
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(counts.all() >= LEAST, "{} rows, there were {LEAST}", counts.all());
    let Counts { tested, not_tested, not_built } = counts;
    let line = format!(
        "There are {} rows: {tested} with a test, {not_tested} not tested, {not_built} not built.",
        counts.all()
    );
    assert!(page.lines().any(|found| found == line), "docs/documents.md does not say: {line}");
}

#[test]
fn a_row_that_names_nothing_is_found() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("crates/a/src/gate.rs", "#[cfg(test)] mod tests { #[test] fn one() {} fn two() {} }"),
        ("crates/a/tests/gate.rs", "#[tokio::test(start_paused = true)] async fn three() {}"),
        ("crates/b/tests/gate.rs", "p! { #[test] fn three(a in 0..9) {} } #[test] fn four() {}"),
        (
            "crates/b/tests/late.rs",
            "#[test] #[ignore = \"slow\"] fn five() {}\n// #[test]\nfn six() {}",
        ),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let page = "| document | asks for | built in | test |\n|---|---|---|---|\n\
                | all | a | `crates/a/src/gate.rs` | `gate::one`, `b/tests/gate::three`, `gate::four` |\n\
                | India, EcoVoucher | b | `crates/a/src/gate.rs` | not tested |\n\
                | all | c | – | not built: unknown |\n\
                | Paper | d | – | not built:  |\n\
                | all | e | `crates/a/src` | `gate::one` |\n\
                | all | f | crates/a/src/gate.rs | gate::one |\n\
                | all | g | `crates/a/src/gate.rs` | `gate::two`, `gate::three`, `ate::four` |\n\
                | all | h | `crates/a/src/gate.rs` | `late::five`, `late::six`, `late` |\n\
                | all | i | `crates/a/src/gate.rs` |\n";
    let (counts, wrong) = check(page, folder.path());
    assert_eq!(counts, Counts { tested: 5, not_tested: 1, not_built: 2 });
    assert_eq!(
        wrong,
        [
            "no document `Paper`: d",
            "not built, and `–`: d",
            "no file `crates/a/src`: e",
            "no file crates/a/src/gate.rs: f",
            "0 files have the test gate::one: f",
            "0 files have the test `gate::two`: g",
            "2 files have the test `gate::three`: g",
            "0 files have the test `ate::four`: g",
            "0 files have the test `late::five`: h",
            "0 files have the test `late::six`: h",
            "0 files have the test `late`: h",
            "not four cells: all | i | `crates/a/src/gate.rs`",
        ]
    );
}
