//! Comparison of one payment on all sides.

use ecp_core::PaymentId;
use ecp_core::model::{End, OperationStatus, OperationType, PaymentStatus};
use ecp_inbox::{EntryState, Member, PaymentState};
use ecp_payouts::State;

use crate::difference::{Difference, Kind, SideState, Sum};
use crate::sides::{InboxState, Operation, Payout, Sides, of_payment};

/// Differences of one payment.
#[derive(Debug, Default)]
pub(crate) struct Compared {
    pub(crate) differences: Vec<Difference>,
    /// Whether the payment has not ended, and no side says otherwise.
    pub(crate) is_pending: bool,
}

/// Whether the Data API's list is not sufficient: one side has an operation that is not in it.
pub(crate) fn needs_gate(sides: &Sides) -> bool {
    let has_payout = sides.platform.iter().any(is_payout);
    let sent = sides.journals.iter().flatten().any(Payout::was_sent);
    let recorded = sides.inbox.iter().filter_map(|recorded| recorded.state.as_ref());
    let mut ended =
        recorded.flat_map(PaymentState::operations).filter(|recorded| recorded.status().is_some());
    (sent && !has_payout)
        || ended
            .any(|recorded| sides.platform.iter().all(|listed| listed.id != Some(recorded.id())))
        || (sides.platform.is_empty()
            && sides.inbox.as_ref().is_some_and(|recorded| recorded.state.is_some()))
}

/// Compares the sides. The platform's operations must be complete.
pub(crate) fn compare(payment: &PaymentId, sides: &Sides) -> Compared {
    let mut job = Job { payment, sides, compared: Compared::default() };
    if sides.platform.is_empty() {
        job.not_there();
    }
    job.contradictions();
    job.unknown_types();
    if !job.unrequested_payout() {
        for operation in &sides.platform {
            job.operation(operation);
        }
        job.payout();
    }
    job.contradicted_payment();
    job.stuck();
    job.compared
}

struct Job<'s> {
    payment: &'s PaymentId,
    sides: &'s Sides,
    compared: Compared,
}

impl Job<'_> {
    /// Reports operations that another side knows and the platform does not.
    fn not_there(&mut self) {
        for payout in self.sides.journals.iter().flatten().filter(|payout| payout.was_sent()) {
            let kind = match payout.state {
                // A status of it was read, so the platform had it.
                State::Intended | State::Unknown if payout.status.is_none() => Kind::NotArrived,
                _ => Kind::NotThere,
            };
            self.journal_differs(kind, None, payout);
        }
        let is_reported = !self.compared.differences.is_empty();
        if let Some(status) = self.state().and_then(PaymentState::status).filter(|_| !is_reported) {
            let state = SideState { status: status.to_string(), sum: self.paid() };
            let difference = self.found(Kind::NotThere, None);
            self.compared.differences.push(Difference { inbox: Some(state), ..difference });
        }
    }

    /// Reports rows of the platform's list about one operation that contradict each other.
    fn contradictions(&mut self) {
        let sides = self.sides;
        let is_listed =
            |listed: &&Operation| sides.contradictions.iter().any(|row| row.id == listed.id);
        for row in sides.platform.iter().filter(is_listed).chain(&sides.contradictions) {
            let difference = self.found(Kind::PlatformContradicts, Some(row));
            self.compared.differences.push(difference);
        }
    }

    /// Reports operations of an unknown type: they may be payouts.
    fn unknown_types(&mut self) {
        for listed in self.sides.platform.iter().filter(|listed| listed.has_unknown_type()) {
            let journal = self.sides.journals.iter().flatten().find(|payout| payout.was_sent());
            if let Some(payout) = journal {
                self.journal_differs(Kind::UnknownType, Some(listed), payout);
            } else {
                let difference = self.found(Kind::UnknownType, Some(listed));
                self.compared.differences.push(difference);
            }
        }
    }

    /// Reports a payout that neither a journal nor the inbox knows.
    fn unrequested_payout(&mut self) -> bool {
        let unknown_here = self.sides.journals.as_ref().is_some_and(Vec::is_empty)
            && self
                .sides
                .inbox
                .as_ref()
                .is_none_or(|recorded| recorded.state.is_none() && recorded.stuck.is_empty());
        let Some(payout) =
            self.sides.platform.iter().find(|listed| is_payout(listed) && unknown_here)
        else {
            return false;
        };
        let difference = self.found(Kind::UnrequestedPayout, Some(payout));
        self.compared.differences.push(difference);
        true
    }

    /// Compares an operation of the platform with its callbacks.
    fn operation(&mut self, listed: &Operation) {
        if listed.end() == End::Unknown {
            let difference = self.found(Kind::UnknownStatus, Some(listed));
            self.compared.differences.push(difference);
            return;
        }
        self.compared.is_pending |= listed.end() == End::Open;
        let Some(inbox) = &self.sides.inbox else { return };
        let recorded = InboxOperation::operation(inbox, self.sides, listed);
        let has_ended = recorded.status.as_ref().is_some_and(OperationStatus::is_final);
        let kind = if recorded.is_contradicted {
            Kind::CallbackContradicts
        } else if has_ended {
            if recorded.status.as_ref().map(OperationStatus::end) == Some(listed.end()) {
                return self.sums(listed, recorded);
            }
            Kind::InboxDiffers
        } else if listed.end() == End::Open
            || inbox.stuck.iter().any(|(_, state)| *state == EntryState::Held)
        {
            // A held callback is a difference of its own.
            return;
        } else if let Some(word) = self.state().and_then(|state| state.unknown().next()) {
            let inbox = Some(SideState { status: word.to_owned(), sum: None });
            let difference = self.found(Kind::UnknownStatus, Some(listed));
            self.compared.differences.push(Difference { inbox, ..difference });
            return;
        } else {
            Kind::CallbackMissing
        };
        let difference = self.found(kind, Some(listed));
        let members = recorded.contradictions.clone();
        let inbox = recorded.side_state();
        self.compared.differences.push(Difference { inbox, members, ..difference });
    }

    fn sums(&mut self, listed: &Operation, recorded: InboxOperation) {
        if let (Some(platform), Some(inbox)) = (&listed.sum, &recorded.sum)
            && platform != inbox
        {
            let difference = self.found(Kind::AmountDiffers, Some(listed));
            self.compared
                .differences
                .push(Difference { inbox: recorded.side_state(), ..difference });
        }
    }

    /// Compares the payout of the platform with the journals.
    fn payout(&mut self) {
        let payouts = || self.sides.platform.iter().filter(|listed| is_payout(listed));
        let mut paid = payouts().filter(|listed| listed.end() == End::Success);
        let first = paid.next();
        if let Some(second) = paid.next() {
            let difference = self.found(Kind::PaidTwice, Some(second));
            self.compared.differences.push(difference);
        }
        // A failed attempt is not a decline while another one is in progress.
        let Some(listed) = first.or_else(|| payouts().next_back()) else {
            return self.type_differs();
        };
        // Another attempt that ended in an error may have moved money.
        for other in payouts().filter(|other| !std::ptr::eq(*other, listed)) {
            if matches!(other.end(), End::Error | End::Returned) {
                let difference = self.found(Kind::EndedInError, Some(other));
                self.compared.differences.push(difference);
            }
        }
        for payout in self.sides.journals.iter().flatten() {
            let sums_differ =
                matches!((&payout.sum, &listed.sum), (Some(ours), Some(theirs)) if ours != theirs);
            let kind = match (payout.state, listed.end()) {
                (_, End::Unknown) => continue,
                (State::NotSent, _) => Kind::NotSentButThere,
                (State::Decline, End::Success) => Kind::DeclineNotConfirmed,
                (State::Decline, End::Decline) | (_, End::Success) if sums_differ => {
                    Kind::AmountDiffers
                }
                (State::Success, End::Success) | (State::Decline, End::Decline) => continue,
                (State::Success, _) => Kind::SuccessNotConfirmed,
                (_, End::Error | End::Returned) => Kind::EndedInError,
                (State::Decline, _) => Kind::DeclineNotConfirmed,
                (_, End::Open) => continue,
                (_, End::Success) => Kind::UnknownButPaid,
                (_, End::Decline) => Kind::UnknownButDeclined,
            };
            self.journal_differs(kind, Some(listed), payout);
        }
    }

    /// Reports payouts of the journals under the id of another kind of payment. An operation of an
    /// unknown type is a difference already.
    fn type_differs(&mut self) {
        let mut known = self.sides.platform.iter().filter(|listed| !listed.has_unknown_type());
        let Some(listed) = known.next_back() else { return };
        for payout in self.sides.journals.iter().flatten().filter(|payout| payout.was_sent()) {
            self.journal_differs(Kind::TypeDiffers, Some(listed), payout);
        }
    }

    /// Reports members of the payment to which callbacks gave two values: its currency, its type,
    /// the sum or the method of its success. The state has neither value.
    fn contradicted_payment(&mut self) {
        let members: Vec<_> =
            self.state().into_iter().flat_map(PaymentState::contradictions).collect();
        if members.is_empty() {
            return;
        }
        let platform = self.sides.platform.last().map(Operation::side_state);
        let status = self.state().and_then(PaymentState::status);
        let inbox = status.map(|status| SideState { status: status.to_string(), sum: self.paid() });
        let difference = self.found(Kind::CallbackContradicts, None);
        self.compared.differences.push(Difference { platform, inbox, members, ..difference });
    }

    /// Reports callbacks that wait for a person.
    fn stuck(&mut self) {
        for (state, kind) in
            [(EntryState::Held, Kind::CallbackHeld), (EntryState::Dead, Kind::CallbackDead)]
        {
            let stuck = self.sides.inbox.iter().flat_map(|recorded| &recorded.stuck);
            let callbacks: Vec<_> =
                stuck.filter(|(_, its)| *its == state).map(|(id, _)| *id).collect();
            if callbacks.is_empty() {
                continue;
            }
            let platform = self.sides.platform.last().map(Operation::side_state);
            let status = self.state().and_then(PaymentState::status);
            let inbox =
                status.map(|status| SideState { status: status.to_string(), sum: self.paid() });
            let difference = self.found(kind, None);
            self.compared.differences.push(Difference { platform, inbox, callbacks, ..difference });
        }
    }

    fn journal_differs(&mut self, kind: Kind, operation: Option<&Operation>, payout: &Payout) {
        let state = SideState { status: payout.state.to_string(), sum: payout.sum.clone() };
        let request_id = payout.request_id.clone();
        let difference = self.found(kind, operation);
        let difference = Difference { journal: Some(state), request_id, ..difference };
        self.compared.differences.push(difference);
    }

    fn found(&self, kind: Kind, operation: Option<&Operation>) -> Difference {
        Difference {
            kind,
            payment: self.payment.clone(),
            operation: operation.and_then(|operation| operation.id),
            operation_type: operation.map(|operation| operation.kind.clone()),
            platform: operation.map(Operation::side_state),
            journal: None,
            inbox: None,
            request_id: None,
            callbacks: Vec::new(),
            members: Vec::new(),
        }
    }

    fn state(&self) -> Option<&PaymentState> {
        self.sides.inbox.as_ref()?.state.as_ref()
    }

    fn paid(&self) -> Option<Sum> {
        self.state()?.paid().map(Sum::from)
    }
}

impl Operation {
    fn side_state(&self) -> SideState {
        SideState { status: self.status.to_string(), sum: self.sum.clone() }
    }
}

/// Inbox state of one operation.
#[derive(Default)]
struct InboxOperation {
    status: Option<OperationStatus>,
    sum: Option<Sum>,
    is_contradicted: bool,
    contradictions: Vec<Member>,
}

impl InboxOperation {
    fn operation(recorded: &InboxState, sides: &Sides, listed: &Operation) -> Self {
        let Some(state) = &recorded.state else { return Self::default() };
        let of_it = state.operations().iter().find(|operation| Some(operation.id()) == listed.id);
        if let Some(of_it) = of_it {
            return Self {
                status: of_it.status().cloned(),
                sum: of_it.sum().map(Sum::from),
                is_contradicted: of_it.is_contradicted(),
                contradictions: of_it.contradictions().collect(),
            };
        }
        // Callbacks that name no operation report the payment, and so its only operation.
        let is_only_one = state.operations().is_empty() && sides.platform.len() == 1;
        let ended = state.status().filter(|status| is_only_one && PaymentStatus::is_final(status));
        Self {
            status: ended.map(of_payment),
            sum: ended.and(state.paid()).map(Sum::from),
            is_contradicted: false,
            contradictions: Vec::new(),
        }
    }

    fn side_state(self) -> Option<SideState> {
        let Self { status, sum, .. } = self;
        status.map(|status| SideState { status: status.to_string(), sum })
    }
}

fn is_payout(operation: &Operation) -> bool {
    operation.kind == OperationType::Payout
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecp_core::OperationId;

    fn payout(id: u64, status: &str) -> Operation {
        let sum = Some(Sum { amount: 1000, currency: "EUR".to_owned() });
        let (kind, status) = (OperationType::Payout, OperationStatus::from(status));
        Operation { id: Some(OperationId::new(id)), kind, status, sum }
    }

    fn row(state: State) -> Payout {
        let sum = Some(Sum { amount: 1000, currency: "EUR".to_owned() });
        Payout { state, status: None, request_id: None, sum }
    }

    fn kinds(platform: &[Operation], journal: State) -> Vec<Kind> {
        let sides = Sides {
            platform: platform.to_vec(),
            journals: Some(vec![row(journal)]),
            ..Sides::default()
        };
        let compared = compare(&PaymentId::new("P-1").unwrap(), &sides);
        compared.differences.iter().map(|difference| difference.kind).collect()
    }

    #[test]
    fn a_journal_is_held_against_every_end() {
        use State::{Decline, Error, Intended, NotSent, Registered, Success, Unknown};

        let table = [
            ("success", Success, None),
            ("success", Decline, Some(Kind::DeclineNotConfirmed)),
            ("success", Unknown, Some(Kind::UnknownButPaid)),
            ("success", Intended, Some(Kind::UnknownButPaid)),
            ("success", Registered, Some(Kind::UnknownButPaid)),
            ("success", NotSent, Some(Kind::NotSentButThere)),
            ("decline", Success, Some(Kind::SuccessNotConfirmed)),
            ("decline", Decline, None),
            ("decline", Unknown, Some(Kind::UnknownButDeclined)),
            ("expired", Decline, None),
            ("processing", Success, Some(Kind::SuccessNotConfirmed)),
            ("processing", Decline, Some(Kind::DeclineNotConfirmed)),
            ("processing", Registered, None),
            ("processing", NotSent, Some(Kind::NotSentButThere)),
            ("internal error", Success, Some(Kind::SuccessNotConfirmed)),
            ("internal error", Decline, Some(Kind::EndedInError)),
            ("internal error", Unknown, Some(Kind::EndedInError)),
            ("internal error", Error, Some(Kind::EndedInError)),
            ("external error", Registered, Some(Kind::EndedInError)),
            ("error", Intended, Some(Kind::EndedInError)),
            ("success", Error, Some(Kind::UnknownButPaid)),
            ("decline", Error, Some(Kind::UnknownButDeclined)),
            ("processing", Error, None),
            ("paid at last", Unknown, Some(Kind::UnknownStatus)),
        ];
        for (status, journal, kind) in table {
            let expected: Vec<Kind> = kind.into_iter().collect();
            assert_eq!(kinds(&[payout(7, status)], journal), expected, "{status}, {journal}");
        }
    }

    #[test]
    fn a_success_of_another_sum_is_reported_whatever_the_journal_says() {
        let sum = Some(Sum { amount: 1000, currency: "USD".to_owned() });
        for journal in State::ALL {
            let other = Operation { sum: sum.clone(), ..payout(7, "success") };
            let expected = match journal {
                State::NotSent => Kind::NotSentButThere,
                State::Decline => Kind::DeclineNotConfirmed,
                _ => Kind::AmountDiffers,
            };
            assert_eq!(kinds(&[other], *journal), [expected], "{journal}");
        }
    }

    #[test]
    fn attempts_of_one_payment_are_one_payout_unless_two_succeeded() {
        let tried = [payout(7, "decline"), payout(8, "success")];
        assert_eq!(kinds(&tried, State::Success), []);
        let goes_on = [payout(7, "decline"), payout(8, "processing")];
        assert_eq!(kinds(&goes_on, State::Registered), []);
        let twice = [payout(7, "success"), payout(8, "success")];
        assert_eq!(kinds(&twice, State::Success), [Kind::PaidTwice]);
    }

    #[test]
    fn what_is_no_payout_on_the_platform_does_not_pass_for_one() {
        for (kind, expected) in [
            (OperationType::Sale, Kind::TypeDiffers),
            (OperationType::from("Payout"), Kind::UnknownType),
        ] {
            let other = Operation { kind, ..payout(7, "success") };
            assert_eq!(kinds(&[other], State::Success), [expected]);
        }
    }

    #[test]
    fn a_payout_unknown_to_the_platform_is_reported_by_its_last_state() {
        let known = |status: &str, state| Payout { status: Some(status.to_owned()), ..row(state) };
        let table = [
            (row(State::Intended), Some(Kind::NotArrived)),
            (row(State::Unknown), Some(Kind::NotArrived)),
            (known("internal error", State::Unknown), Some(Kind::NotThere)),
            (known("internal error", State::Error), Some(Kind::NotThere)),
            (row(State::Registered), Some(Kind::NotThere)),
            (row(State::Success), Some(Kind::NotThere)),
            // Refused before it was registered.
            (row(State::Decline), None),
            (known("decline", State::Decline), Some(Kind::NotThere)),
            (row(State::NotSent), None),
        ];
        for (payout, kind) in table {
            let journals = Some(vec![payout.clone()]);
            let sides = Sides { journals, ..Sides::default() };
            assert_eq!(needs_gate(&sides), kind.is_some(), "{payout:?}");
            let compared = compare(&PaymentId::new("P-1").unwrap(), &sides);
            let found: Vec<Kind> =
                compared.differences.iter().map(|difference| difference.kind).collect();
            assert_eq!(found, kind.into_iter().collect::<Vec<_>>(), "{payout:?}");
        }
    }

    #[test]
    fn every_kind_has_a_word_of_its_own_and_says_what_to_do() {
        let words: std::collections::BTreeSet<&str> =
            Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(words.len(), Kind::ALL.len());
        let sides = Sides::default();
        let payment = PaymentId::new("P-1").unwrap();
        let job = Job { payment: &payment, sides: &sides, compared: Compared::default() };
        for &kind in Kind::ALL {
            let action = job.found(kind, None).action();
            assert!(action.len() > 20 && !kind.meaning().is_empty(), "{kind}: {action}");
        }
    }
}
