//! A spec as a table for people. The documentation, the output of `ecp methods` and the sandbox's
//! page of methods are made from it, so that they agree with the checks.

use std::time::Duration;

use ecp_core::Money;

use super::data::MethodSpec;
use super::{
    CallbackForm, Capability, Certainty, Limit, RedirectField, Rule, Scope, TestItem, TestStep,
};
use crate::flow::Operation;
use crate::request::{Field, Format};

/// A row of the table that describes a payment method: a subject, such as `currencies`, and a text
/// about it, such as `EUR, GBP`. [`MethodSpec::describe`] makes the rows.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Row {
    /// The subject of the row, such as `currencies`.
    pub about: String,
    /// The text about the subject, such as `EUR, GBP`.
    pub text: String,
}

impl MethodSpec {
    /// Amounts that have a meaning in tests, with their source; empty if there are none.
    fn test_amounts(&self, minor: &[i64], source: Option<&str>) -> String {
        let own = Some(self.source()).filter(|source| !source.is_empty());
        match minor {
            [] => String::new(),
            minor => {
                let note = self.beyond_limits(minor);
                with_source(format!("{} minor units{note}", join(minor)), source.or(own))
            }
        }
    }

    /// A note if the limits refuse all of these amounts, in minor units, before they are sent.
    fn beyond_limits(&self, amounts: &[i64]) -> &'static str {
        let mut limits = self
            .rules()
            .filter(|(operation, _)| operation.effect().is_new_payment())
            .flat_map(|(operation, rule)| {
                let currencies = self.currencies_of(operation).iter().copied();
                currencies.map(|currency| (currency, rule.limits(currency)))
            })
            .peekable();
        let is_beyond = limits.peek().is_some()
            && limits.all(|(currency, limits)| {
                amounts.iter().all(|&minor| !limits.allow(Money::from_minor(minor, currency)))
            });
        if is_beyond { ", all of them outside the limits, which refuse them first" } else { "" }
    }

    /// Describes everything that the payment method declares, as rows of a table. Subjects that the
    /// method's documentation page does not mention have no row. A row whose source is not
    /// [`MethodSpec::source`] has its source in brackets after the text.
    ///
    /// ```
    /// use ecp_methods::{Jeton, PaymentMethod};
    ///
    /// let rows = Jeton::SPEC.describe();
    /// assert!(rows.iter().any(|row| row.about == "countries" && row.text == "IN, JP, TR"));
    /// ```
    pub fn describe(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        let mut row = |about: &str, text: String| {
            if !text.is_empty() {
                rows.push(Row { about: about.to_owned(), text });
            }
        };
        row("code in this library", self.code().to_owned());
        row("kind", self.kind().to_string());
        row("instruments in the documentation", join(self.instruments()));
        row("countries", self.regions().to_string());
        row("currencies", join(self.currencies()));
        row("currencies whose amounts are sent in major units", join(self.major_units()));
        row(
            "currency conversion",
            self.conversion().map_or_else(String::new, |who| who.to_string()),
        );
        row("Gate path", self.gate_path().unwrap_or_default().to_owned());
        let own_code = self.dashboard_code.unwrap_or_default().to_owned();
        let source = Some("from a copy of the documentation").filter(|_| !own_code.is_empty());
        row("Dashboard code", with_source(own_code, source));
        row("Payment Page code", self.page_codes().join(", "));
        row("name in callbacks", self.callback_names().join(", "));
        row(
            "provider's number in callbacks",
            self.by_flow(|form| form.provider_id().map(i64::from)),
        );
        let with_phone = |form: &CallbackForm| form.has_customer_phone();
        if self.callback_forms().iter().any(with_phone) {
            row("customer's fields in callbacks", "id, phone".to_owned());
        }
        let of_decline = |form: &CallbackForm| {
            let code = Some(form.decline_code()).filter(|&code| code != 20_000);
            code.map(i64::from)
        };
        row("result code of a decline in the samples", self.by_flow(of_decline));
        for flow in self.flows() {
            if let Some(rule) = self.rule(flow) {
                let one = with_article(flow);
                row(&format!("{flow} amounts"), amounts(rule));
                row(&format!("{flow} currencies"), join(rule.own_currencies().unwrap_or_default()));
                row(&format!("average time of {one}"), seconds(rule.average_time()));
                row(&format!("cut-off time of {one}"), seconds(rule.longest_time()));
                if ![Operation::SALE, Operation::PAYOUT, Operation::REFUND].contains(&flow) {
                    row(&format!("{flow} effect on money"), flow.effect().to_string());
                }
                row(&format!("{flow} Gate path"), rule.own_path().unwrap_or_default().to_owned());
                row(&format!("{flow} offered on"), join(rule.interfaces()));
                row(&format!("fields that {one} needs"), fields(rule.needed_fields()));
                for need in rule.conditional_needs() {
                    let about = format!("fields that {one} needs {}", need.condition());
                    row(&about, fields(need.fields()));
                }
            }
        }
        row("voucher values in major units", join(self.denominations));
        if self.asks_for_voucher() {
            let fields = "the voucher's number, security code and expiry date";
            row("customer enters", fields.to_owned());
        }
        if self.states(Capability::AmountConfirmation) == Some(true) {
            let text = "asked of the merchant by the platform, for each sale";
            row(Capability::AmountConfirmation.as_str(), text.to_owned());
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
        let declined = self.test_amounts(testing.declined_amounts(), testing.declined_source());
        row("amounts declined in tests", declined);
        let shown = match self.test_amounts(testing.account_shown_amounts(), testing.own_source()) {
            amounts if amounts.is_empty() => amounts,
            amounts => format!("for sales of {amounts}"),
        };
        row("customer's account in test callbacks", shown);
        if self.rule(Operation::SALE).is_some() {
            self.describe_step(&mut row);
        }
        row("source of this table", self.source().to_owned());
        let certainty = self.certainty().map(|it| format!("{it}: {}", reason_of(it)));
        row("certainty", certainty.unwrap_or_default());
        rows
    }

    /// The rows of what the customer of a sale does in tests.
    fn describe_step(&self, row: &mut impl FnMut(&str, String)) {
        let testing = self.testing();
        let step = match testing.sale_step() {
            TestStep::Redirect => {
                let source = testing.redirect_source().unwrap_or("the sample on the method's page");
                let form = testing.redirect_form().to_string();
                row("customer's redirect in tests", with_source(form, Some(source)));
                let fields = testing.redirect_form_fields().iter().map(RedirectField::name);
                row("form fields of this redirect", fields.collect::<Vec<_>>().join(", "));
                return;
            }
            TestStep::Display(items) => {
                let items: Vec<&str> = items.iter().map(TestItem::kind).collect();
                format!("pays by what `display_data` has: {}", items.join(", "))
            }
            TestStep::Push => "confirms on the phone".to_owned(),
        };
        row("customer's step in tests", with_source(step, testing.own_source()));
    }

    /// Values of the callbacks by flow: `1731 for a sale, 1751 for a refund`.
    fn by_flow(&self, value: impl Fn(&CallbackForm) -> Option<i64>) -> String {
        let mut parts = Vec::new();
        for form in self.callback_forms() {
            let operation = with_article(form.flow());
            let part = value(form).map(|value| format!("{value} for {operation}"));
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

/// Paths of fields, each with the only values that it can have, if they are few.
fn fields(fields: &[Field]) -> String {
    let one = |field: &Field| match field.format() {
        Format::OneOf(values) if values.len() <= 12 => {
            format!("{field} ({})", values.join(", "))
        }
        Format::OneOf(values) => format!("{field} (one of {} values)", values.len()),
        _ => field.to_string(),
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The amounts that a rule allows.
fn amounts(rule: &Rule) -> String {
    let mut parts = Vec::new();
    match rule.stated_limits() {
        [] if rule.is_unlimited() => parts.push("no limits".to_owned()),
        [] => parts.push("limits not stated".to_owned()),
        limits => parts.extend(limits.iter().map(limit)),
    }
    if rule.allows_zero_amount() {
        parts.push("0 is possible".to_owned());
    }
    if rule.allows_partial() {
        parts.push("a part of the payment is possible".to_owned());
    }
    parts.join(", ")
}

/// A limit with the unit of its amounts, which one without a currency does not print.
fn limit(limit: &Limit) -> String {
    match limit.scope() {
        Scope::Any => format!("{limit} in major units of the currency"),
        _ => limit.to_string(),
    }
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(String::new, |time| format!("{} seconds", time.as_secs()))
}

/// The operation's name with its article, such as `a sale`.
fn with_article(flow: Operation) -> String {
    let vowel = flow.name().starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {flow}", if vowel { "an" } else { "a" })
}

/// The reason of a degree of certainty.
fn reason_of(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::DocumentationCopy => {
            "the source is a copy of the platform's documentation; ask your account manager whether \
             the platform offers you the method, and with which differences"
        }
        Certainty::TwoSources => {
            "two independent public sources have the method, and do not contradict each other"
        }
        Certainty::Documents => "the source is the platform's own documentation of the method",
    }
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
