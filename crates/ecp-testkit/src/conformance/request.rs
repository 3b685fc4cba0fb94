//! Requests of any flow, with the fields that a method's rules require.

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::request::{Field, FlowRequest, PayoutRequest, RefundRequest, SaleRequest};
use ecp_methods::{Effect, Operation, Prepared, Rejection, prepare_dyn};

use super::subject::Subject;
use crate::failure::{Failure, OrFail, fail};

/// A request of any flow.
#[derive(Clone, Debug)]
pub(super) enum Request {
    Sale(SaleRequest),
    Payout(PayoutRequest),
    Refund(RefundRequest),
}

/// A prepared request of any flow.
#[derive(Debug)]
pub(crate) enum AnyPrepared {
    Sale(Prepared<ecp_methods::Sale>),
    Payout(Prepared<ecp_methods::Payout>),
    Refund(Prepared<ecp_methods::Refund>),
}

impl AnyPrepared {
    pub(super) fn body(&self, project: ProjectId) -> Vec<u8> {
        match self {
            Self::Sale(prepared) => prepared.body(project),
            Self::Payout(prepared) => prepared.body(project),
            Self::Refund(prepared) => prepared.body(project),
        }
    }
}

impl Request {
    /// A request without any field.
    pub(super) fn bare(flow: Operation, amount: Money) -> Result<Self, Failure> {
        Ok(match flow.effect() {
            Effect::Out => Self::Payout(PayoutRequest::new(id("case")?, amount)),
            Effect::Back => Self::Refund(RefundRequest::full_of(id("case")?, amount)),
            _ => Self::Sale(SaleRequest::new(id("case")?, amount)),
        })
    }

    /// A request with all required fields, except one.
    pub(super) fn full(
        method: Subject<'_>,
        flow: Operation,
        amount: Money,
        without: Option<Field>,
    ) -> Result<Self, Failure> {
        Ok(match Self::bare(flow, amount)? {
            Self::Sale(request) => Self::Sale(with_fields(request, method, flow, without)?),
            Self::Payout(request) => Self::Payout(with_fields(request, method, flow, without)?),
            Self::Refund(request) => Self::Refund(with_fields(request, method, flow, without)?),
        })
    }

    /// The request with a field's value.
    pub(super) fn set(self, field: Field, value: &str) -> Self {
        match self {
            Self::Sale(request) => Self::Sale(request.set(field, value)),
            Self::Payout(request) => Self::Payout(request.set(field, value)),
            Self::Refund(request) => Self::Refund(request.set(field, value)),
        }
    }

    pub(super) fn prepare(self, method: Subject<'_>) -> Result<AnyPrepared, Rejection> {
        let Subject { method, .. } = method;
        match self {
            Self::Sale(request) => prepare_dyn(method, request).map(AnyPrepared::Sale),
            Self::Payout(request) => prepare_dyn(method, request).map(AnyPrepared::Payout),
            Self::Refund(request) => prepare_dyn(method, request).map(AnyPrepared::Refund),
        }
    }
}

/// Sets a field in a request of any flow.
pub(super) trait SetField: FlowRequest {
    fn set(self, field: Field, value: &str) -> Self;
}

macro_rules! set_field {
    ($($request:ty),*) => {
        $(impl SetField for $request {
            fn set(self, field: Field, value: &str) -> Self {
                self.field(field, value)
            }
        })*
    };
}

set_field!(SaleRequest, PayoutRequest, RefundRequest);

pub(super) fn with_fields<R: SetField>(
    request: R,
    method: Subject<'_>,
    flow: Operation,
    without: Option<Field>,
) -> Result<R, Failure> {
    let rule = method
        .spec()
        .rule(flow)
        .ok_or_else(|| fail(format!("the spec does not have the flow {flow}")))?;
    let wanted = rule.needed_fields().iter().filter(|field| Some(**field) != without);
    let mut request =
        wanted.fold(request, |request, &field| request.set(field, method.example(field)));
    // What else is needed depends on the currency and on what is there.
    loop {
        let draft = request.draft();
        let currency = draft.amount().map(Money::currency);
        let needed = rule.needed(currency, |path| draft.value(path)).into_iter();
        let mut missing =
            needed.filter(|field| Some(*field) != without && !draft.has(field.path()));
        let Some(field) = missing.next() else { return Ok(request) };
        request = request.set(field, method.example(field));
    }
}

pub(super) fn id(text: &str) -> Result<PaymentId, Failure> {
    PaymentId::new(format!("conformance-{text}")).or_fail()
}
