//! The customer's choice on the provider's page: pay or not, and the amount where it is open.

use ecp_core::Money;

use super::voucher::{Entered, Problems};
use crate::payment::{Decision, Order, Payment};

/// The customer's decision, with the chosen amount in a sale that leaves the amount open.
#[derive(Debug, PartialEq)]
pub(super) struct Choice {
    pub(super) decision: Decision,
    pub(super) amount: Option<Money>,
}

/// Reason why a submitted form is not a valid decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclear {
    /// The form is not one that the page sends: it has no decision, or a voucher that the page does
    /// not offer.
    Foreign,
    /// The customer chose no amount, or typed one that cannot be read.
    Nothing,
    /// The voucher that the customer entered cannot pay, because of these problems with its fields.
    Voucher(Problems),
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
        if decision == Decision::Decline {
            return Ok(Self { decision, amount: None });
        }
        if !payment.is_open() {
            check_voucher(form, payment)?;
            return Ok(Self { decision, amount: None });
        }
        let amount = if offered(&payment.order).is_empty() {
            typed(&payment.order, all("amount").next().unwrap_or_default())?
        } else {
            total(&payment.order, form)?
        };
        if amount.minor() <= 0 {
            return Err(Unclear::Nothing);
        }
        check_voucher(form, payment)?;
        Ok(Self { decision, amount: Some(amount) })
    }
}

/// Where the method asks for a voucher, it must pay.
fn check_voucher(form: &[(String, String)], payment: &Payment) -> Result<(), Unclear> {
    match Entered::read(form) {
        Some(entered) if payment.order.spec.asks_for_voucher() => {
            entered.check().map_err(Unclear::Voucher)
        }
        _ => Ok(()),
    }
}

/// Returns the vouchers that the customer can choose, smallest first.
pub(super) fn offered(order: &Order) -> Vec<Money> {
    let currency = order.amount.currency();
    order.spec.denominations(currency).chain(order.spec.example_denominations(currency)).collect()
}

/// Whether a voucher's amount occurs only in an example of the method's document.
pub(super) fn is_odd(order: &Order, voucher: Money) -> bool {
    order.spec.example_denominations(voucher.currency()).any(|odd| odd == voucher)
}

/// Splits the order's amount into vouchers of the document's list, from the greatest down, each as
/// often as it fits. Also returns the rest of the amount, 0 if there is none.
pub(super) fn split(order: &Order) -> (Vec<(i64, Money)>, Money) {
    let mut rest = order.amount.minor();
    let mut parts = Vec::new();
    for voucher in order.spec.denominations(order.amount.currency()).rev() {
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
