//! `ecp methods`

use std::collections::BTreeMap;
use std::io::Write;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;
use ecp_core::Currency;
use ecp_methods::spec::{
    CallbackForm, Capability, Certainty, Fact, MethodSpec, Need, RedirectField, Regions, Scope,
};
use ecp_methods::{Operation, Registry, Rule, Selection};
use serde::Serialize;

/// Most characters of a label for which the column of labels is widened.
const WIDEST: usize = 40;

/// List the payment methods and their capabilities
#[derive(Args)]
#[command(
    after_help = "Examples:\n  ecp methods\n  ecp methods touchngo\n  ecp methods --country IN --currency INR --operation payout\n  ecp methods --json | jq '.[].code'"
)]
pub(crate) struct Methods {
    /// Show only this method, by its code
    #[arg(value_name = "CODE")]
    method: Option<String>,

    /// Only methods used in this country (ISO 3166-1, two letters), as in IN
    #[arg(long, value_name = "COUNTRY", value_parser = country, conflicts_with = "method")]
    country: Option<String>,

    /// Only methods with this currency; with --operation, only those where requests for that
    /// operation can have it
    #[arg(long, value_name = "CODE", conflicts_with = "method")]
    currency: Option<Currency>,

    /// Only methods with this operation, as in payout
    #[arg(long, value_name = "NAME", conflicts_with = "method")]
    operation: Option<String>,

    /// Only methods whose facts are at least this certain: documents (the platform's own, most
    /// certain), two-sources or documentation-copy (a copy of them); methods that state no certainty
    /// are left out
    #[arg(long, value_name = "SOURCE", value_parser = certainty, conflicts_with = "method")]
    certainty: Option<Certainty>,

    /// Print the methods as a JSON list
    #[arg(long)]
    json: bool,
}

/// All data of a spec. Undocumented values are `null` or an empty list.
#[derive(Serialize)]
struct Method {
    code: &'static str,
    title: &'static str,
    source: &'static str,
    certainty: Option<String>,
    kind: String,
    instruments: Vec<String>,
    /// The countries where the method is used, such as `IN`. `null` if it is used in all countries
    /// or in all except `regions_except`, or if the method's documentation does not say.
    regions: Option<&'static [&'static str]>,
    /// The countries where the method is not used, if it is used in all others. Otherwise `null`,
    /// and also if the method's documentation does not say.
    regions_except: Option<&'static [&'static str]>,
    currencies: Vec<&'static str>,
    /// Currencies whose amounts the platform counts in whole major units for this method.
    major_units: Vec<&'static str>,
    conversion: Option<String>,
    gate_path: Option<&'static str>,
    dashboard_code: Option<&'static str>,
    page_codes: &'static [&'static str],
    callback_names: &'static [&'static str],
    callbacks: Vec<Callbacks>,
    capabilities: BTreeMap<&'static str, Option<bool>>,
    flows: Vec<Flow>,
    /// The values that vouchers of this method have, in major units, such as `50`. Empty if the
    /// method has no fixed values.
    denominations: Vec<String>,
    facts: Vec<FactRow>,
    tests: Tests,
}

#[derive(Serialize)]
struct Flow {
    #[serde(rename = "flow")]
    name: &'static str,
    /// The smallest amount in major units, such as `1.00`, if one limit is for all currencies;
    /// `null` if that has no smallest amount. Otherwise `null`: `limits` has all limits.
    least: Option<String>,
    greatest: Option<String>,
    /// All limits of the amount, each with the currency or other condition for which it holds, in
    /// words. Empty if the method's documentation states none.
    limits: Vec<String>,
    /// Whether the method's documentation says that the amount has no limits.
    unlimited: bool,
    zero_amount: bool,
    partial: bool,
    currencies: Vec<&'static str>,
    interfaces: Vec<String>,
    needs: Vec<&'static str>,
    conditional_needs: Vec<Conditional>,
    base_time_seconds: Option<u64>,
    cut_off_time_seconds: Option<u64>,
}

/// Fields that are required under a condition.
#[derive(Serialize)]
struct Conditional {
    condition: String,
    needs: Vec<&'static str>,
}

/// How the callbacks about an operation differ from those of other methods, by the samples.
#[derive(Serialize)]
struct Callbacks {
    flow: &'static str,
    /// The result, `success` or `decline`, that these callbacks report; `null` if it holds for
    /// every result.
    end: Option<&'static str>,
    provider_id: Option<u32>,
    provider_date: bool,
    customer_phone: bool,
    decline_code: u32,
}

#[derive(Serialize)]
struct FactRow {
    about: &'static str,
    text: &'static str,
    source: &'static str,
}

/// Behaviour in tests. Amounts are in minor units of any currency.
#[derive(Serialize)]
struct Tests {
    declined: &'static [i64],
    declined_source: &'static str,
    account_shown: &'static [i64],
    account_shown_source: Option<&'static str>,
    redirect: String,
    redirect_fields: Vec<&'static str>,
    redirect_source: &'static str,
}

impl Methods {
    /// Returns the methods that fit all filters.
    fn selected(&self, registry: &Registry) -> anyhow::Result<Vec<&'static MethodSpec>> {
        let mut selection = Selection::new();
        if let Some(country) = &self.country {
            selection = selection.country(country);
        }
        if let Some(currency) = self.currency {
            selection = selection.currency(currency);
        }
        if let Some(operation) = &self.operation {
            selection = selection.operation(operation);
        }
        if let Some(certainty) = self.certainty {
            selection = selection.certainty(certainty);
        }
        let specs: Vec<_> = selection.of(registry).collect();
        let unstated: Vec<_> =
            selection.of_unstated_countries(registry).map(MethodSpec::code).collect();
        if !unstated.is_empty() {
            let codes = unstated.join(", ");
            note!("not listed, because their countries are not stated: {codes}");
        }
        if specs.is_empty() {
            bail!("{}", selection.why_none(registry));
        }
        Ok(specs)
    }

    pub(crate) fn run(&self, registry: &Registry) -> anyhow::Result<ExitCode> {
        let specs: Vec<&MethodSpec> = match &self.method {
            Some(code) => vec![crate::fields::method(registry, code)?.spec()],
            None => self.selected(registry)?,
        };
        let mut output = crate::output::stdout();
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
            let rows = spec.describe();
            let width =
                rows.iter().map(|row| row.about.chars().count()).max().unwrap_or(0).min(WIDEST);
            for row in rows {
                writeln!(output, "  {:<width$}  {}", row.about, row.text)?;
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Parses a country in upper or lower case.
fn country(text: &str) -> Result<String, &'static str> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        Ok(text.to_ascii_uppercase())
    } else {
        Err("must be two letters (ISO 3166-1), as in IN")
    }
}

fn certainty(text: &str) -> Result<Certainty, &'static str> {
    let named = |certainty: &Certainty| certainty.to_string().replace(' ', "-") == text;
    let found = Certainty::ALL.iter().copied().find(named);
    found.ok_or("must be documents, two-sources or documentation-copy")
}

fn machine_readable(spec: &MethodSpec) -> Method {
    Method {
        code: spec.code(),
        title: spec.title(),
        source: spec.source(),
        certainty: spec.certainty().map(|certainty| certainty.to_string()),
        kind: spec.kind().to_string(),
        instruments: texts(spec.instruments()),
        regions: match spec.regions() {
            Regions::Only(countries) => Some(countries),
            _ => None,
        },
        regions_except: match spec.regions() {
            Regions::Except(countries) => Some(countries),
            _ => None,
        },
        currencies: spec.currencies().iter().map(|currency| currency.code()).collect(),
        major_units: spec.major_units().iter().map(|currency| currency.code()).collect(),
        conversion: spec.conversion().map(|conversion| conversion.to_string()),
        gate_path: spec.gate_path(),
        dashboard_code: spec.dashboard_code(),
        page_codes: spec.page_codes(),
        callback_names: spec.callback_names(),
        callbacks: spec.callback_forms().iter().map(callbacks).collect(),
        capabilities: Capability::ALL
            .iter()
            .map(|&capability| (capability.as_str(), spec.states(capability)))
            .collect(),
        flows: spec.flows().filter_map(|kind| Some(flow(spec, kind, spec.rule(kind)?))).collect(),
        denominations: denominations(spec),
        facts: spec.facts().iter().map(|fact| fact_row(fact, spec.source())).collect(),
        tests: tests(spec),
    }
}

fn flow(spec: &MethodSpec, kind: Operation, rule: &Rule) -> Flow {
    let (least, greatest) = match rule.stated_limits() {
        [limit] if limit.scope() == Scope::Any => (limit.least(), limit.greatest()),
        _ => (None, None),
    };
    Flow {
        name: kind.name(),
        least,
        greatest,
        limits: texts(rule.stated_limits()),
        unlimited: rule.is_unlimited(),
        zero_amount: rule.allows_zero_amount(),
        partial: rule.allows_partial(),
        currencies: spec.currencies_of(kind).iter().map(|currency| currency.code()).collect(),
        interfaces: texts(rule.interfaces()),
        needs: rule.needed_fields().iter().map(|field| field.path()).collect(),
        conditional_needs: rule.conditional_needs().iter().map(conditional).collect(),
        base_time_seconds: rule.average_time().map(|time| time.as_secs()),
        cut_off_time_seconds: rule.longest_time().map(|time| time.as_secs()),
    }
}

fn conditional(need: &Need) -> Conditional {
    Conditional {
        condition: need.condition().to_string(),
        needs: need.fields().iter().map(|field| field.path()).collect(),
    }
}

fn callbacks(form: &CallbackForm) -> Callbacks {
    Callbacks {
        flow: form.flow().name(),
        end: form.only_end().map(ecp_core::model::End::as_str),
        provider_id: form.provider_id(),
        provider_date: form.has_provider_date(),
        customer_phone: form.has_customer_phone(),
        decline_code: form.decline_code(),
    }
}

/// The values are the same in every currency, whatever its decimals.
fn denominations(spec: &MethodSpec) -> Vec<String> {
    let Some(&currency) = spec.currencies().first() else { return Vec::new() };
    let unit = 10_i64.pow(currency.exponent());
    spec.denominations(currency).map(|voucher| (voucher.minor() / unit).to_string()).collect()
}

fn fact_row(fact: &Fact, usual_source: &'static str) -> FactRow {
    FactRow { about: fact.about, text: fact.text, source: fact.source.unwrap_or(usual_source) }
}

fn tests(spec: &MethodSpec) -> Tests {
    let testing = spec.testing();
    let account_shown = testing.account_shown_amounts();
    let own_source = testing.own_source().unwrap_or(spec.source());
    Tests {
        declined: testing.declined_amounts(),
        declined_source: testing.declined_source().unwrap_or(spec.source()),
        account_shown,
        account_shown_source: (!account_shown.is_empty()).then_some(own_source),
        redirect: testing.redirect_form().to_string(),
        redirect_fields: testing.redirect_form_fields().iter().map(RedirectField::name).collect(),
        redirect_source: testing.redirect_source().unwrap_or(spec.source()),
    }
}

fn texts<T: ToString>(items: &[T]) -> Vec<String> {
    items.iter().map(ToString::to_string).collect()
}
