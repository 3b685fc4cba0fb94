//! The method's own check of a request: the rules that its spec cannot express.

use ecp_core::Money;
use ecp_methods::request::{
    Draft, Field, OperationRequest, PayoutRequest, RefundRequest, SaleRequest,
};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Operation, Reason, Rule, check_received};
use serde_json::Value;

use crate::payment::{Order, OrderKind, RefundOrder};
use crate::wire::codes;
use crate::wire::refusal::Refusal;

/// Runs the method's own check on a sale or a payout.
pub(super) fn order(
    method: &dyn DynMethod,
    order: &Order,
    document: &Value,
) -> Result<(), Refusal> {
    let (id, amount) = (order.payment_id.clone(), order.amount);
    let given = given(method, order.kind.flow(), document);
    match order.kind {
        OrderKind::Sale => {
            let sale = given.into_iter().fold(SaleRequest::new(id, amount), Given::put);
            ask(method, sale.draft(), order.interface)
        }
        OrderKind::Payout => {
            let payout = given.into_iter().fold(PayoutRequest::new(id, amount), Given::put);
            ask(method, payout.draft(), order.interface)
        }
    }
}

/// Runs the method's own check on a refund. The refund is partial if its amount is less than the
/// payment's.
pub(super) fn refund(
    method: &dyn DynMethod,
    order: &RefundOrder,
    paid: Option<Money>,
    interface: Interface,
    document: &Value,
) -> Result<(), Refusal> {
    let id = order.payment_id.clone();
    let refund = match order.amount {
        None => RefundRequest::full(id),
        Some(amount) => {
            let all = paid.is_none_or(|paid| paid == amount);
            let parts = method.spec().rule(Operation::REFUND).is_some_and(Rule::allows_partial);
            if all || !parts {
                RefundRequest::full_of(id, amount)
            } else {
                RefundRequest::partial(id, amount)
            }
        }
    };
    let given = given(method, Operation::REFUND, document);
    let refund = given.into_iter().fold(refund, Given::put);
    ask(method, refund.draft(), interface)
}

fn ask(method: &dyn DynMethod, draft: Draft<'_>, interface: Interface) -> Result<(), Refusal> {
    check_received(method, &draft.on(interface)).map_err(refusal)
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
        | Reason::PartialRefundUnsupported => (codes::MALFORMED, Some("payment.amount")),
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

/// A request that takes members.
trait Takes: Sized {
    fn take_field(self, field: Field, value: String) -> Self;
    fn take_other(self, path: String, value: &Value) -> Self;
}

macro_rules! takes {
    ($($request:ty),*) => {
        $(impl Takes for $request {
            fn take_field(self, field: Field, value: String) -> Self {
                self.field(field, value)
            }

            fn take_other(self, path: String, value: &Value) -> Self {
                self.extra(path, value)
            }
        })*
    };
}

takes!(SaleRequest, PayoutRequest, RefundRequest);

impl Given<'_> {
    fn put<R: Takes>(request: R, given: Self) -> R {
        match given {
            Self::Field(field, value) => request.take_field(field, value),
            Self::Other(path, value) => request.take_other(path, value),
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
