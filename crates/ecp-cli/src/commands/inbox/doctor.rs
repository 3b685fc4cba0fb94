//! `ecp inbox doctor`

use std::process::ExitCode;

use clap::Args;
use ecp_inbox::{Finding, Level};
use serde_json::json;

use super::print::printable;
use crate::output::print_result;
use crate::store::Store;

/// Examine the store of an inbox, and say what to do
///
/// Examines durability, replicas, a pooler in between, clocks, permissions and versions. Changes
/// nothing. Use the address and the role of the service: settings and rights may be those of the
/// role. A warning is what could cost more than it must in a failure. Exits with 1 if there is a
/// problem: the inbox does not work, or loses callbacks in a crash.
#[derive(Args)]
pub(super) struct Doctor {
    #[command(flatten)]
    store: Store,

    /// Print the findings as a JSON list
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) async fn run(&self) -> anyhow::Result<ExitCode> {
        let mut findings = self.store.examine().await?;
        findings.sort_by_key(|finding| finding.topic);
        let text = if self.json { as_json(&findings)? } else { as_text(&findings) };
        print_result(&text);
        let has_problem = findings.iter().any(|finding| finding.level == Level::Problem);
        Ok(if has_problem { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

fn as_json(findings: &[Finding]) -> anyhow::Result<String> {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "topic": finding.topic.as_str(),
                "level": finding.level.as_str(),
                "text": finding.text,
                "advice": finding.advice,
            })
        })
        .collect();
    Ok(serde_json::to_string_pretty(&findings)? + "\n")
}

fn as_text(findings: &[Finding]) -> String {
    let lines = findings.iter().map(|Finding { topic, level, text, advice, .. }| {
        let advice = advice.as_deref().map(printable);
        let advice = advice.map(|advice| format!("{:22}{advice}\n", "")).unwrap_or_default();
        format!("{level:<8} {topic:<12} {}\n{advice}", printable(text))
    });
    lines.collect()
}
