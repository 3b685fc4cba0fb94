//! Cargo's metadata of this machine's build.

use std::path::Path;

use cargo_metadata::{Metadata, MetadataCommand};

/// Metadata of the workspace.
pub(crate) fn workspace() -> Metadata {
    of(Path::new("../Cargo.toml"))
}

/// Metadata of the package or workspace with this manifest.
///
/// It needs only packages that the build of this test has downloaded: none of other platforms, and no
/// network.
pub(crate) fn of(manifest: &Path) -> Metadata {
    let options = ["--offline", "--filter-platform", "host-tuple"].map(str::to_owned);
    MetadataCommand::new().manifest_path(manifest).other_options(options).exec().unwrap()
}
