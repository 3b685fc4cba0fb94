//! Example amounts: those of the spec, or near ones if the amounts of the spec would not have the
//! wanted result in tests.

use anyhow::Context;
use ecp_core::{Currency, Money};
use ecp_methods::spec::Capability;
use ecp_methods::{MethodSpec, Operation, Rule};
use ecp_sandbox::Decision;

/// Returns the amount of a sale that ends with the customer's decision, a success or a decline.
pub(crate) fn of_sale(spec: &MethodSpec, decision: Decision) -> anyhow::Result<Money> {
    next_to_example(spec, decision, |limits| limits)
}

/// Returns whether the amount is the value of a voucher that the customer can choose with this
/// method.
pub(crate) fn is_voucher(spec: &MethodSpec, amount: Money) -> bool {
    spec.capabilities().has(Capability::ZeroAmount)
        && spec.denominations(amount.currency()).any(|voucher| voucher == amount)
}

/// Returns the amount of a sale that is refunded: the refund succeeds, or is declined because it
/// requests more than was paid.
pub(crate) fn of_refunded_sale(spec: &MethodSpec, refund: Decision) -> anyhow::Result<Money> {
    let currency = currency(spec, Operation::SALE)?;
    next_to_example(spec, Decision::Success, |(least, greatest)| {
        let (refund_least, refund_greatest) = limits(spec, Operation::REFUND, currency);
        let room = i64::from(refund == Decision::Decline);
        (least.max(refund_least), greatest.min(refund_greatest - room))
    })
}

/// Returns the amount of a payout that ends with this decision: the amount alone decides its
/// result.
pub(crate) fn of_payout(spec: &MethodSpec, decision: Decision) -> anyhow::Result<Money> {
    let currency = currency(spec, Operation::PAYOUT)?;
    let (least, greatest) = limits(spec, Operation::PAYOUT, currency);
    let testing = spec.testing();
    match decision {
        Decision::Success => {
            find(spec, Operation::PAYOUT, (least, greatest), |minor| !testing.is_declined(minor))
        }
        Decision::Decline => {
            let declined = testing.declined_amounts().iter().copied();
            let minor = declined.into_iter().find(|minor| (least..=greatest).contains(minor));
            let minor =
                minor.context("this method has no test amount that is declined: run the demonstration without --decline")?;
            Ok(Money::from_minor(minor, currency))
        }
    }
}

fn next_to_example(
    spec: &MethodSpec,
    decision: Decision,
    narrow: impl FnOnce((i64, i64)) -> (i64, i64),
) -> anyhow::Result<Money> {
    let testing = spec.testing();
    let limits = narrow(limits(spec, Operation::SALE, currency(spec, Operation::SALE)?));
    find(spec, Operation::SALE, limits, |minor| match decision {
        Decision::Success => !testing.is_declined(minor),
        Decision::Decline => !testing.is_listed(minor) || testing.is_declined(minor),
    })
}

/// The allowed amount nearest to the example that satisfies the predicate.
fn find(
    spec: &MethodSpec,
    flow: Operation,
    (least, greatest): (i64, i64),
    holds: impl Fn(i64) -> bool,
) -> anyhow::Result<Money> {
    let currency = currency(spec, flow)?;
    let amounts = (least <= greatest).then(|| {
        let usual = spec.rule(flow).unwrap_or(&Rule::new()).example_amount(currency);
        let usual = usual.minor().clamp(least, greatest);
        (usual..=greatest).chain((least..usual).rev())
    });
    // Tests list only a few amounts, so the search is short unless there is no match.
    let minor = amounts.into_iter().flatten().take(10_000).find(|&minor| {
        spec.sent_amount(Money::from_minor(minor, currency)).is_some() && holds(minor)
    });
    let minor = minor.context(
        "no amount within the method's limits gives the chosen result in tests: choose another \
         method with --method, or the other result by adding or leaving out --decline",
    )?;
    Ok(Money::from_minor(minor, currency))
}

/// The first currency of an operation.
pub(crate) fn currency(spec: &MethodSpec, operation: Operation) -> anyhow::Result<Currency> {
    // For an operation that the method does not have, the demonstration fails later, by the check.
    let first = spec.currencies_of(operation).first().or(spec.currencies().first());
    first.copied().with_context(|| {
        format!(
            "the method `{}` declares no currency, so no amount can be sent with it: add \
             `currencies(..)` to its spec, or choose another method",
            spec.code()
        )
    })
}

/// The minimum and the maximum amount in minor units.
fn limits(spec: &MethodSpec, flow: Operation, currency: Currency) -> (i64, i64) {
    let (least, greatest) = spec.rule(flow).unwrap_or(&Rule::new()).limits(currency).minor_units();
    (least.max(1), greatest)
}
