//! Which requests are registered. The crate's documentation lists the refusals, in the order in
//! which they are looked for here.

use ecp_core::{Currency, Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{FlowKind, MethodSpec, Registry, Rule};
use serde_json::Value;

use super::document::{Fields, at, require};
use crate::config::{Config, Project};
use crate::payment::ids::About;
use crate::payment::{Order, OrderKind, ReturnUrls};
use crate::wire::signature;

/// The platform's numbers for what can be wrong.
pub(super) mod code {
    pub(crate) const AMOUNT_REQUIRED: u32 = 3286;
    pub(crate) const CURRENCY_DISABLED: u32 = 3023;
    pub(crate) const CURRENCY_REQUIRED: u32 = 3287;
    pub(crate) const DUPLICATE_PAYMENT: u32 = 3041;
    pub(crate) const DUPLICATE_REFUND: u32 = 3230;
    pub(crate) const EMPTY_SIGNATURE: u32 = 3262;
    pub(crate) const INVALID_CURRENCY: u32 = 3121;
    pub(crate) const INVALID_JSON: u32 = 2003;
    pub(crate) const INVALID_PAYMENT_ID: u32 = 3024;
    pub(crate) const INVALID_SIGNATURE: u32 = 3261;
    pub(crate) const MALFORMED: u32 = 702;
    pub(crate) const NOT_FOUND: u32 = 3061;
    pub(crate) const REFUND_UNAVAILABLE: u32 = 3610;
    pub(crate) const REQUIRED: u32 = 2004;
    pub(crate) const UNKNOWN_METHOD: u32 = 2541;
    pub(crate) const UNKNOWN_PROJECT: u32 = 2442;
}

/// The longest canonical string: a hostile request of 256 KiB could ask for gigabytes.
pub(crate) const CANONICAL_LIMIT: usize = 8 << 20;

const AMOUNT: &str = "payment.amount";
const CURRENCY: &str = "payment.currency";
const PAYMENT: &str = "general.payment_id";

/// Why a request was not registered.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) payment_id: Option<PaymentId>,
}

impl Refusal {
    pub(crate) fn empty_signature(field: &'static str) -> Self {
        Self::new(code::EMPTY_SIGNATURE, [field])
    }

    pub(crate) fn malformed(field: &'static str) -> Self {
        Self::new(code::MALFORMED, [field])
    }

    pub(crate) fn not_found(field: &'static str) -> Self {
        Self::new(code::NOT_FOUND, [field])
    }

    pub(crate) fn unknown_project(field: &'static str) -> Self {
        Self::new(code::UNKNOWN_PROJECT, [field])
    }

    pub(crate) fn wrong_signature(field: &'static str) -> Self {
        Self::new(code::INVALID_SIGNATURE, [field])
    }

    pub(super) fn new(code: u32, fields: impl Into<Vec<&'static str>>) -> Self {
        Self { code, fields: fields.into(), project_id: None, payment_id: None }
    }

    pub(crate) fn duplicate() -> Self {
        Self::new(code::DUPLICATE_PAYMENT, [PAYMENT])
    }

    pub(crate) fn unknown_method() -> Self {
        Self::new(code::UNKNOWN_METHOD, [])
    }

    pub(crate) fn unknown_payment() -> Self {
        Self::new(code::NOT_FOUND, [PAYMENT])
    }

    pub(crate) fn repeated_refund() -> Self {
        Self::new(code::DUPLICATE_REFUND, ["payment.merchant_refund_id"])
    }

    pub(crate) fn not_refundable(code: u32) -> Self {
        Self::new(code, [PAYMENT])
    }

    /// Whatever else is wrong, the answer names what could be read of the ids.
    pub(crate) fn about(self, (project_id, payment_id): &About) -> Self {
        Self { project_id: *project_id, payment_id: payment_id.clone(), ..self }
    }
}

/// The ids of a request, as far as they can be read.
#[derive(Default)]
pub(crate) struct GivenIds {
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) payment_id: Option<PaymentId>,
}

impl GivenIds {
    pub(crate) fn of(document: &Value) -> Self {
        let project_id = [Place::General, Place::Root]
            .into_iter()
            .find_map(|place| at(document, place.project()))
            .and_then(Value::as_u64);
        let payment_id = at(document, "general.payment_id").and_then(Value::as_str);
        Self {
            project_id: project_id.and_then(|id| ProjectId::new(id).ok()),
            payment_id: payment_id.and_then(|id| PaymentId::new(id).ok()),
        }
    }
}

/// The JSON of a body.
pub(crate) fn read(body: &[u8]) -> Result<Value, Refusal> {
    match serde_json::from_slice(body) {
        Ok(document) if signature::canonical_length(&document) <= CANONICAL_LIMIT => Ok(document),
        _ => Err(Refusal::new(code::INVALID_JSON, [])),
    }
}

/// Where a request has its project and its signature.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    General,
    Root,
}

impl Place {
    const fn project(self) -> &'static str {
        match self {
            Self::General => "general.project_id",
            Self::Root => "project_id",
        }
    }

    const fn signature(self) -> &'static str {
        match self {
            Self::General => "general.signature",
            Self::Root => "signature",
        }
    }
}

/// The project that signed a request.
pub(crate) fn authenticate<'c>(
    config: &'c Config,
    document: &Value,
    place: Place,
) -> Result<&'c Project, Refusal> {
    let (id, signature) = (place.project(), place.signature());
    require(document, [id])?;
    let project = at(document, id)
        .and_then(Value::as_u64)
        .and_then(|id| config.projects.get(&ProjectId::new(id).ok()?))
        .ok_or_else(|| Refusal::new(code::UNKNOWN_PROJECT, [id]))?;
    match at(document, signature).and_then(Value::as_str) {
        None | Some("") => return Err(Refusal::new(code::EMPTY_SIGNATURE, [signature])),
        Some(given) if given == signature::sign(&project.key, document) => {}
        Some(_) => return Err(Refusal::new(code::INVALID_SIGNATURE, [signature])),
    }
    // What the platform itself signed with the same key is no request.
    match ANSWERED.into_iter().find(|name| document.get(name).is_some()) {
        None => Ok(project),
        Some(name) => Err(Refusal::malformed(name)),
    }
}

/// Members of callbacks and answers, and of no request.
const ANSWERED: [&str; 4] = ["operation", "operations", "status", "transaction"];

/// The payment id of a request.
pub(crate) fn payment_id(document: &Value) -> Result<PaymentId, Refusal> {
    require(document, [PAYMENT])?;
    GivenIds::of(document)
        .payment_id
        .ok_or_else(|| Refusal::new(code::INVALID_PAYMENT_ID, [PAYMENT]))
}

/// The request id that a status request asks about.
pub(crate) fn request_id(document: &Value) -> Result<String, Refusal> {
    const REQUEST: &str = "request_id";
    require(document, [REQUEST])?;
    let mut fields = Fields::of(document);
    let request_id = fields.text(REQUEST);
    fields.end().map(|()| request_id.unwrap_or_default())
}

/// The method and the flow of a path such as `wallet/jeton/sale`.
pub(crate) fn method(
    registry: &Registry,
    path: &str,
) -> Result<(&'static MethodSpec, FlowKind), Refusal> {
    let found = path.rsplit_once('/').and_then(|(gate_path, operation)| {
        let flow = FlowKind::ALL.iter().copied().find(|flow| flow.as_str() == operation)?;
        let spec = registry.by_gate_path(gate_path)?.spec();
        has_on_gate(spec, flow).then_some((spec, flow))
    });
    found.ok_or_else(Refusal::unknown_method)
}

/// Whether Gate has the flow of the method.
pub(super) fn has_on_gate(spec: &MethodSpec, flow: FlowKind) -> bool {
    spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
}

/// Everything that a sale or payout of a method must hold.
pub(crate) fn order(
    project: ProjectId,
    spec: &'static MethodSpec,
    kind: OrderKind,
    interface: Interface,
    document: &Value,
) -> Result<Order, Refusal> {
    let rule = spec.rule(kind.flow());
    let needed = rule.map(Rule::needed_fields).unwrap_or_default();
    let needed = needed.iter().map(|field| field.path());
    require(document, [PAYMENT, AMOUNT, CURRENCY].into_iter().chain(needed.clone()))?;

    let mut fields = Fields::of(document);
    for path in needed {
        fields.text(path);
    }
    let description = fields.text("payment.description").unwrap_or_default();
    let customer_id = fields.text("customer.id");
    let account_number = fields.text("account.number");
    let callback_url = fields.url("general.merchant_callback_url");
    let return_urls = ReturnUrls {
        success: fields.url("return_url.success"),
        decline: fields.url("return_url.decline"),
        neutral: fields.url("return_url.return"),
    };
    let callbacks = fields.callback_wishes();
    fields.end()?;

    let payment_id = payment_id(document)?;
    let currency = currency(document)?;
    if !spec.currencies().contains(&currency) {
        return Err(Refusal::new(code::CURRENCY_DISABLED, [CURRENCY]));
    }
    let least = i64::from(!rule.is_some_and(Rule::allows_zero_amount));
    let amount = Money::from_minor(minor_units(document, least)?, currency);
    Ok(Order {
        project,
        payment_id,
        spec,
        kind,
        amount,
        description,
        customer_id,
        account_number,
        callback_url,
        callbacks,
        interface,
        return_urls,
    })
}

pub(super) fn currency(document: &Value) -> Result<Currency, Refusal> {
    at(document, CURRENCY)
        .and_then(Value::as_str)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| Refusal::new(code::INVALID_CURRENCY, [CURRENCY]))
}

/// An amount that is no whole number, or less than the least that makes any sense.
pub(super) fn minor_units(document: &Value, least: i64) -> Result<i64, Refusal> {
    at(document, AMOUNT)
        .and_then(Value::as_i64)
        .filter(|&minor| minor >= least)
        .ok_or_else(|| Refusal::new(code::MALFORMED, [AMOUNT]))
}
