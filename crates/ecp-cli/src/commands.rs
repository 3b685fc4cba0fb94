//! One module for each command.

pub(crate) mod clarify;
pub(crate) mod completions;
#[cfg(feature = "console")]
pub(crate) mod console;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod inbox;
pub(crate) mod listen;
pub(crate) mod man;
pub(crate) mod methods;
pub(crate) mod operations;
pub(crate) mod page_url;
pub(crate) mod payouts;
pub(crate) mod reconcile;
pub(crate) mod report;
pub(crate) mod reports;
pub(crate) mod sandbox;
pub(crate) mod send;
pub(crate) mod sign;
pub(crate) mod status;
pub(crate) mod trigger;
pub(crate) mod verify;
