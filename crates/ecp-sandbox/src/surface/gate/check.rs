//! Checks of a request's signature and of the names in its path.

use ecp_core::ProjectId;
use ecp_methods::spec::Interface;
use ecp_methods::{MethodSpec, Operation, Registry};
use serde_json::Value;

use crate::config::{Config, Project};
use crate::wire::document::{Fields, Place, at, require};
use crate::wire::refusal::Refusal;
use crate::wire::{codes, signature};

/// Returns the project that signed a request, or a refusal if the project or the signature is
/// wrong.
pub(crate) fn authenticate<'c>(
    config: &'c Config,
    document: &Value,
    place: Place,
) -> Result<&'c Project, Refusal> {
    let (id, signature) = (place.project(), place.signature());
    require(document, [id])?;
    // A text is not the number of an unknown project: its type is wrong.
    let number = at(document, id).filter(|id| id.is_number());
    let number = number.ok_or_else(|| Refusal::malformed(id))?;
    let project = number
        .as_u64()
        .and_then(|id| config.projects.get(&ProjectId::new(id).ok()?))
        .ok_or_else(|| Refusal::unknown_project(id))?;
    match at(document, signature).and_then(Value::as_str) {
        None | Some("") => return Err(Refusal::new(codes::EMPTY_SIGNATURE, [signature])),
        Some(given) if given == signature::sign(&project.key, document) => {}
        Some(_) => return Err(Refusal::new(codes::INVALID_SIGNATURE, [signature])),
    }
    // A message that the platform itself signed with the same key is not a request.
    match ANSWERED.into_iter().find(|name| document.get(name).is_some()) {
        None => Ok(project),
        Some(name) => Err(Refusal::malformed(name)),
    }
}

/// Members of callbacks and answers, and of no request.
const ANSWERED: [&str; 4] = ["operation", "operations", "status", "transaction"];

/// Returns the request id in a status request.
pub(crate) fn request_id(document: &Value) -> Result<String, Refusal> {
    const REQUEST: &str = "request_id";
    require(document, [REQUEST])?;
    let mut fields = Fields::of(document);
    let request_id = fields.text(REQUEST);
    fields.end().map(|()| request_id.unwrap_or_default())
}

/// Returns the method and the operation of a Gate path such as `wallet/jeton/sale`.
pub(crate) fn method(
    registry: &Registry,
    path: &str,
) -> Result<(&'static MethodSpec, Operation), Refusal> {
    let found = registry.by_operation_path(path).map(|(method, flow)| (method.spec(), flow));
    found.filter(|&(spec, flow)| has_on_gate(spec, flow)).ok_or_else(Refusal::unknown_method)
}

/// Whether the method has this operation on Gate.
pub(super) fn has_on_gate(spec: &MethodSpec, flow: Operation) -> bool {
    spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
}
