//! The check that every request passes before it is sent.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use ecp_core::signature::{self, Rules, SignError};
use ecp_core::{Money, PaymentId, ProjectId};
use serde_json::value::RawValue;

use crate::flow::{Effect, Flow, Operation};
use crate::method::{DynMethod, Supports};
use crate::reason::Reason;
use crate::request::paths::overlap;
use crate::request::{Body, Draft, Field, FlowRequest, Format, OperationRequest};
use crate::spec::{Interface, MethodSpec, Need, Rule};
use crate::warning::{self, Warning};

/// A request that passed all checks of its payment method. `Gate::send` of `ecp-transport` signs
/// and sends it. It is created only by [`prepare`], [`prepare_as`], [`prepare_dyn`] and
/// [`prepare_as_dyn`].
///
/// It dereferences to a [`PreparedRequest`], whose methods return the request's data.
pub struct Prepared<F: Flow> {
    inner: PreparedRequest<F::Request>,
    flow: PhantomData<F>,
}

/// A request that passed all checks of its payment method, for an operation that is chosen at run
/// time. `Gate::send` of `ecp-transport` signs and sends it. Only [`prepare_operation`] creates
/// one.
#[derive(Clone, Debug)]
pub struct PreparedRequest<R: OperationRequest> {
    spec: &'static MethodSpec,
    operation: Operation,
    request: R,
}

/// Checks a request against the rules of a payment method whose type is known at compile time, such
/// as [`Jeton`](crate::Jeton). Nothing is sent: `Gate::send` of `ecp-transport` signs and sends the
/// result. The error says why the request was refused, such as a missing field.
pub fn prepare<M, R>(method: &M, request: R) -> Result<Prepared<R::Flow>, Rejection>
where
    M: Supports<R::Flow>,
    R: FlowRequest,
{
    prepare_as_dyn(method, request)
}

/// Checks a request for an operation that is not the usual one of its request type, against the
/// rules of a payment method: for example a hold ([`Auth`](crate::Auth)), whose request is a
/// [`SaleRequest`](crate::request::SaleRequest) as for a sale. Nothing is sent. The error says why
/// the request was refused, such as a missing field.
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::request::SaleRequest;
/// use ecp_methods::spec::Interface;
/// use ecp_methods::{Auth, PaymentMethod, Rule, Spec, Supports, prepare_as};
///
/// #[derive(Debug)]
/// struct Acme;
///
/// impl Supports<Auth> for Acme {}
/// impl PaymentMethod for Acme {
///     const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
///         .gate_path("wallet/acme")
///         .currencies(&[Currency::EUR])
///         .flow::<Auth>(Rule::new().on(&[Interface::Gate]));
/// }
///
/// let hold = SaleRequest::new("X-1".parse()?, "5.00 EUR".parse()?);
/// assert_eq!(prepare_as::<Auth>(&Acme, hold)?.endpoint(), "/v2/payment/wallet/acme/auth");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn prepare_as<F: Flow>(
    method: &impl Supports<F>,
    request: F::Request,
) -> Result<Prepared<F>, Rejection> {
    prepare_as_dyn(method, request)
}

/// Checks a request against the rules of a payment method that is chosen at run time, such as by a
/// code from a configuration ([`Registry::get`](crate::Registry::get)). Nothing is sent. The error
/// says why the request was refused, such as a missing field or an operation that the method does
/// not have.
pub fn prepare_dyn<R: FlowRequest>(
    method: &dyn DynMethod,
    request: R,
) -> Result<Prepared<R::Flow>, Rejection> {
    prepare_as_dyn(method, request)
}

/// Checks a request for the operation `F`, such as a hold ([`Auth`](crate::Auth)), against the
/// rules of a payment method that is chosen at run time. The operation need not be the usual one of
/// its request type. Nothing is sent. The error says why the request was refused, such as a missing
/// field or an operation that the method does not have.
pub fn prepare_as_dyn<F: Flow>(
    method: &dyn DynMethod,
    request: F::Request,
) -> Result<Prepared<F>, Rejection> {
    let inner = prepare_operation(method, F::OPERATION, request)?;
    Ok(Prepared { inner, flow: PhantomData })
}

/// Checks a request for an operation and a payment method that are both chosen at run time. The
/// request type must fit: its [`OperationRequest::EFFECTS`] must contain the effect that the
/// operation has on money, otherwise the error is [`Reason::FlowUnsupported`]. The error also says
/// any other reason for a refusal, such as a missing field. Nothing is sent.
pub fn prepare_operation<R: OperationRequest>(
    method: &dyn DynMethod,
    operation: Operation,
    request: R,
) -> Result<PreparedRequest<R>, Rejection> {
    let spec = method.spec();
    let rejected = |reason| Rejection { method: spec.code(), flow: operation, reason };
    if !R::EFFECTS.contains(&operation.effect()) {
        return Err(rejected(Reason::FlowUnsupported));
    }
    check(method, &request.draft().with_operation(operation))?;
    if !spec.has_path(operation) {
        return Err(rejected(Reason::InterfaceUnsupported(Interface::Gate)));
    }
    Ok(PreparedRequest { spec, operation, request })
}

/// Checks a request against the method's spec, then calls the method's own check.
pub(crate) fn check(method: &dyn DynMethod, draft: &Draft<'_>) -> Result<(), Rejection> {
    let spec = method.spec();
    check_spec(spec, draft).and_then(|()| method.check_draft(draft)).map_err(|reason| Rejection {
        method: spec.code(),
        flow: draft.flow(),
        reason,
    })
}

/// Runs a payment method's own check ([`PaymentMethod::check`](crate::PaymentMethod::check)) on a
/// request that a server, such as the sandbox, has received. The error says why the method refuses
/// the request. Check by yourself that the request satisfies the method's spec: if it does not, the
/// method's own check is not run, and the result is `Ok`.
pub fn check_received(method: &dyn DynMethod, draft: &Draft<'_>) -> Result<(), Reason> {
    match check_spec(method.spec(), draft) {
        Ok(()) => method.check_draft(draft),
        Err(_) => Ok(()),
    }
}

fn check_spec(spec: &MethodSpec, draft: &Draft<'_>) -> Result<(), Reason> {
    let interface = draft.interface();
    let rule = spec.rule(draft.flow()).ok_or(Reason::FlowUnsupported)?;
    // Exhaustive, so that a new rule without its check does not compile. Limits are checked with
    // the amount, and times require nothing of a request.
    let Rule {
        amounts: _,
        currencies: _,
        interfaces,
        needs,
        needs_when: _,
        zero_amount,
        partial,
        path: _,
        base_time: _,
        cut_off_time: _,
    } = rule;

    if !interfaces.contains(&interface) {
        return Err(Reason::InterfaceUnsupported(interface));
    }

    if draft.is_partial() && !partial {
        return Err(match draft.flow().effect() {
            Effect::Back => Reason::PartialRefundUnsupported,
            _ => Reason::PartUnsupported,
        });
    }
    if let Some(amount) = draft.amount() {
        check_amount(spec, rule, amount, *zero_amount, draft)?;
    }
    // On the Payment Page the customer enters the rest (all four method pages agree on this).
    let (needs, conditional) = match interface {
        Interface::PaymentPage => (&[Field::CUSTOMER_ID][..], &[][..]),
        _ => (*needs, rule.conditional_needs()),
    };
    let is_missing = |field: &Field| draft.get(*field).is_none() && !draft.has(field.path());
    let mut missing: Vec<Field> = needs.iter().copied().filter(is_missing).collect();
    let mut in_this_case = Vec::new();
    if !conditional.is_empty() {
        in_this_case = rule.needed(draft.amount().map(Money::currency), |path| draft.value(path));
        for field in in_this_case[needs.len()..].iter().filter(|field| is_missing(field)) {
            // Another condition may ask for the same field in another form.
            if missing.iter().all(|known| known.path() != field.path()) {
                missing.push(*field);
            }
        }
    }
    if !missing.is_empty() {
        return Err(Reason::Missing(missing));
    }
    let forms = Forms { conditional, in_this_case: &in_this_case };
    for (field, value) in draft.fields.iter() {
        if let Some(problem) = forms.problem(field, value) {
            return Err(Reason::Invalid { path: field.path().to_owned(), problem: problem.into() });
        }
    }
    for (path, json) in draft.extra.iter() {
        let needed = || spec.needed_field(draft.flow(), path);
        let problem = extra_problem(path, json).or_else(|| {
            let value = draft.value(path)?;
            forms.problem(needed()?, &value).map(str::to_owned)
        });
        if let Some(problem) = problem {
            return Err(Reason::Invalid { path: path.to_owned(), problem });
        }
    }
    // Building the body shows whether paths collide.
    let body = body(spec, draft, PLACEHOLDER)?;
    // The Payment Page has other names and rules.
    if interface == Interface::Gate && draft.may_be_ambiguous() {
        check_signable(draft, &body)?;
    }
    Ok(())
}

/// The forms of fields that conditions ask for, of which one path can have several: the bank ids of
/// each country.
struct Forms<'r> {
    conditional: &'static [Need],
    /// The fields that this request must have because a condition is true for it, such as its
    /// currency or the customer's country.
    in_this_case: &'r [Field],
}

impl Forms<'_> {
    fn problem(&self, field: Field, value: &str) -> Option<&'static str> {
        if self.conditional.is_empty() {
            return field.problem(value);
        }
        let is_here = |other: &&Field| other.path() == field.path();
        let mut declared = self.conditional.iter().flat_map(Need::fields).filter(is_here);
        if !declared.any(|declared| *declared == field) {
            // The path can have a form under a condition all the same.
            let fitting = self.in_this_case.iter().filter(is_here);
            return field
                .problem(value)
                .or_else(|| fitting.copied().find_map(|it| it.problem(value)));
        }
        let mut fitting = self.in_this_case.iter().filter(is_here).peekable();
        if fitting.peek().is_some() {
            return fitting.copied().find_map(|fitting| fitting.problem(value));
        }
        // Not asked for in this case. Of several forms none is known to be meant.
        let mut others = self.conditional.iter().flat_map(Need::fields).filter(is_here);
        others.all(|other| *other == field).then(|| field.problem(value)).flatten()
    }
}

/// Refuses what signing would refuse, before anything is sent.
#[cold]
#[inline(never)]
fn check_signable(draft: &Draft<'_>, body: &Body<'_>) -> Result<(), Reason> {
    let json = to_json(body);
    match signature::canonical_string(&json, draft.signing_rules()) {
        Err(SignError::Ambiguous(ambiguity)) => Err(Reason::Invalid {
            path: ambiguity.path().to_owned(),
            problem: format!("cannot be signed: {}", ambiguity.reason()),
        }),
        _ => Ok(()),
    }
}

fn to_json(body: &Body<'_>) -> Vec<u8> {
    serde_json::to_vec(body).unwrap_or_else(|_| unreachable!("maps with text keys serialise"))
}

fn check_amount(
    spec: &MethodSpec,
    rule: &Rule,
    amount: Money,
    zero_amount: bool,
    draft: &Draft<'_>,
) -> Result<(), Reason> {
    let currencies = rule.own_currencies().unwrap_or(spec.currencies());
    if !currencies.contains(&amount.currency()) {
        return Err(Reason::CurrencyUnsupported(amount.currency(), currencies));
    }
    if amount.minor() < 0 || (amount.minor() == 0 && !zero_amount) {
        return Err(Reason::AmountNotPositive(amount));
    }
    // Where the customer chooses the amount, 0 means that choice, and the limits do not apply.
    if amount.minor() == 0 {
        return Ok(());
    }
    if spec.sent_amount(amount).is_none() {
        let currency = amount.currency();
        let problem = format!(
            "is {amount}, and the platform counts {currency} in whole major units for this method: \
             leave the fraction out"
        );
        return Err(Reason::Invalid { path: "payment.amount".to_owned(), problem });
    }
    let country = draft.value(Field::CUSTOMER_COUNTRY.path());
    let limits = rule.limits_in(amount.currency(), country.as_deref());
    if let Some(least) = limits.least().filter(|least| amount.minor() < least.minor()) {
        return Err(Reason::AmountBelow { amount, least });
    }
    if let Some(greatest) = limits.greatest().filter(|most| amount.minor() > most.minor()) {
        return Err(Reason::AmountAbove { amount, greatest });
    }
    Ok(())
}

/// The problem with a field that was set by its path, if any.
fn extra_problem(path: &str, json: Result<&RawValue, &str>) -> Option<String> {
    const LONGEST: usize = 255;
    if path.len() > LONGEST || path.split('.').any(str::is_empty) {
        return Some(format!(
            "is not a path: write names with dots between them, at most {LONGEST} bytes"
        ));
    }
    if path.split('.').any(|name| matches!(name, "signature" | "frame_mode")) {
        return Some(
            "has a name in it that the signature does not cover, `signature` or `frame_mode`: \
             leave it out"
                .to_owned(),
        );
    }
    // `account` contains `account.number`, which has a setter, and `payment.amount.x` is inside one.
    let overlaps = |own: &str| overlap(own, path);
    if OWN_PATHS.into_iter().any(overlaps) {
        return Some(
            "is set by the request itself, from its payment id, amount and project: leave it out"
                .to_owned(),
        );
    }
    if let Some(field) = Field::KNOWN.iter().find(|field| overlaps(field.path())) {
        let constant = field.constant().unwrap_or_default();
        return Some(format!(
            "cannot be set by `extra`: use its setter, or `field(Field::{constant}, ..)`"
        ));
    }
    json.err().map(|problem| format!("cannot be written as JSON: {problem}"))
}

/// Paths that a request sets by itself.
const OWN_PATHS: [&str; 4] =
    ["general.payment_id", "general.project_id", "payment.amount", "payment.currency"];

/// Any project does for a trial build of the body.
const PLACEHOLDER: u64 = 1;

fn body<'r>(spec: &MethodSpec, draft: &Draft<'r>, project: u64) -> Result<Body<'r>, Reason> {
    let mut body = Body::default();
    let taken = |path: &str| Reason::Invalid {
        path: path.to_owned(),
        problem: "is set twice, or is inside another value that is set, as `a.b` is inside `a`: \
                  set it once"
            .to_owned(),
    };
    let first = |path| move |_| taken(path);
    let id = "general.payment_id";
    body.unsigned("general.project_id", project).map_err(first("general.project_id"))?;
    body.text(id, draft.payment_id.as_str()).map_err(first(id))?;
    if let Some(amount) = draft.amount {
        let code = amount.currency().code();
        // The check has refused what cannot be sent.
        let number = spec.sent_amount(amount).unwrap_or_default();
        body.signed("payment.amount", number).map_err(first("payment.amount"))?;
        body.text("payment.currency", code).map_err(first("payment.currency"))?;
    }
    for (field, value) in draft.fields.iter() {
        let set = match field.format() {
            // The check has seen to both.
            Format::Integer => body.signed(field.path(), value.parse().unwrap_or_default()),
            Format::Object => match serde_json::from_str(value) {
                Ok(json) => body.json(field.path(), json),
                Err(_) => body.text(field.path(), value),
            },
            _ => body.text(field.path(), value),
        };
        set.map_err(|_| taken(field.path()))?;
    }
    for (path, json) in draft.extra.iter() {
        if let Ok(json) = json {
            body.json(path, json).map_err(|_| taken(path))?;
        }
    }
    Ok(body)
}

impl<F: Flow> Prepared<F> {
    /// The spec of the request's payment method: its names, operations, currencies, limits and
    /// fields.
    pub const fn spec(&self) -> &'static MethodSpec {
        self.inner.spec
    }
}

impl<F: Flow> Clone for Prepared<F> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), flow: PhantomData }
    }
}

impl<F: Flow> fmt::Debug for Prepared<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<F: Flow> Deref for Prepared<F> {
    type Target = PreparedRequest<F::Request>;

    fn deref(&self) -> &Self::Target {
        &self.inner
    }
}

impl<R: OperationRequest> PreparedRequest<R> {
    /// The operation of the request, such as a sale.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The spec of the request's payment method: its names, operations, currencies, limits and
    /// fields.
    pub const fn spec(&self) -> &'static MethodSpec {
        self.spec
    }

    /// The merchant's id of the payment.
    pub fn payment_id(&self) -> &PaymentId {
        self.draft().payment_id
    }

    /// The amount of the request. `None` for a full refund, capture or release without an amount,
    /// and for a [`ManageRequest`](crate::request::ManageRequest), which has none.
    pub fn amount(&self) -> Option<Money> {
        self.draft().amount
    }

    /// The value that a setter gave to a field of the request, `None` if none did. A value that was
    /// set by its path with `extra` is not found; it is in the JSON of [`body`](Self::body).
    pub fn get(&self, field: Field) -> Option<&str> {
        self.draft().get(field)
    }

    /// Doubts about the request, such as a path that may be misspelt because no documentation page
    /// of the platform has it. Empty if there are none. The request can be sent all the same; log
    /// the doubts, or show them to the person who chose the paths.
    pub fn warnings(&self) -> Vec<Warning> {
        warning::warnings(self.spec, &self.draft())
    }

    /// The path of the request's endpoint on Gate, such as `/v2/payment/wallet/jeton/sale`.
    #[expect(clippy::missing_panics_doc, reason = "the check has seen to it")]
    pub fn endpoint(&self) -> String {
        let path = self.spec.path_of(self.operation).expect("the check has found this path before");
        format!("/v2/payment/{path}")
    }

    /// The JSON body of the request, with the project's id and without a signature. `Gate::send` of
    /// `ecp-transport` signs and sends it; other code must sign it by
    /// [`signing_rules`](Self::signing_rules).
    #[expect(clippy::missing_panics_doc, reason = "the check has seen to it")]
    pub fn body(&self, project: ProjectId) -> Vec<u8> {
        let body = body(self.spec, &self.draft(), project.get())
            .expect("the check has built this body before");
        to_json(&body)
    }

    /// The rules with which the request's body must be signed, as an argument of
    /// [`signature::sign_document`]. By default they refuse a text such as `size:M;colour:red`: the
    /// signed string has the form `name:value;name:value`, so this text could be read as several
    /// members. They allow it if the request's `allow_items_in_texts` was called.
    pub fn signing_rules(&self) -> Rules {
        self.draft().signing_rules()
    }

    fn draft(&self) -> Draft<'_> {
        self.request.draft().with_operation(self.operation)
    }
}

/// The reason why a request was refused before it was sent, with its payment method and operation.
/// Nothing was sent to the platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{method} {flow}: {reason}")]
pub struct Rejection {
    pub(crate) method: &'static str,
    pub(crate) flow: Operation,
    pub(crate) reason: Reason,
}

impl Rejection {
    /// The reason why the request was refused, such as a missing field.
    pub const fn reason(&self) -> &Reason {
        &self.reason
    }

    /// The path of the refused field in the Gate request, such as `customer.id`. It is the first
    /// path if several fields were refused, and `None` if the request was not refused because of a
    /// field.
    pub fn path(&self) -> Option<&str> {
        match &self.reason {
            Reason::AmountAbove { .. }
            | Reason::AmountBelow { .. }
            | Reason::AmountNotPositive(_)
            | Reason::PartialRefundUnsupported
            | Reason::PartUnsupported => Some("payment.amount"),
            Reason::CurrencyUnsupported(..) => Some("payment.currency"),
            Reason::FlowUnsupported | Reason::InterfaceUnsupported(_) => None,
            Reason::Invalid { path, .. } => Some(path),
            Reason::Missing(fields) => fields.first().map(|field| field.path()),
        }
    }
}

#[cfg(test)]
mod tests {
    use ecp_core::Currency;

    use super::*;
    use crate::request::{Account, Customer, PayoutRequest, ReturnUrls, SaleRequest};
    use crate::{Jeton, PaymentMethod, Spec};

    fn sale(amount: &str) -> SaleRequest {
        SaleRequest::new("X03936".parse().unwrap(), amount.parse().unwrap())
            .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
            .return_urls(
                ReturnUrls::new()
                    .success("https://shop.example/success")
                    .decline("https://shop.example/decline"),
            )
    }

    fn message(request: SaleRequest) -> String {
        match prepare(&Jeton, request) {
            Ok(_) => "ok".to_owned(),
            Err(rejection) => rejection.to_string(),
        }
    }

    #[test]
    fn a_prepared_sale_is_the_documented_request() {
        let prepared = prepare(&Jeton, sale("100.00 EUR")).unwrap();
        assert_eq!(prepared.endpoint(), "/v2/payment/wallet/jeton/sale");
        let body = String::from_utf8(prepared.body(ProjectId::new(1236).unwrap())).unwrap();
        insta::assert_snapshot!(body, @r#"{"customer":{"id":"customer1","ip_address":"192.0.2.1"},"general":{"payment_id":"X03936","project_id":1236},"payment":{"amount":10000,"currency":"EUR"},"return_url":{"decline":"https://shop.example/decline","success":"https://shop.example/success"}}"#);
    }

    #[test]
    fn a_prepared_payout_is_the_documented_request() {
        let request = PayoutRequest::new("63bc".parse().unwrap(), "300.00 EUR".parse().unwrap())
            .customer(Customer::new().ip_address("248.121.176.220"))
            .account(Account::new().number("93017949"));
        let prepared = prepare(&Jeton, request).unwrap();
        assert_eq!(prepared.endpoint(), "/v2/payment/wallet/jeton/payout");
        let body = String::from_utf8(prepared.body(ProjectId::new(239).unwrap())).unwrap();
        insta::assert_snapshot!(body, @r#"{"account":{"number":"93017949"},"customer":{"ip_address":"248.121.176.220"},"general":{"payment_id":"63bc","project_id":239},"payment":{"amount":30000,"currency":"EUR"}}"#);
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table of requests")]
    fn every_rejection_names_the_method_the_flow_and_the_field() {
        let table = [
            (sale("1.00 EUR"), "ok"),
            (sale("100000.00 EUR"), "ok"),
            (sale("1 JPY"), "ok"),
            (sale("100000 JPY"), "ok"),
            (
                sale("0.99 EUR"),
                "jeton sale: `payment.amount`: 0.99 EUR is below the minimum of 1.00 EUR",
            ),
            (
                sale("100000.01 EUR"),
                "jeton sale: `payment.amount`: 100000.01 EUR is above the maximum of \
                 100000.00 EUR",
            ),
            (
                sale("100001 JPY"),
                "jeton sale: `payment.amount`: 100001 JPY is above the maximum of 100000 JPY",
            ),
            (sale("0.00 EUR"), "jeton sale: `payment.amount`: 0.00 EUR is not positive"),
            (sale("-5.00 EUR"), "jeton sale: `payment.amount`: -5.00 EUR is not positive"),
            (
                sale("1.00 MYR"),
                "jeton sale: `payment.currency`: MYR is not supported; use EUR, GBP, INR, JPY, NOK, PLN, RUB, TRY or USD",
            ),
            (
                SaleRequest::new("X".parse().unwrap(), "1.00 EUR".parse().unwrap()),
                "jeton sale: `customer.id`, `customer.ip_address`, `return_url.success` and `return_url.decline` are required",
            ),
            (
                sale("1.00 EUR").customer(Customer::new().ip_address("248.121.176")),
                "jeton sale: `customer.ip_address` is not an IPv4 or IPv6 address",
            ),
            (sale("1.00 EUR").description(""), "jeton sale: `payment.description` is empty"),
            (
                sale("1.00 EUR").extra("customer.id", "x"),
                "jeton sale: `customer.id` cannot be set by `extra`: use its setter, or `field(Field::CUSTOMER_ID, ..)`",
            ),
            (
                sale("1.00 EUR").extra("general.signature", "x"),
                "jeton sale: `general.signature` has a name in it that the signature does not cover, `signature` or `frame_mode`: leave it out",
            ),
            (
                sale("1.00 EUR").extra("payment.amount", 1),
                "jeton sale: `payment.amount` is set by the request itself, from its payment id, amount and project: leave it out",
            ),
            (
                sale("1.00 EUR").extra("payment", 1),
                "jeton sale: `payment` is set by the request itself, from its payment id, amount and project: leave it out",
            ),
            (
                sale("1.00 EUR").extra("payment..x", 1),
                "jeton sale: `payment..x` is not a path: write names with dots between them, at most 255 bytes",
            ),
            (
                sale("1.00 EUR").extra("addendum.signature.x", 1),
                "jeton sale: `addendum.signature.x` has a name in it that the signature does not cover, `signature` or `frame_mode`: leave it out",
            ),
            (
                sale("1.00 EUR").extra("addendum", 1).extra("addendum.rate", 2),
                "jeton sale: `addendum.rate` is set twice, or is inside another value that is set, as `a.b` is inside `a`: set it once",
            ),
            (
                sale("1.00 EUR").extra("addendum", std::collections::BTreeMap::from([([0], 1)])),
                "jeton sale: `addendum` cannot be written as JSON: key must be a string",
            ),
            (sale("1.00 EUR").extra("booking_info.items", [1, 2]), "ok"),
            (sale("1.00 EUR").description("Order 5; thank you"), "ok"),
            (sale("1.00 EUR").description("size: M; colour: red"), "ok"),
            (
                sale("1.00 EUR").description("x;payment:id:V"),
                "jeton sale: `payment.description` cannot be signed: a text must not hold `;`, a \
                 name and `:`, which read as another member; put a space after the `;`",
            ),
            (sale("1.00 EUR").description("x;payment:id:V").allow_items_in_texts(), "ok"),
            (
                sale("1.00 EUR").extra("booking_info.items", ["x;payment:id:V"]),
                "jeton sale: `booking_info.items.0` cannot be signed: a text must not hold `;`, a \
                 name and `:`, which read as another member; put a space after the `;`",
            ),
            (
                sale("1.00 EUR").extra("booking_info.rate", 1.5),
                "jeton sale: `booking_info.rate` cannot be signed: a number must be an integer; \
                 send fractions as text",
            ),
            (
                sale("1.00 EUR").field(Field::CUSTOMER_ID, "a;b").allow_items_in_texts(),
                "jeton sale: `customer.id` cannot be signed: an id, a status, a type, a method, an amount or a currency must not hold `;`",
            ),
            (
                SaleRequest::new("X;1".parse().unwrap(), "1.00 EUR".parse().unwrap())
                    .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
                    .return_urls(
                        ReturnUrls::new()
                            .success("https://shop.example/success")
                            .decline("https://shop.example/decline"),
                    ),
                "jeton sale: `general.payment_id` cannot be signed: an id, a status, a type, a method, an amount or a currency must not hold `;`",
            ),
        ];
        for (request, expected) in table {
            assert_eq!(message(request), expected);
        }
    }

    #[derive(Debug)]
    struct Bare;

    impl PaymentMethod for Bare {
        const SPEC: Spec<Self> = Spec::new("bare", "Bare").currencies(&[Currency::EUR]);
    }

    #[test]
    fn a_flow_that_is_not_declared_is_rejected_at_run_time() {
        let rejection = prepare_dyn(&Bare, sale("1.00 EUR")).unwrap_err();
        assert_eq!(rejection.to_string(), "bare sale: the method does not have this operation");
        assert_eq!(rejection.path(), None);
    }

    #[test]
    fn extra_fields_go_where_their_path_says() {
        let request = sale("1.00 EUR")
            .extra("payment.extra_param", "blue")
            .extra("addendum.lodging.nights", 3);
        let prepared = prepare(&Jeton, request).unwrap();
        let body = String::from_utf8(prepared.body(ProjectId::new(1).unwrap())).unwrap();
        assert!(body.contains(r#""addendum":{"lodging":{"nights":3}}"#), "{body}");
        assert!(body.contains(r#""extra_param":"blue""#), "{body}");
    }

    #[test]
    fn nothing_personal_is_printed() {
        let request = sale("1.00 EUR").extra("customer.ssn", "sentinel");
        let printed = format!("{request:?} {:?}", prepare(&Jeton, request.clone()));
        for secret in ["customer1", "192.0.2.1", "sentinel"] {
            assert!(!printed.contains(secret), "{secret} in {printed}");
        }
    }
}
