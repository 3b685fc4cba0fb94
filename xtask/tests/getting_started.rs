//! The project of getting-started, as a reader copies it. `ecp-examples` builds and runs its code.

use std::fs;
use std::path::Path;

use crate::metadata;
use crate::new_method::copy;

const PROJECT: &str = "../examples/getting-started";

#[test]
fn a_copy_outside_of_the_workspace_resolves_by_paths_alone() {
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
    let metadata = metadata::of(&manifest);
    let project = metadata.root_package().unwrap();
    let targets: Vec<(&str, bool)> =
        project.targets.iter().map(|target| (target.name.as_str(), target.test)).collect();
    assert_eq!(targets, [("my-shop", true), ("shop", true)]);
}

#[test]
fn its_tests_are_tests() {
    for file in ["src/main.rs", "tests/shop.rs"] {
        let text = fs::read_to_string(Path::new(PROJECT).join(file)).unwrap();
        assert_eq!(text.matches("#[tokio::test").count(), 1, "{file}");
    }
    let test = fs::read_to_string(Path::new(PROJECT).join("tests/shop.rs")).unwrap();
    assert!(!test.contains("fn main"), "a program with a `main` has no tests");
}
