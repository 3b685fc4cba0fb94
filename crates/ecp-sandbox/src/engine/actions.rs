//! What people do in a sandbox besides asking Gate: on the Payment Page, in the Dashboard, and in
//! tests.

use std::fmt;

use bytes::Bytes;
use ecp_core::model::Code;
use ecp_core::{Money, PaymentId, ProjectId, Timestamp};
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, FlowKind, MethodSpec, Registry};
use serde_json::Value;

use super::progress::callback_url;
use super::{Registration, Sandbox};
use crate::engine::delivery::Parcel;
use crate::engine::events::{EventKind, RawBody};
use crate::payment::Decision;
use crate::wire::codes::message_of;
use crate::wire::document::CANONICAL_LIMIT;
use crate::wire::refusal::Refusal;
use crate::wire::tamper::signed_again;
use crate::wire::{redirect, signature};

/// More links than anybody looks through; beyond it the oldest is forgotten. It works still.
const MOST_LINKS: usize = 1_000;

/// Something that was asked for and registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub(crate) request_id: String,
    pub(crate) payment_id: PaymentId,
}

/// Why something was not registered, in the platform's words.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PlaceError {
    /// The platform's code.
    pub code: u32,
    /// The platform's words for it.
    pub message: &'static str,
    /// The fields that it is about, by their Gate paths.
    pub fields: Vec<&'static str>,
}

impl fmt::Display for PlaceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.message)?;
        if !self.fields.is_empty() {
            write!(f, " ({})", self.fields.join(", "))?;
        }
        Ok(())
    }
}

impl std::error::Error for PlaceError {}

impl From<Refusal> for PlaceError {
    fn from(refusal: Refusal) -> Self {
        let Refusal { code, fields, .. } = refusal;
        Self { code, message: message_of(&Code::from(code)), fields }
    }
}

/// A text that cannot be signed: only JSON objects can.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidBody;

impl fmt::Display for InvalidBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the callback is no JSON object, or there is no such payment")
    }
}

impl std::error::Error for InvalidBody {}

/// A link that opens the Payment Page.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) url: String,
    pub(crate) project: ProjectId,
    pub(crate) payment_id: String,
    pub(crate) created: Timestamp,
}

impl Sandbox {
    /// Asks for a sale, a payout or a refund as on Gate, through another interface: with the same
    /// checks but for the signature. `method` is any of a method's names. What was registered goes
    /// on at once.
    pub(crate) fn place(
        &self,
        project: ProjectId,
        method: &str,
        flow: FlowKind,
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

    /// Decides in the customer's place, with the amount if it is the customer's to choose. `false`
    /// if the payment does not wait for the customer. What it leads to goes on by itself
    /// ([`Sandbox::settled`]).
    pub fn choose(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        decision: Decision,
        amount: Option<Money>,
    ) -> bool {
        let Some(number) = self.number_of(project, payment_id) else { return false };
        let awaited = |number| {
            let state = self.state();
            state.entries.get(number).is_some_and(|entry| entry.payment.awaits_customer())
        };
        if !awaited(&number) {
            return false;
        }
        self.decide_now(number, decision, amount);
        true
    }

    /// Lets a payment go on that [`Fault::StalePayment`](crate::Fault::StalePayment) holds. `false`
    /// if none does.
    pub fn release(&self, project: ProjectId, payment_id: &PaymentId) -> bool {
        self.number_of(project, payment_id).is_some_and(|number| self.release_number(number))
    }

    /// Sends a callback again from its first attempt on: the same bytes to the same address.
    /// `false` if it is not in the history of events.
    pub fn resend_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        callback: u32,
    ) -> bool {
        let sent = self.timeline(project, payment_id).into_iter().rev().find_map(|event| {
            let about = (event.project_id, event.payment_id);
            match event.kind {
                EventKind::CallbackAttempted { callback: number, url, body, .. }
                    if number == callback =>
                {
                    Some((about, Some(url), body))
                }
                EventKind::CallbackRefused { callback: number, url, body, .. }
                    if number == callback =>
                {
                    Some((about, url, body))
                }
                _ => None,
            }
        });
        let Some((about, url, body)) = sent else { return false };
        self.deliver(Parcel {
            about,
            callback,
            url,
            body,
            previous: None,
            next: None,
            delay: std::time::Duration::ZERO,
            lost: false,
            tried: Vec::new(),
        });
        true
    }

    /// Sends a callback of somebody's own making to where the payment's callbacks go, as the next
    /// of its callbacks. `signed` puts a right signature at its root, in place of what is there;
    /// otherwise it goes as it is. Faults strike it like any other.
    pub fn send_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        body: impl Into<Bytes>,
        signed: bool,
    ) -> Result<(), InvalidBody> {
        let project = self.config().projects.get(&project).ok_or(InvalidBody)?;
        let mut body = String::from_utf8_lossy(&body.into()).into_owned();
        if signed {
            let document: Value = serde_json::from_str(&body).map_err(|_| InvalidBody)?;
            let is_too_long = signature::canonical_length(&document) > CANONICAL_LIMIT;
            if !document.is_object() || is_too_long {
                return Err(InvalidBody);
            }
            body = signed_again(document, &project.key);
        }
        let number = self.number_of(project.id, payment_id).ok_or(InvalidBody)?;
        let mut state = self.state();
        let entry = state.entries.get_mut(&number).ok_or(InvalidBody)?;
        let url = callback_url(&entry.payment, None, project);
        self.send(entry, project, url.as_deref(), body);
        Ok(())
    }

    /// Makes an address that opens the Payment Page with these parameters, signed. `None` for an
    /// unknown project.
    pub(crate) fn create_link(
        &self,
        project: ProjectId,
        parameters: &[(String, String)],
    ) -> Option<Link> {
        let key = self.project_key(project)?;
        let given = |name: &str| parameters.iter().find(|(n, _)| n == name);
        let mut members: serde_json::Map<String, Value> =
            parameters.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        members.insert("project_id".to_owned(), project.to_string().into());
        let document = Value::Object(members);
        let signature = signature::sign(key, &document);
        let members = document.as_object().into_iter().flatten();
        let members = members.map(|(name, value)| (name.as_str(), value.as_str().unwrap_or("")));
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(members)
            .append_pair("signature", &signature)
            .finish();
        let link = Link {
            url: format!("{}/payment?{query}", self.public_url()),
            project,
            payment_id: given("payment_id").map(|(_, id)| id.clone()).unwrap_or_default(),
            created: self.now(),
        };
        let mut state = self.state();
        if state.links.len() >= MOST_LINKS {
            state.links.pop_front();
        }
        state.links.push_back(link.clone());
        Some(link)
    }

    /// The fields of the form that brings the customer of a payment to the provider's page, as
    /// `redirect_data` has it; `None` if a plain link does.
    pub(crate) fn redirect_form(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Option<Vec<(&'static str, String)>> {
        let number = self.number_of(project, payment_id)?;
        let state = self.state();
        redirect::form(&state.entries.get(&number)?.payment)
    }

    pub(crate) fn number_of(&self, project: ProjectId, payment_id: &PaymentId) -> Option<u64> {
        self.state().by_id.get(&(project, payment_id.clone())).copied()
    }
}

/// A method by its code, its Gate path or its code on the Payment Page.
fn find(registry: &Registry, name: &str) -> Option<&'static MethodSpec> {
    let on_page = || {
        let mut specs = registry.iter().map(DynMethod::spec);
        specs.find(|spec| spec.page_codes().contains(&name))
    };
    let by_code = registry.get(name).ok().or_else(|| registry.by_gate_path(name));
    by_code.map(DynMethod::spec).or_else(on_page)
}
