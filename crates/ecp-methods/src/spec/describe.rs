//! A spec as a table for people. Documentation, help texts and this crate's own pages are made from
//! it, so that they agree with the checks.

use super::data::MethodSpec;
use super::{CallbackForm, Capability, RedirectField, Rule};
use crate::flow::Operation;

/// A row of the table that describes a payment method: a subject, such as `currencies`, and a text
/// about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The subject of the row, such as `currencies`.
    pub about: String,
    /// The text about the subject, such as `EUR, GBP`.
    pub text: String,
}

impl MethodSpec {
    /// Describes everything that the payment method declares, as rows of a table. Subjects that the
    /// method's documentation page does not mention have no row. A row whose source is not
    /// [`MethodSpec::source`] has its source in brackets after the text.
    ///
    /// ```
    /// use ecp_methods::{Jeton, PaymentMethod};
    ///
    /// let rows = Jeton::SPEC.describe();
    /// assert!(rows.iter().any(|row| row.about == "regions" && row.text == "IN, JP, TR"));
    /// ```
    pub fn describe(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut row = |about: &str, text: String| {
            if !text.is_empty() {
                rows.push(Row { about: about.to_owned(), text });
            }
        };
        row("code", self.code().to_owned());
        row("kind", self.kind().to_string());
        row("instruments", join(self.instruments()));
        row("regions", self.regions().to_string());
        row("currencies", join(self.currencies()));
        let counted = join(self.major_units());
        row("counted in major units", counted);
        row("conversion", self.conversion().map_or_else(String::new, |who| who.to_string()));
        row("Gate path", self.gate_path().unwrap_or_default().to_owned());
        let own_code = self.dashboard_code.unwrap_or_default().to_owned();
        let source = Some("documentation copy").filter(|_| !own_code.is_empty());
        row("Dashboard code", with_source(own_code, source));
        row("Payment Page code", self.page_codes().join(", "));
        row("callback name", self.callback_names().join(", "));
        row("provider in callbacks", self.by_flow(|form| form.provider_id().map(i64::from)));
        let with_phone = |form: &CallbackForm| form.has_customer_phone();
        if self.callback_forms().iter().any(with_phone) {
            row("customer in callbacks", "id, phone".to_owned());
        }
        let of_decline = |form: &CallbackForm| {
            let code = Some(form.decline_code()).filter(|&code| code != 20_000);
            code.map(i64::from)
        };
        row("declines in the samples", self.by_flow(of_decline));
        for flow in self.flows() {
            if let Some(rule) = self.rule(flow) {
                row(flow.name(), sentence(rule));
                row(&format!("{flow} currencies"), join(rule.own_currencies().unwrap_or_default()));
                if ![Operation::SALE, Operation::PAYOUT, Operation::REFUND].contains(&flow) {
                    row(&format!("{flow} effect"), flow.effect().to_string());
                }
                row(&format!("{flow} path"), rule.own_path().unwrap_or_default().to_owned());
                row(&format!("{flow} on"), join(rule.interfaces()));
                row(&format!("{flow} needs"), join(rule.needed_fields()));
                for need in rule.conditional_needs() {
                    row(&format!("{flow} {} needs", need.condition()), join(need.fields()));
                }
            }
        }
        row("voucher values", join(self.denominations));
        if self.asks_for_voucher() {
            let fields = "the voucher's number, security code and expiry";
            row("customer enters", fields.to_owned());
        }
        if self.states(Capability::AmountConfirmation) == Some(true) {
            row(Capability::AmountConfirmation.as_str(), "yes".to_owned());
        }
        for capability in
            [Capability::Chargebacks, Capability::Recurring, Capability::SavedCredentials]
        {
            if let Some(stated) = self.states(capability) {
                row(capability.as_str(), if stated { "yes" } else { "no" }.to_owned());
            }
        }
        for fact in self.facts() {
            row(fact.about, with_source(fact.text.to_owned(), fact.source));
        }
        let testing = self.testing();
        let own = Some(self.source()).filter(|source| !source.is_empty());
        let amounts = |minor: &[i64], source: Option<&str>| match minor {
            [] => String::new(),
            minor => with_source(format!("{} minor units", join(minor)), source.or(own)),
        };
        row("declined in tests", amounts(testing.declined_amounts(), testing.declined_source()));
        let shown = amounts(testing.account_shown_amounts(), testing.own_source());
        row("account shown in tests", shown);
        if self.rule(Operation::SALE).is_some() {
            let source = testing.redirect_source().unwrap_or("the sample on the page");
            row(
                "redirect in tests",
                with_source(testing.redirect_form().to_string(), Some(source)),
            );
            let fields: Vec<&str> =
                testing.redirect_form_fields().iter().map(RedirectField::name).collect();
            row("redirect fields", fields.join(", "));
        }
        row("source", self.source().to_owned());
        row("certainty", self.certainty().map_or_else(String::new, |sure| sure.to_string()));
        rows
    }

    /// Values of the callbacks by flow: `1731 of a sale, 1751 of a refund`.
    fn by_flow(&self, value: impl Fn(&CallbackForm) -> Option<i64>) -> String {
        let mut parts = Vec::new();
        for form in self.callback_forms() {
            let part = value(form).map(|value| format!("{value} of a {}", form.flow()));
            parts.extend(part.filter(|part| !parts.contains(part)));
        }
        parts.join(", ")
    }

    /// The description of the payment method as a Markdown table, with the rows of
    /// [`MethodSpec::describe`].
    pub fn markdown(&self) -> String {
        let rows = self.describe().into_iter().map(|row| {
            let cell = |text: String| text.replace('|', "\\|");
            format!("| {} | {} |\n", cell(row.about), cell(row.text))
        });
        ["| | |\n|---|---|\n".to_owned()].into_iter().chain(rows).collect()
    }
}

/// Amounts and times of a rule.
fn sentence(rule: &Rule) -> String {
    let mut parts = Vec::new();
    match rule.stated_limits() {
        [] if rule.is_unlimited() => parts.push("no limits".to_owned()),
        [] => parts.push("limits not stated".to_owned()),
        limits => parts.extend(limits.iter().map(ToString::to_string)),
    }
    if rule.allows_zero_amount() {
        parts.push("0 allowed".to_owned());
    }
    if rule.allows_partial() {
        parts.push("partial allowed".to_owned());
    }
    if let Some(time) = rule.average_time() {
        parts.push(format!("base time {} s", time.as_secs()));
    }
    if let Some(time) = rule.longest_time() {
        parts.push(format!("cut-off time {} s", time.as_secs()));
    }
    parts.join(", ")
}

/// Adds the source if it is not the method's own.
fn with_source(text: String, source: Option<&str>) -> String {
    match source {
        Some(source) => format!("{text} ({source})"),
        None => text,
    }
}

fn join<T: ToString>(items: &[T]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The capability matrix of several methods as Markdown: a row for each capability, a column for
/// each method.
pub(crate) fn matrix<'m>(specs: &(impl Iterator<Item = &'m MethodSpec> + Clone)) -> String {
    let line = |first: &str, cells: &mut dyn Iterator<Item = String>| {
        let cells: Vec<String> = cells.collect();
        format!("| {first} | {} |\n", cells.join(" | "))
    };
    let mut table = line("", &mut specs.clone().map(|spec| spec.title().to_owned()));
    table.push_str(&line("---", &mut specs.clone().map(|_| "---".to_owned())));
    for &capability in Capability::ALL {
        let mark = |spec: &MethodSpec| match spec.states(capability) {
            Some(true) => "+",
            Some(false) => "–",
            None => "not stated",
        };
        let mut cells = specs.clone().map(|spec| mark(spec).to_owned());
        table.push_str(&line(capability.as_str(), &mut cells));
    }
    table
}
