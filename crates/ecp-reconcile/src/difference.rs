//! Differences between the sides, and the recommended actions.

use std::fmt;

use ecp_core::model::OperationType;
use ecp_core::{Currency, Money, OperationId, PaymentId};
use ecp_inbox::{EntryId, Member};

/// A difference in one payment between the platform, the journals and the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The kind of difference.
    pub kind: Kind,
    /// The payment that differs.
    pub payment: PaymentId,
    /// The platform's number of the operation, if the difference is about one operation.
    pub operation: Option<OperationId>,
    /// The type of the operation, if the difference is about one operation.
    pub operation_type: Option<OperationType>,
    /// State of the payment or operation on the platform; `None` if the platform does not have it.
    pub platform: Option<SideState>,
    /// State of the payout in the journal; `None` if the difference is not one of the journal,
    /// whether the journal has the payout or not.
    pub journal: Option<SideState>,
    /// State of the payment or operation in the inbox; `None` if the inbox does not have it, or if
    /// the difference is not one of the inbox.
    pub inbox: Option<SideState>,
    /// The platform's id of the request, if the difference is one of a journal that has it:
    /// technical support asks for it.
    pub request_id: Option<String>,
    /// Ids of the callbacks of the inbox that the difference is about.
    pub callbacks: Vec<EntryId>,
    /// Members, such as the currency, for which callbacks gave two values; empty if callbacks do
    /// not contradict each other in any member.
    pub members: Vec<Member>,
}

/// State of a payment or operation on the platform, in a journal or in the inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SideState {
    /// The status as the platform names it, or the state as the journal names it.
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

/// Kind of a [`Difference`] between the platform, the journals and the inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// The platform, the journal and the inbox do not report the same sum, or not the same
    /// currency.
    AmountDiffers,
    /// Callbacks contradict each other: they reported both a success and a failure of one operation,
    /// or two values of a member that never changes, of an operation or of the payment.
    CallbackContradicts,
    /// The handler of a callback failed too often, and the inbox does not call it again unless the
    /// callback is replayed.
    CallbackDead,
    /// A callback is held: the inbox keeps it from the handler until Gate confirms it.
    CallbackHeld,
    /// The operation has a final status on the platform, and the inbox has no callback about that.
    CallbackMissing,
    /// The journal says that the payout was declined, and the platform says something else.
    DeclineNotConfirmed,
    /// On the platform, a payout ended in an error or was returned, and it is unknown whether money
    /// has moved. It is reported if a journal has the payout, or if the payment has another payout.
    EndedInError,
    /// The callbacks report another final status than the platform.
    InboxDiffers,
    /// The platform has a payout that neither a journal nor the inbox has. It is reported only if
    /// journals are compared.
    UnrequestedPayout,
    /// The payout may have been sent; the platform does not know it.
    NotArrived,
    /// The platform has a payout that was not sent according to the journal.
    NotSentButThere,
    /// The platform registered or reported the payment before, and does not know it now.
    NotThere,
    /// One payment has two successful payouts.
    PaidTwice,
    /// The Data API's list has contradicting rows of one operation: two final statuses, two sums or
    /// two types. There is one difference for each of the rows.
    PlatformContradicts,
    /// The platform or a callback reports an unknown status, which proves no result.
    UnknownStatus,
    /// The journal says that the payout is paid; the platform does not.
    SuccessNotConfirmed,
    /// The platform has the payment of a journal, but not as a payout.
    TypeDiffers,
    /// The platform declined a payout whose result the journal does not know, or has as an error.
    UnknownButDeclined,
    /// The platform paid a payout whose result the journal does not know, or has as an error.
    UnknownButPaid,
    /// The platform has an operation of an unknown type, which may be a payout.
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
