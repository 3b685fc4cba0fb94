//! `ecp sign`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_core::signature::{self, Rules};
use serde_json::json;

use crate::documents;
use crate::key::KeyOptions;
use crate::output::{is_json, write_error};

/// Print the signature of a JSON document on standard input
///
/// The document may be any JSON object. Its own `signature`, at the top or in `general`, is
/// ignored. A document is refused, with the path of the member, if the platform's official SDKs
/// would sign a member differently, such as a deeper `signature`, or if it holds `;`, which must
/// not appear on the Payment Page.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp sign --key-env ECP_KEY < request.json\n  ecp sign --string < request.json\n  ecp sign --jsonl --key-file key.txt < requests.jsonl\n\nWith --jsonl there is one line of output for each document; it is empty where the document\nwas refused, and the reason is printed to standard error with the number of the line."
)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub(crate) struct Sign {
    #[command(flatten)]
    key: KeyOptions,

    /// Print the canonical string (the text to be signed) instead of the signature; this needs no
    /// key
    #[arg(long)]
    string: bool,

    /// Sign for Gate or the Data API, where no browser sees the parameters: a text may have a `;`,
    /// unless it is an id or the like, or a name and a `:` follow. By default every `;` is refused
    #[arg(long)]
    private: bool,

    /// Sign also a document that is otherwise refused because its signature is ambiguous, exactly
    /// as the official PHP SDK does
    #[arg(long)]
    allow_ambiguous: bool,

    /// Read a document from each line of standard input, instead of a single one
    #[arg(long)]
    jsonl: bool,
}

impl Sign {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let rules = if self.private { Rules::private() } else { Rules::public() };
        let rules = rules.limits(documents::limits());
        let rules = if self.allow_ambiguous { rules.allow_ambiguous() } else { rules };
        let key = if self.string { None } else { Some(self.key.load_one()?) };

        let mut failed = false;
        let mut output = crate::output::stdout();
        documents::for_each(self.jsonl, |line, document| {
            let signed = match &key {
                None => signature::canonical_string(document, rules),
                Some(key) => signature::sign(&key.key, document, rules)
                    .map(|signature| signature.to_string()),
            };
            match (signed, line) {
                (Ok(text), _) if is_json() => {
                    let name = if self.string { "canonical_string" } else { "signature" };
                    writeln!(output, "{}", json!({name: text}))?;
                }
                (Ok(text), _) => writeln!(output, "{text}")?,
                (Err(error), None) => {
                    failed = true;
                    write_error(&error.to_string(), 1);
                }
                (Err(error), Some(line)) => {
                    failed = true;
                    write_error(&format!("line {line}: {error}"), 1);
                    writeln!(output)?;
                }
            }
            Ok(())
        })?;
        if failed && !self.allow_ambiguous && !is_json() {
            note!("hint: `ecp sign --help` says how to sign such a document anyway");
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}
