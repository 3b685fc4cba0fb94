//! Example values for the fields that a request must have.

use std::borrow::Cow;

use ecp_core::Currency;

use super::{Limit, MethodSpec, Regions, Rule, Scope};
use crate::flow::Operation;
use crate::request::paths::is_inside;
use crate::request::{Field, Format};

impl MethodSpec {
    /// Makes example values for the fields that a request for the operation must have, for
    /// documentation, demonstrations and tests. Fields that `given` returns a value for are left
    /// out. A field that is required under a condition is included if the condition is true for the
    /// given and the example values. The customer's country is one of the method's countries,
    /// unless there are limits for single countries. If a member of an object is required, only the
    /// member is included, not the object. Empty if the method does not have the operation.
    ///
    /// `given` is a function that returns the value that the request already has at a path, such as
    /// `customer.id`, or `None`.
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
