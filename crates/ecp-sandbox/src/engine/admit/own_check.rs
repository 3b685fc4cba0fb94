//! The method's own check of a request: the rules that its spec cannot express.

use ecp_core::{Money, PaymentId};
use ecp_methods::request::{
    CancelRequest, CaptureRequest, Field, ManageRequest, OperationRequest, PayoutRequest,
    RefundRequest, SaleRequest,
};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Effect, Operation, Reason, Rule, check_received};
use serde_json::Value;

use crate::payment::{FollowUpOrder, Order};
use crate::wire::codes;
use crate::wire::refusal::Refusal;

/// Runs the method's own check on the request for a new payment.
pub(super) fn order(
    method: &dyn DynMethod,
    order: &Order,
    document: &Value,
) -> Result<(), Refusal> {
    let (id, amount) = (order.payment_id.clone(), order.amount);
    let check = Check { method, operation: order.operation, interface: order.interface, document };
    if order.is_out() {
        check.run(PayoutRequest::new(id, amount))
    } else {
        check.run(SaleRequest::new(id, amount))
    }
}

/// Runs the method's own check on a refund, capture or release. It is partial if its amount is less
/// than `whole`, the amount of one about the whole payment.
pub(super) fn follow_up(
    method: &dyn DynMethod,
    order: &FollowUpOrder,
    whole: Option<Money>,
    interface: Interface,
    document: &Value,
) -> Result<(), Refusal> {
    let id = order.payment_id.clone();
    let operation = order.operation;
    let is_partial = order.amount.is_some_and(|amount| {
        let parts = method.spec().rule(operation).is_some_and(Rule::allows_partial);
        parts && whole.is_some_and(|whole| whole != amount)
    });
    let check = Check { method, operation, interface, document };
    macro_rules! run {
        ($request:ident) => {
            check.run(match order.amount {
                None => $request::full(id),
                Some(amount) if is_partial => $request::partial(id, amount),
                Some(amount) => $request::full_of(id, amount),
            })
        };
    }
    match operation.effect() {
        Effect::Capture => run!(CaptureRequest),
        Effect::Release => run!(CancelRequest),
        _ => run!(RefundRequest),
    }
}

/// Runs the method's own check on a change of data.
pub(super) fn manage(
    method: &dyn DynMethod,
    operation: Operation,
    payment_id: &PaymentId,
    interface: Interface,
    document: &Value,
) -> Result<(), Refusal> {
    let check = Check { method, operation, interface, document };
    check.run(ManageRequest::new(payment_id.clone()))
}

/// A method's own check of a document.
struct Check<'c> {
    method: &'c dyn DynMethod,
    operation: Operation,
    interface: Interface,
    document: &'c Value,
}

impl Check<'_> {
    /// Runs the check on a request with the document's members.
    fn run<R: OperationRequest>(&self, request: R) -> Result<(), Refusal> {
        let Self { method, operation, interface, document } = *self;
        let given = given(method, operation, document);
        let request = given.into_iter().fold(request, Given::put);
        let draft = request.draft().with_operation(operation).on(interface);
        check_received(method, &draft).map_err(refusal)
    }
}

/// The codes are those of refusals for the same reason by the spec.
fn refusal(reason: Reason) -> Refusal {
    let (code, path) = match &reason {
        Reason::CurrencyUnsupported(..) => (codes::CURRENCY_DISABLED, Some("payment.currency")),
        Reason::FlowUnsupported | Reason::InterfaceUnsupported(_) => (codes::UNKNOWN_METHOD, None),
        Reason::Missing(fields) => {
            let paths: Vec<&'static str> = fields.iter().map(|field| field.path()).collect();
            let description = Some(reason.to_string());
            return Refusal { description, ..Refusal::new(codes::REQUIRED, paths) };
        }
        Reason::Invalid { path, .. } => (codes::MALFORMED, Some(path.as_str())),
        Reason::AmountAbove { .. }
        | Reason::AmountBelow { .. }
        | Reason::AmountNotPositive(_)
        | Reason::PartialRefundUnsupported
        | Reason::PartUnsupported => (codes::MALFORMED, Some("payment.amount")),
        _ => (codes::MALFORMED, None),
    };
    let path = path.map(str::to_owned);
    let problem = match reason {
        Reason::Invalid { problem, .. } => problem,
        reason => reason.to_string(),
    };
    Refusal { named: path, description: Some(problem), ..Refusal::new(code, []) }
}

/// A member of a request: a field, or anything else.
enum Given<'d> {
    Field(Field, String),
    Other(String, &'d Value),
}

impl Given<'_> {
    fn put<R: OperationRequest>(request: R, given: Self) -> R {
        match given {
            Self::Field(field, value) => request.with_field(field, value),
            Self::Other(path, value) => request.with_extra(path, value),
        }
    }
}

/// What a document has besides the ids, the amount and the signature.
fn given<'d>(method: &dyn DynMethod, flow: Operation, document: &'d Value) -> Vec<Given<'d>> {
    let known = |path: &str| {
        let own = method.spec().needed_field(flow, path);
        own.or_else(|| Field::KNOWN.iter().copied().find(|field| field.path() == path))
    };
    let mut found = Vec::new();
    collect(document, "", &known, &mut found);
    found
}

fn collect<'d>(
    value: &'d Value,
    path: &str,
    known: &impl Fn(&str) -> Option<Field>,
    found: &mut Vec<Given<'d>>,
) {
    let is_absent = match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        _ => false,
    };
    if is_absent || OWN.contains(&path) {
        return;
    }
    if let Some(field) = known(path) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        found.push(Given::Field(field, text));
        return;
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(member, &path, known, found);
            }
        }
        value => found.push(Given::Other(path.to_owned(), value)),
    }
}

/// Paths that are no fields of a request.
const OWN: [&str; 5] = [
    "general.payment_id",
    "general.project_id",
    "general.signature",
    "payment.amount",
    "payment.currency",
];
