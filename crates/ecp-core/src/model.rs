//! The platform's messages as types.
//!
//! The models are filled from a [`Document`](crate::json::Document) that was read once, and they
//! are open: unknown members are kept in `extra`, and an unknown status, type or code keeps its
//! text and counts as neither final nor successful. Members that decisions depend on (ids,
//! statuses, sums) must have their documented JSON type, otherwise the message is refused with the
//! path of the member.
//!
//! Personal data is [`Sensitive`](crate::Sensitive), so a model can be printed with `Debug`.
//!
//! Every model has a variant in [`borrowed`] that borrows its texts from the document, such as
//! [`CallbackRef`](borrowed::CallbackRef) for [`Callback`].

mod additional;
mod agreement;
mod callback;
mod clarification;
mod code;
mod confirmation;
mod data;
mod display;
mod end;
mod error;
mod from_json;
mod operation;
mod redirect;
mod refund;
mod request;
mod response;
mod status;
mod step;
mod verified_status;

/// Types of the platform's messages that borrow their texts from the JSON document that they were
/// read from. Each is named like the type that owns its texts, with `Ref` added.
///
/// They are for code that reads a message once and where microseconds matter. `into_owned` copies
/// such a model into its owned one.
pub mod borrowed {
    pub use super::callback::{CallbackRef, GeneralRef, RequestInfoRef, TransactionRef};
    pub use super::code::CodeRef;
    pub use super::confirmation::DepositCheckRef;
    pub use super::display::{DisplayDataRef, DisplayItemRef};
    pub use super::from_json::ExtraRef;
    pub use super::operation::{
        AccountRef, CustomerRef, ErrorItemRef, ErrorsRef, OperationRef, PaymentRef, ProviderRef,
        SumRef,
    };
    pub use super::redirect::RedirectDataRef;
    pub use super::request::{
        GateGeneralRef, GatePaymentRef, GateRequestRef, PageParametersRef, ReturnUrlsRef,
    };
    pub use super::response::{StatusResponseRef, SyncResponseRef};
}

pub use self::additional::{AdditionalData, AdditionalDataError};
pub use self::callback::{Callback, CallbackFormat, General, RequestInfo, Transaction};
pub use self::clarification::{ClarificationField, ClarificationFields, FieldKind};
pub use self::code::{About, Advice, Code, CodeInfo};
pub use self::confirmation::{ConfirmationAnswer, DepositCheck};
pub use self::data::DataOperation;
pub use self::display::{DisplayData, DisplayItem, DisplayKind};
pub use self::end::End;
pub use self::error::ModelError;
pub use self::from_json::{Extra, FromJson};
use self::from_json::{Found, Members, borrows_nothing, model, open_enum};
pub use self::operation::{
    Account, Customer, ErrorItem, Errors, Operation, Payment, Provider, ProviderId, Sum,
};
pub use self::redirect::{RedirectBody, RedirectData, RedirectMethod};
pub use self::refund::{RefundOutcome, RefundResult};
pub use self::request::{GateGeneral, GatePayment, GateRequest, PageParameters, ReturnUrls};
pub use self::response::{StatusResponse, SyncResponse, SyncStatus};
pub use self::status::{OperationStatus, OperationType, PaymentStatus, PaymentType};
pub use self::step::Step;
pub use self::verified_status::{StatusError, VerifiedStatus};
use crate::{PaymentId, ProjectId};

/// Accessors that callbacks and status answers share, though the members may have different places.
macro_rules! about_a_payment {
    ($($message:ty),*) => {
        $(impl $message {
            /// The project's id, from the top level of the message or from its object `general`;
            /// `None` if neither has it.
            pub fn project_id(&self) -> Option<ProjectId> {
                self.root_project_id.or_else(|| self.general.as_ref()?.project_id)
            }

            /// The merchant's id of the payment, from the object `payment` or `general` of the
            /// message; `None` if neither has it.
            pub fn payment_id(&self) -> Option<&PaymentId> {
                let in_payment = || self.payment.as_ref()?.id.as_ref();
                in_payment().or_else(|| self.general.as_ref()?.payment_id.as_ref())
            }

            /// Status of the payment; `None` if the message has none. It is not the result of a
            /// refund: after a declined refund, the payment is still a `success`. The refund's own
            /// result is in [`refund`](Self::refund).
            pub fn payment_status(&self) -> Option<&PaymentStatus> {
                self.payment.as_ref()?.status.as_ref()
            }
        })*
    };
}

about_a_payment!(Callback, StatusResponse);
