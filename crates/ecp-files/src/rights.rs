//! Access rights of files.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::database;

/// Creates a file that only its owner may read and write, and opens it for writing. It is an error
/// if anything exists at the path, even a dangling symbolic link.
pub fn create(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// Opens a file for appending. A new file is created as by [`create`], so that only its owner may
/// read it. From an existing file that belongs to this process's user, the rights of users other
/// than owner and group are [removed](tighten). It is an error if the file is an SQLite database.
pub fn append(path: &Path) -> io::Result<File> {
    match options().append(true).create_new(true).open(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        done => return done,
    }
    database::refuse(path)?;
    match tighten(path) {
        Err(error) if error.kind() != ErrorKind::PermissionDenied => return Err(error),
        // Only the owner can change the rights; opening shows whether it may be written.
        _ => {}
    }
    OpenOptions::new().append(true).open(path)
}

/// Prepares the file of an SQLite database, before SQLite opens it. If there is no file, an empty
/// one is created that only its owner may read. From an existing file and its companion files
/// (`-wal`, `-shm`), [the rights of others are removed](tighten). Returns the path of a file that
/// others may still read, because it belongs to another user; `None` if there is none.
///
/// Symbolic links are followed. An existing file is not opened, because closing it would release
/// this process's locks on it.
pub fn prepare_database(path: &Path) -> io::Result<Option<PathBuf>> {
    if let Err(error) = std::fs::metadata(path) {
        if error.kind() != ErrorKind::NotFound {
            return Err(error);
        }
        // Another process may create the same file first.
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
            // A log may be removed at this moment.
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(None)
}

/// Removes the rights of users other than owner and group from a regular file. Returns whether the
/// rights were changed. It is an error if they must change and the file belongs to another user.
/// On systems that are not Unix nothing is changed.
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
