//! The customer's next step, as one question.

use super::borrowed::{CallbackRef, ExtraRef, StatusResponseRef};
use super::display::DisplayDataRef;
use super::{
    Callback, ClarificationFields, DisplayData, Extra, FromJson, PaymentStatus, RedirectData,
    StatusResponse,
};
use crate::json::{Document, Limits};

/// What the customer has to do next, by one message about a payment (sources: steps).
///
/// The status decides where it says enough, and the members of the message otherwise:
///
/// | status | step |
/// |---|---|
/// | final ([`End::is_final`](super::End::is_final)) | `Done`, whatever else the message has |
/// | `awaiting clarification`, `awaiting clarify data` | `Clarify` |
/// | `awaiting customer`, `awaiting customer action` | `Display`, else `Redirect`, else `Push` |
/// | any other, or none | `Clarify`, else `Redirect`, else `Display`, else `Wait` |
///
/// A message can have both a redirect and something to display; the other one is at
/// [`Callback::redirect`] and [`Callback::display_data`]. Messages come in any order: a step is
/// shown only while the newest known status of the payment is that of its message.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Ask the customer, or your own data, for these fields, and send them by
    /// `Gate::clarify`. Without any, the message does not say what is asked for: request the
    /// status.
    Clarify(Box<ClarificationFields>),
    /// Show these items: a QR code, an account, a reference.
    Display(Box<DisplayData>),
    /// The payment has ended.
    Done,
    /// The customer acts elsewhere, and there is nothing new to show: confirms in an application on
    /// the phone, or pays by what an earlier message displayed.
    Push,
    /// Send the customer's browser on.
    Redirect(Box<RedirectData>),
    /// Nothing to do but wait for the next callback.
    Wait,
}

impl Step {
    /// The name: `clarify`, `display`, `done`, `push`, `redirect` or `wait`.
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
            /// `display_data`: what to show to the customer. `None` if there is none, or it has
            /// another form; it is in `extra` as it was sent.
            pub fn display_data(&self) -> Option<DisplayData> {
                part_of(&self.extra, DISPLAY)
            }

            /// `clarification_fields`: what the platform asks for before the payment goes on.
            /// `None` if there are none, or they have another form; they are in `extra` as they
            /// were sent.
            pub fn clarification_fields(&self) -> Option<ClarificationFields> {
                part_of(&self.extra, CLARIFICATION)
            }

            /// What the customer has to do next.
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
            /// `display_data`: what to show to the customer.
            pub fn display_data(&self) -> Option<DisplayDataRef<'d>> {
                borrowed_part_of::<DisplayData>(&self.extra, DISPLAY)
            }

            /// `clarification_fields`: what the platform asks for before the payment goes on.
            pub fn clarification_fields(&self) -> Option<ClarificationFields> {
                borrowed_part_of::<ClarificationFields>(&self.extra, CLARIFICATION)
            }
        })*
    };
}

borrowed_steps!(CallbackRef, StatusResponseRef);

fn part_of<T: FromJson>(extra: &Extra, name: &str) -> Option<T> {
    let json = extra.get(name)?.as_str();
    let document = Document::parse(json.as_bytes(), Limits::default()).ok()?;
    let root = document.root();
    if T::is_blank(root) { None } else { T::from_json(root).ok() }
}

fn borrowed_part_of<'d, T: FromJson>(extra: &ExtraRef<'d>, name: &str) -> Option<T::Borrowed<'d>> {
    let value = extra.get(name).filter(|value| !T::is_blank(*value))?;
    T::borrow_from(value).ok()
}
