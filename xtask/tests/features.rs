//! `cargo test --workspace` tests every feature of the libraries.

use std::collections::BTreeSet;

use cargo_metadata::{Metadata, MetadataCommand};

fn metadata() -> Metadata {
    let arguments = ["--offline".to_owned()];
    MetadataCommand::new().manifest_path("../Cargo.toml").other_options(arguments).exec().unwrap()
}

/// Cargo builds a crate once for the whole workspace, with all that any member asks for.
#[test]
fn tests_of_the_workspace_run_with_every_feature_of_a_library() {
    let metadata = metadata();
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
