//! Example values for the fields that a request must have.

use std::borrow::Cow;

use ecp_core::Currency;

use super::{Limit, MethodSpec, Regions, Rule, Scope};
use crate::flow::Operation;
use crate::request::paths::is_inside;
use crate::request::{Field, Format};

impl MethodSpec {
    /// Example values for the fields that a request for the operation must have and that are not
    /// given, for documentation, demonstrations and tests. Fields that are required under a
    /// condition are among them if the condition is true for the given and the example values, and
    /// have a value of the form that it asks for. The customer's country is one of the method's, unless
    /// countries have limits of their own. An object of which a member is required is not among them.
    ///
    /// `given` is a function that returns the request's value at a path, as
    /// [`Draft::value`](crate::request::Draft::value) does.
    ///
    /// ```
    /// use ecp_core::Currency;
    /// use ecp_methods::request::Field;
    /// use ecp_methods::{Jeton, Operation, PaymentMethod};
    ///
    /// let given = |path: &str| (path == "customer.ip_address").then(|| "192.0.2.7".into());
    /// let values = Jeton::SPEC.example_values(Operation::PAYOUT, Some(Currency::EUR), given);
    /// assert_eq!(values, [(Field::ACCOUNT_NUMBER, "93017949")]);
    /// ```
    pub fn example_values<'g>(
        &self,
        operation: Operation,
        currency: Option<Currency>,
        given: impl Fn(&str) -> Option<Cow<'g, str>>,
    ) -> Vec<(Field, &'static str)> {
        let mut values: Vec<(Field, &'static str)> = Vec::new();
        let Some(rule) = self.rule(operation) else { return values };
        let needed = |values: &[(Field, &'static str)]| {
            rule.needed(currency, |path| {
                let made = || values.iter().find(|(field, _)| field.path() == path);
                given(path).or_else(|| made().map(|(_, value)| Cow::Borrowed(*value)))
            })
        };
        loop {
            let is_missing = |field: &Field| {
                given(field.path()).is_none()
                    && values.iter().all(|(own, _)| own.path() != field.path())
                    && !(field.format() == Format::Object
                        && values.iter().any(|(own, _)| is_inside(own.path(), field.path())))
            };
            // Members come before the objects that have them.
            let needed = needed(&values);
            let mut missing = needed.iter().filter(|field| is_missing(field));
            let first = missing.clone().find(|field| field.format() != Format::Object);
            let Some(&field) = first.or_else(|| missing.next()) else { break };
            values.push((field, self.example(rule, field)));
        }
        // Another condition may ask for the same field in another form.
        for field in needed(&values) {
            let made = values.iter_mut().find(|(own, _)| own.path() == field.path());
            if let Some(made) = made.filter(|(_, value)| field.problem(value).is_some()) {
                *made = (field, field.example());
            }
        }
        values
    }

    fn example(&self, rule: &Rule, field: Field) -> &'static str {
        let of_country = |limit: &Limit| matches!(limit.scope(), Scope::Country(..));
        match self.regions() {
            // A country with limits of its own would ask for another amount.
            Regions::Only(countries)
                if field == Field::CUSTOMER_COUNTRY
                    && !countries.contains(&field.example())
                    && !rule.stated_limits().iter().any(of_country) =>
            {
                countries[0]
            }
            _ => field.example(),
        }
    }
}
