//! Answers about requests. They are not signed: they say nothing of payments.

use ecp_core::model::Code;
use ecp_core::{PaymentId, ProjectId};
use serde::Serialize;

use crate::wire::codes::message_of;
use crate::wire::php::php_json;

/// The answer to a request that was registered.
#[derive(Serialize)]
pub(crate) struct Registered<'a> {
    pub(crate) status: &'static str,
    pub(crate) request_id: &'a str,
    pub(crate) project_id: ProjectId,
    pub(crate) payment_id: &'a PaymentId,
}

impl Registered<'_> {
    pub(crate) fn json(&self) -> String {
        php_json(self)
    }
}

/// The answer to a request that was refused.
#[derive(Serialize)]
pub(crate) struct Refused<'a> {
    pub(crate) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) project_id: Option<ProjectId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment_id: Option<&'a PaymentId>,
    pub(crate) request_id: &'a str,
    pub(crate) code: String,
    pub(crate) message: &'static str,
    pub(crate) errors: Vec<ErrorPart<'a>>,
}

impl Refused<'_> {
    pub(crate) fn json(&self) -> String {
        php_json(self)
    }
}

/// An entry in the `errors` of an answer.
#[derive(Serialize)]
pub(crate) struct ErrorPart<'a> {
    code: String,
    message: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<&'a str>,
}

impl<'a> ErrorPart<'a> {
    pub(crate) fn new(code: u32, field: Option<&'a str>) -> Self {
        let message = message_of(&Code::from(code));
        Self { code: code.to_string(), message, description: None, field }
    }

    pub(crate) fn described(self, description: &'a str) -> Self {
        Self { description: Some(description), ..self }
    }
}
