//! Amounts that a method allows, and their results on the sandbox.

use std::collections::BTreeMap;

use ecp_core::{Currency, Money};
use ecp_methods::{MethodSpec, Operation, Rule};
use ecp_sandbox::Decision;

use crate::failure::{Failure, fail};

/// A range of amounts in one currency, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    currency: Currency,
    least: i64,
    greatest: i64,
    /// Step between amounts that can be sent to the platform, in minor units: 1, or one major unit
    /// if the platform counts the currency in major units.
    unit: i64,
    /// Amount at which a search for a suitable amount begins, in minor units: the first rule's
    /// `Rule::example_amount`, moved into the range if it is outside.
    usual: i64,
}

impl Span {
    /// The amounts in a currency that all of the operations allow, `None` if there are none. An
    /// operation that the spec does not declare allows all amounts.
    fn of(spec: &MethodSpec, flows: &[Operation], currency: Currency) -> Option<Self> {
        let declared = || flows.iter().copied().filter(|&flow| spec.rule(flow).is_some());
        if !declared().all(|flow| spec.currencies_of(flow).contains(&currency)) {
            return None;
        }
        let rules = || declared().filter_map(|flow| spec.rule(flow));
        let unit = unit(spec, currency);
        let (mut least, mut greatest) = (1, i64::MAX - 1);
        for (rule_least, rule_greatest) in rules().map(|rule| rule.limits(currency).minor_units()) {
            least = least.max(rule_least);
            greatest = greatest.min(rule_greatest);
        }
        let (least, greatest) = (up(least, unit), greatest / unit * unit);
        if least > greatest {
            return None;
        }
        let usual = rules().next().unwrap_or(&Rule::new()).example_amount(currency);
        let usual = (usual.minor() / unit * unit).clamp(least, greatest);
        Some(Self { currency, least, greatest, unit, usual })
    }

    /// The allowed amount nearest to the usual one that satisfies the predicate.
    fn find(self, holds: impl Fn(i64) -> bool) -> Option<Money> {
        let Self { currency, least, greatest, unit, usual } = self;
        let amounts = (usual..=greatest).chain((least..usual).rev());
        // Tests list only a few amounts.
        let minor = amounts.take(10_000).find(|&minor| minor % unit == 0 && holds(minor))?;
        Some(Money::from_minor(minor, currency))
    }

    fn holds(self, minor: i64) -> bool {
        (self.least..=self.greatest).contains(&minor) && minor % self.unit == 0
    }
}

/// An amount that all of the operations allow and that succeeds in tests.
pub(super) fn succeeding(spec: &MethodSpec, flows: &[Operation]) -> Result<Money, Failure> {
    let testing = spec.testing();
    first(spec, flows, |span| span.find(|minor| !testing.is_declined(minor))).ok_or_else(|| {
        fail(
            "no amount is within the limits of all operations of this case and succeeds in tests: \
             check the limits and `Testing::declined` of the spec",
        )
    })
}

/// An amount of a sale that ends in tests as the customer decides.
pub(super) fn decided(
    spec: &MethodSpec,
    flow: Operation,
    decision: Decision,
) -> Result<Money, Failure> {
    let testing = spec.testing();
    let ends = |minor: i64| match decision {
        Decision::Success => !testing.is_declined(minor),
        Decision::Decline => !testing.is_listed(minor) || testing.is_declined(minor),
    };
    first(spec, &[flow], |span| span.find(ends)).ok_or_else(|| {
        fail(format!(
            "no amount within the method's limits ends as a {decision} in tests: change the test \
             amounts (`Testing`) of its spec"
        ))
    })
}

/// An amount of a payout that is declined in tests, `None` if the limits of the method exclude all
/// such amounts.
pub(super) fn declined_payout(spec: &MethodSpec, flow: Operation) -> Option<Money> {
    let declined = spec.testing().declined_amounts();
    first(spec, &[flow], |span| {
        let &minor = declined.iter().find(|&&minor| span.holds(minor))?;
        Some(Money::from_minor(minor, span.currency))
    })
}

/// An amount of a sale, and a greater amount for its refund. `None` if the limits of refunds allow
/// no greater amount.
pub(super) fn overdrawn(
    spec: &MethodSpec,
    sale: Operation,
    refund: Operation,
) -> Option<(Money, Money)> {
    let testing = spec.testing();
    first(spec, &[sale], |span| {
        let refunds = Span::of(spec, &[refund], span.currency)?;
        // The sale may be below the limits of refunds, but the refund is not.
        let greatest = span.greatest.min(refunds.greatest - span.unit);
        if greatest < span.least {
            return None;
        }
        let paid = Span { greatest, usual: span.usual.min(greatest), ..span };
        let paid = paid.find(|minor| !testing.is_declined(minor))?;
        let more = (paid.minor() + span.unit).max(refunds.least);
        Some((paid, Money::from_minor(more, span.currency)))
    })
}

fn first<T>(spec: &MethodSpec, flows: &[Operation], find: impl Fn(Span) -> Option<T>) -> Option<T> {
    spec.currencies().iter().find_map(|&currency| Span::of(spec, flows, currency).and_then(&find))
}

/// The smallest difference between two amounts that can be sent, in minor units. For a currency
/// that the platform counts in major units, it is one major unit.
fn unit(spec: &MethodSpec, currency: Currency) -> i64 {
    spec.received_amount(1, currency).map_or(1, Money::minor)
}

/// Rounds up to a multiple of a unit.
const fn up(minor: i64, unit: i64) -> i64 {
    (minor + unit - 1) / unit * unit
}

/// Amounts at the limits of a rule, in minor units, and whether each is allowed.
pub(super) fn edges(spec: &MethodSpec, rule: &Rule, currency: Currency) -> BTreeMap<i64, bool> {
    let unit = unit(spec, currency);
    let zero = rule.allows_zero_amount();
    let limits = rule.limits(currency);
    let mut edges = BTreeMap::from([(-1, false), (0, zero)]);
    if let Some(least) = limits.least().map(Money::minor) {
        edges.extend([(least - 1, false), (up(least, unit), true)]);
    } else {
        edges.insert(unit, true);
    }
    if let Some(greatest) = limits.greatest().map(Money::minor) {
        edges.extend([(greatest / unit * unit, true), (greatest + 1, false)]);
    }
    if unit > 1 {
        let fraction = up(limits.least().map_or(1, Money::minor), unit) + 1;
        edges.insert(fraction, false);
    }
    // 0 is not an amount but leaves the choice to the customer: limits do not apply.
    if zero {
        edges.insert(0, true);
    } else if let Some(allowed) = edges.get_mut(&0) {
        *allowed = false;
    }
    edges
}
