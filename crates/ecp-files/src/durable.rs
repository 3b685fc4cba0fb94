//! Bytes and names that survive a loss of power.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Number of bytes that are read and written at a time.
const PART: usize = 64 * 1024;

/// Reads a file and writes the same bytes to it again, and returns when they are on disk. Call it
/// before you rely on a file of an earlier process, such as a database's log: the system may have
/// failed to write some of its bytes to disk, although they can be read. Nothing else may write to
/// the file meanwhile. A missing file is an error.
///
/// The system reports a failed write to disk once (to a process that may have ended since), and
/// then counts the bytes as written. Such bytes can be read, and a later sync succeeds, but after a
/// loss of power they are gone. Bytes that are written once more are on disk when the sync
/// succeeds.
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

/// Waits until the names of the files in a file's folder are on disk. Call it after you created or
/// renamed the file: if its name is not on disk, the file is lost after a loss of power, even if
/// its contents are on disk. Symbolic links are followed. A path that leads to no file is an error.
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

/// Returns an error if an SQLite database in WAL mode has a rollback journal beside it (a file
/// whose name ends in `-journal`) that SQLite would roll back, or if such a journal cannot be
/// looked for. Call it after a database has entered WAL mode and before the first commit. After an
/// error, open the database again. Symbolic links are followed.
///
/// SQLite takes a journal that it fails to look for as absent, and goes on. The next process finds
/// the journal, and undoes what was committed since.
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
