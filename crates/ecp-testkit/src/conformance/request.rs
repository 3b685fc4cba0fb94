//! Requests of any operation, with the fields that a method's rules require.

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::request::{
    CancelRequest, CaptureRequest, Field, ManageRequest, OperationRequest, PayoutRequest,
    RefundRequest, SaleRequest,
};
use ecp_methods::{Effect, Operation, PreparedRequest, Rejection, prepare_operation};
use ecp_transport::{Accepted, Gate, GateError};

use super::subject::Subject;
use crate::failure::{Failure, OrFail, fail};

macro_rules! forms {
    ($($form:ident($request:ty),)*) => {
        /// A request of any form.
        #[derive(Clone, Debug)]
        enum Form {
            $($form($request),)*
        }

        /// A prepared request of any form.
        #[derive(Debug)]
        pub(crate) enum AnyPrepared {
            $($form(PreparedRequest<$request>),)*
        }

        impl AnyPrepared {
            pub(super) fn body(&self, project: ProjectId) -> Vec<u8> {
                match self {
                    $(Self::$form(prepared) => prepared.body(project),)*
                }
            }

            pub(crate) async fn send(&self, gate: &Gate) -> Result<Accepted, GateError> {
                match self {
                    $(Self::$form(prepared) => gate.send(prepared).await,)*
                }
            }
        }

        impl Form {
            fn with_fields(
                self,
                method: Subject<'_>,
                flow: Operation,
                without: Option<Field>,
            ) -> Result<Self, Failure> {
                Ok(match self {
                    $(Self::$form(request) => {
                        Self::$form(with_fields(request, method, flow, without)?)
                    })*
                })
            }

            fn has(&self, path: &str) -> bool {
                match self {
                    $(Self::$form(request) => request.draft().has(path),)*
                }
            }

            fn set(self, field: Field, value: &str) -> Self {
                match self {
                    $(Self::$form(request) => Self::$form(request.with_field(field, value)),)*
                }
            }

            fn prepare(
                self,
                method: Subject<'_>,
                flow: Operation,
            ) -> Result<AnyPrepared, Rejection> {
                let Subject { method, .. } = method;
                match self {
                    $(Self::$form(request) => {
                        prepare_operation(method, flow, request).map(AnyPrepared::$form)
                    })*
                }
            }
        }

        $(impl From<$request> for Form {
            fn from(request: $request) -> Self {
                Self::$form(request)
            }
        })*
    };
}

forms! {
    Sale(SaleRequest),
    Payout(PayoutRequest),
    Refund(RefundRequest),
    Capture(CaptureRequest),
    Cancel(CancelRequest),
    Manage(ManageRequest),
}

/// A request for any operation.
#[derive(Clone, Debug)]
pub(super) struct Request {
    flow: Operation,
    form: Form,
}

impl Request {
    /// A request without any field.
    pub(super) fn bare(flow: Operation, amount: Money) -> Result<Self, Failure> {
        let id = id("case")?;
        let form = match flow.effect() {
            Effect::MoneyIn | Effect::Hold | Effect::Register => {
                SaleRequest::new(id, amount).into()
            }
            Effect::Out => PayoutRequest::new(id, amount).into(),
            Effect::Back => RefundRequest::full_of(id, amount).into(),
            Effect::Capture => CaptureRequest::full_of(id, amount).into(),
            Effect::Release => CancelRequest::full_of(id, amount).into(),
            Effect::Manage => ManageRequest::new(id).into(),
        };
        Ok(Self { flow, form })
    }

    /// A request about a part of a payment; `None` if the operation is always about the whole.
    pub(super) fn part(flow: Operation, amount: Money) -> Result<Option<Self>, Failure> {
        let id = id("part")?;
        let form = match flow.effect() {
            Effect::Back => RefundRequest::partial(id, amount).into(),
            Effect::Capture => CaptureRequest::partial(id, amount).into(),
            Effect::Release => CancelRequest::partial(id, amount).into(),
            _ => return Ok(None),
        };
        Ok(Some(Self { flow, form }))
    }

    /// A request about all of a payment, without an amount where that is possible.
    pub(super) fn whole(flow: Operation) -> Result<Option<Self>, Failure> {
        let id = id("case")?;
        let form = match flow.effect() {
            Effect::Back => RefundRequest::full(id).into(),
            Effect::Capture => CaptureRequest::full(id).into(),
            Effect::Release => CancelRequest::full(id).into(),
            Effect::Manage => ManageRequest::new(id).into(),
            _ => return Ok(None),
        };
        Ok(Some(Self { flow, form }))
    }

    /// A request with all required fields, except one.
    pub(super) fn full(
        method: Subject<'_>,
        flow: Operation,
        amount: Money,
        without: Option<Field>,
    ) -> Result<Self, Failure> {
        Self::bare(flow, amount)?.with_fields(method, without)
    }

    /// The request with all required fields, except one.
    pub(super) fn with_fields(
        self,
        method: Subject<'_>,
        without: Option<Field>,
    ) -> Result<Self, Failure> {
        let form = self.form.with_fields(method, self.flow, without)?;
        Ok(Self { form, ..self })
    }

    /// Whether the request has a value at a path.
    pub(super) fn has(&self, path: &str) -> bool {
        self.form.has(path)
    }

    /// The request with a field's value.
    pub(super) fn set(self, field: Field, value: &str) -> Self {
        Self { form: self.form.set(field, value), ..self }
    }

    pub(super) fn prepare(self, method: Subject<'_>) -> Result<AnyPrepared, Rejection> {
        self.form.prepare(method, self.flow)
    }
}

pub(super) fn with_fields<R: OperationRequest>(
    request: R,
    method: Subject<'_>,
    flow: Operation,
    without: Option<Field>,
) -> Result<R, Failure> {
    let rule = method
        .spec()
        .rule(flow)
        .ok_or_else(|| fail(format!("the spec does not have the operation {flow}")))?;
    let is_wanted = |field: &Field| without.is_none_or(|without| without.path() != field.path());
    let needed = |request: &R| {
        let draft = request.draft();
        let currency = draft.amount().map(Money::currency);
        let needed = rule.needed(currency, |path| draft.value(path)).into_iter();
        needed.filter(is_wanted).collect::<Vec<_>>()
    };
    let mut request = request;
    // What is needed depends on the currency and on what is there.
    loop {
        let missing = |field: &Field| !request.draft().has(field.path());
        let Some(field) = needed(&request).into_iter().find(missing) else { break };
        request = request.with_field(field, method.example(field));
    }
    // Another condition may want a value in another form.
    for field in needed(&request) {
        let value = request.draft().get(field);
        if value.is_some_and(|value| field.problem(value).is_some()) {
            request = request.with_field(field, method.example(field));
        }
    }
    Ok(request)
}

pub(super) fn id(text: &str) -> Result<PaymentId, Failure> {
    PaymentId::new(format!("conformance-{text}")).or_fail()
}
