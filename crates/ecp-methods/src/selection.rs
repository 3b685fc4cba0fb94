//! Filters of payment methods: country, currency, operation and certainty.

use ecp_core::Currency;

use crate::method::DynMethod;
use crate::registry::Registry;
use crate::spec::{Certainty, MethodSpec};

/// Filters for the payment methods of a registry. A method is selected if it fits all filters that
/// are set. Each filter has one value: a second call of its method replaces the first. A method
/// whose spec does not state something, such as its countries, does not fit a filter for that.
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::{Registry, Selection};
///
/// let registry = Registry::builtin();
/// let selection = Selection::new().country("IN").currency(Currency::INR).operation("sale");
/// let codes: Vec<_> = selection.of(&registry).map(|spec| spec.code()).collect();
/// assert_eq!(codes, ["jeton", "wallet-partner"]);
///
/// let nowhere = selection.operation("payout").currency(Currency::MYR);
/// assert_eq!(
///     nowhere.why_none(&registry),
///     "no method fits all filters; if one filter is left out: 1 method without country IN, 0 \
///      methods without operation payout, 1 method without currency MYR"
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    country: Option<String>,
    currency: Option<Currency>,
    operation: Option<String>,
    certainty: Option<Certainty>,
}

/// One of the filters.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Filter {
    Country,
    Operation,
    Currency,
    Certainty,
}

impl Filter {
    const ALL: [Self; 4] = [Self::Country, Self::Operation, Self::Currency, Self::Certainty];
}

impl Selection {
    /// Creates a selection without filters, which selects all methods.
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects methods that are used in a country, given as two capital letters (ISO 3166-1
    /// alpha-2), such as `LV`. Another text, such as `lv`, is not an error: it counts as a country
    /// that is in no method's list. Methods whose countries are not stated do not fit;
    /// [`Selection::of_unstated_countries`] returns them.
    pub fn country(self, country: impl Into<String>) -> Self {
        Self { country: Some(country.into()), ..self }
    }

    /// Selects methods that accept a currency. If [`Selection::operation`] is set too, requests for
    /// that operation must accept it.
    pub fn currency(self, currency: Currency) -> Self {
        Self { currency: Some(currency), ..self }
    }

    /// Selects methods that have an operation, by the operation's name, such as `payout`.
    pub fn operation(self, name: impl Into<String>) -> Self {
        Self { operation: Some(name.into()), ..self }
    }

    /// Selects methods whose facts have at least this certainty: [`Certainty::DocumentationCopy`]
    /// is the lowest, [`Certainty::Documents`] the highest. Methods whose specs do not state a
    /// certainty do not fit.
    pub fn certainty(self, least: Certainty) -> Self {
        Self { certainty: Some(least), ..self }
    }

    /// The methods of a registry that fit all filters, in the order of the registry.
    pub fn of(&self, registry: &Registry) -> impl Iterator<Item = &'static MethodSpec> {
        self.without(registry, None)
    }

    /// The methods of a registry that fit all filters except the country, and whose countries are
    /// not stated: ask your account manager whether they are used there. Empty if no country is
    /// set.
    pub fn of_unstated_countries(
        &self,
        registry: &Registry,
    ) -> impl Iterator<Item = &'static MethodSpec> {
        let specs = self.without(registry, Some(Filter::Country));
        let is_open =
            |country: &String, spec: &MethodSpec| spec.regions().include(country).is_none();
        specs.filter(move |spec| self.country.as_ref().is_some_and(|it| is_open(it, spec)))
    }

    /// The reason why no method of a registry fits, as a sentence such as
    /// `no method has country LV`: the filters that no method fits or, if there are none, how many
    /// methods fit when one filter is left out. Use it only if [`Selection::of`] is empty.
    pub fn why_none(&self, registry: &Registry) -> String {
        let filters = || Filter::ALL.into_iter().filter_map(|one| Some((one, self.text(one)?)));
        let fits_none =
            |filter: Filter| registry.iter().all(|method| !self.fits(method.spec(), filter));
        let alone = filters().filter(|(filter, _)| fits_none(*filter));
        let alone: Vec<String> = alone.map(|(_, text)| text).collect();
        if !alone.is_empty() {
            return format!("no method has {}", alone.join(", or "));
        }
        let rest = filters().map(|(filter, text)| {
            let count = self.without(registry, Some(filter)).count();
            let methods = if count == 1 { "method" } else { "methods" };
            format!("{count} {methods} without {text}")
        });
        let rest: Vec<String> = rest.collect();
        if rest.is_empty() {
            return "there are no methods".to_owned();
        }
        format!("no method fits all filters; if one filter is left out: {}", rest.join(", "))
    }

    fn without(
        &self,
        registry: &Registry,
        left_out: Option<Filter>,
    ) -> impl Iterator<Item = &'static MethodSpec> {
        let fits = move |spec: &&MethodSpec| {
            Filter::ALL
                .into_iter()
                .all(|filter| Some(filter) == left_out || self.fits(spec, filter))
        };
        registry.iter().map(DynMethod::spec).filter(fits)
    }

    /// Whether a method fits one filter; all methods fit a filter that is not set.
    fn fits(&self, spec: &MethodSpec, filter: Filter) -> bool {
        let own = |name: &str| spec.flows().find(|operation| operation.name() == name);
        match filter {
            Filter::Country => {
                self.country.as_ref().is_none_or(|it| spec.regions().include(it) == Some(true))
            }
            Filter::Operation => self.operation.as_ref().is_none_or(|it| own(it).is_some()),
            Filter::Currency => self.currency.is_none_or(|currency| {
                // A method without the operation is excluded by that filter.
                let operation = self.operation.as_ref().and_then(|name| own(name));
                let taken = operation.map_or(spec.currencies(), |one| spec.currencies_of(one));
                taken.contains(&currency)
            }),
            Filter::Certainty => self.certainty.is_none_or(|least| spec.certainty() >= Some(least)),
        }
    }

    /// A filter in words, `None` if it is not set.
    fn text(&self, filter: Filter) -> Option<String> {
        match filter {
            Filter::Country => self.country.as_ref().map(|it| format!("country {it}")),
            Filter::Operation => self.operation.as_ref().map(|it| format!("operation {it}")),
            Filter::Currency => self.currency.map(|it| format!("currency {it}")),
            Filter::Certainty => self.certainty.map(|it| format!("certainty {it}")),
        }
    }
}
