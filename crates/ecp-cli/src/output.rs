//! Files that commands write.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that is there whole or not at all: until it is finished, what is written stands beside
/// it under another name.
pub(crate) struct WholeFile {
    path: PathBuf,
    unfinished: PathBuf,
    file: BufWriter<File>,
    is_finished: bool,
}

impl WholeFile {
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".unfinished");
        let unfinished = PathBuf::from(unfinished);
        let file = BufWriter::new(File::create(&unfinished)?);
        Ok(Self { path: path.to_owned(), unfinished, file, is_finished: false })
    }

    /// Gives it its name.
    pub(crate) fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        std::fs::rename(&self.unfinished, &self.path)?;
        self.is_finished = true;
        Ok(())
    }
}

/// What is not finished may be personal, so it does not stay.
impl Drop for WholeFile {
    fn drop(&mut self) {
        if !self.is_finished {
            // The error that ended it is told already.
            let _ = std::fs::remove_file(&self.unfinished);
        }
    }
}

impl Write for WholeFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
