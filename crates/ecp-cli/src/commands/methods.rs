//! `ecp methods`

use std::io::Write;
use std::process::ExitCode;

use clap::Args;
use ecp_methods::spec::{Capability, Interface, MethodSpec};
use ecp_methods::{FlowKind, Registry};
use serde::Serialize;

/// List the payment methods and what each can do
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp methods\n  ecp methods touchngo\n  ecp methods --json | jq '.[].code'"
)]
pub(crate) struct Methods {
    /// Show only this method
    #[arg(value_name = "CODE")]
    code: Option<String>,

    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Method {
    code: &'static str,
    title: &'static str,
    kind: String,
    regions: &'static [&'static str],
    currencies: Vec<&'static str>,
    gate_path: Option<&'static str>,
    page_codes: &'static [&'static str],
    callback_names: &'static [&'static str],
    capabilities: Vec<&'static str>,
    flows: Vec<Flow>,
}

#[derive(Serialize)]
struct Flow {
    #[serde(rename = "flow")]
    name: &'static str,
    /// In major units.
    least: Option<String>,
    greatest: Option<String>,
    interfaces: Vec<String>,
    needs: Vec<&'static str>,
    base_time_seconds: Option<u64>,
}

impl Methods {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let registry = Registry::builtin();
        let specs: Vec<&MethodSpec> = match &self.code {
            Some(code) => vec![registry.get(code)?.spec()],
            None => registry.iter().map(ecp_methods::DynMethod::spec).collect(),
        };
        let mut output = std::io::stdout().lock();
        if self.json {
            let methods: Vec<Method> = specs.iter().map(|spec| machine_readable(spec)).collect();
            writeln!(output, "{}", serde_json::to_string_pretty(&methods)?)?;
            return Ok(ExitCode::SUCCESS);
        }
        for (position, spec) in specs.iter().enumerate() {
            if position > 0 {
                writeln!(output)?;
            }
            writeln!(output, "{}", spec.title())?;
            for row in spec.describe() {
                writeln!(output, "  {:<22} {}", row.about, row.text)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn machine_readable(spec: &MethodSpec) -> Method {
    let flow = |flow: FlowKind| {
        let rule = spec.rule(flow)?;
        let (least, greatest) = rule.major_amounts().unzip();
        Some(Flow {
            name: flow.as_str(),
            least,
            greatest,
            interfaces: rule.interfaces().iter().map(Interface::to_string).collect(),
            needs: rule.needed_fields().iter().map(|field| field.path()).collect(),
            base_time_seconds: rule.average_time().map(|time| time.as_secs()),
        })
    };
    Method {
        code: spec.code(),
        title: spec.title(),
        kind: spec.kind().to_string(),
        regions: spec.regions(),
        currencies: spec.currencies().iter().map(|currency| currency.code()).collect(),
        gate_path: spec.gate_path(),
        page_codes: spec.page_codes(),
        callback_names: spec.callback_names(),
        capabilities: spec.capabilities().iter().map(Capability::as_str).collect(),
        flows: spec.flows().filter_map(flow).collect(),
    }
}
