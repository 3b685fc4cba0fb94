//! Files that hold callbacks, payouts and results.
//!
//! They hold personal data and decide about money, so:
//!
//! - new files may be read and written by their owner only (mode 0600), whatever the process's
//!   umask is;
//! - an existing file loses the rights of *others* ([`tighten`]) and keeps those of its group, which
//!   may have been given on purpose;
//! - a [`Replacement`] appears complete or not at all, and a symbolic link planted under its
//!   temporary name is not followed;
//! - neither it nor [`append`] writes over an SQLite database, such as a journal or an inbox;
//! - [`rewrite`] and [`sync_names`] put on disk what a sync that failed, or a folder that was not
//!   synced, may have left out, and [`refuse_rollback`] finds a journal that would undo commits;
//! - [`OpenFiles`] reports when the paths of open files lead elsewhere: on Unix a removed file can
//!   be written for as long as it is open, and is lost afterwards.
//!
//! On systems that are not Unix the rights are those of the folder, and files are only
//! distinguished by whether they exist: Windows does not let a file be removed or replaced while
//! SQLite has it open.

mod database;
mod durable;
mod open;
mod replacement;
mod rights;

pub use self::durable::{refuse_rollback, rewrite, sync_names};
pub use self::open::{Found, OpenFiles};
pub use self::replacement::Replacement;
pub use self::rights::{append, create, prepare_database, tighten};
