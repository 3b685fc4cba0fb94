//! Checks whether paths still lead to the files that are open.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// A set of paths with the files that they led to at one moment. It shows later whether a path
/// leads to another file, such as after a rename.
///
/// On Unix a file is identified by its device and inode, which no other file can have while the
/// file is open. A file that is created after the first one was closed can have the same inode, so
/// the time of creation counts too, if the file system records it.
#[derive(Clone, Debug)]
pub struct OpenFiles(Vec<(PathBuf, Identity)>);

/// How the file that a path leads to now compares with the file that was noted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The path leads to the noted file.
    Same,
    /// The path leads to another file.
    Other,
    /// The path leads to no file.
    Nothing,
}

impl OpenFiles {
    /// Notes the files that these paths lead to now. Symbolic links are followed.
    pub fn note(names: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let noted = names.into_iter().map(|name| {
            let identity = identity(&std::fs::metadata(&name)?);
            Ok((name, identity))
        });
        noted.collect::<io::Result<_>>().map(Self)
    }

    /// Notes the SQLite database at a path, and its companion files: their names are the name of
    /// the database with these suffixes, such as `-wal`. If the path is a symbolic link, the
    /// companion files are beside the link's target.
    pub fn note_database(path: &Path, beside: &[&str]) -> io::Result<Self> {
        let file = std::fs::canonicalize(path)?;
        let beside = beside.iter().map(|end| with_end(&file, end));
        Self::note([path.to_owned()].into_iter().chain(beside))
    }

    /// Whether every path still leads to the file that was noted for it. It takes one system call
    /// per path, some microseconds in all.
    pub fn are_same(&self) -> bool {
        self.found().all(|found| found == Found::Same)
    }

    /// Compares the current file of each path with its noted file, in the order of the paths.
    pub fn found(&self) -> impl Iterator<Item = Found> {
        self.0.iter().map(|(name, noted)| find(name, *noted))
    }

    /// Compares the file that another path leads to with the first noted file.
    pub fn found_under(&self, name: &Path) -> Found {
        self.0.first().map_or(Found::Nothing, |(_, noted)| find(name, *noted))
    }

    /// The noted paths, in the order in which they were given.
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
