//! `ecp verify`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_core::json::Document;
use ecp_core::signature::{self, Match, VerifyError};
use serde_json::json;

use crate::key::KeyOptions;
use crate::{Usage, documents};

/// Check the signature of a JSON document on standard input
///
/// The document may be any JSON object with a signature at its root or in `general`. Prints `ok`
/// with the key, the order of the items that matched and the reading, or `failed` with the reason.
/// The reading is `unique`, or `ambiguous` with the members that may hold others which were signed
/// as members of their own.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp verify --key-env ECP_KEY < callback.json\n  ecp verify --jsonl --key-env NEW_KEY --key-env OLD_KEY < callbacks.jsonl\n  ecp verify --unique --key-env ECP_KEY < callback.json\n\nExits with 0 only if every document is genuine and there was at least one."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    key: KeyOptions,

    /// Read one document a line
    #[arg(long)]
    jsonl: bool,

    /// Fail a document that has another reading
    #[arg(long)]
    unique: bool,

    /// Print a line of JSON for each document
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (names, keys): (Vec<_>, Vec<_>) =
            self.key.load()?.into_iter().map(|named| (named.name, named.key)).unzip();
        if keys.is_empty() {
            return Err(Usage("name at least one key: --key-env NAME or --key-file PATH").into());
        }
        let (mut documents, mut genuine) = (0_u64, 0_u64);
        let mut output = crate::output::stdout();
        documents::for_each(self.jsonl, |_, document| {
            documents += 1;
            let line = match check(&keys, document) {
                Ok((found, ambiguous)) => {
                    let fails = self.unique && !ambiguous.is_empty();
                    genuine += u64::from(!fails);
                    self.genuine_line(&names[found.key], &found, &ambiguous)
                }
                Err(error) if self.json => {
                    json!({"genuine": false, "error": error.to_string()}).to_string()
                }
                Err(error) => format!("failed: {error}"),
            };
            writeln!(output, "{line}")?;
            Ok(())
        })?;
        let all = documents > 0 && genuine == documents;
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn genuine_line(&self, key: &str, found: &Match, ambiguous: &[String]) -> String {
        let order = found.order.to_string();
        let paths = ambiguous.join(", ");
        match (self.json, ambiguous.is_empty()) {
            (true, unique) => {
                let reading = if unique { "unique" } else { "ambiguous" };
                let line = json!({
                    "genuine": true,
                    "key": key,
                    "order": order,
                    "reading": reading,
                    "ambiguous": ambiguous,
                });
                line.to_string()
            }
            (false, true) => format!("ok: key {key}, {order} order, reading unique"),
            (false, false) if self.unique => {
                format!("failed: key {key}, {order} order, reading ambiguous: {paths}")
            }
            (false, false) => format!("ok: key {key}, {order} order, reading ambiguous: {paths}"),
        }
    }
}

/// How the signature matches, and the members about which it does not decide.
fn check(
    keys: &[signature::SigningKey],
    document: &[u8],
) -> Result<(Match, Vec<String>), VerifyError> {
    let document = Document::parse(document, documents::limits())?;
    let found = signature::verify_document(keys, &document)?;
    let doubts = signature::doubts(&document, &found)?;
    Ok((found, doubts.ambiguous))
}
