//! `ecp verify`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_core::json::Document;
use ecp_core::signature::{self, Doubts, Match, VerifyError};
use serde_json::json;

use crate::documents;
use crate::key::KeyOptions;
use crate::usage::Usage;

/// Check the signature of a JSON document on standard input
///
/// The document may be any JSON object with a signature at its root or in `general`. Prints `ok`
/// with the key, the matching order of the items and the reading, or `failed` with the reason. The
/// reading is `unique`, or `ambiguous` with the members whose text may hold other members that were
/// signed separately. Members that the signature does not cover are listed after the reading:
/// anybody can add or change them.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp verify --key-env ECP_KEY < callback.json\n  ecp verify --jsonl --key-env NEW_KEY --key-env OLD_KEY < callbacks.jsonl\n  ecp verify --unique --key-env ECP_KEY < callback.json\n\nExits with 0 only if every document is genuine and there was at least one."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    key: KeyOptions,

    /// Read a document from each line of standard input, instead of a single one
    #[arg(long)]
    jsonl: bool,

    /// Fail a genuine document too if its signature allows more than one reading, or does not cover
    /// all members
    #[arg(long)]
    unique: bool,

    /// Print the result for each document as a line of JSON
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let (names, keys): (Vec<_>, Vec<_>) =
            self.key.load()?.into_iter().map(|named| (named.name, named.key)).unzip();
        if keys.is_empty() {
            return Err(Usage("no key is given: add --key-env NAME or --key-file PATH").into());
        }
        let (mut documents, mut genuine) = (0_u64, 0_u64);
        let mut output = crate::output::stdout();
        documents::for_each(self.jsonl, |_, document| {
            documents += 1;
            let line = match check(&keys, document) {
                Ok((found, doubts)) => {
                    let is_sure = doubts.ambiguous.is_empty() && doubts.uncovered.is_empty();
                    genuine += u64::from(is_sure || !self.unique);
                    self.genuine_line(&names[found.key], &found, &doubts)
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

    fn genuine_line(&self, key: &str, found: &Match, doubts: &Doubts) -> String {
        let Doubts { ambiguous, uncovered } = doubts;
        let order = found.order.to_string();
        let reading = if ambiguous.is_empty() { "unique" } else { "ambiguous" };
        if self.json {
            let line = json!({
                "genuine": true,
                "key": key,
                "order": order,
                "reading": reading,
                "ambiguous": ambiguous,
                "uncovered": uncovered,
            });
            return line.to_string();
        }
        let is_sure = ambiguous.is_empty() && uncovered.is_empty();
        let word = if self.unique && !is_sure { "failed" } else { "ok" };
        let mut line = format!("{word}: key {key}, {order} order, reading {reading}");
        if !ambiguous.is_empty() {
            line.push_str(": ");
            line.push_str(&ambiguous.join(", "));
        }
        if !uncovered.is_empty() {
            line.push_str("; not signed: ");
            line.push_str(&uncovered.join(", "));
        }
        line
    }
}

/// The match of a signature, and its doubts.
fn check(keys: &[signature::SigningKey], document: &[u8]) -> Result<(Match, Doubts), VerifyError> {
    let document = Document::parse(document, documents::limits())?;
    let found = signature::verify_document(keys, &document)?;
    let doubts = signature::doubts(&document, &found)?;
    Ok((found, doubts))
}
