//! Reports sent to a real SMTP server, by every way and with every refusal.

#![cfg(feature = "mail")]
#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod sending;
#[path = "support/smtp.rs"]
mod smtp;
