//! Addresses of Postgres databases, with what the environment adds to them.

use std::env::VarError;
use std::time::Duration;

use anyhow::Context;
use ecp_inbox::postgres::PostgresAddress;
use ecp_payouts::postgres::{PostgresJournalOptions, PostgresJournalReader};

use crate::usage::{Usage, UsageText};

/// Reads the address that an option such as `--postgres` gives.
pub(crate) fn postgres(option: &str, text: &str) -> anyhow::Result<PostgresAddress> {
    let mut set = Vec::new();
    for default in DEFAULTS {
        match std::env::var(default.1) {
            Ok(value) if !value.is_empty() => set.push((default, value)),
            Ok(_) | Err(VarError::NotPresent) => {}
            // Ignoring it could mean an unprotected connection.
            Err(VarError::NotUnicode(_)) => {
                let why = "the environment variables PGSSLMODE, PGSSLROOTCERT and \
                           PGCHANNELBINDING must be UTF-8";
                return Err(Usage(why).into());
            }
        }
    }
    let without = |left_out: &[&str]| {
        let kept = set.iter().filter(|((_, variable), _)| !left_out.contains(variable));
        let kept: Vec<_> = kept.map(|((word, _), value)| (*word, value.as_str())).collect();
        PostgresAddress::parse(text, &kept)
    };
    let address = without(&[]).with_context(|| {
        // Those without which the address can be used.
        let all: Vec<&str> = set.iter().map(|((_, variable), _)| *variable).collect();
        let mut at_fault = all.clone();
        at_fault.retain(|variable| without(&[variable]).is_ok());
        if at_fault.is_empty() && without(&all).is_ok() {
            at_fault = all;
        }
        let with = match at_fault.as_slice() {
            [] => String::new(),
            [one] => format!(" with the environment variable {one}"),
            several => format!(" with the environment variables {}", several.join(" and ")),
        };
        format!("cannot use the address of {option}{with}")
    })?;
    if address.has_password() {
        return Err(UsageText(format!(
            "{option} has a password, which others can read on the command line: set the environment \
             variable PGPASSWORD instead"
        ))
        .into());
    }
    Ok(match std::env::var_os("PGPASSWORD") {
        Some(password) => address.password(password.as_encoded_bytes()),
        None => address,
    })
}

/// Makes a reader of the journals in the database of `--postgres-journal`, which does not wait for a
/// server that is away.
pub(crate) fn journals(text: &str) -> anyhow::Result<PostgresJournalReader> {
    let address = postgres("--postgres-journal", text)?;
    let reader = PostgresJournalOptions::new().patience(Duration::ZERO).reader_at(address);
    reader.context("cannot use the address of --postgres-journal")
}

/// Keywords of an address that are read from variables, as `psql` does.
const DEFAULTS: [(&str, &str); 3] = [
    ("sslmode", "PGSSLMODE"),
    ("sslrootcert", "PGSSLROOTCERT"),
    ("channel_binding", "PGCHANNELBINDING"),
];
