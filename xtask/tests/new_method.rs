//! Checks that a new method costs one file and one line, and is complete from the start.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// The files that a method needs.
const NEEDED: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "README.md",
    "docs",
    "benches",
    "crates",
    "examples",
    "fuzz",
    "xtask",
];

/// The tests that list methods or go through all of them.
const TESTS: [&str; 14] = [
    "test",
    "--offline",
    "--no-fail-fast",
    "--workspace",
    "--test",
    "methods-tests",
    "--test",
    "sandbox",
    "--test",
    "testkit-tests",
    "--test",
    "sentinels",
    "--test",
    "cli-tests",
];

/// Copies a file or a folder with its times, by which Cargo detects changes.
pub(crate) fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let name = entry.unwrap().file_name();
            if name != "target" {
                copy(&from.join(&name), &to.join(&name));
            }
        }
    } else {
        fs::copy(from, to).unwrap();
        let times = fs::metadata(from).unwrap();
        let times = fs::FileTimes::new().set_modified(times.modified().unwrap());
        File::options().write(true).open(to).unwrap().set_times(times).unwrap();
    }
}

/// Cargo in this folder, as from a shell.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(folder);
    // Cargo has set these for this test, and some build scripts read them.
    for name in std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()) {
        if name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(name);
        }
    }
    cargo
}

fn files(folder: &Path, root: &Path, found: &mut BTreeMap<PathBuf, String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, root, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            found.insert(path.strip_prefix(root).unwrap().to_owned(), text);
        }
    }
}

fn snapshot(root: &Path) -> BTreeMap<PathBuf, String> {
    let mut found = BTreeMap::new();
    files(root, root, &mut found);
    found
}

/// A copy of the tree. It is removed when dropped.
struct Tree {
    folder: TempDir,
    before: BTreeMap<PathBuf, String>,
}

impl Tree {
    fn copied() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        for name in NEEDED {
            copy(&source.join(name), &folder.path().join(name));
        }
        let before = snapshot(folder.path());
        Self { folder, before }
    }

    fn add_method(&self) {
        let made = Command::new(env!("CARGO_BIN_EXE_xtask"))
            .args(["new-method", "acme-pay"])
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    /// Adds methods of other shapes than the template's: before, between and after the others, with and
    /// without Gate, in other currencies, with declines of their own. Three are after harder pages of
    /// the catalogue: limits of one currency with a required object, a QR code, and a payout with a
    /// bank id by country. One has payouts alone, to banks that differ by country.
    fn add_odd_methods(&self) {
        let methods = self.folder.path().join("crates/ecp-methods/src");
        let list = methods.join("methods.rs");
        let mut text = fs::read_to_string(&list).unwrap();
        for (module, line) in [
            ("aardvark", "    aardvark => Aardvark,\n"),
            ("africa_bt", "    africa_bt => AfricaBt,\n"),
            ("bank_out", "    bank_out => BankOut,\n"),
            ("colombia_bt", "    colombia_bt => ColombiaBt,\n"),
            ("middle", "    middle => Middle,\n"),
            ("qris", "    qris => Qris,\n"),
            ("zebra", "    zebra => Zebra,\n"),
        ] {
            let source = Path::new("tests/methods").join(module).with_extension("txt");
            fs::copy(source, methods.join(format!("methods/{module}.rs"))).unwrap();
            let begin = text.find("methods! {\n").unwrap() + "methods! {\n".len();
            let end = begin + text[begin..].find("}\n").unwrap();
            let mut lines: Vec<&str> =
                text[begin..end].split_inclusive('\n').chain([line]).collect();
            lines.sort_unstable();
            text = format!("{}{}{}", &text[..begin], lines.concat(), &text[end..]);
        }
        fs::write(list, text).unwrap();
    }

    /// Copies the platform's SDKs, and Cargo's builds of other packages and of ours that do not use
    /// the methods. Cargo rebuilds the ones that differ.
    fn seed(&self) {
        let program = std::env::current_exe().unwrap();
        let from = program.ancestors().nth(2).unwrap();
        let to = self.folder.path().join("target").join(from.file_name().unwrap());
        let is_the_same = |name: &str| {
            let name = name.strip_prefix("lib").unwrap_or(name).replace('_', "-");
            let below = ["ecp-core-", "ecp-files-", "ecp-reports-", "ecp-table-"];
            let ours = name.starts_with("ecp-") || name.starts_with("xtask-");
            !ours || below.iter().any(|package| name.starts_with(package))
        };
        let sdks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/sdks");
        if sdks.is_dir() {
            copy(&sdks, &self.folder.path().join("target/sdks"));
        }
        for (part, only) in [
            (".fingerprint", None),
            ("build", None),
            ("deps", Some(["rlib", "rmeta", "so", "dylib", "dll", "lib"])),
        ] {
            fs::create_dir_all(to.join(part)).unwrap();
            for entry in fs::read_dir(from.join(part)).into_iter().flatten() {
                let path = entry.unwrap().path();
                let wanted = only.is_none_or(|only| {
                    path.extension().is_some_and(|extension| only.iter().any(|o| extension == *o))
                });
                let name = path.file_name().unwrap().to_str().unwrap();
                if !wanted || !is_the_same(name) {
                    continue;
                }
                let there = to.join(part).join(name);
                // Files of code are never written to, but replaced.
                if path.is_dir() || fs::hard_link(&path, &there).is_err() {
                    copy(&path, &there);
                }
            }
        }
    }

    fn cargo(&self, arguments: &[&str]) -> String {
        let mut cargo = cargo(self.folder.path());
        cargo.args(arguments).env("CARGO_TARGET_DIR", self.folder.path().join("target"));
        let output = cargo.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {arguments:?}\n{text}");
        text
    }
}

#[test]
fn a_new_method_is_one_file_and_one_line() {
    let tree = Tree::copied();
    tree.add_method();
    let (before, after) = (&tree.before, snapshot(tree.folder.path()));
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert_eq!(new, [Path::new("crates/ecp-methods/src/methods/acme_pay.rs")]);
    let changed: Vec<_> = before.iter().filter(|(path, text)| after[*path] != **text).collect();
    let [(path, text)] = changed.as_slice() else { panic!("{changed:?}") };
    assert_eq!(path.as_path(), Path::new("crates/ecp-methods/src/methods.rs"));
    let added: Vec<_> =
        after[*path].lines().filter(|line| !text.lines().any(|known| known == *line)).collect();
    assert_eq!(added, ["    acme_pay => AcmePay,"]);
    assert_eq!(after[*path].lines().count(), text.lines().count() + 1);
}

/// Runs every test that uses the registry. It builds all crates that use the methods once more, so
/// it is for `cargo xtask ci`.
#[test]
#[ignore = "builds for minutes; `cargo xtask ci` runs it"]
fn a_new_method_passes_every_test() {
    let tree = Tree::copied();
    tree.add_method();
    tree.add_odd_methods();
    tree.seed();
    // Of the whole workspace, so that Cargo chooses the features that it has built with before.
    let tested = tree.cargo(&TESTS);
    assert!(tested.contains("test result: ok"), "{tested}");
}
