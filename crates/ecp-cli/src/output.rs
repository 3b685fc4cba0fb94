//! Output of commands: standard output and standard error.
//!
//! An output error never turns a completed operation into a failure: a reader that has closed its
//! pipe is not an error, and a result that cannot be printed goes to standard error.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use ecp_files::Replacement;

/// `eprintln!` that does not panic if standard error is closed. The word before the first colon is
/// coloured on a terminal if it says what kind of message it is.
macro_rules! note {
    ($($text:tt)*) => {
        $crate::output::write_message(&format!($($text)*))
    };
}

/// `println!` for optional text: if it cannot be written, the command continues.
macro_rules! print_line {
    ($($text:tt)*) => {{
        let _ = std::io::Write::write_fmt(
            &mut $crate::output::stdout(),
            format_args!("{}\n", format_args!($($text)*)),
        );
    }};
}

/// Standard output. Once its reader has closed the pipe, writes are discarded without an error:
/// `ecp methods | head -1` is not a failure, and the exit code is that of the command's work.
pub(crate) struct Stdout(io::StdoutLock<'static>);

static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Makes results and errors JSON.
pub(crate) fn be_json() {
    IS_JSON.store(true, Ordering::Relaxed);
}

/// Whether results and errors are JSON.
pub(crate) fn is_json() -> bool {
    IS_JSON.load(Ordering::Relaxed)
}

/// Writes a message to standard error.
pub(crate) fn write_message(text: &str) {
    // In one write, so that nothing falls between the text and its end.
    let line = format!("{}\n", coloured(text, has_colour()));
    let _ = io::stderr().write_all(line.as_bytes());
}

/// Whether standard error shows colours: a terminal, unless `NO_COLOR` or `TERM=dumb` is set.
fn has_colour() -> bool {
    let is_off = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let has_codes = std::env::var_os("TERM").is_some_and(|term| term != "dumb" && !term.is_empty());
    io::stderr().is_terminal() && has_codes && !is_off
}

/// Colours the word that says what kind of message it is.
fn coloured(text: &str, has_colour: bool) -> Cow<'_, str> {
    let Some((word, rest)) = text.split_once(':').filter(|_| has_colour) else {
        return Cow::Borrowed(text);
    };
    let code = match word {
        "error" => "1;31",
        "warning" | "WARNING" => "1;33",
        "hint" | "note" => "36",
        "next" => "1;36",
        _ => return Cow::Borrowed(text),
    };
    Cow::Owned(format!("\u{1b}[{code}m{word}:\u{1b}[0m{rest}"))
}

/// Writes the error that ends a command to standard error: a line of text, or with `--json` an
/// object on one line.
pub(crate) fn write_error(text: &str, exit_code: u8) {
    if is_json() {
        write_message(&serde_json::json!({"error": text, "exit_code": exit_code}).to_string());
    } else {
        write_message(&format!("error: {text}"));
    }
}

static IS_CLOSED: AtomicBool = AtomicBool::new(false);

pub(crate) fn stdout() -> Stdout {
    Stdout(io::stdout().lock())
}

/// Whether the reader of standard output has closed the pipe, so that no more output is needed.
pub(crate) fn is_closed() -> bool {
    IS_CLOSED.load(Ordering::Relaxed)
}

fn closed_is_no_error<T>(result: io::Result<T>, otherwise: T) -> io::Result<T> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
            IS_CLOSED.store(true, Ordering::Relaxed);
            Ok(otherwise)
        }
        result => result,
    }
}

impl Write for Stdout {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if is_closed() {
            return Ok(bytes.len());
        }
        closed_is_no_error(self.0.write(bytes), bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if is_closed() {
            return Ok(());
        }
        closed_is_no_error(self.0.flush(), ())
    }
}

/// Prints the result of a completed operation. If standard output cannot be written, the result
/// goes to standard error, and the exit code stays that of the work.
pub(crate) fn print_result(text: &str) {
    let mut output = stdout();
    if let Err(error) = output.write_all(text.as_bytes()).and_then(|()| output.flush()) {
        note!("error: the result cannot be printed on standard output ({error}); the result is:");
        note!("{}", text.trim_end());
    }
}

/// Output of a command: a file that appears complete or not at all, or standard output for `-`.
pub(crate) enum Output {
    Stdout(Stdout),
    File(Replacement),
}

impl Output {
    /// Opens the output. A file appears when it is [finished](Self::finish).
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        if is_dash(path) {
            return Ok(Self::Stdout(stdout()));
        }
        Replacement::create(path).map(Self::File)
    }

    /// Completes the output: a file gets its name, standard output is flushed.
    pub(crate) fn finish(self) -> io::Result<()> {
        match self {
            Self::Stdout(mut output) => output.flush(),
            Self::File(file) => file.finish(),
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Stdout(output) => output.write(bytes),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Stdout(output) => output.flush(),
            Self::File(file) => file.flush(),
        }
    }
}

/// Returns whether the path is `-`, which means standard output.
pub(crate) fn is_dash(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Whether output to a path reaches standard output: `-`, `/dev/stdout`, or the file that standard
/// output was redirected to.
pub(crate) fn is_stdout(path: &Path) -> bool {
    is_dash(path) || is_same_as_stdout(path).unwrap_or(false)
}

#[cfg(unix)]
fn is_same_as_stdout(path: &Path) -> io::Result<bool> {
    use std::os::fd::AsFd as _;
    use std::os::unix::fs::MetadataExt as _;

    let stdout = std::fs::File::from(io::stdout().as_fd().try_clone_to_owned()?).metadata()?;
    let there = std::fs::metadata(path)?;
    Ok((stdout.dev(), stdout.ino()) == (there.dev(), there.ino()))
}

#[cfg(not(unix))]
const fn is_same_as_stdout(_: &Path) -> io::Result<bool> {
    Ok(false)
}

/// Quotes a text, where necessary, so that it is one word of a shell command.
pub(crate) fn shell_word(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(format!("'{}'", text.replace('\'', r"'\''")))
    }
}

/// Returns the canonical form of a path, even if the file does not exist yet.
pub(crate) fn resolved(path: &Path) -> PathBuf {
    if let Ok(path) = path.canonicalize() {
        return path;
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    match (folder.canonicalize(), path.file_name()) {
        (Ok(folder), Some(name)) => folder.join(name),
        _ => path.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_of_a_message_is_coloured_and_nothing_else() {
        for (text, shown) in [
            ("error: no", "\u{1b}[1;31merror:\u{1b}[0m no"),
            ("next: open http://a", "\u{1b}[1;36mnext:\u{1b}[0m open http://a"),
            ("payouts.csv: error: 7", "payouts.csv: error: 7"),
            ("done", "done"),
        ] {
            assert_eq!(coloured(text, true), shown);
            assert_eq!(coloured(text, false), text);
        }
    }

    #[test]
    fn a_word_of_a_command_is_quoted_where_a_shell_would_change_it() {
        for (text, word) in [
            ("order-1", "order-1"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("", "''"),
            ("a b", "'a b'"),
            ("$(x)", "'$(x)'"),
            ("it's", r"'it'\''s'"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }
}
