//! `ecp verify`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_core::json::Document;
use ecp_core::signature;
use serde_json::json;

use crate::key::KeyOptions;
use crate::{Usage, documents};

/// Check the signature of a JSON document on standard input
///
/// The document may be any JSON object with a signature at its root or in `general`. Prints `ok`
/// with the key and the order of the items that matched, or `failed` with the reason.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp verify --key-env ECP_KEY < callback.json\n  ecp verify --jsonl --key-env NEW_KEY --key-env OLD_KEY < callbacks.jsonl\n\nExits with 0 only if every document is genuine and there was at least one."
)]
pub(crate) struct Verify {
    #[command(flatten)]
    key: KeyOptions,

    /// Read one document a line
    #[arg(long)]
    jsonl: bool,

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
        let (mut documents, mut genuine) = (0, 0);
        let mut output = std::io::stdout().lock();
        documents::for_each(self.jsonl, |_, document| {
            documents += 1;
            let found = Document::parse(document, documents::limits())
                .map_err(signature::VerifyError::from)
                .and_then(|document| signature::verify_document(&keys, &document));
            match found {
                Ok(found) => {
                    genuine += 1;
                    let (key, order) = (&names[found.key], found.order);
                    if self.json {
                        let order = order.to_string();
                        writeln!(
                            output,
                            "{}",
                            json!({"genuine": true, "key": key, "order": order})
                        )?;
                    } else {
                        writeln!(output, "ok: key {key}, {order} order")?;
                    }
                }
                Err(error) if self.json => {
                    let error = error.to_string();
                    writeln!(output, "{}", json!({"genuine": false, "error": error}))?;
                }
                Err(error) => writeln!(output, "failed: {error}")?,
            }
            Ok(())
        })?;
        let all = documents > 0 && genuine == documents;
        Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
