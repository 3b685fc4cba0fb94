//! Rules that choose the targets of faults, as values and as JSON.

use std::fmt;
use std::time::Duration;

use ecp_core::ProjectId;
use serde::{Deserialize, Serialize};

use super::Fault;
use crate::wire::members::{self, Kind};

/// A rule for error texts.
const EXAMPLE: &str = r#"{"fault": "drop_answer", "times": 1}"#;

/// A [`Fault`] with the conditions under which the sandbox injects it, such as one payment. Without
/// conditions the fault is injected wherever it can apply. Pass the rule to
/// [`Config::fault`](crate::Config::fault) or [`Sandbox::add_fault`](crate::Sandbox::add_fault).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Members", into = "Members")]
pub struct FaultRule {
    pub(super) fault: Fault,
    pub(super) project_id: Option<ProjectId>,
    pub(super) payment_id: Option<String>,
    pub(super) path: Option<String>,
    pub(super) callback: Option<u32>,
    pub(super) times: Option<u32>,
    pub(super) percent: u8,
}

impl FaultRule {
    /// Returns a rule without conditions: the sandbox injects this fault wherever the fault can
    /// apply.
    pub const fn new(fault: Fault) -> Self {
        Self {
            fault,
            project_id: None,
            payment_id: None,
            path: None,
            callback: None,
            times: None,
            percent: 100,
        }
    }

    /// Limits the rule to requests, payments and callbacks of this project.
    pub fn project_id(self, id: ProjectId) -> Self {
        Self { project_id: Some(id), ..self }
    }

    /// Limits the rule to requests and callbacks about payments with this id, in any project.
    /// [`FaultRule::project_id`] also limits the project.
    pub fn payment_id(self, id: impl Into<String>) -> Self {
        Self { payment_id: Some(id.into()), ..self }
    }

    /// Limits the rule to requests with this text in their path, such as `/sale` or `/status`. A
    /// fault for answers then applies only to the answers to these requests. A fault for callbacks
    /// then applies to no callbacks, and only to the operations that the Data API sends to an
    /// address, if the path of the query has this text (`/operations/get`). Other faults ignore the
    /// condition.
    pub fn path(self, part: impl Into<String>) -> Self {
        Self { path: Some(part.into()), ..self }
    }

    /// Limits the rule to the callback with this number, counted from 1 for each payment. A
    /// callback that is sent again keeps its number. Faults that are not about callbacks ignore the
    /// condition.
    pub fn callback(self, number: u32) -> Self {
        Self { callback: Some(number), ..self }
    }

    /// Limits how often the rule injects its fault: after this number of times the rule is removed;
    /// 0 counts as 1. By default the rule stays.
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Sets the probability with which the rule injects its fault where its conditions are met, in
    /// percent: 100 by default, which is also the maximum, and never with 0. The random draws
    /// depend on the sandbox's seed ([`Config::seed`](crate::Config::seed)).
    pub fn percent(self, percent: u8) -> Self {
        Self { percent: percent.min(100), ..self }
    }

    /// Returns the fault that the rule makes the sandbox inject.
    pub const fn fault(&self) -> Fault {
        self.fault
    }

    /// Reads a rule from a JSON object, which has the name of the fault in `fault`, the details of
    /// the fault, and the conditions, such as `{"fault": "drop_answer", "times": 1}`.
    ///
    /// | member | meaning |
    /// |---|---|
    /// | `fault` | a name of [`Fault::NAMES`] |
    /// | `millis` | the duration in milliseconds, for `delay_answer`, `delay_callback`, `slow_confirmation`, `slow_payout` |
    /// | `registered` | whether the request took effect, for `drop_answer`, `reset_connection`, `server_error`; `false` if missing |
    /// | `status` | 500 to 599 for `server_error`, 503 if missing |
    /// | `copies` | 1 to 100 for `duplicate_callback`, 1 if missing |
    /// | `project_id`, `payment_id`, `path`, `callback`, `times`, `percent` | as the methods of the same names |
    ///
    /// A member that does not belong to the fault in `fault` is an error.
    pub fn from_json(json: &str) -> Result<Self, InvalidFault> {
        let members = members::read(json.as_bytes(), "the rule", &Members::KINDS, EXAMPLE);
        let members = members.map_err(InvalidFault)?;
        if !members.contains_key("fault") {
            let text = "`fault` is missing: write the name of the fault, as in ";
            return Err(InvalidFault(format!("{text}{EXAMPLE}")));
        }
        serde_json::from_value(members.into()).map_err(|error| InvalidFault(error.to_string()))
    }

    /// Returns the rule as JSON, in the form that [`FaultRule::from_json`] reads.
    pub fn to_json(&self) -> String {
        let Ok(json) = serde_json::to_string(self) else {
            unreachable!("maps with text keys always serialise")
        };
        json
    }
}

/// Error of [`FaultRule::from_json`]: the text is not JSON or not a valid rule. The text of the
/// error says what is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidFault(String);

impl fmt::Display for InvalidFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidFault {}

/// A rule as it is written.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    fault: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    millis: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    registered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    copies: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    project_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    percent: Option<u8>,
}

impl Members {
    const KINDS: [(&str, Kind); 11] = [
        ("fault", Kind::Text),
        ("millis", Kind::Number(u64::MAX)),
        ("registered", Kind::Flag),
        ("status", Kind::Number(u16::MAX as u64)),
        ("copies", Kind::Number(u32::MAX as u64)),
        ("project_id", Kind::Number(u64::MAX)),
        ("payment_id", Kind::Text),
        ("path", Kind::Text),
        ("callback", Kind::Number(u32::MAX as u64)),
        ("times", Kind::Number(u32::MAX as u64)),
        ("percent", Kind::Number(100)),
    ];
}

impl TryFrom<Members> for FaultRule {
    type Error = InvalidFault;

    fn try_from(members: Members) -> Result<Self, InvalidFault> {
        let Members { fault: name, project_id, payment_id, path, callback, times, percent, .. } =
            members.clone();
        let mut own = Own { members, name };
        let fault = own.fault()?;
        own.end()?;
        let error = |text: &str| InvalidFault(text.to_owned());
        let project_id = match project_id.map(ProjectId::new) {
            Some(Err(error)) => return Err(InvalidFault(format!("`project_id`: {error}"))),
            Some(Ok(id)) => Some(id),
            None => None,
        };
        if percent.is_some_and(|percent| percent > 100) {
            return Err(error("`percent` must be 0 to 100, the probability of the fault"));
        }
        if times == Some(0) || callback == Some(0) {
            return Err(error("`times` and `callback` must be 1 or more"));
        }
        let percent = percent.unwrap_or(100);
        Ok(Self { fault, project_id, payment_id, path, callback, times, percent })
    }
}

/// The members that only some faults have. Each is taken by the fault that has it.
struct Own {
    members: Members,
    name: String,
}

impl Own {
    fn fault(&mut self) -> Result<Fault, InvalidFault> {
        Ok(match self.name.as_str() {
            "delay_answer" => Fault::DelayAnswer(self.duration()?),
            "delay_callback" => Fault::DelayCallback(self.duration()?),
            "drop_answer" => Fault::DropAnswer { registered: self.registered() },
            "duplicate_callback" => {
                let copies = self.members.copies.take().unwrap_or(1);
                if !(1..=100).contains(&copies) {
                    return Err(InvalidFault(
                        "`copies` must be 1 to 100 additional callbacks".to_owned(),
                    ));
                }
                Fault::DuplicateCallback { copies }
            }
            "end_in_error" => Fault::EndInError,
            "lose_callback" => Fault::LoseCallback,
            "missing_signature" => Fault::MissingSignature,
            "odd_values" => Fault::OddValues,
            "reorder_callback" => Fault::ReorderCallback,
            "reset_connection" => Fault::ResetConnection { registered: self.registered() },
            "server_error" => {
                let status = self.members.status.take().unwrap_or(503);
                if !(500..=599).contains(&status) {
                    return Err(InvalidFault(
                        "`status` must be 500 to 599, an HTTP status".to_owned(),
                    ));
                }
                Fault::ServerError { status, registered: self.registered() }
            }
            "slow_confirmation" => Fault::SlowConfirmation(self.duration()?),
            "slow_payout" => Fault::SlowPayout(self.duration()?),
            "stale_payment" => Fault::StalePayment,
            "truncate_answer" => Fault::TruncateAnswer,
            "unknown_status" => Fault::UnknownStatus,
            "wrong_amount" => Fault::WrongAmount,
            "wrong_signature" => Fault::WrongSignature,
            name => {
                let names = Fault::NAMES.join(", ");
                return Err(InvalidFault(format!(
                    "there is no fault `{name}`; the faults are: {names}"
                )));
            }
        })
    }

    fn duration(&mut self) -> Result<Duration, InvalidFault> {
        let millis = self.members.millis.take();
        let needed = || {
            InvalidFault(format!(
                "the fault `{}` needs `millis`, its duration in milliseconds",
                self.name
            ))
        };
        millis.map(Duration::from_millis).ok_or_else(needed)
    }

    fn registered(&mut self) -> bool {
        self.members.registered.take().unwrap_or_default()
    }

    /// Whatever was not taken does not belong to the fault.
    fn end(&self) -> Result<(), InvalidFault> {
        let left = [
            ("millis", self.members.millis.is_some()),
            ("registered", self.members.registered.is_some()),
            ("status", self.members.status.is_some()),
            ("copies", self.members.copies.is_some()),
        ];
        match left.into_iter().find(|(_, is_left)| *is_left) {
            None => Ok(()),
            Some((member, _)) => Err(InvalidFault(format!(
                "the fault `{}` has no `{member}`: remove `{member}`",
                self.name
            ))),
        }
    }
}

impl From<FaultRule> for Members {
    fn from(rule: FaultRule) -> Self {
        let FaultRule { fault, project_id, payment_id, path, callback, times, percent } = rule;
        let mut members = Self {
            fault: fault.name().to_owned(),
            project_id: project_id.map(ProjectId::get),
            payment_id,
            path,
            callback,
            times,
            percent: (percent < 100).then_some(percent),
            ..Self::default()
        };
        match fault {
            Fault::DelayAnswer(by)
            | Fault::DelayCallback(by)
            | Fault::SlowConfirmation(by)
            | Fault::SlowPayout(by) => {
                members.millis = Some(u64::try_from(by.as_millis()).unwrap_or(u64::MAX));
            }
            Fault::DropAnswer { registered } | Fault::ResetConnection { registered } => {
                members.registered = Some(registered);
            }
            Fault::DuplicateCallback { copies } => members.copies = Some(copies),
            Fault::ServerError { status, registered } => {
                (members.status, members.registered) = (Some(status), Some(registered));
            }
            Fault::EndInError
            | Fault::LoseCallback
            | Fault::MissingSignature
            | Fault::OddValues
            | Fault::ReorderCallback
            | Fault::StalePayment
            | Fault::TruncateAnswer
            | Fault::UnknownStatus
            | Fault::WrongAmount
            | Fault::WrongSignature => {}
        }
        members
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_read_back_as_it_was_written() {
        let mut names: Vec<&str> = Vec::new();
        for json in [
            r#"{"fault":"delay_answer","millis":5}"#,
            r#"{"fault":"delay_callback","millis":6,"callback":2}"#,
            r#"{"fault":"drop_answer","registered":true}"#,
            r#"{"fault":"duplicate_callback","copies":3}"#,
            r#"{"fault":"end_in_error","payment_id":"X1"}"#,
            r#"{"fault":"lose_callback","percent":50}"#,
            r#"{"fault":"missing_signature","times":1}"#,
            r#"{"fault":"odd_values"}"#,
            r#"{"fault":"reorder_callback","project_id":7}"#,
            r#"{"fault":"reset_connection","registered":false,"path":"/sale"}"#,
            r#"{"fault":"server_error","registered":true,"status":599}"#,
            r#"{"fault":"slow_confirmation","millis":7}"#,
            r#"{"fault":"slow_payout","millis":8}"#,
            r#"{"fault":"stale_payment","payment_id":"X1"}"#,
            r#"{"fault":"truncate_answer"}"#,
            r#"{"fault":"unknown_status"}"#,
            r#"{"fault":"wrong_amount"}"#,
            r#"{"fault":"wrong_signature"}"#,
        ] {
            let rule = FaultRule::from_json(json).unwrap();
            assert_eq!(FaultRule::from_json(&rule.to_json()).unwrap(), rule);
            let written: serde_json::Value = serde_json::from_str(&rule.to_json()).unwrap();
            assert_eq!(written, serde_json::from_str::<serde_json::Value>(json).unwrap());
            names.push(rule.fault().name());
        }
        assert_eq!(names, Fault::NAMES);
    }

    #[test]
    fn what_is_no_rule_is_refused_with_a_reason() {
        let table = [
            (r#"{"fault":"thunder"}"#, "there is no fault `thunder`"),
            (
                r#"{"fault":"delay_answer"}"#,
                "`delay_answer` needs `millis`, its duration in milliseconds",
            ),
            (r#"{"fault":"lose_callback","millis":1}"#, "`lose_callback` has no `millis`"),
            (r#"{"fault":"wrong_amount","registered":true}"#, "has no `registered`"),
            (r#"{"fault":"server_error","status":200}"#, "`status` must be 500 to 599"),
            (r#"{"fault":"duplicate_callback","copies":0}"#, "`copies` must be 1 to 100"),
            (
                r#"{"fault":"wrong_amount","percent":101}"#,
                "`percent` must be a whole number from 0 to 100, and is `101`",
            ),
            (r#"{"fault":"wrong_amount","times":0}"#, "`times` and `callback` must be 1 or more"),
            (r#"{"fault":"wrong_amount","time":1}"#, "the rule cannot have a member `time`"),
            (r#"{"fault":"wrong_amount","times":"1"}"#, "`times` must be a whole number"),
            (r#"{"millis":1}"#, "`fault` is missing"),
        ];
        for (json, words) in table {
            let error = FaultRule::from_json(json).unwrap_err().to_string();
            assert!(error.contains(words), "{json}: {error}");
        }
    }
}
