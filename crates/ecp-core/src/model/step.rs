//! The customer's next step, as one question.

use super::borrowed::{CallbackRef, ExtraRef, StatusResponseRef};
use super::display::DisplayDataRef;
use super::{
    Callback, ClarificationFields, DisplayData, Extra, FromJson, PaymentStatus, RedirectData,
    StatusResponse,
};

/// The customer's next step in a payment, such as a redirect or items to pay by, as read from one
/// message about the payment (sources: steps).
///
/// The step depends on the payment's status and on the members of the message. Where a row has
/// several steps, the first one counts for which the message has the data; `Push` and `Wait` need
/// none:
///
/// | status | step |
/// |---|---|
/// | final ([`End::is_final`](super::End::is_final)) | `Done`, whatever else the message has |
/// | `awaiting clarification`, `awaiting clarify data` | `Clarify` |
/// | `awaiting customer`, `awaiting customer action` | `Display`, else `Redirect`, else `Push` |
/// | any other, or none | `Clarify`, else `Redirect`, else `Display`, else `Wait` |
///
/// A message can have both a redirect and something to display. The step has only one of them;
/// [`Callback::redirect`] and [`Callback::display_data`] return each of them in any case. Messages
/// come in any order, so show a step only while its message has the newest known status of the
/// payment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Ask the customer for these fields, or take them from your own data, and send them with
    /// `Gate::clarify` of `ecp-transport`. If there are no fields, the message does not say what
    /// the platform asks for: request the payment's status.
    Clarify(Box<ClarificationFields>),
    /// Show these items to the customer: a QR code, an account, a reference.
    Display(Box<DisplayData>),
    /// Nothing is left to do for the customer: the payment has ended, successfully or not.
    Done,
    /// Nothing new to show: the customer confirms in an application on the phone, or pays by what
    /// an earlier message displayed. Wait for the next callback.
    Push,
    /// Redirect the customer's browser to this address; `redirect_response` of `ecp-transport`
    /// makes the HTTP response.
    Redirect(Box<RedirectData>),
    /// Nothing to do but wait for the next callback.
    Wait,
}

impl Step {
    /// The customer's next step as a word: `clarify`, `display`, `done`, `push`, `redirect` or
    /// `wait`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Clarify(_) => "clarify",
            Self::Display(_) => "display",
            Self::Done => "done",
            Self::Push => "push",
            Self::Redirect(_) => "redirect",
            Self::Wait => "wait",
        }
    }

    fn of(
        status: Option<&PaymentStatus>,
        clarify: Option<ClarificationFields>,
        display: Option<DisplayData>,
        redirect: Option<RedirectData>,
    ) -> Self {
        use PaymentStatus as Status;
        let clarify = clarify.map(Box::new).map(Self::Clarify);
        let display = display.map(Box::new).map(Self::Display);
        let redirect = redirect.map(Box::new).map(Self::Redirect);
        match status {
            Some(status) if status.end().is_final() => Self::Done,
            Some(Status::AwaitingClarification | Status::AwaitingClarifyData) => {
                clarify.unwrap_or_else(|| Self::Clarify(Box::default()))
            }
            Some(Status::AwaitingCustomer | Status::AwaitingCustomerAction) => {
                display.or(redirect).unwrap_or(Self::Push)
            }
            _ => clarify.or(redirect).or(display).unwrap_or(Self::Wait),
        }
    }
}

const CLARIFICATION: &str = "clarification_fields";
const DISPLAY: &str = "display_data";
const REDIRECT: &str = "redirect_data";

/// These members are rare, so the models keep them in `extra` and they are read on request.
macro_rules! steps {
    ($($message:ty: $redirect:expr;)*) => {
        $(impl $message {
            /// `display_data`: items to show to the customer. `None` if the message has none, or if
            /// the value is no list or object; it is then only in `extra`, as it was sent.
            pub fn display_data(&self) -> Option<DisplayData> {
                part_of(&self.extra, DISPLAY)
            }

            /// `clarification_fields`: fields that the platform asks for before the payment goes
            /// on. `None` if the message has none, or if the value is no object; it is then only in
            /// `extra`, as it was sent.
            pub fn clarification_fields(&self) -> Option<ClarificationFields> {
                part_of(&self.extra, CLARIFICATION)
            }

            /// The customer's next step in the payment, as read from this message: for example, a
            /// redirect of the browser, or a QR code to show.
            pub fn next_step(&self) -> Step {
                Step::of(
                    self.payment_status(),
                    self.clarification_fields(),
                    self.display_data(),
                    $redirect(self),
                )
            }
        })*
    };
}

steps! {
    Callback: Self::redirect;
    StatusResponse: |status: &Self| part_of(&status.extra, REDIRECT);
}

macro_rules! borrowed_steps {
    ($($message:ident),*) => {
        $(impl<'d> $message<'d> {
            /// `display_data`: items to show to the customer. `None` if the message has none, or if
            /// the value is no list or object; it is then only in `extra`.
            pub fn display_data(&self) -> Option<DisplayDataRef<'d>> {
                borrowed_part_of::<DisplayData>(&self.extra, DISPLAY)
            }

            /// `clarification_fields`: fields that the platform asks for before the payment goes
            /// on. `None` if the message has none, or if the value is no object; it is then only in
            /// `extra`.
            pub fn clarification_fields(&self) -> Option<ClarificationFields> {
                borrowed_part_of::<ClarificationFields>(&self.extra, CLARIFICATION)
            }
        })*
    };
}

borrowed_steps!(CallbackRef, StatusResponseRef);

fn part_of<T: FromJson>(extra: &Extra, name: &str) -> Option<T> {
    let document = extra.get(name)?.document()?;
    let root = document.root();
    if T::is_blank(root) { None } else { T::from_json(root).ok() }
}

fn borrowed_part_of<'d, T: FromJson>(extra: &ExtraRef<'d>, name: &str) -> Option<T::Borrowed<'d>> {
    let value = extra.get(name).filter(|value| !T::is_blank(*value))?;
    T::borrow_from(value).ok()
}
