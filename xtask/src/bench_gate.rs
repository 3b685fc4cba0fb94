//! Instructions of the core paths, compared with a committed baseline.
//!
//! Instructions are counted rather than time: they are the same on every run and, with one
//! compiler, nearly so on every machine. Only code that inspects the processor differs: the hash
//! and the copying of the C library. So each path is counted without the bare HMAC that it
//! contains, and the library's choice of instructions is pinned.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::{left_out, run};

/// Committed next to the measurements.
const BASELINE: &str = "benches/instructions.txt";

/// Maximum growth of a path, in percent.
const MOST_PERCENT: u64 = 3;

/// A path is run this many times and this many times again; the difference is the path alone.
const TIMES: u64 = 50;

/// Counts, and compares with the baseline or writes it.
pub(crate) fn bench_gate(root: &Path, write: bool) -> Result<(), String> {
    if !has_valgrind() {
        return left_out("not counted: valgrind is not installed".to_owned());
    }
    // Without its default features it needs no database.
    let counted = [
        "build",
        "--release",
        "--package",
        "ecp-benches",
        "--no-default-features",
        "--bin",
        "counted",
    ];
    let built = run("cargo", &counted, &[]);
    if !built {
        return Err("the measurements do not build".to_owned());
    }
    // Next to the folder of this program.
    let here = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = here.ancestors().nth(2).ok_or("xtask is in no target folder")?;
    let counts = count_all(&target.join("release/counted"))?;
    let baseline = root.join(BASELINE);
    if write {
        return std::fs::write(&baseline, table(&counts)).map_err(|error| error.to_string());
    }
    let text = std::fs::read_to_string(&baseline)
        .map_err(|error| format!("{BASELINE}: {error}; write it with bench-gate --write"))?;
    compare(&counts, &parse(&text)?)
}

/// A path's name and its instructions beyond its floor.
type Counts = Vec<(String, u64)>;

fn count_all(program: &Path) -> Result<Counts, String> {
    let listed = output(Command::new(program))?;
    let mut counts = Counts::new();
    for line in listed.lines() {
        // `path`, or `path floor`.
        let mut words = line.split_whitespace();
        let Some(path) = words.next() else { continue };
        let floor = match words.next() {
            Some(floor) => count(program, floor)?,
            None => 0,
        };
        let own = count(program, path)?.saturating_sub(floor);
        println!("{path:<28}{own:>9}");
        counts.push((path.to_owned(), own));
    }
    Ok(counts)
}

fn count(program: &Path, path: &str) -> Result<u64, String> {
    let many = instructions(program, path, 2 * TIMES)?;
    let few = instructions(program, path, TIMES)?;
    Ok(many.saturating_sub(few) / TIMES)
}

fn instructions(program: &Path, path: &str, times: u64) -> Result<u64, String> {
    let mut command = Command::new("valgrind");
    command
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--"])
        .arg(program)
        .args([path, &times.to_string()])
        // The plainest copying, which every processor supports.
        .env("GLIBC_TUNABLES", "glibc.cpu.hwcaps=-AVX_Usable,-AVX2_Usable,-AVX2,-AVX512F,-ERMS");
    let printed = output(command)?;
    printed
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
        .ok_or_else(|| format!("callgrind counted nothing for {path}:\n{printed}"))
}

fn compare(counts: &Counts, baseline: &Counts) -> Result<(), String> {
    let mut grown = String::new();
    for (path, now) in counts {
        let Some((_, before)) = baseline.iter().find(|(other, _)| other == path) else {
            let _ = writeln!(grown, "{path} is not in {BASELINE}");
            continue;
        };
        if now * 100 > before * (100 + MOST_PERCENT) {
            let _ = writeln!(grown, "{path} takes {now} instructions, {before} before");
        }
    }
    for (path, _) in baseline {
        if !counts.iter().any(|(other, _)| other == path) {
            let _ = writeln!(grown, "{path} is no longer counted");
        }
    }
    if grown.is_empty() {
        return Ok(());
    }
    grown.push_str("after a change that is worth it: cargo xtask bench-gate --write");
    Err(grown)
}

fn table(counts: &Counts) -> String {
    let mut text =
        "# Instructions beyond the bare HMAC; `cargo xtask bench-gate --write`.\n".to_owned();
    for (path, count) in counts {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{path:<28}{count:>9}");
    }
    text
}

fn parse(text: &str) -> Result<Counts, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (path, count) = line
                .split_once(' ')
                .ok_or_else(|| format!("{BASELINE}: no instruction count in the line `{line}`"))?;
            let count = count
                .trim()
                .parse()
                .map_err(|_| format!("{BASELINE}: no instruction count in the line `{line}`"))?;
            Ok((path.to_owned(), count))
        })
        .collect()
}

fn has_valgrind() -> bool {
    let mut command = Command::new("valgrind");
    command.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Output of a command.
fn output(mut command: Command) -> Result<String, String> {
    let done = command.output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = [done.stdout, done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    if done.status.success() { Ok(said) } else { Err(format!("{command:?} failed:\n{said}")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(counts: &[(&str, u64)]) -> Counts {
        counts.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect()
    }

    #[test]
    fn growth_beyond_three_percent_fails_and_says_what_grew() {
        let baseline = counts(&[("read", 10_000), ("verify", 20_000)]);
        for (read, verify, error) in [
            (10_000, 20_000, None),
            (10_300, 15_000, None),
            (10_301, 20_000, Some("read takes 10301 instructions, 10000 before")),
            (10_000, 40_000, Some("verify takes 40000 instructions, 20000 before")),
        ] {
            let now = counts(&[("read", read), ("verify", verify)]);
            let result = compare(&now, &baseline);
            assert_eq!(result.clone().err().as_deref().and_then(|text| text.lines().next()), error);
        }
        assert!(compare(&counts(&[("read", 10_000)]), &baseline).is_err());
        assert!(compare(&counts(&[("new", 1)]), &counts(&[])).is_err());
    }

    #[test]
    fn a_table_reads_back() {
        let baseline = counts(&[("read", 10_000), ("verify-and-model", 20_000)]);
        assert_eq!(parse(&table(&baseline)), Ok(baseline));
    }
}
