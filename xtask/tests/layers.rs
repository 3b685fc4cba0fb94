//! The layers of docs/ARCHITECTURE.md, held by what Cargo knows.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Every crate with the crates of ours that it may import, and what nothing below may bring in.
const LAYERS: &[(&str, &[&str])] = &[
    ("ecp-core", &[]),
    ("ecp-methods", &["ecp-core"]),
    ("ecp-transport", &["ecp-core", "ecp-methods"]),
    ("ecp-notify", &["ecp-core", "ecp-methods"]),
    ("ecp-sandbox", &["ecp-core", "ecp-methods"]),
    ("ecp-cli", &["ecp-core", "ecp-methods", "ecp-transport", "ecp-notify", "ecp-sandbox"]),
];

/// Crates that do I/O or TLS, or bring a runtime, and the lowest crates that may have them.
const CONFINED: &[(&str, &[&str])] = &[
    ("axum", &["ecp-sandbox", "ecp-cli"]),
    ("clap", &["ecp-cli"]),
    ("http", &["ecp-transport", "ecp-sandbox", "ecp-cli"]),
    ("hyper", &["ecp-transport", "ecp-sandbox", "ecp-cli"]),
    ("reqwest", &["ecp-transport", "ecp-cli"]),
    ("rustls", &["ecp-transport", "ecp-cli"]),
    ("tokio", &["ecp-transport", "ecp-sandbox", "ecp-cli"]),
];

/// Anybody may build on these: measurements, fuzzing, examples, automation.
const OUTSIDE: &[&str] = &["ecp-benches", "ecp-examples", "ecp-fuzz", "xtask"];

fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path("../Cargo.toml").exec().unwrap()
}

fn ours(metadata: &Metadata) -> BTreeMap<&str, &Package> {
    metadata
        .workspace_packages()
        .into_iter()
        .map(|package| (package.name.as_str(), package))
        .collect()
}

/// Names of everything that a normal build of the package pulls in, itself included.
fn closure<'m>(metadata: &'m Metadata, package: &Package) -> BTreeSet<&'m str> {
    let resolve = metadata.resolve.as_ref().unwrap();
    let mut seen = BTreeSet::new();
    let mut open = vec![&package.id];
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        let node = resolve.nodes.iter().find(|node| node.id == *id).unwrap();
        open.extend(node.deps.iter().filter_map(|dependency| {
            let normal =
                dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            normal.then_some(&dependency.pkg)
        }));
    }
    seen.into_iter().map(|id| metadata[id].name.as_str()).collect()
}

#[test]
fn every_crate_of_the_workspace_has_its_place() {
    let metadata = metadata();
    for name in ours(&metadata).keys() {
        let known = LAYERS.iter().any(|(layer, _)| layer == name) || OUTSIDE.contains(name);
        assert!(known, "{name} has no place in docs/ARCHITECTURE.md and in this test");
    }
}

#[test]
fn imports_only_point_down() {
    let metadata = metadata();
    let ours = ours(&metadata);
    for (name, allowed) in LAYERS {
        let package = ours[name];
        for dependency in &package.dependencies {
            let inside = ours.contains_key(dependency.name.as_str());
            if inside && dependency.kind == DependencyKind::Normal {
                assert!(
                    allowed.contains(&dependency.name.as_str()),
                    "{name} must not import {}",
                    dependency.name
                );
            }
        }
    }
}

#[test]
fn what_does_io_stays_in_its_layer() {
    let metadata = metadata();
    let ours = ours(&metadata);
    for (name, _) in LAYERS {
        let pulled_in = closure(&metadata, ours[name]);
        for (confined, allowed) in CONFINED {
            assert!(
                !pulled_in.contains(confined) || allowed.contains(name),
                "{name} pulls in {confined}"
            );
        }
    }
}

#[test]
fn every_crate_of_ours_forbids_unsafe_code_and_is_free_to_use() {
    let metadata = metadata();
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

#[test]
fn nothing_that_others_wrote_has_a_licence_that_binds() {
    const FREE: &[&str] = &[
        "0BSD",
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "BSL-1.0",
        "CC0-1.0",
        "CDLA-Permissive-2.0",
        "ISC",
        "MIT",
        "MIT-0",
        "NCSA",
        "Unicode-3.0",
        "Unlicense",
        "Zlib",
    ];
    for package in &metadata().packages {
        let license = package.license.as_deref().unwrap_or("none");
        // `A OR B AND C` is free if each `AND` part has a free `OR` part.
        let free = license
            .replace(['(', ')'], " ")
            .split(" AND ")
            .all(|part| part.split([' ', '/']).any(|word| FREE.contains(&word)));
        assert!(free, "{} is under {license}", package.name);
    }
}
