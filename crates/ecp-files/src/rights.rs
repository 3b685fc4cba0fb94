//! Who may read.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::database;

/// Makes a file that only its owner may read and write, and opens it for writing. It is an error
/// if there is something under that name, be it a symbolic link to nothing.
pub fn create(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// Opens a file to write at its end. If there is none it is made as by [`create`], otherwise it is
/// [tightened](tighten), unless it is another user's. A database of SQLite is an error.
pub fn append(path: &Path) -> io::Result<File> {
    match options().append(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        done => return done,
    }
    database::refuse(path)?;
    match tighten(path) {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => return Err(error),
        // Only its owner can change its rights; whether it may be written is another question.
        _ => {}
    }
    OpenOptions::new().append(true).open(path)
}

/// Sees to it that there is a file for SQLite to open: makes an empty one as [`create`] does, at the
/// end of symbolic links, or [tightens](tighten) what is there and what SQLite has beside it, which
/// takes its rights from it. A file that exists is not opened: closing it would end the locks
/// that this process has on it.
///
/// Returns the file that others may still read, if only its owner may change that.
pub fn prepare_database(path: &Path) -> io::Result<Option<PathBuf>> {
    if let Err(error) = std::fs::metadata(path) {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
        // Another process may be quicker, and makes the same.
        return options().write(true).create(true).truncate(false).open(path).map(|_| None);
    }
    let file = std::fs::canonicalize(path)?;
    for end in ["", "-wal", "-shm"] {
        let mut name = file.clone().into_os_string();
        name.push(end);
        match tighten(Path::new(&name)) {
            Err(error) if error.kind() == ErrorKind::PermissionDenied => {
                return Ok(Some(PathBuf::from(name)));
            }
            // A log that ends at this moment is not there any more.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// Takes the rights of others from a regular file that exists; its owner and group keep theirs.
/// Returns whether anything changed. Only the owner of a file may do this.
pub fn tighten(path: &Path) -> io::Result<bool> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let metadata = std::fs::metadata(path)?;
        let mut rights = metadata.permissions();
        let others = rights.mode() & 0o007;
        if metadata.is_file() && others != 0 {
            rights.set_mode(rights.mode() & 0o770);
            std::fs::set_permissions(path, rights)?;
            return Ok(true);
        }
    }
    #[cfg(not(unix))]
    std::fs::metadata(path)?;
    Ok(false)
}

fn options() -> OpenOptions {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "rights are set on Unix only"))]
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
