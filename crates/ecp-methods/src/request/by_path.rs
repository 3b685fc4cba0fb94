//! Fields of requests by their paths, for code that is driven by a file or a command line.

use super::field::Field;
use crate::flow::Operation;
use crate::request::{
    CancelRequest, CaptureRequest, ManageRequest, OperationRequest, PayoutRequest, RefundRequest,
    SaleRequest,
};
use crate::spec::MethodSpec;

macro_rules! by_path {
    ($($request:ident;)*) => {
        $(impl $request {
            /// Sets a text by its path in the Gate request, for code that reads paths from a file
            /// or a command line. If the path is that of a [`Field`] that the spec requires or this
            /// library knows, the text is later checked as a value of this field. Otherwise it is
            /// set as by [`extra`](Self::extra).
            pub fn text(self, spec: &MethodSpec, path: &str, value: impl Into<String>) -> Self {
                let known = Field::KNOWN.iter().find(|field| field.path() == path).copied();
                let mut flows = spec.flows();
                let fits = |flow: &Operation| Self::EFFECTS.contains(&flow.effect());
                let own = flows.find_map(|flow| {
                    Some(flow).filter(fits).and_then(|flow| spec.needed_field(flow, path))
                });
                match own.or(known) {
                    Some(field) => self.field(field, value),
                    None => self.extra(path, value.into()),
                }
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
