//! Tables of payments as spreadsheets write them: a strict CSV reader, and cells that stay text.
//!
//! A row of a payout file is money. A lenient reader merges rows after an unclosed quote, and reads
//! a file with another delimiter as one column. [`Table`] follows RFC 4180 strictly and names the
//! line that breaks it:
//!
//! ```
//! use ecp_table::Table;
//!
//! let known = |name: &str| name == "id" || name == "note";
//! let table = Table::read(b"id;note\r\nA-1;\"15\"\" screen\"\r\n;\r\n".to_vec(), None, known)?;
//! assert_eq!(table.delimiter(), b';');
//! let rows: Vec<_> = table.rows().collect::<Result<_, _>>()?;
//! assert_eq!(rows.len(), 1);
//! assert_eq!((rows[0].line(), rows[0].get(1)), (2, "15\" screen"));
//!
//! let table = Table::read(b"id,note\nA-1,\"oops\nA-2,ok\n".to_vec(), None, known)?;
//! let problem = table.rows().next().unwrap().unwrap_err();
//! assert!(problem.to_string().starts_with("line 2, `note`: a quote opens here"));
//! # Ok::<(), ecp_table::Problem>(())
//! ```
//!
//! Other damage by spreadsheets is found cell by cell: [`Hidden`] characters, [`traces`](Trace) of
//! a conversion, texts whose encoding was lost ([`is_garbled`]). [`look`] gives texts that look
//! alike one key, [`fold`] those in another case or with other dashes. [`neutral`] keeps a cell
//! from becoming a formula, and [`for_workbook`] from becoming too long for one.

mod encoding;
mod grammar;
mod hidden;
mod neutral;
mod table;
mod trace;
mod workbook;

pub use self::encoding::is_garbled;
pub use self::hidden::{Hidden, fold, look};
pub use self::neutral::{is_number, neutral};
pub use self::table::{DELIMITERS, Problem, Row, Rows, Table};
pub use self::trace::{Trace, in_thousands};
pub use self::workbook::for_workbook;
