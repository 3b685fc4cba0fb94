//! Differences between the sides, and the recommended actions.

use std::fmt;

use ecp_core::model::OperationType;
use ecp_core::{Currency, Money, OperationId, PaymentId};
use ecp_inbox::{EntryId, Member};

/// A difference in one payment between the platform, the journals of payouts (`ecp-payouts`) and
/// the inbox of callbacks (`ecp-inbox`). [`action`](Self::action) says what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// What differs, such as [`Kind::PaidTwice`].
    pub kind: Kind,
    /// The id of the payment in which the difference was found.
    pub payment: PaymentId,
    /// The platform's number of the operation; `None` if the difference is about the whole payment,
    /// or if the platform gave no number.
    pub operation: Option<OperationId>,
    /// The type of the operation, such as `payout`; `None` if the difference is about the whole
    /// payment.
    pub operation_type: Option<OperationType>,
    /// State of the payment or operation on the platform; `None` if the platform does not have it.
    pub platform: Option<SideState>,
    /// State of the payout in a journal, if the difference is about that state. Otherwise `None`,
    /// even if a journal has the payout.
    pub journal: Option<SideState>,
    /// State of the payment or operation by the callbacks in the inbox, if the difference is about
    /// callbacks. Otherwise `None`, and also if no callback reported a state.
    pub inbox: Option<SideState>,
    /// The id that the platform gave to the request of the payout, which technical support asks
    /// for. `None` if the difference is not about a journal's state of the payout, or if the
    /// journal has no such id.
    pub request_id: Option<String>,
    /// Ids in the inbox of the held or dead callbacks that the difference is about; empty for other
    /// differences.
    pub callbacks: Vec<EntryId>,
    /// Members (JSON fields of callbacks), such as the currency, for which callbacks gave two
    /// values; empty if callbacks do not contradict each other in any member.
    pub members: Vec<Member>,
}

/// State of a payment or operation on the platform, in a journal or in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SideState {
    /// The platform's status, such as `success`, or the state of a payout in a journal, such as
    /// `registered`.
    pub status: String,
    /// The sum; `None` if none is reported.
    pub sum: Option<Sum>,
}

/// A sum that the platform, a journal or a callback reports. Its currency may be one that this
/// library does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sum {
    /// The amount in minor units.
    pub amount: i64,
    /// The currency's three-letter code.
    pub currency: String,
}

/// Kind of a [`Difference`] between the platform, the journals of payouts and the inbox of
/// callbacks. [`Difference::action`] says what to do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The platform, the journal of payouts and the inbox of callbacks do not report the same sum,
    /// or not the same currency. Deliver and book nothing more for the payment until technical
    /// support has said which sum was moved.
    AmountDiffers,
    /// Callbacks contradict each other: they reported both a success and a failure of one
    /// operation, or two values of a member that never changes, such as the currency. Ask Gate for
    /// the status of the payment, and go by its answer; if that differs from the platform's list,
    /// ask technical support.
    CallbackContradicts,
    /// The handler of a callback failed too often, and the inbox does not call it again by itself.
    /// Correct the handler, and replay the callback with `ecp inbox replay`.
    CallbackDead,
    /// A callback is held: the inbox keeps it from the handler until Gate confirms it. `ecp inbox
    /// release` asks Gate, and releases the callback if Gate confirms it.
    CallbackHeld,
    /// The operation has a final status on the platform, and the inbox has no callback about that.
    /// Ask Gate for the status of the payment and act on its answer as on the callback; find out
    /// from the receiver's log why it did not arrive.
    CallbackMissing,
    /// The journal says that the payout was declined, and the platform says something else, such as
    /// that it succeeded. Do not pay again, under any id, before its status is clear.
    DeclineNotConfirmed,
    /// On the platform, a payout ended in an error or was returned, and it is unknown whether money
    /// has moved. Do not pay again; ask technical support. It is reported if a journal has the
    /// payout, or if the payment has another payout.
    EndedInError,
    /// The callbacks in the inbox report another final status of an operation than the platform.
    /// Ask Gate for the status of the payment, and go by its answer; if that differs from the
    /// platform's list, ask technical support.
    InboxDiffers,
    /// The platform has a payout that neither a journal nor the inbox has. Find out who has the
    /// project's key. It is reported only if journals are compared.
    UnrequestedPayout,
    /// By the journal, the payout may have been sent; the platform does not know it. The same `ecp
    /// payouts` command, run again, asks once more and sends the payout under the same id.
    NotArrived,
    /// The platform has a payout that was not sent according to the journal: another program or
    /// file may have used its id. Do not give the payout another id before this is clear.
    NotSentButThere,
    /// The platform does not know a payment that it registered or reported before, according to a
    /// journal or the inbox. Do not pay or deliver again; ask technical support.
    NotThere,
    /// One payment has two successful payouts. Stop further runs, and ask technical support to take
    /// one back.
    PaidTwice,
    /// The Data API's list has contradicting rows of one operation: two final statuses, two sums or
    /// two types. Do not pay or deliver again before technical support has said which row is right.
    /// There is one difference for each of the rows.
    PlatformContradicts,
    /// The platform or a callback reports a status that this library does not know, which proves no
    /// result. Ask Gate for the status of the payment, and go by its answer.
    UnknownStatus,
    /// The journal says that the payout is paid; the platform does not. Do not pay again before its
    /// status is clear.
    SuccessNotConfirmed,
    /// A journal has a payout under this payment id; on the platform the id belongs to another type
    /// of operation, such as a sale. Another program may have used the id: do not pay again before
    /// this is clear.
    TypeDiffers,
    /// The platform declined a payout for which the journal has no result, or an error. The same
    /// `ecp payouts` command, run again, records the decline; then the row may be paid under a new
    /// id.
    UnknownButDeclined,
    /// The platform paid a payout for which the journal has no result, or an error. Do not pay
    /// again: the same `ecp payouts` command, run again, records the success.
    UnknownButPaid,
    /// The platform has an operation of a type that this library does not know, which may be a
    /// payout. Look at the operation in the Dashboard, and do not pay again before it is clear what
    /// it did.
    UnknownType,
}

impl Kind {
    /// All kinds of differences.
    pub const ALL: &[Self] = &[
        Self::AmountDiffers,
        Self::CallbackContradicts,
        Self::CallbackDead,
        Self::CallbackHeld,
        Self::CallbackMissing,
        Self::DeclineNotConfirmed,
        Self::EndedInError,
        Self::InboxDiffers,
        Self::UnrequestedPayout,
        Self::NotArrived,
        Self::NotSentButThere,
        Self::NotThere,
        Self::PaidTwice,
        Self::PlatformContradicts,
        Self::UnknownStatus,
        Self::SuccessNotConfirmed,
        Self::TypeDiffers,
        Self::UnknownButDeclined,
        Self::UnknownButPaid,
        Self::UnknownType,
    ];

    /// The name of this kind of difference, such as `paid_twice`. The name stays the same from
    /// version to version, so scripts may rely on it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AmountDiffers => "amount_differs",
            Self::CallbackContradicts => "callback_contradicts",
            Self::CallbackDead => "callback_dead",
            Self::CallbackHeld => "callback_held",
            Self::CallbackMissing => "callback_missing",
            Self::DeclineNotConfirmed => "decline_not_confirmed",
            Self::EndedInError => "ended_in_error",
            Self::InboxDiffers => "inbox_differs",
            Self::UnrequestedPayout => "nobody_asked",
            Self::NotArrived => "not_arrived",
            Self::NotSentButThere => "not_sent_but_there",
            Self::NotThere => "not_there",
            Self::PaidTwice => "paid_twice",
            Self::PlatformContradicts => "platform_contradicts",
            Self::UnknownStatus => "status_untold",
            Self::SuccessNotConfirmed => "success_not_confirmed",
            Self::TypeDiffers => "type_differs",
            Self::UnknownButDeclined => "unknown_but_declined",
            Self::UnknownButPaid => "unknown_but_paid",
            Self::UnknownType => "unknown_type",
        }
    }

    /// Explanation of this kind of difference, as a sentence without a full stop.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::AmountDiffers => "the sides have different sums",
            Self::CallbackContradicts => {
                "callbacks contradict each other: a success and a failure, or two values of one member"
            }
            Self::CallbackDead => "the handler failed too often",
            Self::CallbackHeld => "a callback is held until Gate confirms it",
            Self::CallbackMissing => "it has ended, and the inbox has no callback of that",
            Self::DeclineNotConfirmed => "declined by the journal, and not by the platform",
            Self::EndedInError => "an error ended it, and nothing says whether money has moved",
            Self::InboxDiffers => "the callbacks report another end than the platform",
            Self::UnrequestedPayout => "a payout that neither a journal nor the inbox has",
            Self::NotArrived => "it may have been sent, and the platform does not know it",
            Self::NotSentButThere => "not sent by the journal, and the platform has it",
            Self::NotThere => "the platform reported it before, and does not know it now",
            Self::PaidTwice => "two successful payouts under one id",
            Self::PlatformContradicts => {
                "the platform's list has contradicting rows of one operation"
            }
            Self::UnknownStatus => "its status is unknown",
            Self::SuccessNotConfirmed => "paid by the journal, and not by the platform",
            Self::TypeDiffers => "a payout by the journal, and something else on the platform",
            Self::UnknownButDeclined => "the journal does not know that it was declined",
            Self::UnknownButPaid => "the journal does not know that it is paid",
            Self::UnknownType => "an operation of a type that is not known, which may be a payout",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Difference {
    /// The recommended action for the difference, as a text for a person. The `ecp` commands in the
    /// text lack the flags that select your profile and your inbox: add them.
    pub fn action(&self) -> String {
        let id = &self.payment;
        let ask = format!("`ecp status {id}`");
        let support = match &self.request_id {
            Some(request) => format!("technical support with payment {id} and request {request}"),
            None => format!("technical support with payment {id}"),
        };
        match self.kind {
            Kind::AmountDiffers => {
                format!("deliver and book nothing more for it; ask {support} which sum was moved")
            }
            Kind::CallbackContradicts | Kind::InboxDiffers => {
                format!("ask {ask}; where Gate agrees with the platform's list, correct what your service did; else ask {support}")
            }
            Kind::CallbackDead => {
                format!("correct the handler, then run `ecp inbox replay{}`", self.numbers())
            }
            Kind::CallbackHeld => {
                let commands = self.callbacks.iter().map(|id| format!("`ecp inbox release {id}`"));
                let commands = commands.collect::<Vec<_>>().join(", ");
                format!("run {commands}: Gate is asked, and a callback that it confirms is released")
            }
            Kind::CallbackMissing => {
                format!("ask {ask} and act on the answer as on the callback; look in the receiver's log for why it did not arrive")
            }
            Kind::DeclineNotConfirmed => {
                format!("do not pay again, under any id; ask {ask}; if it is paid, correct the books")
            }
            Kind::UnknownStatus => {
                format!("go by {ask}: an unknown status decides nothing")
            }
            Kind::EndedInError | Kind::NotThere => {
                format!("do not pay or deliver again; ask {support}")
            }
            Kind::UnrequestedPayout => {
                format!("find out who has the project's key; if none of your programs sent it, change the key and ask {support}")
            }
            Kind::NotArrived => {
                "run the same `ecp payouts` command again: it asks once more, and sends it under the same id".to_owned()
            }
            Kind::NotSentButThere => {
                format!("do not give the row another id; ask {ask}: another file or program may have used this one")
            }
            Kind::PaidTwice => format!("stop further runs; ask {support} to take one back"),
            Kind::PlatformContradicts => {
                format!("do not pay or deliver again; ask {ask}, then {support} which row is right")
            }
            Kind::SuccessNotConfirmed => {
                format!("do not pay again before it is clear; ask {ask}, then {support}")
            }
            Kind::TypeDiffers => {
                format!("do not pay again; ask {ask}: another program may have used the id")
            }
            Kind::UnknownButDeclined => {
                "run the same `ecp payouts` command again: it writes the decline down; then the row may be paid under a new id".to_owned()
            }
            Kind::UnknownButPaid => {
                "do not pay again; run the same `ecp payouts` command again: it writes the success down".to_owned()
            }
            Kind::UnknownType => {
                format!("look at the operation in the Dashboard and do not pay again before it is clear; then ask {support} what it did")
            }
        }
    }

    fn numbers(&self) -> String {
        let mut numbers = String::new();
        for id in &self.callbacks {
            numbers.push(' ');
            numbers.push_str(&id.to_string());
        }
        numbers
    }
}

/// One line: the kind, the payment, and the meaning.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.payment, self.kind.meaning())
    }
}

impl fmt::Display for SideState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.status.escape_debug())?;
        match &self.sum {
            Some(sum) => write!(f, ", {sum}"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.currency.parse::<Currency>() {
            Ok(currency) => Money::from_minor(self.amount, currency).fmt(f),
            Err(_) => {
                write!(f, "{} minor units of {}", self.amount, self.currency.escape_debug())
            }
        }
    }
}

impl From<&ecp_core::model::Sum> for Sum {
    fn from(sum: &ecp_core::model::Sum) -> Self {
        Self { amount: sum.amount, currency: sum.currency.clone() }
    }
}

impl From<&ecp_inbox::Amount> for Sum {
    fn from(sum: &ecp_inbox::Amount) -> Self {
        Self { amount: sum.amount, currency: sum.currency.clone() }
    }
}

impl From<Money> for Sum {
    fn from(money: Money) -> Self {
        Self { amount: money.minor(), currency: money.currency().code().to_owned() }
    }
}
