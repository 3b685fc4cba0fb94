//! Files that are there whole or not at all.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use crate::{database, rights};

/// A file that takes its name when it is finished, in place of one that has it. Until then it
/// is beside it, under a name that ends in `.unfinished`; dropped, it is removed.
///
/// Symbolic links are followed: what they lead to is replaced, and they stay. What is no regular
/// file (a named pipe) and what the path leads to through `/dev` or `/proc` (`/dev/stdout`, also
/// where that is a file) is written directly, at its end.
#[derive(Debug)]
pub struct Replacement {
    file: BufWriter<File>,
    /// Temporary and final path.
    names: Option<(PathBuf, PathBuf)>,
}

/// How many names are tried. Somebody else's files may have some of them.
const NAMES: u32 = 1000;

impl Replacement {
    /// Begins the file. Only its owner may read it, also once it is finished. A database of SQLite
    /// under that name is an error; this process must not have it open, because looking at it would
    /// end the locks that it has on it.
    pub fn create(path: &Path) -> io::Result<Self> {
        let Target::Name(path) = target(path)? else {
            // What was redirected to it before stays.
            let file = OpenOptions::new().append(true).open(path)?;
            return Ok(Self { file: BufWriter::new(file), names: None });
        };
        if path.is_dir() {
            return Err(io::Error::new(ErrorKind::IsADirectory, "there is a folder of that name"));
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

    /// Gives it its name, once it is on the disk.
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
    /// This is replaced. It may not be there.
    Name(PathBuf),
    /// What the path leads to is open or no regular file, and is written.
    Open,
}

/// How many links are followed, as Linux does.
const LINKS: u32 = 40;

/// Follows a path to its end, also if nothing is there.
fn target(path: &Path) -> io::Result<Target> {
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        return Ok(Target::Open);
    }
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = std::fs::canonicalize(parent.unwrap_or(Path::new(".")))?;
        // A name there, such as `/proc/self/fd/1`, is one of something that is open.
        if cfg!(unix) && (folder == Path::new("/dev") || folder.starts_with("/proc")) {
            return Ok(Target::Open);
        }
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_symlink() => path = folder.join(std::fs::read_link(&path)?),
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => return Ok(Target::Name(path)),
        }
    }
    Err(io::Error::other("too many symbolic links lead from one to the next"))
}

/// What is not finished may be personal, so it does not stay.
impl Drop for Replacement {
    fn drop(&mut self) {
        if let Some((unfinished, _)) = &self.names {
            // The error that ended it is known already.
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
