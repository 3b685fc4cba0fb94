//! The project of getting-started, as a reader copies it. `ecp-examples` builds and runs its code.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::metadata;
use crate::new_method::{cargo, copy};

const PROJECT: &str = "../examples/getting-started";

/// A copy of the project outside of the workspace, which finds the crates by their paths.
fn copied() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new(PROJECT), folder.path());
    let manifest = folder.path().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    let crates = Path::new("../crates").canonicalize().unwrap();
    let here = text.replace("../../crates", crates.to_str().unwrap());
    assert_ne!(here, text);
    fs::write(&manifest, here).unwrap();
    // The versions that the workspace is built with.
    fs::copy("../Cargo.lock", folder.path().join("Cargo.lock")).unwrap();
    folder
}

#[test]
fn a_copy_outside_of_the_workspace_resolves_by_paths_alone() {
    let copy = copied();
    let metadata = metadata::of(&copy.path().join("Cargo.toml"));
    let project = metadata.root_package().unwrap();
    let targets: Vec<(&str, bool)> =
        project.targets.iter().map(|target| (target.name.as_str(), target.test)).collect();
    assert_eq!(targets, [("my-shop", true), ("shop", true)]);
}

/// What a reader does: build it, run its tests, run it. Other packages are shared with the builds of
/// the workspace where their features are the same.
#[test]
#[ignore = "builds the crates once more; `cargo xtask ci` runs it"]
fn a_copy_outside_of_the_workspace_builds_without_a_warning_passes_its_tests_and_runs() {
    let copy = copied();
    let cargo = |arguments: &[&str]| {
        let mut cargo = cargo(copy.path());
        cargo.env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join(".."));
        // As in the workspace, so that its builds can be used.
        cargo.env("CARGO_PROFILE_DEV_DEBUG", "false");
        let output = cargo.args(arguments).output().unwrap();
        let [printed, said] =
            [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        assert!(output.status.success(), "cargo {arguments:?}\n{printed}{said}");
        assert!(!said.contains("warning"), "{said}");
        printed
    };
    let tested = cargo(&["test", "--offline"]);
    for (passed, of) in [(4, "src/main.rs"), (1, "tests/shop.rs")] {
        let result = format!("test result: ok. {passed} passed");
        assert_eq!(tested.matches(&result).count(), 1, "{of}: {tested}");
    }
    let printed = cargo(&["run", "--quiet", "--offline"]);
    assert!(printed.ends_with("order-1 in the shop's table: paid\n"), "{printed}");
}

#[test]
fn its_tests_are_tests() {
    for (file, tests) in [("src/main.rs", 4), ("tests/shop.rs", 1)] {
        let text = fs::read_to_string(Path::new(PROJECT).join(file)).unwrap();
        assert_eq!(text.matches("#[tokio::test").count(), tests, "{file}");
    }
    let test = fs::read_to_string(Path::new(PROJECT).join("tests/shop.rs")).unwrap();
    assert!(!test.contains("fn main"), "a program with a `main` has no tests");
}
