//! Output files that appear complete or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::{database, rights};

/// An output file that replaces the file at its path only when [`finish`](Self::finish) is called.
/// Until then the output is in a temporary file in the same folder, with a name that ends in
/// `.unfinished`; dropping the value deletes this file. A process that is killed leaves it there.
///
/// Symbolic links are followed: the link stays, and its target is replaced. A path that is not a
/// regular file (such as a named pipe) or leads through `/dev` or `/proc` (such as `/dev/stdout`,
/// even if redirected to a file) is not replaced: the output is appended
/// to what it holds, as it is written.
#[derive(Debug)]
pub struct Replacement {
    file: BufWriter<File>,
    /// Temporary and final path; `None` if the output goes to the path directly, or is finished.
    names: Option<(PathBuf, PathBuf)>,
}

/// Number of temporary names that are tried; other files may have some of them.
const NAMES: u32 = 1000;

impl Replacement {
    /// Creates the temporary file for an output path. Only its owner may read the file, also once
    /// it is finished. A folder or an SQLite database at the path is an error. This process must
    /// not have a database at the path open, because the check reads the file, and closing it would
    /// release this process's locks on the database.
    pub fn create(path: &Path) -> io::Result<Self> {
        let Target::Name(path) = target(path)? else {
            // Earlier output in a redirected file is kept.
            let file = OpenOptions::new().append(true).open(path)?;
            return Ok(Self { file: BufWriter::new(file), names: None });
        };
        if path.is_dir() {
            return Err(io::Error::new(
                ErrorKind::IsADirectory,
                "a folder is at this path; choose the path of a file",
            ));
        }
        database::refuse(&path)?;
        let mut number = 0;
        loop {
            let mut name = path.as_os_str().to_owned();
            name.push(format!(".{}-{number}.unfinished", process::id()));
            let name = PathBuf::from(name);
            match rights::create(&name) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists && number < NAMES => {
                    number += 1;
                }
                made => {
                    let names = Some((name, path));
                    return Ok(Self { file: BufWriter::new(made?), names });
                }
            }
        }
    }

    /// Writes all data to disk, and puts the finished file at its path, in place of the file that
    /// was there. After an error, a file that was to be replaced is unchanged, and the temporary
    /// file is deleted. To be sure of the new name after a loss of power, call
    /// [`sync_names`](crate::sync_names) next; without it, the earlier file may be at the path
    /// again.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Some((unfinished, path)) = &self.names {
            self.file.get_ref().sync_all()?;
            std::fs::rename(unfinished, path)?;
            self.names = None;
        }
        Ok(())
    }
}

enum Target {
    /// A path whose file is replaced. It may not exist.
    Name(PathBuf),
    /// An open or special file, which is written directly.
    Open,
}

/// Number of links that are followed, as in Linux.
const LINKS: u32 = 40;

/// Resolves a path through its links, even if the target does not exist.
fn target(path: &Path) -> io::Result<Target> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Ok(Target::Open);
    }
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = std::fs::canonicalize(parent.unwrap_or(Path::new(".")))?;
        // A path there, such as `/proc/self/fd/1`, refers to an open file.
        if cfg!(unix) && (folder == Path::new("/dev") || folder.starts_with("/proc")) {
            return Ok(Target::Open);
        }
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_symlink() => path = folder.join(std::fs::read_link(&path)?),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => return Ok(Target::Name(path)),
        }
    }
    Err(io::Error::other(
        "the path leads through too many symbolic links, which may lead back to each other; choose \
         another path",
    ))
}

/// An unfinished file may hold personal data, so it is removed.
impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some((unfinished, _)) = &self.names {
            // The error that ended the write has been reported.
            let _ = std::fs::remove_file(unfinished);
        }
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
