//! Which methods the customer may choose from, and what each needs to know.

use std::borrow::Cow;

use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};
use serde_json::{Map, Value, json};

use super::parameters::Parameters;
use super::problem::Problem;

/// Returns the methods that an opened Payment Page offers: all that fit the amount and currency, or
/// the one that the merchant forces.
pub(super) fn methods(
    registry: &Registry,
    parameters: &Parameters,
) -> Result<Vec<&'static MethodSpec>, Problem> {
    let on_page = registry.iter().map(DynMethod::spec).filter(|spec| is_on_page(spec));
    if let Some(forced) = parameters.get("force_payment_method") {
        let spec = on_page
            .into_iter()
            .find(|spec| spec.page_codes().contains(&forced))
            .ok_or_else(|| Problem::UnknownMethod(forced.to_owned()))?;
        if !spec.currencies_of(Operation::SALE).contains(&parameters.amount.currency()) {
            return Err(Problem::MethodRefusesCurrency);
        }
        if !takes(spec, parameters) {
            return Err(Problem::MethodRefusesAmount);
        }
        return Ok(vec![spec]);
    }
    let hidden: Vec<&str> =
        parameters.get("hide").unwrap_or_default().split(',').map(str::trim).collect();
    let fitting: Vec<_> = on_page
        .filter(|spec| takes(spec, parameters))
        .filter(|spec| !spec.page_codes().iter().any(|code| hidden.contains(code)))
        .collect();
    if fitting.is_empty() { Err(Problem::NoMethod) } else { Ok(fitting) }
}

fn is_on_page(spec: &MethodSpec) -> bool {
    !spec.page_codes().is_empty()
        && spec
            .rule(Operation::SALE)
            .is_some_and(|rule| rule.interfaces().contains(&Interface::PaymentPage))
}

fn takes(spec: &MethodSpec, parameters: &Parameters) -> bool {
    let currency = parameters.amount.currency();
    let Some(amount) = spec.received_amount(parameters.amount.minor(), currency) else {
        return false;
    };
    let country = Field::CUSTOMER_COUNTRY.page_name().and_then(|name| parameters.get(name));
    let Some(rule) = spec.rule(Operation::SALE) else { return false };
    let fits = match amount.minor() {
        0 => rule.allows_zero_amount(),
        _ => rule.limits_in(amount.currency(), country).allow(amount),
    };
    fits && spec.currencies_of(Operation::SALE).contains(&currency)
}

/// Returns the method's required fields that the merchant did not give, by their names on the page.
pub(super) fn missing_fields(
    spec: &MethodSpec,
    parameters: &Parameters,
) -> Vec<(Field, &'static str)> {
    let value = |path: &str| {
        let field = Field::KNOWN.iter().find(|field| field.path() == path)?;
        parameters.get(field.page_name()?).map(Cow::Borrowed)
    };
    let currency = Some(parameters.amount.currency());
    let needed = spec.rule(Operation::SALE).map(|rule| rule.needed(currency, value));
    let named = needed.unwrap_or_default().into_iter();
    // A guest is not asked for the merchant's id of a customer.
    let named = named.filter(|&field| !is_the_pages(field) && field != Field::CUSTOMER_ID);
    named
        .filter_map(|field| Some((field, field.page_name()?)))
        .filter(|(_, name)| parameters.get(name).is_none())
        .collect()
}

/// Whether the page itself knows the field: where it is, and where customers come back to.
fn is_the_pages(field: Field) -> bool {
    matches!(
        field,
        Field::CUSTOMER_IP_ADDRESS
            | Field::RETURN_DECLINE
            | Field::RETURN_NEUTRAL
            | Field::RETURN_SUCCESS
    )
}

/// Returns the sale as a Gate request, with the fields that the customer filled in.
pub(super) fn document(
    parameters: &Parameters,
    added: &[(Field, String)],
    return_url: &str,
) -> Value {
    let amount = parameters.amount;
    let mut document = json!({
        "general": {"payment_id": parameters.payment_id.as_str()},
        "payment": {"amount": amount.minor(), "currency": amount.currency().code()},
        "customer": {"ip_address": "127.0.0.1"},
        "return_url": {"success": return_url, "decline": return_url, "return": return_url},
    });
    let given = Field::KNOWN
        .iter()
        .filter(|field| !is_the_pages(**field))
        .filter_map(|&field| Some((field, parameters.get(field.page_name()?)?)));
    for (field, value) in given.chain(added.iter().map(|(field, value)| (*field, value.as_str()))) {
        if let Some((object, member)) = field.path().split_once('.')
            && let Some(members) = members_of(&mut document, object)
        {
            members.insert(member.to_owned(), value.into());
        }
    }
    document
}

fn members_of<'d>(document: &'d mut Value, object: &str) -> Option<&'d mut Map<String, Value>> {
    document.as_object_mut()?.entry(object).or_insert_with(|| json!({})).as_object_mut()
}
