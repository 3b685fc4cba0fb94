//! Fields of a request on the command line.

use anyhow::anyhow;
use clap::Args;
use ecp_core::Currency;
use ecp_methods::request::{Field, OperationRequest};
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry, with_text};

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
    /// Sets the given fields in a request.
    pub(crate) fn fill<R: OperationRequest>(&self, request: R, spec: &MethodSpec) -> R {
        let given = self.fields.iter();
        given.fold(request, |request, (path, value)| with_text(request, spec, path, value))
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
    ) -> Vec<(Field, &'static str)> {
        let given = |path: &str| {
            // A member is given as a part of its object.
            let inside = |own: &str| own.strip_prefix(path).is_some_and(|it| it.starts_with('.'));
            let found = self.fields.iter().find(|(own, _)| own == path || inside(own));
            found.map(|(own, value)| if own == path { value.as_str() } else { "{}" }.into())
        };
        spec.example_values(flow, Some(currency), given)
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
    fn what_conditions_demand_is_among_the_examples() {
        let paths = |given: &[(&str, &str)], currency| {
            let given = given.iter().map(|(path, value)| (path.to_string(), value.to_string()));
            let fields = Fields { fields: given.collect() };
            let values = fields.examples(Acme.spec(), Operation::PAYOUT, currency);
            values.into_iter().map(|(field, _)| field).collect::<Vec<_>>()
        };
        assert_eq!(paths(&[], Currency::EUR), [Field::ACCOUNT_NUMBER]);
        assert_eq!(paths(&[], Currency::KES), [Field::ACCOUNT_NUMBER, BANK, BRANCH]);
        let bank = [("account.bank_id", "7")];
        assert_eq!(paths(&bank, Currency::EUR), [Field::ACCOUNT_NUMBER, BRANCH]);
    }
}
