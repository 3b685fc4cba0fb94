//! Checks whether paths still lead to the files that are open.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// The files that paths led to when they were noted.
///
/// On Unix they are identified by device and inode: as long as the files are open, no other file
/// can have the same. A file that is made after one was closed can, so its time of creation counts
/// too where the file system records it.
#[derive(Clone, Debug)]
pub struct OpenFiles(Vec<(PathBuf, Identity)>);

/// Comparison of a path's current file with the noted one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The noted file.
    Same,
    /// A file other than the noted one.
    Other,
    /// No file at all.
    Nothing,
}

impl OpenFiles {
    /// Notes the files at these paths. Symbolic links are followed.
    pub fn note(names: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let noted = names.into_iter().map(|name| {
            let identity = identity(&std::fs::metadata(&name)?);
            Ok((name, identity))
        });
        noted.collect::<io::Result<_>>().map(Self)
    }

    /// Notes an SQLite database at the given path, and its companion files by their suffixes, such
    /// as `-wal`. SQLite places them beside the file itself, also where the path is a symbolic
    /// link.
    pub fn note_database(path: &Path, beside: &[&str]) -> io::Result<Self> {
        let file = std::fs::canonicalize(path)?;
        let beside = beside.iter().map(|end| with_end(&file, end));
        Self::note([path.to_owned()].into_iter().chain(beside))
    }

    /// Whether all paths lead to the noted files. It takes one system call per path, some
    /// microseconds in all.
    pub fn are_same(&self) -> bool {
        self.found().all(|found| found == Found::Same)
    }

    /// The current state of each path.
    pub fn found(&self) -> impl Iterator<Item = Found> {
        self.0.iter().map(|(name, noted)| find(name, *noted))
    }

    /// Compares another path with the first noted file.
    pub fn found_under(&self, name: &Path) -> Found {
        self.0.first().map_or(Found::Nothing, |(_, noted)| find(name, *noted))
    }

    /// The noted paths, in order.
    pub fn names(&self) -> impl Iterator<Item = &Path> {
        self.0.iter().map(|(name, _)| name.as_path())
    }
}

fn find(name: &Path, noted: Identity) -> Found {
    match std::fs::metadata(name) {
        Ok(metadata) if identity(&metadata) == noted => Found::Same,
        Ok(_) => Found::Other,
        Err(_) => Found::Nothing,
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

#[cfg(unix)]
type Identity = (u64, u64, Option<std::time::SystemTime>);

#[cfg(unix)]
fn identity(metadata: &Metadata) -> Identity {
    use std::os::unix::fs::MetadataExt;
    (metadata.dev(), metadata.ino(), metadata.created().ok())
}

#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Identity {}
