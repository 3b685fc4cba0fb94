//! The customer's choice on the provider's page: pay or not, and the amount where it is open.

use ecp_core::Money;

use crate::payment::{Decision, Order, Payment};

/// A decision, with the amount if it was the customer's to choose.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) decision: Decision,
    pub(super) amount: Option<Money>,
}

/// Why a form is not a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    /// It cannot have come from the page.
    Foreign,
    /// No amount was chosen.
    Nothing,
}

impl Choice {
    pub(super) fn read(form: &[(String, String)], payment: &Payment) -> Result<Self, Unclear> {
        let all = |name: &'static str| {
            form.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_str())
        };
        let decision = match all("decision").next() {
            Some("decline") => Decision::Decline,
            Some("success") => Decision::Success,
            _ => return Err(Unclear::Foreign),
        };
        if decision == Decision::Decline || !payment.is_open() {
            return Ok(Self { decision, amount: None });
        }
        let amount = if offered(&payment.order).is_empty() {
            typed(&payment.order, all("amount").next().unwrap_or_default())?
        } else {
            total(&payment.order, form)?
        };
        if amount.minor() > 0 {
            Ok(Self { decision, amount: Some(amount) })
        } else {
            Err(Unclear::Nothing)
        }
    }
}

/// The vouchers that there are, smallest first.
pub(super) fn offered(order: &Order) -> Vec<Money> {
    order.spec.denominations(order.amount.currency()).collect()
}

/// The vouchers that make up the order's amount, each as often as it fits, from the greatest down;
/// and the remaining amount, 0 if none.
pub(super) fn split(order: &Order) -> (Vec<(i64, Money)>, Money) {
    let mut rest = order.amount.minor();
    let mut parts = Vec::new();
    for voucher in offered(order).into_iter().rev() {
        let times = rest / voucher.minor();
        if times > 0 {
            rest -= times * voucher.minor();
            parts.push((times, voucher));
        }
    }
    (parts, Money::from_minor(rest, order.amount.currency()))
}

/// Vouchers add up. They come one by one (`voucher=1000`, as often as there are) or counted
/// (`count-1000=2`).
fn total(order: &Order, form: &[(String, String)]) -> Result<Money, Unclear> {
    let offered = offered(order);
    let mut total = Money::from_minor(0, order.amount.currency());
    for (name, value) in form {
        let (minor, count) = match name.strip_prefix("count-") {
            Some(minor) => (minor, count(value)?),
            None if name == "voucher" => (value.as_str(), 1),
            None => continue,
        };
        let voucher = offered.iter().find(|voucher| voucher.minor().to_string() == minor);
        let voucher = voucher.ok_or(Unclear::Foreign)?;
        let sum = voucher.minor().checked_mul(count).ok_or(Unclear::Foreign)?;
        let sum = Money::from_minor(sum, order.amount.currency());
        total = total.checked_add(sum).map_err(|_| Unclear::Foreign)?;
    }
    Ok(total)
}

/// An empty field counts none.
fn count(text: &str) -> Result<i64, Unclear> {
    match text.trim() {
        "" => Ok(0),
        text => text.parse().ok().filter(|&count| count >= 0).ok_or(Unclear::Foreign),
    }
}

/// An amount in major units, for methods without vouchers.
fn typed(order: &Order, text: &str) -> Result<Money, Unclear> {
    match text.trim() {
        "" => Err(Unclear::Nothing),
        text => Money::from_decimal(text, order.amount.currency()).map_err(|_| Unclear::Nothing),
    }
}
