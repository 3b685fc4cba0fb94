//! `cargo test --workspace` tests every feature of the libraries.

use std::collections::BTreeSet;

use crate::metadata;

/// Cargo builds a crate once for the whole workspace, with all that any member asks for.
#[test]
fn tests_of_the_workspace_run_with_every_feature_of_a_library() {
    let metadata = metadata::workspace();
    let resolve = metadata.resolve.as_ref().unwrap();
    let mut with_features = 0;
    for package in metadata.workspace_packages() {
        // A program's features are those of its libraries.
        let has_library = package.targets.iter().any(cargo_metadata::Target::is_lib);
        let is_library = package.publish.is_none() && has_library && !package.features.is_empty();
        if !is_library {
            continue;
        }
        with_features += 1;
        let node = resolve.nodes.iter().find(|node| node.id == package.id).unwrap();
        let built: BTreeSet<String> = node.features.iter().map(ToString::to_string).collect();
        let own: BTreeSet<String> = package.features.keys().cloned().collect();
        let missing: Vec<_> = own.difference(&built).collect();
        assert!(
            missing.is_empty(),
            "no member of the workspace asks for {}: {missing:?}",
            package.name
        );
    }
    assert!(with_features >= 3);
}

/// Each folder of the catalogue is a family, and a family is built only where its feature asks for it.
#[test]
fn each_family_of_the_catalogue_has_a_feature_of_its_name() {
    let metadata = metadata::workspace();
    let packages = metadata.workspace_packages();
    let catalogue =
        packages.iter().find(|package| package.name.as_str() == "ecp-catalogue").unwrap();
    let families: BTreeSet<String> = std::fs::read_dir("../crates/ecp-catalogue/src")
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().replace('_', "-"))
        .collect();
    assert!(families.len() >= 6, "{families:?}");
    let all: BTreeSet<String> = catalogue.features["all"].iter().cloned().collect();
    assert_eq!(all, families);
    let features: BTreeSet<String> =
        catalogue.features.keys().filter(|name| *name != "all").cloned().collect();
    assert_eq!(features, families);
    let library = std::fs::read_to_string("../crates/ecp-catalogue/src/lib.rs").unwrap();
    for family in &families {
        let module = family.replace('-', "_");
        let gated = format!("#[cfg(feature = \"{family}\")]\npub mod {module};");
        assert!(library.contains(&gated), "{family} is built without its feature");
    }
}
