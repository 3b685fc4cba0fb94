//! Files that pages show: those that are named, and those in folders that are named.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tokio::task::spawn_blocking;

/// Returns the files at these paths. Of a folder it is each file with one of the endings, in the
/// order of the names. A path that cannot be read stays in the list, so that its page says why.
pub(crate) async fn files(paths: &[PathBuf], endings: &'static [&'static str]) -> Vec<PathBuf> {
    let given = paths.to_vec();
    let listed = spawn_blocking(move || list(&given, endings)).await;
    // An empty list would read as "there are none".
    listed.unwrap_or_else(|_| paths.to_vec())
}

/// Returns the file that was written last, of those that [`files`] returns.
pub(crate) async fn newest(paths: &[PathBuf], endings: &'static [&'static str]) -> Option<PathBuf> {
    let given = paths.to_vec();
    let written =
        |path: &PathBuf| std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    let find = move || list(&given, endings).into_iter().min_by_key(|path| Reverse(written(path)));
    spawn_blocking(find).await.unwrap_or_else(|_| paths.first().cloned())
}

fn list(paths: &[PathBuf], endings: &[&str]) -> Vec<PathBuf> {
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

/// Leaves out paths that lead to a file that an earlier one leads to. It asks the file system, so it
/// must not be called on an async thread.
pub(crate) fn distinct(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    let mut seen = BTreeSet::new();
    paths.retain(|path| seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone())));
    paths
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
