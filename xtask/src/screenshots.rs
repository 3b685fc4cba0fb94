//! The pictures of the sandbox's and the console's pages, and whether they are up to date.
//!
//! Pictures cannot be compared: another machine has other fonts. So a digest of their sources is
//! recorded beside them, and a test compares it.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::run;

const FOLDER: &str = "docs/screenshots";

/// Sources of the pages' appearance: markup, styles, words, drawings, and the list of pictures.
const SOURCES: [&str; 8] = [
    "crates/ecp-console/src/assets",
    "crates/ecp-console/src/templates",
    "crates/ecp-sandbox/browser-tests/src/bin/screenshots.rs",
    "crates/ecp-sandbox/src/surface/assets",
    "crates/ecp-sandbox/src/surface/dashboard/chart.rs",
    "crates/ecp-sandbox/src/surface/dashboard/timeline.rs",
    "crates/ecp-sandbox/src/surface/i18n.rs",
    "crates/ecp-sandbox/src/surface/templates",
];

/// Takes the pictures, and records their sources.
pub(crate) fn screenshots(root: &Path) -> Result<(), String> {
    // A program of its own, so that xtask does not depend on a browser's driver.
    let program = ["run", "--package", "ecp-browser-tests", "--bin", "screenshots"];
    if !run("cargo", &[&program[..], &["--", FOLDER]].concat(), &[]) {
        return Err("no pictures were taken".to_owned());
    }
    let record = record(root);
    record.and_then(|record| fs::write(record_path(root), record)).map_err(|e| e.to_string())
}

fn record_path(root: &Path) -> PathBuf {
    root.join(FOLDER).join("made-from.txt")
}

/// A line for each source and picture: a digest of its content, and its path.
fn record(root: &Path) -> std::io::Result<String> {
    let mut files = Vec::new();
    for source in SOURCES {
        collect(&root.join(source), &mut files)?;
    }
    collect(&root.join(FOLDER), &mut files)?;
    files.retain(|file| *file != record_path(root));
    files.sort();
    let mut record = String::new();
    for file in files {
        let name = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        // Writing to a String cannot fail.
        let _ = writeln!(record, "{:016x} {}", digest(&fs::read(&file)?), name.replace('\\', "/"));
    }
    Ok(record)
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    fs::read_dir(path)?.try_for_each(|entry| collect(&entry?.path(), files))
}

/// FNV-1a: it distinguishes files and stays the same with every compiler. It is not
/// collision-resistant.
fn digest(bytes: &[u8]) -> u64 {
    let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are in one record and not in the other, by their paths.
    fn changed<'r>(before: &'r str, now: &'r str) -> Vec<&'r str> {
        let lines = |of: &'r str, other: &'r str| {
            of.lines().filter(move |line| !other.lines().any(|known| known == *line))
        };
        let all = lines(before, now).chain(lines(now, before));
        let mut paths: Vec<&str> = all.filter_map(|line| Some(line.split_once(' ')?.1)).collect();
        paths.sort_unstable();
        paths.dedup();
        paths
    }

    #[test]
    fn the_pictures_are_of_todays_pages() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let before = fs::read_to_string(record_path(root)).unwrap();
        let changed = changed(&before, &record(root).unwrap()).join("\n");
        assert!(changed.is_empty(), "run `cargo xtask screenshots`, for these changed:\n{changed}");
    }

    #[test]
    fn whatever_changes_is_named() {
        let before = "01 a.css\n02 b.html\n03 c.png\n";
        assert_eq!(changed(before, before), [""; 0]);
        assert_eq!(
            changed(before, "01 a.css\n04 b.html\n05 d.png\n"),
            ["b.html", "c.png", "d.png"]
        );
        assert_eq!(digest(b"a"), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(digest(b"ab"), digest(b"ba"));
    }
}
