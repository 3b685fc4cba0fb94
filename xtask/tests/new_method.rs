//! A new method costs one file and one line, and is whole from the start.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a method needs of the tree.
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

fn copy(from: &Path, to: &Path) {
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
    }
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

#[test]
fn a_new_method_is_one_file_and_one_line_and_passes_every_test() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Both are kept, and the copy is always in the same place, so that what does not change is
    // not built again.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("new-method");
    let (copied, target) = (folder.join("copy"), folder.join("target"));
    fs::create_dir_all(&folder).unwrap();
    let lock = fs::File::create(folder.join("lock")).unwrap();
    lock.lock().unwrap();
    if copied.exists() {
        fs::remove_dir_all(&copied).unwrap();
    }
    fs::create_dir_all(&copied).unwrap();
    for name in NEEDED {
        copy(&source.join(name), &copied.join(name));
    }
    let before = snapshot(&copied);

    let cargo = |arguments: &[&str]| {
        let output = Command::new("cargo")
            .args(arguments)
            .current_dir(&copied)
            .env("CARGO_TARGET_DIR", &target)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo {arguments:?}\n{text}");
        text
    };
    let made = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["new-method", "acme-pay"])
        .current_dir(&copied)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));

    let after = snapshot(&copied);
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).collect();
    assert_eq!(new, [Path::new("crates/ecp-methods/src/methods/acme_pay.rs")]);
    let changed: Vec<_> = before.iter().filter(|(path, text)| after[*path] != **text).collect();
    let [(path, text)] = changed.as_slice() else { panic!("{changed:?}") };
    assert_eq!(path.as_path(), Path::new("crates/ecp-methods/src/methods.rs"));
    let added: Vec<_> =
        after[*path].lines().filter(|line| !text.lines().any(|known| known == *line)).collect();
    assert_eq!(added, ["    acme_pay => AcmePay,"]);
    assert_eq!(after[*path].lines().count(), text.lines().count() + 1);

    // Every test that meets the registry.
    let mut arguments = vec!["test", "--quiet"];
    for package in ["ecp-methods", "ecp-sandbox", "ecp-cli", "ecp-testkit"] {
        arguments.extend(["--package", package]);
    }
    let told = cargo(&arguments);
    assert!(told.contains("test result: ok"), "{told}");
}
