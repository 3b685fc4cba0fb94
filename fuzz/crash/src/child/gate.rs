//! Gate for held callbacks: it knows all callbacks so far, often more than the held one.

use std::collections::BTreeMap;

use ecp_core::json::{Document, Limits};
use ecp_core::model::VerifiedStatus;
use ecp_core::{PaymentId, ProjectId};
use ecp_inbox::{Inbox, Query};
use serde_json::{Value, json};

use super::Problem;
use crate::history::{sign, signing_key};

/// The statuses of a story in their order; of operations too.
const ORDER: &[&str] =
    &["processing", "awaiting redirect result", "decline", "success", "refunded"];

/// Answers a status request from the callbacks that are in the inbox.
pub(super) async fn status(
    inbox: &dyn Inbox,
    project: ProjectId,
    payment: &PaymentId,
) -> Result<VerifiedStatus, Problem> {
    let mut query = Query::default();
    query.project = Some(project);
    query.payment = Some(payment.clone());
    let mut latest = Value::Null;
    let mut operations: BTreeMap<u64, Value> = BTreeMap::new();
    for entry in inbox.entries(&query).await? {
        let entry = inbox.entry(entry.id).await?.ok_or("an entry went away")?;
        let raw = entry.raw.ok_or("a body went away")?;
        let mut callback: Value = serde_json::from_slice(raw.expose())?;
        let (said, operation) = (callback["payment"].take(), callback["operation"].take());
        if latest.is_null() || step(&said) > step(&latest) {
            latest = said;
        }
        let known = operations.entry(operation["id"].as_u64().ok_or("no id")?);
        let known = known.or_insert_with(|| operation.clone());
        if step(&operation) > step(known) {
            *known = operation;
        }
    }
    let operations: Vec<Value> = operations.into_values().collect();
    let answer = json!({"project_id": project.get(), "payment": latest, "operations": operations});
    let answer = sign(&answer.to_string());
    let document = Document::parse(answer.as_bytes(), Limits::default())?;
    Ok(VerifiedStatus::verify(project, [&signing_key()], &document)?)
}

fn step(said: &Value) -> Option<usize> {
    ORDER.iter().position(|status| said["status"] == *status)
}
