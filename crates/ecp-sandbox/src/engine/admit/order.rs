//! Checks of new payments before their registration. The crate's documentation lists the
//! refusals, in the order of the checks here.

use ecp_core::{Currency, Money, ProjectId};
use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{MethodSpec, Operation, Rule};
use serde_json::Value;

use crate::payment::{Order, ReturnUrls};
use crate::wire::codes;
use crate::wire::document::{Fields, at, payment_id, require, text_at};
use crate::wire::refusal::Refusal;

const AMOUNT: &str = "payment.amount";
const CURRENCY: &str = "payment.currency";
pub(super) const PAYMENT: &str = "general.payment_id";

/// Checks the request for a new payment against the method's spec, and returns it as an order.
pub(super) fn order(
    project: ProjectId,
    spec: &'static MethodSpec,
    operation: Operation,
    interface: Interface,
    document: &Value,
) -> Result<Order, Refusal> {
    let rule = spec.rule(operation);
    let mut needed = needed(rule, document);
    // On the Payment Page a customer may be a guest.
    if interface == Interface::PaymentPage {
        needed.retain(|&field| field != Field::CUSTOMER_ID);
    }
    let mut fields = required(&[PAYMENT, AMOUNT, CURRENCY], &needed, document)?;
    let description = fields.text("payment.description").unwrap_or_default();
    let customer_id = fields.text("customer.id");
    let customer_country = fields.text("customer.country");
    let customer_phone = fields.text("customer.phone");
    let account_number = fields.text("account.number");
    let callback_url = fields.url("general.merchant_callback_url");
    let return_urls = ReturnUrls {
        success: fields.return_url("return_url.success"),
        decline: fields.return_url("return_url.decline"),
        neutral: fields.return_url("return_url.return"),
    };
    let callbacks = fields.callback_wishes();
    fields.end()?;

    let payment_id = payment_id(document)?;
    let currency = currency(document)?;
    if !spec.currencies_of(operation).contains(&currency) {
        return Err(Refusal::new(codes::CURRENCY_DISABLED, [CURRENCY]));
    }
    let least = i64::from(!rule.is_some_and(Rule::allows_zero_amount));
    let amount = amount(document, spec, currency, least)?;
    Ok(Order {
        project,
        payment_id,
        spec,
        operation,
        amount,
        description,
        customer_id,
        customer_country,
        customer_phone,
        account_number,
        callback_url,
        callbacks,
        interface,
        return_urls,
    })
}

/// Returns the fields that a rule requires in this request, including those of its conditions that
/// apply.
pub(super) fn needed(rule: Option<&Rule>, document: &Value) -> Vec<Field> {
    let value = |path: &str| text_at(document, path);
    rule.map(|rule| rule.needed(currency(document).ok(), value)).unwrap_or_default()
}

/// Returns the fields of a request of which none of these paths and of what is needed is missing,
/// with the needed ones checked for their form.
pub(super) fn required<'d>(
    paths: &[&'static str],
    needed: &[Field],
    document: &'d Value,
) -> Result<Fields<'d>, Refusal> {
    let paths = paths.iter().copied();
    require(document, paths.chain(needed.iter().map(|field| field.path())))?;
    let mut fields = Fields::of(document);
    for &field in needed {
        fields.value(field);
    }
    Ok(fields)
}

pub(super) fn currency(document: &Value) -> Result<Currency, Refusal> {
    at(document, CURRENCY)
        .and_then(Value::as_str)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| Refusal::new(codes::INVALID_CURRENCY, [CURRENCY]))
}

/// Returns the amount of a request, in the units in which the platform counts the currency for the
/// method; refuses it if it is not a whole number or is below `least`.
pub(super) fn amount(
    document: &Value,
    spec: &MethodSpec,
    currency: Currency,
    least: i64,
) -> Result<Money, Refusal> {
    at(document, AMOUNT)
        .and_then(Value::as_i64)
        .filter(|&number| number >= least)
        .and_then(|number| spec.received_amount(number, currency))
        .ok_or_else(|| Refusal::new(codes::MALFORMED, [AMOUNT]))
}
