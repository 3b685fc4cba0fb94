//! The payment links that were made.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use ecp_core::{ProjectId, Timestamp};
use serde_json::Value;

use crate::engine::Engine;
use crate::wire::signature;

/// More links than anybody looks through; beyond it the oldest is forgotten. It works still.
const MOST_LINKS: usize = 1_000;

/// A link that opens the Payment Page.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) url: String,
    pub(super) project: ProjectId,
    pub(super) payment_id: String,
    pub(super) created: Timestamp,
}

/// The latest payment links, oldest first.
#[derive(Default)]
pub(crate) struct Links(Mutex<VecDeque<Link>>);

impl Links {
    /// Creates and stores a signed URL that opens the Payment Page with these parameters. `None` if
    /// the project is unknown.
    pub(super) fn create(
        &self,
        engine: &Engine,
        project: ProjectId,
        parameters: &[(String, String)],
    ) -> Option<Link> {
        let key = engine.project_key(project)?;
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
            url: format!("{}/payment?{query}", engine.public_url()),
            project,
            payment_id: given("payment_id").map(|(_, id)| id.clone()).unwrap_or_default(),
            created: engine.now(),
        };
        let mut links = self.lock();
        if links.len() >= MOST_LINKS {
            links.pop_front();
        }
        links.push_back(link.clone());
        Some(link)
    }

    /// Returns the latest payment links, oldest first.
    pub(super) fn all(&self) -> Vec<Link> {
        self.lock().iter().cloned().collect()
    }

    /// Links are whole at any time, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, VecDeque<Link>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
