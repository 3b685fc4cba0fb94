//! Starts the methods of `ecp-catalogue` from a file of facts: a file a method, and its line in its family.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use ecp_methods::request::Field;
use serde_json::Value;

use crate::new_method::{capitalised, insert_sorted};

const SOURCES: &str = "crates/ecp-catalogue/src";

/// The fields that a rule does not name: every request has them.
const IMPLIED: &[&str] = &[
    "general.project_id",
    "general.payment_id",
    "general.signature",
    "payment.amount",
    "payment.currency",
];

/// Flows as in paths, their types, and what they are for wallets and vouchers.
const FLOWS: [(&str, &str); 3] = [("sale", "Sale"), ("payout", "Payout"), ("refund", "Refund")];

/// Writes the files of methods that are not there yet. `facts` has the form of
/// `crates/ecp-catalogue/tests/data/facts.json`: the pages of the documentation copy by their names.
pub(crate) fn catalogue(root: &Path, facts: &str) -> Result<(), String> {
    let text = fs::read_to_string(facts).map_err(|error| format!("{facts}: {error}"))?;
    let pages: Value = serde_json::from_str(&text).map_err(|error| format!("{facts}: {error}"))?;
    let pages = pages.as_object().ok_or_else(|| format!("{facts}: is not an object of pages"))?;
    let mut written = Vec::new();
    for (name, facts) in pages {
        let page = Page { name, facts };
        let family = page.text("family")?.replace('-', "_");
        let module = page.module()?;
        let path = root.join(SOURCES).join(&family).join(format!("{module}.rs"));
        if path.exists() {
            continue;
        }
        let source = page.source()?;
        fs::write(&path, source).map_err(|error| format!("{}: {error}", path.display()))?;
        let list_path = root.join(SOURCES).join(format!("{family}.rs"));
        let shown = list_path.display();
        let list = fs::read_to_string(&list_path).map_err(|error| format!("{shown}: {error}"))?;
        let line = format!("    {module} => {},\n", page.type_name()?);
        let list = insert_sorted(&list, &line)
            .ok_or_else(|| format!("{shown}: the list of methods was not found"))?;
        fs::write(&list_path, list).map_err(|error| format!("{shown}: {error}"))?;
        println!("new file  {SOURCES}/{family}/{module}.rs");
        written.push(path);
    }
    let formatted = written.is_empty()
        || Command::new("rustfmt")
            .args(["--edition", "2024"])
            .args(&written)
            .status()
            .is_ok_and(|status| status.success());
    println!("{} of {} methods are new", written.len(), pages.len());
    if formatted { Ok(()) } else { Err("rustfmt could not format the files".to_owned()) }
}

/// A page of the copy.
struct Page<'f> {
    name: &'f str,
    facts: &'f Value,
}

/// A flow of a method, by its endpoint.
struct Endpoint<'f> {
    flow: &'static str,
    flow_type: &'static str,
    gate_path: String,
    /// `None` if the page does not have the table of fields.
    table: Option<&'f Value>,
}

impl<'f> Page<'f> {
    fn text(&self, member: &str) -> Result<&'f str, String> {
        let text = self.facts[member].as_str();
        text.ok_or_else(|| format!("page `{}`: `{member}` is missing", self.name))
    }

    fn module(&self) -> Result<String, String> {
        let code = self.text("code")?.replace('-', "_");
        // A name in Rust does not begin with a digit.
        Ok(match code.strip_prefix('1') {
            Some(rest) => format!("one_{rest}"),
            None => code,
        })
    }

    fn type_name(&self) -> Result<String, String> {
        if let Some(name) = self.facts["type"].as_str() {
            return Ok(name.to_owned());
        }
        // The title's letters, as `GrabPay`, with the region in brackets.
        let title = self.text("title")?;
        let words =
            title.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let whole =
            |word: &str| word.len() > 3 && word.bytes().all(|byte| byte.is_ascii_uppercase());
        Ok(words
            .map(
                |word| {
                    if whole(word) { capitalised(&word.to_lowercase()) } else { capitalised(word) }
                },
            )
            .collect())
    }

    fn endpoints(&self) -> Result<Vec<Endpoint<'f>>, String> {
        let endpoints = self.facts["endpoints"].as_object();
        let endpoints =
            endpoints.ok_or_else(|| format!("page `{}`: `endpoints` is missing", self.name))?;
        let mut found = Vec::new();
        for (flow, flow_type) in FLOWS {
            for (path, table) in endpoints {
                let of_flow = path
                    .strip_prefix("v2/payment/")
                    .and_then(|path| path.strip_suffix(flow)?.strip_suffix('/'));
                if let Some(gate_path) = of_flow {
                    let table = Some(table).filter(|table| table.is_object());
                    let gate_path = gate_path.to_owned();
                    found.push(Endpoint { flow, flow_type, gate_path, table });
                }
            }
        }
        Ok(found)
    }

    fn source(&self) -> Result<String, String> {
        let (code, title, type_name) = (self.text("code")?, self.text("title")?, self.type_name()?);
        let endpoints = self.endpoints()?;
        let known: Vec<&Endpoint<'_>> =
            endpoints.iter().filter(|endpoint| endpoint.table.is_some()).collect();
        let [first, ..] = known.as_slice() else {
            return Err(format!("page `{}` has no endpoint with a table of fields", self.name));
        };
        if let Some(other) = known.iter().find(|other| other.gate_path != first.gate_path) {
            let (one, other) = (&first.gate_path, &other.gate_path);
            return Err(format!(
                "page `{}`: flows have several paths, {one} and {other}",
                self.name
            ));
        }
        let voucher = first.gate_path.starts_with("voucher/");
        let kind = if voucher { "Voucher" } else { "Wallet" };
        let rules: String = known.iter().map(|endpoint| self.rule(endpoint)).collect();
        let facts = self.shared_facts(&endpoints);
        let limit = rules.contains("Limit::").then_some("Limit");
        let spec: Vec<&str> =
            ["Certainty", "Fact", "Interface", "Kind"].into_iter().chain(limit).collect();
        let flows: BTreeSet<&str> = known.iter().map(|endpoint| endpoint.flow_type).collect();
        let field = rules.contains(" Field::").then_some("use ecp_methods::request::Field;\n");
        let shared = if rules.contains("fields::") { "{facts, fields}" } else { "facts" };
        let time = rules.contains("Duration::").then_some("use std::time::Duration;\n\n");
        let testing = if self.facts["declined_in_tests"].is_array() { ", Testing" } else { "" };
        let mut from_methods: Vec<&str> =
            ["PaymentMethod", "Rule", "Spec", "Supports"].into_iter().chain(flows).collect();
        from_methods.sort_unstable();
        let marker = |endpoint: &&Endpoint<'_>| {
            format!("impl Supports<{}> for {type_name} {{}}", endpoint.flow_type)
        };
        let markers = known.iter().map(marker).collect::<Vec<_>>().join("\n") + "\n";
        let mut out = format!(
            "//! {title}. Source: the page `{name}` of a copy of the platform's documentation.\n\n\
             {}use ecp_core::Currency;\n{}use ecp_methods::spec::{{{}{testing}}};\n\
             use ecp_methods::{{{}}};\n\nuse crate::{shared};\n\n\
             /// The payment method {title}: {}. Pass it to the calls of `Gate` (crate `ecp-transport`), as in\n\
             /// `gate.{call}(&{type_name}, &request)`, after your account manager has confirmed that it is\n\
             /// connected to your project.\n#[derive(Clone, Copy, Debug)]\npub struct {type_name};\n\n{markers}\n\
             impl PaymentMethod for {type_name} {{\n    const SPEC: Spec<Self> = Spec::new(\"{code}\", \"{title}\")\n\
             .source(\"page `{name}` of a copy of the platform's documentation\")\n\
             .certainty(Certainty::DocumentationCopy)\n.kind(Kind::{kind})\n.gate_path(\"{}\")\n",
            time.unwrap_or_default(),
            field.unwrap_or_default(),
            spec.join(", "),
            from_methods.join(", "),
            sentence(&known, voucher),
            first.gate_path,
            name = self.name,
            call = if known.iter().any(|endpoint| endpoint.flow == "sale") {
                "sale"
            } else {
                "payout"
            },
        );
        out.push_str(&self.regions());
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            ".currencies(&[{}])",
            list(&self.facts["currencies"], |code| format!("Currency::{code}"))
        );
        out.push_str(&rules);
        let _ = writeln!(out, ".facts(&[{facts}])");
        if self.facts["declined_in_tests"].is_array() {
            let amounts = list_of(&self.facts["declined_in_tests"], ToString::to_string);
            let _ = writeln!(out, ".testing(Testing::new().declined(&[{amounts}]))");
        }
        Ok(out.trim_end().to_owned() + ";\n}\n")
    }

    fn regions(&self) -> String {
        let quoted = |member: &str| list(&self.facts[member], |country| format!("\"{country}\""));
        match self.facts {
            facts if facts["regions"].is_array() => format!(".regions(&[{}])\n", quoted("regions")),
            facts if facts["regions_except"].is_array() => {
                format!(".regions_except(&[{}])\n", quoted("regions_except"))
            }
            facts if facts["everywhere"] == true => ".everywhere()\n".to_owned(),
            _ => String::new(),
        }
    }

    fn rule(&self, endpoint: &Endpoint<'_>) -> String {
        let table = endpoint.table.unwrap_or(&Value::Null);
        let mut rule = String::from("Rule::new()");
        let limits = self.limits(endpoint.flow);
        if !limits.is_empty() {
            let limits: Vec<String> = limits.iter().map(|limit| limit_call(limit)).collect();
            let _ = write!(rule, ".limited(&[{}])", limits.join(", "));
        }
        rule.push_str(".on(&[Interface::Gate])");
        let needs = texts(&table["required"]).filter(|path| !IMPLIED.contains(path));
        let needs: Vec<String> = needs.map(constant).collect();
        if !needs.is_empty() {
            let _ = write!(rule, ".needs(&[ {}])", needs.join(", "));
        }
        if endpoint.flow == "refund"
            && texts(&table["optional"]).any(|path| path == "payment.amount")
        {
            rule.push_str(".partial()");
        }
        if endpoint.flow == "sale"
            && let Some(times) = self.facts["times"].as_object()
        {
            for (member, call) in
                [("base_seconds", "base_time"), ("cut_off_seconds", "cut_off_time")]
            {
                if let Some(seconds) = times.get(member).and_then(Value::as_u64) {
                    let _ = write!(rule, ".{call}({})", duration(seconds));
                }
            }
        }
        format!(".flow::<{}>({rule})\n", endpoint.flow_type)
    }

    fn limits(&self, flow: &str) -> Vec<&'f Value> {
        let limits = self.facts["limits"].as_array().into_iter().flatten();
        limits.filter(|limit| limit["flow"] == flow).collect()
    }

    /// Facts for display: the customer's step, optional fields, fields that are asked for later,
    /// and the source of the limits.
    fn shared_facts(&self, endpoints: &[Endpoint<'_>]) -> String {
        let mut facts = String::from("facts::NAMES,");
        let mut add = |about: &str, text: &str| {
            let _ = write!(facts, "Fact::new({about:?}, {}),", wrapped(text));
        };
        let step = match (self.facts["redirect"] == true, self.facts["display_data"] == true) {
            (true, true) => "a redirect, or an instruction to show to the customer (display_data)",
            (true, false) => "a redirect",
            (false, true) => "an instruction to show to the customer (display_data)",
            (false, false) => "",
        };
        if !step.is_empty() && endpoints.iter().any(|endpoint| endpoint.flow == "sale") {
            add("customer's step in a sale", step);
        }
        for (member, about, what) in [
            (
                "asked_later",
                "fields that the platform asks for later",
                ", if missing in the request (clarification)",
            ),
            ("optional", "optional fields", ""),
        ] {
            let of_flow = |endpoint: &Endpoint<'_>| {
                let paths: Vec<&str> = texts(&endpoint.table?[member])
                    .filter(|path| !IMPLIED.contains(path))
                    .collect();
                let flow = endpoint.flow;
                (!paths.is_empty()).then(|| format!("{} of a {flow}", paths.join(", ")))
            };
            let parts: Vec<String> = endpoints.iter().filter_map(of_flow).collect();
            if !parts.is_empty() {
                add(about, &(parts.join("; ") + what));
            }
        }
        let unknown: Vec<&str> = endpoints
            .iter()
            .filter(|endpoint| endpoint.table.is_none())
            .map(|endpoint| endpoint.flow)
            .collect();
        if !unknown.is_empty() {
            add(
                "other operations",
                &format!("{}, whose fields are not known", unknown.join(" and ")),
            );
        }
        let limits: Vec<&Value> = self.facts["limits"].as_array().into_iter().flatten().collect();
        let countries: BTreeSet<&str> =
            limits.iter().filter_map(|limit| limit["country_list"].as_str()).collect();
        if !countries.is_empty() {
            let lists = if countries.len() == 1 { "list" } else { "lists" };
            let countries: Vec<&str> = countries.into_iter().collect();
            let countries = countries.join(" and ");
            let mut text = format!(
                "the {lists} of payment methods in {countries}, in the copy of the documentation"
            );
            if limits.iter().any(|limit| limit["changeable"] == true) {
                text.push_str("; the account manager can have the limits changed");
            }
            add("source of the limits", &text);
        }
        if let Some(note) = self.facts["regions_note"].as_str() {
            add("more on countries", note);
        }
        facts
    }
}

fn sentence(known: &[&Endpoint<'_>], voucher: bool) -> String {
    let has = |flow: &str| known.iter().any(|endpoint| endpoint.flow == flow);
    let noun = if voucher { "vouchers" } else { "electronic wallets" };
    let from = if voucher { "with" } else { "from" };
    let refunds = if has("refund") { ", and refunds" } else { "" };
    match (has("sale"), has("payout")) {
        (true, true) => format!("payments {from} and payouts to {noun}{refunds}"),
        (false, true) => format!("payouts to {noun}{refunds}"),
        _ => format!("payments {from} {noun}{refunds}"),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        whole if whole % 3600 == 0 => format!("Duration::from_hours({})", whole / 3600),
        whole if whole % 60 == 0 => format!("Duration::from_mins({})", whole / 60),
        seconds => format!("Duration::from_secs({seconds})"),
    }
}

fn limit_call(limit: &Value) -> String {
    let mut call = match limit["currency"].as_str() {
        Some(currency) if limit["equivalent"] == true => {
            format!("Limit::equivalent_of(Currency::{currency})")
        }
        Some(currency) => format!("Limit::of(Currency::{currency})"),
        None => "Limit::any()".to_owned(),
    };
    for end in ["from", "to"] {
        if let Some(amount) = limit[end].as_str() {
            let _ = write!(call, ".{end}({amount:?})");
        }
    }
    call
}

/// The constant of a field: one of [`Field`]'s, or one of the catalogue.
fn constant(path: &str) -> String {
    match path {
        "payment.description" => "Field::DESCRIPTION".to_owned(),
        "return_url.success" => "Field::RETURN_SUCCESS".to_owned(),
        "return_url.decline" => "Field::RETURN_DECLINE".to_owned(),
        "return_url.return" => "Field::RETURN_NEUTRAL".to_owned(),
        path => {
            let known = Field::KNOWN.iter().any(|field| field.path() == path);
            let place = if known { "Field" } else { "fields" };
            format!("{place}::{}", path.replace('.', "_").to_uppercase())
        }
    }
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn list(texts_of: &Value, form: impl Fn(&str) -> String) -> String {
    texts(texts_of).map(form).collect::<Vec<_>>().join(", ")
}

fn list_of(values: &Value, form: impl Fn(&Value) -> String) -> String {
    values.as_array().into_iter().flatten().map(form).collect::<Vec<_>>().join(", ")
}

/// A text literal in lines that fit.
fn wrapped(text: &str) -> String {
    let (mut literal, mut width) = (String::new(), 0);
    for word in text.split(' ') {
        if width + word.len() > 74 {
            literal.push_str(" \\\n                 ");
            width = 0;
        } else if width > 0 {
            literal.push(' ');
        }
        literal.push_str(word);
        width += word.len() + 1;
    }
    format!("\"{literal}\"")
}
