//! The public API of each library as text, so that no change of it goes unseen.
//!
//! rustdoc writes the API as JSON, which the stable compiler does if `RUSTC_BOOTSTRAP` is set. It
//! is set for rustdoc alone, by this program acting as rustdoc: build scripts read it, and
//! everything would be built again.

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use crate::{left_out, library_crates, run};

/// Set where this program acts as rustdoc.
pub(crate) const AS_RUSTDOC: &str = "XTASK_AS_RUSTDOC";

const FLAGS: &str = "-Z unstable-options --output-format json --cap-lints allow";

/// Writes `docs/api`, or with `check` reports differences from it.
///
/// The form of the JSON and the listing of derived code change with the compiler, so snapshots are
/// compared only under the compiler that made them.
pub(crate) fn api(root: &Path, check: bool) -> Result<(), String> {
    let folder = root.join("docs/api");
    let compiler = compiler()?;
    let libraries = library_crates(root)?;
    let path_of = |library: &str| folder.join(format!("{library}.txt"));
    let before = |library: &str| fs::read_to_string(path_of(library)).unwrap_or_default();
    if check {
        let other = libraries.iter().map(|library| before(library));
        let other = other.filter_map(|text| Some(text.lines().next()?.to_owned()));
        if let Some(other) = other.into_iter().find(|line| *line != compiler) {
            let text =
                format!("not compared: docs/api was made by {other}, and this is {compiler}");
            return left_out(text);
        }
    }
    describe()?;
    fs::create_dir_all(&folder).map_err(|error| format!("docs/api: {error}"))?;
    let (mut differences, mut changed) = (String::new(), 0);
    for library in &libraries {
        let (before, now) = (before(library), listed(root, library, &compiler)?);
        if before == now {
            continue;
        }
        changed += 1;
        if check {
            differences.push_str(&difference(library, &before, &now));
        } else {
            fs::write(path_of(library), now).map_err(|error| format!("{library}: {error}"))?;
            println!("wrote docs/api/{library}.txt");
        }
    }
    if changed == 0 {
        println!("up to date");
    }
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{differences}If all of this is meant, run `cargo xtask api`, and add a line to CHANGELOG.md."
    ))
}

/// Runs rustdoc with the same arguments, with unstable features allowed.
pub(crate) fn as_rustdoc() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let status = Command::new("rustdoc").args(arguments).env("RUSTC_BOOTSTRAP", "1").status();
    if status.is_ok_and(|status| status.success()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("-V").output().map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Makes rustdoc write `target/doc/*.json` for the whole workspace, so that nothing is built that
/// rustdoc's pages did not need too.
fn describe() -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let environment =
        [("RUSTDOC", &*this.to_string_lossy()), (AS_RUSTDOC, "1"), ("RUSTDOCFLAGS", FLAGS)];
    let arguments = ["doc", "--quiet", "--workspace", "--lib", "--no-deps", "--all-features"];
    let done = run("cargo", &arguments, &environment);
    done.then_some(()).ok_or_else(|| "rustdoc could not describe the libraries".to_owned())
}

/// The API as text, after a line that names the compiler.
fn listed(root: &Path, library: &str, compiler: &str) -> Result<String, String> {
    let json = root.join(format!("target/doc/{}.json", library.replace('-', "_")));
    let output = Command::new("cargo")
        .args(["run", "--quiet", "--package", "xtask", "--features", "api", "--bin", "list-api"])
        .arg("--")
        .arg(json)
        .current_dir(root)
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("{library}: {}", String::from_utf8_lossy(&output.stderr)));
    }
    Ok(format!("{compiler}\n{}", String::from_utf8_lossy(&output.stdout)))
}

/// Removed and new items, one per line.
fn difference(library: &str, before: &str, now: &str) -> String {
    let only_in = |one: &str, other: &str, sign: char| -> Vec<String> {
        let known: std::collections::BTreeSet<&str> = other.lines().collect();
        one.lines()
            .filter(|line| !known.contains(line))
            .map(|line| format!("{sign} {line}"))
            .collect()
    };
    let (gone, new) = (only_in(before, now, '-'), only_in(now, before, '+'));
    let mut differences = String::new();
    // Writing to a String cannot fail.
    let _ = if gone.is_empty() {
        writeln!(
            differences,
            "{library} has {} new lines, which docs/api does not have:",
            new.len()
        )
    } else {
        writeln!(
            differences,
            "{library} breaks its users: {} lines of its API are gone:",
            gone.len()
        )
    };
    for line in gone.iter().chain(&new) {
        let _ = writeln!(differences, "  {line}");
    }
    differences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_and_new_items_are_listed_apart() {
        let before = "rustc\npub fn a()\npub fn b()\n";
        assert_eq!(
            difference("lib", before, "rustc\npub fn a()\npub fn b()\npub fn c()\n"),
            "lib has 1 new lines, which docs/api does not have:\n  + pub fn c()\n"
        );
        assert_eq!(
            difference("lib", before, "rustc\npub fn a()\npub fn b(x: u8)\n"),
            "lib breaks its users: 1 lines of its API are gone:\n  - pub fn b()\n  + pub fn b(x: u8)\n"
        );
    }
}
