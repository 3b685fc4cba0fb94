//! Fields of requests by their paths, for code that is driven by a file or a command line.

use serde_json::{Map, Value};

use crate::flow::Operation;
use crate::request::paths::is_inside;
use crate::request::{
    CancelRequest, CaptureRequest, Field, ManageRequest, OperationRequest, PayoutRequest,
    RefundRequest, SaleRequest,
};
use crate::spec::{MethodSpec, Rule};

macro_rules! by_path {
    ($($request:ident;)*) => {
        $(impl $request {
            /// Sets a value, given as text, by its path in the Gate request, such as
            /// `account.number`, for code that reads paths from a file or a command line. `spec` is
            /// the spec of the payment method that the request is for. If the path is that of a
            /// [`Field`] that the spec requires or that this library knows ([`Field::KNOWN`]),
            /// [`prepare`](crate::prepare) later checks the value as one of this field. A value at
            /// any other path is not checked. It is sent as text, or as a JSON object if it is one
            /// and the spec requires a field inside it.
            pub fn text(self, spec: &MethodSpec, path: &str, value: impl Into<String>) -> Self {
                with_text(self, spec, path, value)
            }
        })*
    };
}

by_path! {
    SaleRequest;
    PayoutRequest;
    RefundRequest;
    CaptureRequest;
    CancelRequest;
    ManageRequest;
}

/// Sets a value, given as text, by its path in the Gate request, such as `account.number`, in a
/// request of any type: the same as the method `text` of the request, such as
/// [`SaleRequest::text`]. If the path is that of a [`Field`] that `spec` requires or that this
/// library knows, [`prepare`](crate::prepare) later checks the value as one of this field. A value
/// at any other path is not checked.
pub fn with_text<R: OperationRequest>(
    request: R,
    spec: &MethodSpec,
    path: &str,
    value: impl Into<String>,
) -> R {
    let value = value.into();
    let known = Field::KNOWN.iter().find(|field| field.path() == path).copied();
    let fits = |flow: &Operation| R::EFFECTS.contains(&flow.effect());
    let own = spec.flows().filter(fits).find_map(|flow| spec.needed_field(flow, path));
    if let Some(field) = own.or(known) {
        return request.with_field(field, value);
    }
    let has_members = spec.flows().filter(fits).filter_map(|flow| spec.rule(flow));
    let has_members =
        has_members.flat_map(Rule::declared).any(|field| is_inside(field.path(), path));
    match serde_json::from_str::<Map<String, Value>>(&value) {
        Ok(object) if has_members => request.with_extra(path, object),
        _ => request.with_extra(path, value),
    }
}
