//! Fields of a request on the command line.

use std::borrow::Cow;

use anyhow::anyhow;
use clap::Args;
use ecp_core::Currency;
use ecp_methods::request::Field;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};

use crate::address;
use crate::nearest::nearest;

/// The options that set fields of a request by their paths.
#[derive(Args)]
pub(crate) struct Fields {
    /// A field of the request, by its path in the Gate request, as in customer.id=7. May be
    /// repeated
    #[arg(long = "field", value_name = "PATH=VALUE", value_parser = field)]
    fields: Vec<(String, String)>,
}

impl Fields {
    /// Returns the given fields and their values: as `Ok` the fields of the method and the known
    /// fields, as `Err` the paths of all others.
    pub(crate) fn of<'f>(
        &'f self,
        spec: &'f MethodSpec,
        flow: Operation,
    ) -> impl Iterator<Item = (Result<Field, &'f str>, &'f str)> {
        self.fields.iter().map(move |(path, value)| {
            let known = || Field::KNOWN.iter().copied().find(|field| field.path() == path);
            let field = spec.needed_field(flow, path).or_else(known);
            (field.ok_or(path.as_str()), value.as_str())
        })
    }
}

impl Fields {
    /// Returns example values for the fields that are missing and that a request in this currency
    /// must have.
    pub(crate) fn examples(
        &self,
        spec: &MethodSpec,
        flow: Operation,
        currency: Currency,
    ) -> Vec<(Field, String)> {
        let given = |field: Field| {
            let found = self.fields.iter().find(|(path, _)| path == field.path());
            found.map(|(_, value)| value.clone())
        };
        let value = |field: Field| given(field).unwrap_or_else(|| field.example().to_owned());
        let mut values = needed(spec, flow, currency, value);
        values.retain(|(field, _)| given(*field).is_none());
        values
    }
}

/// Returns values for all fields that a request in this currency must have, including the fields
/// that are required under a condition.
pub(crate) fn needed(
    spec: &MethodSpec,
    flow: Operation,
    currency: Currency,
    value: impl Fn(Field) -> String,
) -> Vec<(Field, String)> {
    let mut values: Vec<(Field, String)> = Vec::new();
    let Some(rule) = spec.rule(flow) else { return values };
    loop {
        let at = |path: &str| {
            let found = values.iter().find(|(field, _)| field.path() == path);
            found.map(|(_, value)| Cow::Borrowed(value.as_str()))
        };
        let missing = |field: &Field| at(field.path()).is_none();
        let Some(field) = rule.needed(Some(currency), at).into_iter().find(missing) else {
            return values;
        };
        let value = value(field);
        values.push((field, value));
    }
}

/// Parses `PATH=VALUE`, and checks the address if the path takes one.
fn field(text: &str) -> Result<(String, String), String> {
    let (path, value) = pair(text)?;
    if path.ends_with("_url") || path.starts_with("return_url.") {
        address::web(&value).map_err(|problem| format!("field `{path}`: {problem}"))?;
    }
    Ok((path, value))
}

/// Splits `NAME=VALUE` at the first `=`.
pub(crate) fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("the `=` is missing; write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Returns the payment method with this code, Gate path or Dashboard code.
pub(crate) fn method<'r>(registry: &'r Registry, name: &str) -> anyhow::Result<&'r dyn DynMethod> {
    match registry.by_file_name(name.trim_start_matches('/')) {
        Some(method) => Ok(method),
        None => registry.get(name).map_err(|error| {
            let methods = || registry.iter().map(DynMethod::spec);
            let names = methods().flat_map(|spec| {
                [Some(spec.code()), spec.gate_path(), spec.dashboard_code()].into_iter().flatten()
            });
            match nearest(name, names) {
                None => error.into(),
                Some(found) => {
                    let known: Vec<&str> = methods().map(MethodSpec::code).collect();
                    anyhow!(
                        "there is no payment method with the code `{name}`; did you mean `{found}`? \
                         Known codes: {}",
                        known.join(", ")
                    )
                }
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use ecp_methods::request::Format;
    use ecp_methods::spec::{Condition, Interface, Need};
    use ecp_methods::{PaymentMethod, Payout, Rule, Spec, Supports};

    use super::*;

    const BANK: Field = Field::new("account.bank_id", Format::Integer, "116");
    const BRANCH: Field = Field::new("account.branch", Format::Digits, "007");

    #[derive(Debug)]
    struct Acme;

    impl Supports<Payout> for Acme {}
    impl PaymentMethod for Acme {
        const SPEC: Spec<Self> = Spec::new("acme", "Acme")
            .gate_path("acme")
            .currencies(&[Currency::EUR, Currency::KES])
            .flow::<Payout>(
                Rule::new().on(&[Interface::Gate]).needs(&[Field::ACCOUNT_NUMBER]).needs_when(&[
                    Need::new(Condition::Currency(&[Currency::KES]), &[BANK]),
                    Need::new(Condition::Given(BANK), &[BRANCH]),
                ]),
            );
    }

    #[test]
    fn fields_of_the_method_itself_are_sent_in_their_form() {
        let text = |text: &str| text.to_owned();
        let given = ["account.bank_id", "customer.id", "customer.shoe"];
        let fields = Fields { fields: given.map(|path| (text(path), text("7"))).to_vec() };
        let found: Vec<_> =
            fields.of(Acme.spec(), Operation::PAYOUT).map(|(field, _)| field).collect();
        assert_eq!(found, [Ok(BANK), Ok(Field::CUSTOMER_ID), Err("customer.shoe")]);
    }

    #[test]
    fn what_conditions_demand_is_among_the_needed_fields() {
        let paths = |currency| {
            let values = needed(Acme.spec(), Operation::PAYOUT, currency, |field| {
                field.example().to_owned()
            });
            values.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert_eq!(paths(Currency::EUR), [Field::ACCOUNT_NUMBER]);
        assert_eq!(paths(Currency::KES), [Field::ACCOUNT_NUMBER, BANK, BRANCH]);
    }
}
