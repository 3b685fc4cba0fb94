//! The Payment Page's parameters: a sale, and the appearance of the page.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ecp_core::{PaymentId, ProjectId, Sensitive};
use serde::{Serialize, Serializer};

use crate::check::{Rejection, check};
use crate::flow::Operation;
use crate::method::{DynMethod, Supports};
use crate::reason::Reason;
use crate::request::{Draft, OperationRequest, SaleRequest, url};
use crate::spec::Interface;
use crate::{Sale, spec};

/// A checked sale as the parameters with which the Payment Page is opened, not yet signed.
/// `PaymentPage::sign` of `ecp-transport` signs them and makes the URL. Only [`prepare_page`] and
/// [`prepare_page_dyn`] create one.
#[derive(Clone, Debug)]
pub struct PreparedPage {
    payment_id: PaymentId,
    parameters: BTreeMap<String, PageValue>,
}

/// Checks a sale, and makes the parameters of the Payment Page for it, for a payment method whose
/// type is known at compile time. Sign the result with `PaymentPage::sign` of `ecp-transport`. The
/// error says why the sale or an option was refused, such as an amount above the method's maximum.
///
/// The customer's id is the only required field: the customer enters the others on the page. Fields
/// that are not parameters of the page (an IP address, an account number) are left out. The page
/// opens with the payment method preselected (`force_payment_method`), unless the options say
/// otherwise.
///
/// ```
/// use ecp_core::PaymentId;
/// use ecp_methods::page::{PageOptions, prepare_page};
/// use ecp_methods::request::{Customer, SaleRequest};
/// use ecp_methods::TouchNGo;
///
/// let sale = SaleRequest::new(PaymentId::new("580")?, "500.00 MYR".parse()?)
///     .customer(Customer::new().id("customer1"));
/// let page = prepare_page(&TouchNGo, &sale, PageOptions::new().language_code("ms"))?;
/// assert_eq!(page.payment_id().as_str(), "580");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn prepare_page<M: Supports<Sale>>(
    method: &M,
    sale: &SaleRequest,
    options: PageOptions,
) -> Result<PreparedPage, Rejection> {
    prepare_page_dyn(method, sale, options)
}

/// Checks a sale, and makes the parameters of the Payment Page for it, for a payment method that is
/// chosen at run time, such as by a code from a configuration. Sign the result with
/// `PaymentPage::sign` of `ecp-transport`. The error says why the sale or an option was refused,
/// such as an amount above the method's maximum. The rest is the same as for [`prepare_page`].
pub fn prepare_page_dyn(
    method: &dyn DynMethod,
    sale: &SaleRequest,
    options: PageOptions,
) -> Result<PreparedPage, Rejection> {
    let draft = Draft { interface: Interface::PaymentPage, ..sale.draft() };
    check(method, &draft)?;
    let invalid = |path: &str, problem: &str| Rejection {
        method: method.spec().code(),
        flow: Operation::SALE,
        reason: Reason::Invalid { path: path.to_owned(), problem: problem.to_owned() },
    };
    if let Some((path, _)) = draft.extra.iter().next() {
        return Err(invalid(
            path,
            "is a field of Gate requests only; set parameters of the Payment Page by `PageOptions`",
        ));
    }
    let PageOptions { mut parameters, method_code } = options;
    for (name, value) in &parameters {
        value.check(name).map_err(|problem| invalid(name, problem))?;
    }
    for [one, other] in [AVS, [AVS[1], AVS[0]]] {
        if parameters.contains_key(one) && !parameters.contains_key(other) {
            return Err(invalid(other, &format!("is required, because `{one}` is set")));
        }
    }
    let mut own = vec![("payment_id", PageValue::text(draft.payment_id().as_str()))];
    if let Some(amount) = draft.amount() {
        // The check has refused what cannot be sent.
        let number = method.spec().sent_amount(amount).unwrap_or_default();
        own.push(("payment_amount", PageValue::Integer(number)));
        own.push(("payment_currency", PageValue::text(amount.currency().code())));
    }
    own.extend(
        draft
            .fields
            .iter()
            .filter_map(|(field, value)| Some((field.page_name()?, PageValue::text(value)))),
    );
    if let Some(code) = forced_method(method.spec(), &method_code).map_err(|code| {
        let known = match method.spec().page_codes() {
            [] => String::new(),
            codes => format!("use {}, or ", codes.join(", ")),
        };
        let problem = format!(
            "is `{code}`, which is not a Payment Page code of this method; {known}set a \
             code from the platform's support by `PageOptions::method_code_from_support` (`--code-from-support`)"
        );
        invalid("force_payment_method", &problem)
    })? {
        own.push(("force_payment_method", PageValue::text(code)));
    }
    for (name, value) in own {
        if parameters.insert(name.to_owned(), value).is_some() {
            return Err(invalid(
                name,
                "is set by the sale or the method already; leave it out of `PageOptions`",
            ));
        }
    }
    if let Some(name) = RESERVED.into_iter().find(|name| parameters.contains_key(*name)) {
        return Err(invalid(name, "is set when the page is signed; leave it out of `PageOptions`"));
    }
    let holds_separator = |(name, value): &(&String, &PageValue)| {
        name.contains(';') || value.url_text().contains(';')
    };
    if let Some((name, _)) = parameters.iter().find(holds_separator) {
        return Err(invalid(name, "holds `;`, which the Payment Page forbids"));
    }
    Ok(PreparedPage { payment_id: draft.payment_id().clone(), parameters })
}

/// Address verification needs both or neither.
const AVS: [&str; 2] = ["avs_post_code", "avs_street_address"];

const RESERVED: [&str; 2] = ["project_id", "signature"];

fn forced_method<'c>(
    spec: &'static spec::MethodSpec,
    choice: &'c MethodCode,
) -> Result<Option<&'c str>, &'c str> {
    match choice {
        MethodCode::First => Ok(spec.page_codes().first().copied()),
        MethodCode::CustomerChooses => Ok(None),
        MethodCode::FromSupport(code) => Ok(Some(code)),
        MethodCode::Named(code) => {
            let known = spec.page_codes().iter().copied().find(|known| known == code);
            known.map(Some).ok_or(code)
        }
    }
}

impl PreparedPage {
    /// The merchant's id of the payment.
    pub const fn payment_id(&self) -> &PaymentId {
        &self.payment_id
    }

    /// The parameters with which the Payment Page is opened for a project, by parameter name, such
    /// as `payment_amount`. They are not yet signed: `PaymentPage::sign` of `ecp-transport` does
    /// that.
    pub fn parameters(&self, project: ProjectId) -> BTreeMap<&str, PageValue> {
        let mut parameters: BTreeMap<&str, PageValue> =
            self.parameters.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let project = i64::try_from(project.get()).unwrap_or(i64::MAX);
        parameters.insert("project_id", PageValue::Integer(project));
        parameters
    }
}

/// The value of a parameter of the Payment Page: a boolean, an integer or a text.
#[derive(Clone, PartialEq, Eq)]
pub enum PageValue {
    /// A boolean: `true` or `false` in JSON, `1` or `0` in a URL.
    Flag(bool),
    /// An integer: a number in JSON, its decimal digits in a URL.
    Integer(i64),
    /// A text. It may be personal data, so `Debug` does not print it.
    Text(Sensitive<String>),
}

impl PageValue {
    fn text(text: impl Into<String>) -> Self {
        Self::Text(Sensitive::new(text.into()))
    }

    fn check(&self, name: &str) -> Result<(), &'static str> {
        let text = self.url_text();
        if text.contains(char::is_control) {
            return Err("holds a control character");
        }
        // The checks are those of a sale, so the page must not do anything else.
        match name {
            "mode" if text != "purchase" => {
                Err("must be `purchase`, because this page takes a sale")
            }
            "operation_type" | "card_operation_type" if text != "sale" => {
                Err("must be `sale`, because this page takes a sale")
            }
            _ if name.ends_with("_url") => url(&text).map_or(Ok(()), Err),
            _ if name.ends_with("_enabled") && !matches!(text.as_str(), "0" | "1" | "2") => {
                Err("must be 0, 1 or 2")
            }
            _ => Ok(()),
        }
    }

    /// The value of the parameter as text for a URL, not yet percent-encoded: `true` is `1`,
    /// `false` is `0`.
    pub fn url_text(&self) -> String {
        match self {
            Self::Flag(flag) => u8::from(*flag).to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Text(text) => text.expose().clone(),
        }
    }
}

impl Serialize for PageValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Flag(flag) => flag.serialize(serializer),
            Self::Integer(number) => number.serialize(serializer),
            Self::Text(text) => text.serialize(serializer),
        }
    }
}

/// Prints no text: it may be personal data.
impl fmt::Debug for PageValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(flag) => flag.fmt(f),
            Self::Integer(number) => number.fmt(f),
            Self::Text(text) => text.fmt(f),
        }
    }
}

#[derive(Clone, Debug, Default)]
enum MethodCode {
    #[default]
    First,
    CustomerChooses,
    FromSupport(String),
    Named(String),
}

/// Optional parameters of the Payment Page: its appearance and behaviour. Each setter has the name
/// of its parameter in the platform's documentation (row `Payment Page` of `docs/sources.md`). A
/// parameter that is not set is not sent. The data of the sale (customer, description, return
/// addresses, callback address) is taken from the sale request instead.
///
/// Values are sent to the page as they are. [`prepare_page`] refuses only invalid URLs, other
/// numbers than 0, 1 and 2 in the parameters `.._enabled`, control characters, `;`, and a `mode` or
/// `operation_type` that is not that of a sale.
///
/// Some parameters are for *cashier mode*, a mode of the page that the documents name but do not
/// describe.
#[derive(Clone, Debug, Default)]
pub struct PageOptions {
    parameters: BTreeMap<String, PageValue>,
    method_code: MethodCode,
}

impl PageOptions {
    /// Creates options that set no parameter of the Payment Page.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the code by which the Payment Page preselects the payment method: one of the Payment
    /// Page codes in the method's spec, such as `jetonWalletV3`; [`prepare_page`] refuses any
    /// other. By default, it is the first code in the spec; if the spec has none, no method is
    /// preselected. This setter, [`method_code_from_support`](Self::method_code_from_support) and
    /// [`let_customer_choose`](Self::let_customer_choose) replace each other.
    pub fn method_code(mut self, code: impl Into<String>) -> Self {
        self.method_code = MethodCode::Named(code.into());
        self
    }

    /// Sets the code by which the Payment Page preselects the payment method, as given by the
    /// platform's support. Use it if support names a code that is not in the method's spec, such as
    /// for the other version of Jeton's protocol. The code is not checked.
    pub fn method_code_from_support(mut self, code: impl Into<String>) -> Self {
        self.method_code = MethodCode::FromSupport(code.into());
        self
    }

    /// Opens the Payment Page with the list of all payment methods, so that the customer chooses
    /// one. The sale's currency and amount must still be allowed by the method that is passed to
    /// [`prepare_page`], and the amount is sent as that method counts it, in minor or major units
    /// ([`MethodSpec::major_units`](crate::MethodSpec::major_units)).
    pub fn let_customer_choose(mut self) -> Self {
        self.method_code = MethodCode::CustomerChooses;
        self
    }

    /// Sets a text parameter of the Payment Page by its name, for parameters that have no setter in
    /// this type. A second value for the same name replaces the first.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.set(name.into(), PageValue::text(value))
    }

    /// Sets an integer parameter of the Payment Page by its name, for parameters that have no
    /// setter in this type. A second value for the same name replaces the first.
    pub fn integer(self, name: impl Into<String>, value: i64) -> Self {
        self.set(name.into(), PageValue::Integer(value))
    }

    /// Sets a boolean parameter of the Payment Page by its name, for parameters that have no setter
    /// in this type. A second value for the same name replaces the first.
    pub fn flag(self, name: impl Into<String>, value: bool) -> Self {
        self.set(name.into(), PageValue::Flag(value))
    }

    fn set(mut self, name: String, value: PageValue) -> Self {
        self.parameters.insert(name, value);
        self
    }
}

macro_rules! setters {
    ($kind:ident($type:ty): $($(#[$doc:meta])* $name:ident,)*) => {
        impl PageOptions {
            $(
                $(#[$doc])*
                pub fn $name(self, value: $type) -> Self {
                    self.$kind(stringify!($name), value)
                }
            )*
        }
    };
}

setters! { text(impl Into<String>):
    /// Sets the token by which the platform knows a stored card of the customer, for the Payment
    /// Page. The text is sent as it is.
    account_token,
    /// Sets the Payment Page's parameter `additional_data`, which only certain payment methods use.
    /// Set it only if the documentation of your method describes it; the text is sent as it is.
    additional_data,
    /// Sets the postal code for address verification (AVS). Set `avs_street_address` too: with only
    /// one of the two, the sale is refused before the Payment Page is opened.
    avs_post_code,
    /// Sets the street for address verification (AVS). Set `avs_post_code` too: with only one of
    /// the two, the sale is refused before the Payment Page is opened.
    avs_street_address,
    /// Sets the time when the Payment Page expires, at most 30 days ahead, such as
    /// `2026-12-31T23:59:59+00:00`. The platform ignores a later time.
    best_before,
    /// Sets the street, house and flat of the billing address.
    billing_address,
    /// Sets the city of the billing address.
    billing_city,
    /// Sets the country of the billing address, by its ISO 3166-1 alpha-2 code, such as `LV`.
    billing_country,
    /// Sets the postal code of the billing address.
    billing_postal,
    /// Sets the region of the billing address.
    billing_region,
    /// Sets the code of the region of the billing address. The documents do not say which codes
    /// these are.
    billing_region_code,
    /// Sets the mode that is selected at first in *cashier mode*, a mode of the Payment Page that
    /// the documents name but do not describe. The documents do not list the values: ask the
    /// platform's support.
    cashier_default_mode,
    /// Sets the only mode that is available in *cashier mode*, a mode of the Payment Page that the
    /// documents name but do not describe. The documents do not list the values: ask the platform's
    /// support.
    cashier_force_mode,
    /// Sets the amounts that are suggested to the customer in *cashier mode*, a mode of the Payment
    /// Page that the documents name but do not describe. Separate them by commas. The text is sent
    /// as it is; the documents do not say whether the amounts are in major or minor units.
    cashier_predefined_amounts,
    /// Sets a CSS class for the modal window in which the Payment Page opens on your web page.
    css_modal_wrap,
    /// Opens the Payment Page with a group of payment methods, such as `openbanking`, the only
    /// group that this library's sources name.
    force_payment_group,
    /// Opens the Payment Page with a subtype of the payment method, such as the code of a card
    /// brand.
    force_payment_method_subtype,
    /// Sets how the Payment Page is embedded in your web page: `popup`, `iframe` or `embedded`. The
    /// signature does not cover this parameter, so a customer can change it: rely on nothing that
    /// it says.
    frame_mode,
    /// Sets the codes of the payment methods to hide on the Payment Page, such as `ecoVoucher`. The
    /// documents do not say what separates several codes; the sandbox expects commas.
    hide,
    /// Sets the number that the platform gave to the software that opens the Payment Page, as JSON
    /// text: `{"id":23}` is its PHP SDK. An integration of your own has no number, so do not set
    /// this parameter.
    interface_type,
    /// Sets the language of the Payment Page, by its ISO 639-1 code, such as `en`.
    language_code,
    /// Sets which block of payment methods the Payment Page shows. The documents do not list the
    /// values: ask the platform's support.
    list_payment_block,
    /// Sets the URL of the link that leads from the Payment Page back to your shop after a decline:
    /// an absolute http or https URL.
    merchant_fail_url,
    /// Sets the domain of your shop, which some of the platform's plug-ins send to the Payment
    /// Page. The documents do not say what it changes.
    merchant_domain,
    /// Sets how the link from the Payment Page back to your shop opens after a decline. The
    /// documents do not list the values: ask the platform's support.
    merchant_fail_redirect_mode,
    /// Sets the URL of the link that leads from the Payment Page back to your shop, whatever the
    /// result of the payment: an absolute http or https URL.
    merchant_return_url,
    /// Sets how the link from the Payment Page back to your shop that is for any result of the
    /// payment opens. The documents do not list the values: ask the platform's support.
    merchant_return_redirect_mode,
    /// Sets the URL of the link that leads from the Payment Page back to your shop after a success:
    /// an absolute http or https URL.
    merchant_success_url,
    /// Sets how the link from the Payment Page back to your shop opens after a success. The
    /// documents do not list the values: ask the platform's support.
    merchant_success_redirect_mode,
    /// Sets a text of your own that the Payment Page passes on to Gate with the payment.
    payment_extra_param,
    /// Sets options of the payment methods on the Payment Page, as JSON text. The documents do not
    /// list the members of this JSON, and this library does not check them.
    payment_methods_options,
    /// Sets the series of recurring payments that the Payment Page registers, as JSON text. The
    /// documents do not list the members of this JSON for the page, and this library does not check
    /// them.
    recurring,
    /// Sets where the customer's redirect after a decline opens, such as `parent_page` or `iframe`.
    /// The documents do not explain the values. In the sandbox, `iframe` keeps the redirect inside
    /// the frame that the Payment Page is in, and any other value replaces the whole window.
    redirect_fail_mode,
    /// Sets where the customer's redirect that is for any result of the payment opens, such as
    /// `parent_page` or `iframe`. The documents do not explain the values. The sandbox does not use
    /// it.
    redirect_return_mode,
    /// Sets where the customer's redirect after a success opens, such as `parent_page` or `iframe`.
    /// The documents do not explain the values. In the sandbox, `iframe` keeps the redirect inside
    /// the frame that the Payment Page is in, and any other value replaces the whole window.
    redirect_success_mode,
    /// Sets where the customer's redirect opens after an account was stored under a token
    /// (tokenisation), such as `parent_page` or `iframe`. The documents do not explain the values.
    /// The sandbox does not use it.
    redirect_tokenize_mode,
    /// Sets the URL to which the customer returns after an account was stored under a token
    /// (tokenisation): an absolute http or https URL.
    redirect_tokenize_url,
    /// Sets the Payment Page's parameter `region_code`: a country code of ISO 3166-1 alpha-2, such
    /// as `MY`. The documents do not say what it changes.
    region_code,
    /// Sets the element of your web page in which the Payment Page opens as an iframe, by the
    /// element's HTML `id`, such as `payment-form`.
    target_element,
}

setters! { integer(i64):
    /// Sets the maximum amount in *cashier mode*, a mode of the Payment Page that the documents
    /// name but do not describe. The number is sent as it is; the documents do not say whether it
    /// is in major or minor units.
    cashier_max_value,
    /// Sets the minimum amount in *cashier mode*, a mode of the Payment Page that the documents
    /// name but do not describe. The number is sent as it is; the documents do not say whether it
    /// is in major or minor units.
    cashier_min_value,
    /// Sets the last 4 digits of the customer's social security number. The documents ask for a
    /// number, so leading zeros are lost: `0042` is sent as 42.
    customer_ssn,
    /// Sets when the Payment Page shows the link back to your shop after a decline
    /// (`merchant_fail_url`): 0, 1 or 2; any other number is refused. 2 means always; the documents
    /// do not say what 0 and 1 mean. In the sandbox, 0 leaves this URL unused, and 1 and 2 use it
    /// alike.
    merchant_fail_enabled,
    /// Sets when the Payment Page shows the link back to your shop for any result
    /// (`merchant_return_url`): 0, 1 or 2; any other number is refused. 2 means always; the
    /// documents do not say what 0 and 1 mean. In the sandbox, 0 leaves this URL unused, and 1 and
    /// 2 use it alike.
    merchant_return_enabled,
    /// Sets when the Payment Page shows the link back to your shop after a success
    /// (`merchant_success_url`): 0, 1 or 2; any other number is refused. 2 means always; the
    /// documents do not say what 0 and 1 mean. In the sandbox, 0 leaves this URL unused, and 1 and
    /// 2 use it alike.
    merchant_success_enabled,
    /// Sets when the Payment Page redirects the customer after a decline, to the URL that the sale
    /// has for that (`ReturnUrls::decline`): 0, 1 or 2; any other number is refused. The documents
    /// do not say what the numbers mean. In the sandbox, 0 leaves this URL unused, and 1 and 2 use
    /// it alike.
    redirect_fail_enabled,
    /// Sets when the Payment Page redirects the customer after any result, to the URL that the sale
    /// has for that (`ReturnUrls::neutral`): 0, 1 or 2; any other number is refused. The documents
    /// do not say what the numbers mean. In the sandbox, 0 leaves this URL unused, and 1 and 2 use
    /// it alike.
    redirect_return_enabled,
    /// Sets when the Payment Page redirects the customer after a success, to the URL that the sale
    /// has for that (`ReturnUrls::success`): 0, 1 or 2; any other number is refused. The documents
    /// do not say what the numbers mean. In the sandbox, 0 leaves this URL unused, and 1 and 2 use
    /// it alike.
    redirect_success_enabled,
    /// Sets when the Payment Page redirects the customer to `redirect_tokenize_url`, after an
    /// account was stored under a token (tokenisation): 0, 1 or 2; any other number is refused. The
    /// documents do not say what the numbers mean. The sandbox does not use it.
    redirect_tokenize_enabled,
    /// Sets the number of the template by which the Payment Page is shown. The documents do not
    /// list the templates: ask the platform's support for yours.
    terminal_id,
}

setters! { flag(bool):
    /// Sets whether the customer may type an amount in *cashier mode*, a mode of the Payment Page
    /// that the documents name but do not describe. Without this call the parameter is not sent,
    /// and the platform decides.
    cashier_manual_input,
    /// Sets whether a click outside the modal window of the Payment Page closes the window. Without
    /// this call the parameter is not sent, and the platform decides.
    close_on_missclick,
    /// Sets whether 3-D Secure, the check by the customer's bank, opens in a new window. Without
    /// this call the parameter is not sent, and the platform decides.
    force_acs_new_window,
    /// Sets whether the customer's stored account is registered for recurring payments. Without
    /// this call the parameter is not sent, and the platform decides.
    recurring_register,
    /// Sets whether the Payment Page opens in a browser tab of its own, instead of a window or
    /// frame of your web page. Without this call the parameter is not sent, and the platform
    /// decides.
    redirect,
    /// Sets whether the Payment Page opens in a browser tab of its own on phones, instead of a
    /// window or frame of your web page. Without this call the parameter is not sent, and the
    /// platform decides.
    redirect_on_mobile,
}

setters! { encoded(impl AsRef<str>):
    /// Sets data about travel and accommodation, as JSON text. Pass plain JSON, which this library
    /// does not check: this setter encodes it in Base64, as the Payment Page requires.
    addendum_data,
    /// Sets data about bookings, as JSON text. Pass plain JSON, which this library does not check:
    /// this setter encodes it in Base64, as the Payment Page requires.
    booking_info,
    /// Sets data about cash vouchers, as JSON text. Pass plain JSON, which this library does not
    /// check: this setter encodes it in Base64, as the Payment Page requires.
    cash_voucher_data,
    /// Sets the receipt, as JSON text, such as the platform's example
    /// `{"positions":[{"quantity":10,"amount":108,"description":"Computer keyboard"}]}`. Pass plain
    /// JSON, which this library does not check: this setter encodes it in Base64, as the Payment
    /// Page requires.
    receipt_data,
}

impl PageOptions {
    fn encoded(self, name: &str, json: impl AsRef<str>) -> Self {
        self.text(name, STANDARD.encode(json.as_ref()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::Customer;
    use crate::{EcoVoucher, Jeton};

    fn sale(amount: &str) -> SaleRequest {
        SaleRequest::new("X03936".parse().unwrap(), amount.parse().unwrap())
            .customer(Customer::new().id("customer1").first_name("Mary"))
    }

    #[test]
    fn a_sale_becomes_the_documented_parameters() {
        let page = prepare_page(&Jeton, &sale("100.00 EUR"), PageOptions::new()).unwrap();
        let parameters = page.parameters(ProjectId::new(1236).unwrap());
        let json = serde_json::to_string(&parameters).unwrap();
        insta::assert_snapshot!(json, @r#"{"customer_first_name":"Mary","customer_id":"customer1","force_payment_method":"jetonWalletV3","payment_amount":10000,"payment_currency":"EUR","payment_id":"X03936","project_id":1236}"#);
    }

    #[test]
    fn the_method_is_chosen_by_us_or_by_the_customer() {
        let table = [
            (PageOptions::new(), Ok(Some("ecoVoucher"))),
            (PageOptions::new().let_customer_choose(), Ok(None)),
            (PageOptions::new().method_code("ecoVoucher"), Ok(Some("ecoVoucher"))),
            (
                PageOptions::new().method_code("other"),
                Err(
                    "eco-voucher sale: `force_payment_method` is `other`, which is not a Payment Page code of this method; use ecoVoucher, or set a code from the platform's support by `PageOptions::method_code_from_support` (`--code-from-support`)",
                ),
            ),
        ];
        for (options, expected) in table {
            let page = prepare_page(&EcoVoucher, &sale("0.00 EUR"), options);
            let found = page
                .as_ref()
                .map(|page| page.parameters.get("force_payment_method").map(PageValue::url_text));
            match (found, expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found.as_deref(), expected),
                (Err(rejection), Err(message)) => assert_eq!(rejection.to_string(), message),
                (found, expected) => panic!("{found:?} is not {expected:?}"),
            }
        }
    }

    /// Verifiers refuse a callback with one of these members, so they must know every parameter.
    #[test]
    fn every_parameter_is_known_to_verifiers() {
        let is_name = |line: &&str| {
            line.strip_suffix(',').is_some_and(|name| {
                name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            })
        };
        let blocks = include_str!("page.rs").split("\nsetters! {").skip(1);
        let setters: Vec<&str> = blocks
            .flat_map(|block| block.split("\n}").next().unwrap().lines())
            .map(str::trim)
            .filter(is_name)
            .map(|line| line.trim_end_matches(','))
            .collect();
        assert!(setters.len() > 50, "{setters:?}");
        let fields = crate::request::Field::KNOWN.iter().filter_map(|field| field.page_name());
        let own = ["payment_id", "payment_amount", "payment_currency", "force_payment_method"];
        for name in setters.into_iter().chain(fields).chain(own).chain(AVS) {
            assert!(ecp_core::model::PageParameters::NAMES.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_rejection_names_the_parameter() {
        let options = PageOptions::new;
        let table = [
            (
                sale("0.99 EUR"),
                options(),
                "jeton sale: `payment.amount`: 0.99 EUR is below the minimum of 1.00 EUR",
            ),
            (
                SaleRequest::new("X".parse().unwrap(), "1.00 EUR".parse().unwrap()),
                options(),
                "jeton sale: `customer.id` is required",
            ),
            (
                sale("1.00 EUR").extra("payment.extra_param", 1),
                options(),
                "jeton sale: `payment.extra_param` is a field of Gate requests only; set parameters of the Payment Page by `PageOptions`",
            ),
            (
                sale("1.00 EUR"),
                options().text("signature", "x"),
                "jeton sale: `signature` is set when the page is signed; leave it out of `PageOptions`",
            ),
            (
                sale("1.00 EUR"),
                options().text("payment_id", "x"),
                "jeton sale: `payment_id` is set by the sale or the method already; leave it out of `PageOptions`",
            ),
            (
                sale("1.00 EUR"),
                options().language_code("e\n"),
                "jeton sale: `language_code` holds a control character",
            ),
            (
                sale("1.00 EUR"),
                options().billing_city("Bonn; Germany"),
                "jeton sale: `billing_city` holds `;`, which the Payment Page forbids",
            ),
            (
                sale("1.00 EUR").description("Order 5; thank you").allow_items_in_texts(),
                options(),
                "jeton sale: `payment_description` holds `;`, which the Payment Page forbids",
            ),
            (
                sale("1.00 EUR"),
                options().avs_post_code("LV-1001"),
                "jeton sale: `avs_street_address` is required, because `avs_post_code` is set",
            ),
        ];
        for (sale, options, message) in table {
            let rejection = prepare_page(&Jeton, &sale, options).unwrap_err();
            assert_eq!(rejection.to_string(), message);
        }
    }

    #[test]
    fn nothing_personal_is_printed() {
        let options = PageOptions::new().receipt_data("{\"sentinel\":1}").text("x", "sentinel");
        let page = prepare_page(&Jeton, &sale("1.00 EUR"), options.clone()).unwrap();
        let printed = format!("{page:?} {options:?}");
        for personal in ["customer1", "Mary", "sentinel"] {
            assert!(!printed.contains(personal), "{personal} in {printed}");
        }
    }
}
