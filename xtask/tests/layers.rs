//! The layers of docs/ARCHITECTURE.md, compared with Cargo's metadata.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, Package};
use ecp_methods::{DynMethod, MethodSpec, Registry};

use crate::data::{LAYERS, Layer};
use crate::metadata;

/// Crates that do I/O or TLS, or bring a runtime, and the lowest crates that may have them.
const CONFINED: &[(&str, &[&str])] = &[
    ("axum", &["ecp-console", "ecp-sandbox", "ecp-testkit", "ecp-cli"]),
    ("clap", &["ecp-cli"]),
    (
        "http",
        &[
            "ecp-transport",
            "ecp-payouts",
            "ecp-reconcile",
            "ecp-sandbox",
            "ecp-testkit",
            "ecp-console",
            "ecp-cli",
        ],
    ),
    (
        "hyper",
        &[
            "ecp-transport",
            "ecp-payouts",
            "ecp-reconcile",
            "ecp-sandbox",
            "ecp-testkit",
            "ecp-console",
            "ecp-cli",
        ],
    ),
    (
        "reqwest",
        &["ecp-transport", "ecp-payouts", "ecp-reconcile", "ecp-testkit", "ecp-console", "ecp-cli"],
    ),
    (
        "rusqlite",
        &["ecp-inbox", "ecp-sandbox", "ecp-payouts", "ecp-reconcile", "ecp-console", "ecp-cli"],
    ),
    (
        "rustls",
        &["ecp-transport", "ecp-payouts", "ecp-reconcile", "ecp-testkit", "ecp-console", "ecp-cli"],
    ),
    (
        "tokio",
        &[
            "ecp-transport",
            "ecp-inbox",
            "ecp-payouts",
            "ecp-postgres",
            "ecp-reconcile",
            "ecp-sandbox",
            "ecp-stream",
            "ecp-testkit",
            "ecp-console",
            "ecp-cli",
        ],
    ),
    ("tokio-postgres", &["ecp-postgres", "ecp-inbox", "ecp-cli"]),
];

/// Additional imports of a crate under a feature that is off by default.
const BY_FEATURE: &[(&str, &[&str])] = &[
    ("ecp-inbox", &["rustls"]),
    ("ecp-console", &["tokio-postgres"]),
    ("ecp-notify", &["axum", "http", "hyper", "tokio"]),
    ("ecp-payouts", &["tokio-postgres"]),
    ("ecp-postgres", &["rustls"]),
    ("ecp-reconcile", &["tokio-postgres"]),
    ("ecp-reports", &["rustls"]),
    ("ecp-stream", &["rustls"]),
];

/// Packages without a layer: measurements, fuzzing, examples, automation.
const OUTSIDE: &[&str] = &[
    "ecp-benches",
    "ecp-browser-tests",
    "ecp-compile-fail",
    "ecp-crash",
    "ecp-disks",
    "ecp-example-acme-wallet",
    "ecp-example-shop",
    "ecp-examples",
    "ecp-fuzz",
    "ecp-simulations",
    "xtask",
];

fn ours(metadata: &Metadata) -> BTreeMap<&str, &Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| (package.name.as_str(), package))
        .collect()
}

/// Names of all packages in a normal build of the package alone, itself included. Cargo's metadata
/// would add the features that other members of the workspace enable.
fn closure(package: &str, features: &[&str]) -> BTreeSet<String> {
    let output = Command::new(env!("CARGO"))
        .args(["tree", "--package", package, "--edges", "normal", "--target", "all"])
        .args(["--prefix", "none"])
        .args(features)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let lines = String::from_utf8(output.stdout).unwrap();
    lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn every_crate_of_the_workspace_has_its_place() {
    let metadata = metadata::workspace();
    for name in ours(&metadata).keys() {
        let known = LAYERS.iter().any(|layer| layer.name == *name) || OUTSIDE.contains(name);
        assert!(known, "{name} has no place in docs/ARCHITECTURE.md and in this test");
    }
}

#[test]
fn imports_only_point_down_and_nothing_comes_in_unseen() {
    let metadata = metadata::workspace();
    let ours = ours(&metadata);
    for layer in LAYERS {
        for dependency in &ours[layer.name].dependencies {
            let name = dependency.name.as_str();
            if dependency.kind == DependencyKind::Normal {
                assert!(
                    layer.ours.contains(&name) || layer.others.contains(&name),
                    "{} must not import {name}; see docs/ARCHITECTURE.md",
                    layer.name
                );
            }
        }
    }
}

#[test]
fn the_sandbox_shares_neither_the_signature_nor_the_reader_of_the_other_side() {
    fn check(folder: &std::path::Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                check(&path);
            } else if let Ok(source) = std::fs::read_to_string(&path) {
                for shared in ["ecp_core::signature", "ecp_core::json"] {
                    assert!(!source.contains(shared), "{} uses {shared}", path.display());
                }
            }
        }
    }
    check(std::path::Path::new("../crates/ecp-sandbox/src"));
}

/// All names of methods, in lower case.
fn names_of_methods() -> BTreeSet<String> {
    let registry = Registry::builtin();
    let of_method = |spec: &'static MethodSpec| {
        let code = [spec.code().to_owned(), spec.code().replace('-', "_")];
        let others = spec.page_codes().iter().chain(spec.callback_names());
        code.into_iter().chain(others.map(|name| name.to_lowercase()))
    };
    let names = registry.iter().map(DynMethod::spec).flat_map(of_method);
    names.chain(["touch&go".to_owned()]).collect()
}

/// The source without the unit tests at its end.
fn without_tests(source: &str) -> &str {
    match source.rsplit_once("#[cfg(test)]\nmod tests {\n") {
        Some((code, tests)) if tests.find("\n}\n").is_some_and(|end| end + 3 == tests.len()) => {
            code
        }
        _ => source,
    }
}

#[test]
fn only_tests_at_the_end_of_a_file_are_left_out() {
    let table = [
        ("a\n#[cfg(test)]\nmod tests {\n    b\n}\n", "a\n"),
        (
            "a\n#[cfg(test)]\nmod tests {\n    b\n}\nc\n",
            "a\n#[cfg(test)]\nmod tests {\n    b\n}\nc\n",
        ),
        ("#[cfg(test)]\nuse b;\nc\n", "#[cfg(test)]\nuse b;\nc\n"),
        (
            "#[cfg(test)]\nuse b;\nc\n#[cfg(test)]\nmod tests {\n    b\n}\n",
            "#[cfg(test)]\nuse b;\nc\n",
        ),
    ];
    for (source, code) in table {
        assert_eq!(without_tests(source), code);
    }
}

#[test]
fn only_the_methods_crate_names_a_method() {
    fn check(folder: &std::path::Path, names: &BTreeSet<String>) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                check(&path, names);
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap_or_default();
            // Documentation, examples in help texts and unit tests may name methods.
            let code = without_tests(&source).lines();
            let code = code.filter(|line| !line.trim_start().starts_with("//"));
            for line in code.filter(|line| !line.contains("after_help")) {
                let line = line.to_lowercase();
                for name in names {
                    assert!(!line.contains(name), "{}: {line}", path.display());
                }
            }
        }
    }
    let names = names_of_methods();
    for layer in LAYERS.iter().filter(|layer| layer.name != "ecp-methods") {
        check(&std::path::Path::new("../crates").join(layer.name).join("src"), &names);
    }
}

#[test]
fn no_command_chooses_the_methods_by_itself() {
    fn check(folder: &std::path::Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            // The programs choose.
            if path.is_dir() && !path.ends_with("src/bin") {
                check(&path);
            } else if path.is_file() {
                let source = std::fs::read_to_string(&path).unwrap();
                let mut code = without_tests(&source).lines();
                let found = code.find(|line| {
                    !line.trim_start().starts_with("//") && line.contains("builtin()")
                });
                assert_eq!(found, None, "{}: take the registry that is given", path.display());
            }
        }
    }
    check(std::path::Path::new("../crates/ecp-cli/src"));
}

#[test]
fn a_method_file_is_data_and_short() {
    let families = std::fs::read_dir("../crates/ecp-catalogue/src").unwrap();
    let families = families.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    let folders: Vec<_> = families.chain(["../crates/ecp-methods/src/methods".into()]).collect();
    assert!(folders.len() > 5, "{folders:?}");
    for entry in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
        let path = entry.unwrap().path();
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= 130, "{} has {lines} lines", path.display());
    }
}

#[test]
fn what_does_io_stays_in_its_layer() {
    for Layer { name, .. } in LAYERS {
        let by_default = closure(name, &[]);
        let by_any_feature = closure(name, &["--all-features"]);
        assert!(by_default.contains(*name) && by_default.is_subset(&by_any_feature));
        let besides = BY_FEATURE.iter().find(|(layer, _)| layer == name);
        let besides = besides.map_or(&[][..], |(_, confined)| confined);
        for (confined, allowed) in CONFINED.iter().filter(|(_, allowed)| !allowed.contains(name)) {
            let allowed_at = format!("{confined} is for {allowed:?}");
            assert!(!by_default.contains(*confined), "{name} pulls it in: {allowed_at}");
            let by_feature = by_any_feature.contains(*confined);
            assert_eq!(
                by_feature,
                besides.contains(confined),
                "{name}, by a feature: {allowed_at}"
            );
        }
    }
}

#[test]
fn every_crate_of_ours_forbids_unsafe_code_and_is_free_to_use() {
    let metadata = metadata::workspace();
    for (name, package) in ours(&metadata) {
        assert_eq!(package.license.as_deref(), Some("MIT OR Apache-2.0"), "{name}");
        let manifest = std::fs::read_to_string(&package.manifest_path).unwrap();
        let root = package.manifest_path.parent().unwrap();
        let forbids = manifest.contains("[lints]\nworkspace = true")
            || std::fs::read_to_string(root.join("src/lib.rs"))
                .is_ok_and(|text| text.contains("#![forbid(unsafe_code)]"));
        assert!(forbids, "{name} does not forbid unsafe code");
    }
}
