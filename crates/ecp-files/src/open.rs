//! Checks whether paths still lead to the files that are open.

use std::fs::Metadata;
use std::io;
use std::path::{Path, PathBuf};

/// A set of paths, each with the file that it led to at one moment. It shows later whether a path
/// leads to another file, such as after a rename: what is written to the open file may then be
/// lost. Make it with [`note`](Self::note), and ask [`are_same`](Self::are_same) before you count
/// data as stored.
///
/// On Unix a file is identified by its device and inode, which no other file can have while the
/// file is open. A file that is created after the recorded file was closed can have the same inode,
/// so the time of creation is compared too, if the file system records it. On other systems every
/// file counts as the same, so only a missing file is noticed.
#[derive(Clone, Debug)]
pub struct OpenFiles(Vec<(PathBuf, Identity)>);

/// How the file that a path leads to now compares with the file that [`OpenFiles`] recorded: the
/// same, another or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// The path still leads to the recorded file.
    Same,
    /// The path leads to another file, for example because the recorded file was replaced.
    Other,
    /// The path leads to no file, or to one that cannot be examined.
    Nothing,
}

impl OpenFiles {
    /// Records which files these paths lead to now, to compare with later. Symbolic links are
    /// followed. A path that leads to no file is an error.
    pub fn note(names: impl IntoIterator<Item = PathBuf>) -> io::Result<Self> {
        let noted = names.into_iter().map(|name| {
            let identity = identity(&std::fs::metadata(&name)?);
            Ok((name, identity))
        });
        noted.collect::<io::Result<_>>().map(Self)
    }

    /// Records which files the path of an SQLite database and its companion files lead to now, to
    /// compare with later. `beside` has the suffixes of the companion files, such as `-wal`, which
    /// follow the name of the database. If the path is a symbolic link, the companion files are
    /// beside the link's target. A path that leads to no file is an error.
    pub fn note_database(path: &Path, beside: &[&str]) -> io::Result<Self> {
        let file = std::fs::canonicalize(path)?;
        let beside = beside.iter().map(|end| with_end(&file, end));
        Self::note([path.to_owned()].into_iter().chain(beside))
    }

    /// Whether every path still leads to the file that was recorded for it. If `false`, data that
    /// is written to the open files may be lost. This takes one system call per path, some
    /// microseconds in all.
    pub fn are_same(&self) -> bool {
        self.found().all(|found| found == Found::Same)
    }

    /// Compares the file that each path leads to now with the file that was recorded for it, in the
    /// order of [`names`](Self::names).
    pub fn found(&self) -> impl Iterator<Item = Found> {
        self.0.iter().map(|(name, noted)| find(name, *noted))
    }

    /// Compares the file that `name` leads to now with the file that was recorded for the first
    /// path, which after [`note_database`](Self::note_database) is the database. It shows, for
    /// example, whether a file that a symbolic link led to still has its own name.
    /// [`Found::Nothing`] if no file was recorded.
    pub fn found_under(&self, name: &Path) -> Found {
        self.0.first().map_or(Found::Nothing, |(_, noted)| find(name, *noted))
    }

    /// The paths whose files are recorded, in the order in which they were given. After
    /// [`note_database`](Self::note_database), the path of the database is the first.
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
