//! The sandbox as a merchant meets it: requests through its router, the customer's clicks, and
//! callbacks to a real listener on this machine.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod admin;
mod browsers;
mod confirmation;
mod dashboard;
mod data_api;
mod declared;
mod delivery;
mod events;
mod faults;
mod gate;
mod history;
mod http_runs;
mod live;
mod lives;
mod local;
mod major_units;
mod offered;
mod outside;
mod own_check;
mod page;
mod payment_page;
mod payout;
mod reading;
mod redirect;
mod refund;
mod refund_refusals;
mod reports;
mod safety;
mod sale;
mod sdks;
mod slow;
#[path = "../../../ecp-reports/tests/support/smtp.rs"]
mod smtp;
mod state;
mod status;
mod steps;
mod support;
mod time;
mod vouchers;
