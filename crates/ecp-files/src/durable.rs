//! Bytes and names that survive a loss of power.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Number of bytes that are read and written at a time.
const PART: usize = 64 * 1024;

/// Writes a file's bytes to it once more, and returns when they are on disk. Nothing else may write
/// to the file meanwhile. A missing file is an error.
///
/// What can be read from a file is not always on its disk, and a sync does not always put it there:
/// where the system failed to write to the disk, it reports this once (to a process that may have
/// ended since), and counts what it did not write as written. After a loss of power it is gone,
/// though it was read and a later sync succeeded. Bytes that are written once more are on disk when
/// the sync succeeds.
pub fn rewrite(path: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).write(true).open(path)?;
    let mut part = vec![0; PART];
    let mut offset = 0;
    loop {
        let count = match file.read(&mut part) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        file.seek(SeekFrom::Start(offset))?;
        file.write_all(&part[..count])?;
        offset += count as u64;
    }
    file.sync_all()
}

/// Waits until the names in the folder of a file are on disk: a file whose contents are on disk is
/// lost all the same if its name is not. Symbolic links are followed.
///
/// A folder that cannot be opened for reading, or does not support this, is passed over, and so are
/// all folders on systems that are not Unix.
pub fn sync_names(path: &Path) -> io::Result<()> {
    let path = std::fs::canonicalize(path)?;
    if !cfg!(unix) {
        return Ok(());
    }
    let Some(folder) = path.parent() else { return Ok(()) };
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::PermissionDenied | ErrorKind::InvalidInput | ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        synced => synced,
    }
}

/// Returns an error if an SQLite database in WAL mode has a rollback journal (`-journal`) beside it
/// that would be rolled back, or if that cannot be found out. Symbolic links are followed.
///
/// SQLite takes a journal that it fails to look for as absent, and goes on. The next process finds
/// it, and undoes what was committed since.
pub fn refuse_rollback(database: &Path) -> io::Result<()> {
    let mut name = std::fs::canonicalize(database)?.into_os_string();
    name.push("-journal");
    let journal = PathBuf::from(name);
    let mut begin = Vec::new();
    match File::open(&journal).and_then(|journal| journal.take(1).read_to_end(&mut begin)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
        Ok(_) => {}
    }
    // SQLite overwrites the head of a journal that is over with zeros.
    if begin.first().is_none_or(|first| *first == 0) {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "SQLite has left the rollback journal {} and may undo later commits with it; open the \
         database again",
        journal.display()
    )))
}
