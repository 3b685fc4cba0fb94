//! Whether names still lead to the files that are open.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// Files as their names led to them at one moment, while they were open.
///
/// On Unix they are distinguished by device and inode: as long as the files are open, no other file can
/// get the same. A file that is made after one was closed can, so the moment it was made counts too
/// where the file system keeps it.
#[derive(Clone, Debug)]
pub struct OpenFiles(Vec<(PathBuf, Identity)>);

/// What a name leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The file that was noted.
    Same,
    /// Another file.
    Other,
    /// None.
    Nothing,
}

impl OpenFiles {
    /// Notes the files under these names. Symbolic links are followed.
    pub fn note(names: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let noted = names.into_iter().map(|name| {
            let identity = identity(&std::fs::metadata(&name)?);
            Ok((name, identity))
        });
        noted.collect::<io::Result<_>>().map(Self)
    }

    /// Notes an SQLite database under the name that it was given, and files beside it by what their
    /// names have besides, such as `-wal`. SQLite has them beside the file itself, also where its
    /// name is a symbolic link.
    pub fn note_database(path: &Path, beside: &[&str]) -> io::Result<Self> {
        let file = std::fs::canonicalize(path)?;
        let beside = beside.iter().map(|end| with_end(&file, end));
        Self::note([path.to_owned()].into_iter().chain(beside))
    }

    /// Whether all names lead to the files that were noted. It takes one call of the system a
    /// name, some microseconds in all.
    pub fn are_same(&self) -> bool {
        self.found().all(|found| found == Found::Same)
    }

    /// What each of the names leads to now.
    pub fn found(&self) -> impl Iterator<Item = Found> {
        self.0.iter().map(|(name, noted)| find(name, *noted))
    }

    /// What another name leads to, beside the first file that was noted.
    pub fn found_under(&self, name: &Path) -> Found {
        self.0.first().map_or(Found::Nothing, |(_, noted)| find(name, *noted))
    }

    /// The names, in their order.
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
