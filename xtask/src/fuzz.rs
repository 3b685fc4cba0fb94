//! Fuzzing with coverage, by the stable compiler and libFuzzer.
//!
//! The compiler flags are those of `cargo fuzz`, without its nightly sanitisers: no code of ours is
//! unsafe, so the oracles find the failures.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::Command;

use crate::{root, run};

/// Comparisons are not traced: that finds a rare word sooner, but the seeds have the words, and
/// without it three to ten times as many inputs are tried (measured).
const COVERAGE: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=2 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table -Cdebug-assertions -Ccodegen-units=1";

/// Fuzzes one target, or all of them at once, for a number of seconds. New inputs and those that
/// break an oracle are stored below `target/fuzz`.
pub(crate) fn fuzz(target: Option<&str>, seconds: &str) -> bool {
    let mut targets = targets();
    if let Some(target) = target {
        if !targets.iter().any(|known| known == target) {
            eprintln!("error: there is no target `{target}`; there are: {}", targets.join(", "));
            return false;
        }
        targets.retain(|known| known == target);
    }
    let machine = &machine();
    build(machine) && fuzz_together(&targets, machine, seconds)
}

fn fuzz_together(targets: &[String], machine: &str, seconds: &str) -> bool {
    std::thread::scope(|scope| {
        let mut running = Vec::new();
        for target in targets {
            running.push(scope.spawn(move || fuzz_one(target, machine, seconds)));
        }
        // Each is waited for, also after one that failed.
        let passed: Vec<bool> =
            running.into_iter().map(|one| one.join().unwrap_or(false)).collect();
        passed.into_iter().all(|passed| passed)
    })
}

/// The names of the targets, each a file.
fn targets() -> Vec<String> {
    let files = fs::read_dir(root().join("fuzz/fuzz_targets")).into_iter().flatten().flatten();
    let name = |path: &Path| Some(path.file_stem()?.to_str()?.to_owned());
    let mut names: Vec<String> = files.filter_map(|file| name(&file.path())).collect();
    names.sort();
    names
}

/// The compiler's name of this machine. Passing it keeps the flags away from build scripts.
fn machine() -> String {
    let output = Command::new("rustc").arg("-vV").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let text = text.unwrap_or_default();
    text.lines().find_map(|line| line.strip_prefix("host: ")).unwrap_or_default().to_owned()
}

fn build(machine: &str) -> bool {
    let arguments = [
        "build",
        "--release",
        "--package",
        "ecp-fuzz",
        "--bins",
        "--features",
        "libfuzzer",
        "--target",
        machine,
        "--target-dir",
        "target/fuzz",
        "--config",
        "profile.release.lto=false",
        // Quick to build; what each input runs through again and again is optimised.
        "--config",
        "profile.release.opt-level=1",
        "--config",
        "profile.release.package.ecp-core.opt-level=3",
        "--config",
        "profile.release.package.serde_json.opt-level=3",
        "--config",
        "profile.release.package.sha2.opt-level=3",
    ];
    run("cargo", &arguments, &[("RUSTFLAGS", COVERAGE)])
}

fn fuzz_one(target: &str, machine: &str, seconds: &str) -> bool {
    let here = root().join("target/fuzz");
    let log = here.join(format!("{target}.log"));
    let passed = started(target, &here, machine, seconds, &log).unwrap_or_else(|error| {
        eprintln!("error: cannot fuzz {target}: {error}");
        false
    });
    let text = fs::read_to_string(&log).unwrap_or_default();
    let runs = text.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units: "));
    match (passed, runs) {
        (true, Some(runs)) => {
            println!("{target}: {runs} inputs in {seconds} seconds, no oracle broken");
        }
        _ => eprintln!("{target}: FAILED, see {}\n{text}", log.display()),
    }
    passed && runs.is_some()
}

fn started(
    target: &str,
    here: &Path,
    machine: &str,
    seconds: &str,
    log: &Path,
) -> io::Result<bool> {
    let found = here.join("corpus").join(target);
    let broken = here.join("artifacts").join(target);
    fs::create_dir_all(&found)?;
    fs::create_dir_all(&broken)?;
    let log = File::create(log)?;
    let status = Command::new(here.join(machine).join("release").join(target))
        .arg(&found)
        .arg(root().join("fuzz/corpus").join(target))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", broken.display()))
        .args(["-print_final_stats=1", "-verbosity=0", "-max_len=2048", "-timeout=10"])
        .stdout(log.try_clone()?)
        .stderr(log)
        .status()?;
    Ok(status.success())
}
