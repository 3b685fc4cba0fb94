//! Reports about payments: a table as CSV or XLSX, made of a template, by hand or on a schedule,
//! kept for some days and sent by e-mail.
//!
//! The Dashboard of `ecp-sandbox` and the command `ecp reports` are built on this crate. They
//! provide the rows, keep and remove the templates and files, and choose the clock.
//!
//! ```
//! use ecp_reports::{Cell, Format, Period, Schedule, Table, Template, Zone};
//!
//! let mut table = Table::new(["payment_id", "status", "amount"]);
//! table.push([Cell::text("P-1"), Cell::text("success"), Cell::Number(1000)]);
//! table.push([Cell::text("P-2"), Cell::text("decline"), Cell::Number(500)]);
//!
//! let declines = Template::new().columns(["payment_id", "amount"]).only("status", "decline");
//! let report = declines.apply(&table);
//! let file = report.table.write(Format::Csv)?;
//! assert_eq!(file.bytes, b"payment_id,amount\nP-2,500\n");
//!
//! // Every Monday at seven in Berlin, about the week before.
//! let schedule: Schedule = "weekly monday 07:00".parse()?;
//! let berlin: Zone = "Europe/Berlin".parse()?;
//! let now = "2026-11-25T12:00:00+0000".parse()?;
//! let moment = schedule.after(now, &berlin);
//! assert_eq!(moment.to_string(), "2026-11-30T06:00:00+0000");
//! let days = schedule.period().days(moment, &berlin);
//! assert_eq!((days.first(), days.last()), ("2026-11-23".into(), "2026-11-29".into()));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Text never becomes a formula: in CSV by [`ecp_table::neutral`], in a workbook because every cell
//! has its type.
//!
//! # Features
//!
//! - `mail`: sending over SMTP with TLS. Without it [`Smtp::new`] returns an error that says so, and
//!   everything else works.

mod delivery;
mod format;
mod mail;
mod period;
mod schedule;
mod smtp;
mod table;
mod template;

use std::time::Duration;

pub use self::delivery::{Delivery, DeliveryState, Retries};
pub use self::format::{Format, UnwritableFormat};
pub use self::mail::{
    Attachment, InvalidAddress, Letter, MailAddress, MailError, SendMail, Sender,
};
pub use self::period::{Days, InvalidPeriod, InvalidZone, Period, Zone};
pub use self::schedule::{InvalidSchedule, Schedule};
pub use self::smtp::{InvalidSmtp, Smtp, SmtpSettings, Tls};
pub use self::table::{Cell, Table, Warning, WriteError, Written};
pub use self::template::{Selection, Template};

/// How long the file of a report is kept before `ecp reports` and the sandbox's Dashboard remove
/// it: four days. This crate itself removes no file.
pub const KEPT_FOR: Duration = Duration::from_hours(4 * 24);
