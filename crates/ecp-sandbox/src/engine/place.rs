//! Requests through other interfaces than Gate.

use std::fmt;

use ecp_core::model::Code;
use ecp_core::{PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};
use serde_json::Value;

use super::Engine;
use crate::engine::admit::Registration;
use crate::engine::events::{EventKind, RawBody};
use crate::wire::codes::message_of;
use crate::wire::refusal::Refusal;

/// A request that was registered through another interface than Gate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) request_id: String,
    pub(crate) payment_id: PaymentId,
}

/// Reason why the sandbox did not register a payment or refund that was requested on the Payment
/// Page or in the Dashboard: the platform's code and message, and the wrong fields. The text of the
/// error has all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaceError {
    /// The platform's code for the error, such as 3041 for a payment id that is already taken.
    pub code: u32,
    /// The platform's message for the code, such as `Payment ID already exists`.
    pub message: &'static str,
    /// The fields that the error is about, by their paths in a Gate request, such as
    /// `payment.amount`.
    pub fields: Vec<String>,
    /// What is wrong, in words, if the payment method's own check (`PaymentMethod::check`) refused
    /// the request; otherwise `None`.
    pub description: Option<String>,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)?;
        if !self.fields.is_empty() {
            write!(f, " ({})", self.fields.join(", "))?;
        }
        if let Some(description) = &self.description {
            write!(f, ": {description}")?;
        }
        Ok(())
    }
}

impl std::error::Error for PlaceError {}

impl From<Refusal> for PlaceError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, fields, named, description, .. } = refusal;
        let fields = fields.into_iter().map(str::to_owned).chain(named).collect();
        Self { code, message: message_of(&Code::from(code)), fields, description }
    }
}

impl Engine {
    /// Registers a sale, a payout or a refund that was requested through another interface than
    /// Gate, with the same checks except for the signature, and starts it at once. `method` is any
    /// of a method's names.
    pub(crate) fn place(
        &self,
        project: ProjectId,
        method: &str,
        flow: Operation,
        interface: Interface,
        document: &Value,
    ) -> Result<Placed, PlaceError> {
        let mut document = document.clone();
        let general = &mut document["general"];
        if !general.is_object() {
            *general = Value::Object(serde_json::Map::new());
        }
        general["project_id"] = project.get().into();
        let payment_id = general["payment_id"].as_str();
        let about = (Some(project), payment_id.and_then(|id| PaymentId::new(id).ok()));
        let body = RawBody::new(document.to_string());
        self.record(about, EventKind::Placed { interface, document: body });
        if !self.config().projects.contains_key(&project) {
            return Err(Refusal::unknown_project("general.project_id").into());
        }
        let spec = find(&self.config().registry, method)
            .filter(|spec| {
                spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&interface))
            })
            .ok_or_else(Refusal::unknown_method)?;
        let (payment_id, registration) = self.admit(project, spec, flow, interface, &document)?;
        self.process_now(&registration);
        let Registration { request_id, .. } = registration;
        Ok(Placed { request_id, payment_id })
    }
}

/// A method by its code, its Gate path, its Dashboard code or its code on the Payment Page.
fn find(registry: &Registry, name: &str) -> Option<&'static MethodSpec> {
    let on_page = || {
        let mut specs = registry.iter().map(DynMethod::spec);
        specs.find(|spec| spec.page_codes().contains(&name))
    };
    registry.by_file_name(name).map(DynMethod::spec).or_else(on_page)
}
