//! Databases of SQLite, which output files must not replace.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// First bytes of SQLite's files: a database, a write-ahead log in either byte order, a rollback
/// journal.
const BEGINNINGS: [&[u8]; 4] = [
    b"SQLite format 3\0",
    b"\x37\x7f\x06\x82",
    b"\x37\x7f\x06\x83",
    b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7",
];

/// Returns an error if the path is a database: a journal or an inbox must not be overwritten.
pub(crate) fn refuse(path: &Path) -> io::Result<()> {
    let is_file = std::fs::metadata(path).is_ok_and(|there| there.is_file());
    // An unreadable file is replaced like any other: the rights of its folder decide.
    let Some(file) = is_file.then(|| File::open(path).ok()).flatten() else { return Ok(()) };
    let mut beginning = Vec::new();
    file.take(16).read_to_end(&mut beginning)?;
    if BEGINNINGS.iter().any(|known| beginning.starts_with(known)) {
        return Err(io::Error::new(
            ErrorKind::AlreadyExists,
            "an SQLite database, such as a journal or an inbox, is already at this path; choose \
             another path",
        ));
    }
    Ok(())
}
