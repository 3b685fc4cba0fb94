//! Marked secrets and personal data, searched for in everything that a program logs, measures and
//! prints. Behind the feature `sentinels`.
//!
//! A service uses invented values in place of its customers' data and its keys, and proves that
//! none of them reaches a log. [`Sentinels`] knows each value in every form that may be printed;
//! [`Capture`] records spans and events of `tracing`, records of `log` and observations of metrics,
//! also those of other crates. Printed output is added by hand.
//!
//! ```
//! use ecp_testkit::sentinels::{Capture, Sentinels};
//!
//! /// A part of a service, with a careless line.
//! fn take_order(mail: &str) {
//!     tracing::info!(customer = mail, "an order");
//! }
//!
//! let mut sentinels = Sentinels::new();
//! sentinels.add("the customer's mail", "mary.of.the.test@example.com");
//!
//! // For one thread and a while; `Capture::install` is for a whole process.
//! let capture = Capture::new();
//! tracing::subscriber::with_default(capture.clone(), || {
//!     take_order("mary.of.the.test@example.com");
//! });
//!
//! let leaks = capture.leaks(&sentinels);
//! assert_eq!(leaks.len(), 1);
//! assert!(leaks[0].names().contains("the customer's mail"));
//! ```

mod capture;
mod marks;

pub use self::capture::{Capture, Leak, Names};
pub use self::marks::{Search, Sentinels};
