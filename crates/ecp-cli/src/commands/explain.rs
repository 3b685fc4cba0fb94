//! `ecp explain`

mod guesses;
mod items;
mod keys;

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_core::json::Document;
use ecp_core::signature::{self, VerifyError};
use serde_json::json;

use self::items::Item;
use crate::documents;
use crate::key::{KeyOptions, NamedKey};

/// Explain the signature of a JSON document on standard input
///
/// Shows the signed items in their order, with the rule that made each of them. With keys, shows
/// which of them signed the document; if none did, which order of an official SDK, which single
/// change of a field or which other form of a key (without the line break at its end, decoded from
/// base64, read from the file that it names, ..) would explain the signature. No text of a key is
/// printed.
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp explain < request.json\n  ecp explain --key-env ECP_KEY < callback.json\n\nExit codes:\n  0  the document was explained; with keys, one of them signed it\n  1  it has no canonical string (the text that is signed), or no key signed it"
)]
pub(crate) struct Explain {
    #[command(flatten)]
    key: KeyOptions,

    /// Print the explanation as JSON
    #[arg(long)]
    json: bool,
}

/// Findings about the signature.
struct Verdict {
    matches: bool,
    text: String,
    /// Changes of the document or a key with which the signature would match, as sentences. Empty
    /// if the signature matches, or if no such change was found.
    guesses: Vec<String>,
}

impl Explain {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let keys = self.key.load()?;
        let mut found = true;
        documents::for_each(false, |_, bytes| {
            let document = Document::parse(bytes, documents::limits())?;
            let items = items::explain(&document, bytes)?;
            let verdict = (!keys.is_empty()).then(|| verdict(&keys, &document, bytes));
            found = verdict.as_ref().is_none_or(|verdict| verdict.matches);
            self.print(&items, verdict.as_ref())
        })?;
        Ok(if found { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, items: &[Item], verdict: Option<&Verdict>) -> anyhow::Result<()> {
        let mut output = crate::output::stdout();
        if self.json {
            let rows: Vec<_> = items
                .iter()
                .map(|item| json!({"path": item.path, "item": item.text, "rule": item.rule}))
                .collect();
            let signature = verdict.map(|verdict| {
                json!({"matches": verdict.matches, "text": verdict.text, "guesses": verdict.guesses})
            });
            let all = json!({"items": rows, "signature": signature});
            writeln!(output, "{}", serde_json::to_string_pretty(&all)?)?;
            return Ok(());
        }
        let signed = items.iter().filter_map(|item| Some((item.text.as_ref()?, item.rule)));
        for (place, (text, rule)) in signed.enumerate() {
            writeln!(output, "{:>4}  {}  ({rule})", place + 1, text.escape_debug())?;
        }
        for item in items.iter().filter(|item| item.text.is_none()) {
            writeln!(output, "   -  {}  ({})", item.path.escape_debug(), item.rule)?;
        }
        if let Some(verdict) = verdict {
            writeln!(output, "{}", verdict.text)?;
            for guess in &verdict.guesses {
                writeln!(output, "  {guess}")?;
            }
        }
        Ok(())
    }
}

fn verdict(named: &[NamedKey], document: &Document<'_>, bytes: &[u8]) -> Verdict {
    let keys: Vec<_> = named.iter().map(|named| named.key.clone()).collect();
    match signature::verify_document(&keys, document) {
        Ok(found) => Verdict {
            matches: true,
            text: format!(
                "the signature matches: key {}, {} order{}",
                named[found.key].name,
                found.order,
                match found.strip {
                    signature::Strip::Everywhere => "",
                    signature::Strip::Own => ", with the deeper members called `signature`",
                }
            ),
            guesses: Vec::new(),
        },
        Err(VerifyError::NoMatch) => {
            let mut guesses = self::keys::explain(named, document);
            guesses.extend(guesses::explain(&keys, bytes));
            let text = if guesses.is_empty() {
                "no key matches the signature, in any order of the official SDKs: neither a single \
                 changed field nor another form of a key explains it; look for another key, or \
                 for more than one changed field"
            } else {
                "the signature does not match as it is; it would match"
            };
            Verdict { matches: false, text: text.to_owned(), guesses }
        }
        Err(error) => Verdict { matches: false, text: error.to_string(), guesses: Vec::new() },
    }
}
