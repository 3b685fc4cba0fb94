//! Duration of each test binary, read from the output of `cargo test`.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use crate::root;

/// Runs this `cargo test`, passes on its output, and adds a time for each binary.
pub(crate) fn run(command: &str, times: &mut Vec<(Duration, String)>) -> bool {
    let child = Command::new("sh")
        .args(["-c", command])
        .current_dir(root())
        .env_remove("CARGO")
        .env_remove("CARGO_MANIFEST_DIR")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            eprintln!("cannot run sh: {error}");
            return false;
        }
    };
    let (output, errors) = (child.stdout.take(), child.stderr.take());
    // Cargo names a binary on one stream, and the binary prints its time on the other.
    let names = thread::spawn(move || passed_on(errors, |line| eprintln!("{line}"), binary));
    let seconds = passed_on(output, |line| println!("{line}"), finished_in);
    let names = names.join().unwrap_or_default();
    times.extend(seconds.into_iter().zip(names).map(|(time, name)| (time, format!("  {name}"))));
    child.wait().is_ok_and(|status| status.success())
}

/// Prints each line, and collects the results of `found`.
fn passed_on<T>(
    stream: Option<impl Read>,
    print: impl Fn(&str),
    found: impl Fn(&str) -> Option<T>,
) -> Vec<T> {
    let lines = stream.into_iter().flat_map(|stream| BufReader::new(stream).lines());
    lines
        .map_while(Result::ok)
        .inspect(|line| print(line))
        .filter_map(|line| found(&line))
        .collect()
}

/// `Running tests/a.rs (target/debug/deps/a-0123)`, or `Doc-tests a`.
fn binary(line: &str) -> Option<String> {
    let line = line.trim_start();
    let path =
        line.strip_prefix("Running ").and_then(|rest| rest.split_once(" (")?.1.strip_suffix(')'));
    match path {
        Some(path) => Some(path.rsplit('/').next().unwrap_or(path).to_owned()),
        None => line.strip_prefix("Doc-tests ").map(|name| format!("{name}, examples of its docs")),
    }
}

/// The time at the end of `test result: ok. .. finished in 1.23s`.
fn finished_in(line: &str) -> Option<Duration> {
    let seconds = line.strip_prefix("test result: ")?.rsplit_once("finished in ")?.1;
    seconds.strip_suffix('s')?.parse().ok().map(Duration::from_secs_f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_times_are_read_off_the_lines_of_cargo_test() {
        let line = "     Running tests/a/main.rs (target/debug/deps/a-0123abc)";
        assert_eq!(binary(line).as_deref(), Some("a-0123abc"));
        assert_eq!(
            binary("   Doc-tests ecp_core").as_deref(),
            Some("ecp_core, examples of its docs")
        );
        assert_eq!(binary("   Compiling ecp-core v0.1.0"), None);
        let line = "test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.50s";
        assert_eq!(finished_in(line), Some(Duration::from_millis(1500)));
        assert_eq!(finished_in("test a ... ok"), None);
    }
}
