//! Files that pages show: those that are named, and those in folders that are named.

use std::path::{Path, PathBuf};

/// Returns the files at these paths. Of a folder it is each file with one of the endings, in the
/// order of the names. A path that cannot be read stays in the list, so that its page says why.
///
/// The call blocks its thread.
pub(crate) fn files(paths: &[PathBuf], endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for path in paths {
        let Ok(folder) = std::fs::read_dir(path) else {
            found.push(path.clone());
            continue;
        };
        let is_meant = |path: &PathBuf| {
            let ending = path.extension().and_then(|ending| ending.to_str());
            path.is_file() && ending.is_some_and(|ending| endings.contains(&ending))
        };
        let mut inside: Vec<PathBuf> =
            folder.flatten().map(|entry| entry.path()).filter(is_meant).collect();
        inside.sort();
        found.extend(inside);
    }
    found
}

/// The name of a file, for people.
pub(crate) fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// The query that names a file in an address.
pub(crate) fn query(path: &Path) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("file", &path.to_string_lossy())
        .finish()
}

/// The file that an address names, of those that are shown: an address leads to no other one.
pub(crate) fn named(files: &[PathBuf], name: &str) -> Option<PathBuf> {
    files.iter().find(|path| path.to_string_lossy() == name).cloned()
}
