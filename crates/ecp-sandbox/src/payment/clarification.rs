//! What a sale waits for from the merchant before its customer can pay.
//!
//! ```text
//! processing -> awaiting clarification -> awaiting redirect result | awaiting customer
//! ```
//!
//! Each answer begins the time for the next one anew; the cut-off time goes on all the while.

use ecp_core::Timestamp;
use ecp_methods::spec::{Interface, TestQuestion};
use serde_json::Value;

use super::{Outcome, Payment, Stage, Step};

/// The questions of a sale that its request does not answer, for clarifications.
#[derive(Default)]
pub(crate) struct Questions {
    pub(super) open: Vec<Open>,
    /// Number of answers so far, complete or not.
    pub(super) rounds: u32,
}

pub(super) struct Open {
    pub(super) question: TestQuestion,
    /// Whether a value in the last answer had a wrong type.
    pub(super) refused: bool,
}

impl Questions {
    /// Returns the questions that a request leaves unanswered. Only requests through Gate are
    /// asked.
    pub(crate) fn of(questions: &[TestQuestion], interface: Interface, request: &Value) -> Self {
        let asks = interface == Interface::Gate;
        let open = questions.iter().filter(|question| asks && !is_answered(question, request));
        let open = open.map(|&question| Open { question, refused: false }).collect();
        Self { open, rounds: 0 }
    }
}

impl Payment {
    pub(crate) fn awaits_clarification(&self) -> bool {
        self.stage == Stage::AwaitingClarification
    }

    /// Returns the questions that are not answered yet.
    pub(crate) fn unanswered(&self) -> impl Iterator<Item = &TestQuestion> {
        self.questions.open.iter().map(|open| &open.question)
    }

    /// Whether the last answer to this question had a wrong type.
    pub(crate) fn is_refused(&self, question: &TestQuestion) -> bool {
        self.questions.open.iter().any(|open| open.question == *question && open.refused)
    }

    /// Returns the number of answers so far; `None` if the payment does not wait for an answer.
    pub(crate) fn clarification_round(&self) -> Option<u32> {
        self.awaits_clarification().then_some(self.questions.rounds)
    }

    /// Returns the first stage of a sale that passed its checks.
    pub(super) fn first_wait(&self) -> Stage {
        if self.questions.open.is_empty() {
            Stage::AwaitingCustomer
        } else {
            Stage::AwaitingClarification
        }
    }

    /// Applies the merchant's answer to a clarification, which may be incomplete. Does nothing
    /// unless the payment waits for it.
    pub(crate) fn clarify(&mut self, data: &Value, now: Timestamp) -> Step {
        if !self.awaits_clarification() {
            return Step::Stay;
        }
        self.questions.rounds += 1;
        self.questions.open.retain_mut(|open| {
            open.refused = is_given(&open.question, data);
            !is_answered(&open.question, data)
        });
        let stage = self.first_wait();
        self.enter(stage, now);
        Step::Tell
    }

    /// Declines the payment with this code because no answer came in time in this round.
    pub(crate) fn clarification_missed(&mut self, round: u32, code: u32, now: Timestamp) -> Step {
        if self.clarification_round() != Some(round) || self.held {
            return Step::Stay;
        }
        self.enter(Stage::Ended(Outcome::Decline { code, field: None }), now);
        Step::Tell
    }
}

fn given<'v>(question: &TestQuestion, data: &'v Value) -> Option<&'v Value> {
    data.get(question.object())?.get(question.name())
}

/// Null and an empty text are no answers.
fn is_given(question: &TestQuestion, data: &Value) -> bool {
    given(question, data).is_some_and(|value| !value.is_null() && value.as_str() != Some(""))
}

fn is_answered(question: &TestQuestion, data: &Value) -> bool {
    let fits = |value: &Value| match question.kind() {
        "boolean" => value.is_boolean(),
        _ => value.is_string(),
    };
    is_given(question, data) && given(question, data).is_some_and(fits)
}
