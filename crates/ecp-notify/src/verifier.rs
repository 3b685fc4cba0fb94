//! Which key signed it, if any.

use ecp_core::json::{Document, JsonError, Limits};
use ecp_core::model::{Callback, FromJson, ModelError};
use ecp_core::signature::{self, Order, SigningKey};
use ecp_core::{ProjectId, SecretKey};

use crate::verified::Verified;

/// The keys of your projects.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    projects: Vec<Project>,
    limits: Limits,
}

#[derive(Clone, Debug)]
struct Project {
    id: ProjectId,
    keys: Vec<SigningKey>,
}

/// Why a body is no genuine callback of yours. Its text is safe to log: no value of the body
/// stands in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature is missing, malformed or wrong, or the body cannot be read.
    #[error(transparent)]
    Signature(#[from] signature::VerifyError),
    /// The body names its project in a way that is no project id.
    #[error(transparent)]
    Project(ModelError),
    /// There is no key for that project.
    #[error("no key for project {0}")]
    UnknownProject(ProjectId),
    /// The signature matches, but the body is no callback as documented. The platform may have
    /// changed: keep the body and look into it.
    #[error("genuine, but not readable as a callback: {0}")]
    Unreadable(#[source] ModelError),
}

impl From<JsonError> for VerifyError {
    fn from(error: JsonError) -> Self {
        Self::Signature(error.into())
    }
}

impl Verifier {
    /// No keys: nothing is genuine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. A project may have several, while one replaces another; they are tried in the
    /// order in which they were added.
    pub fn key(mut self, project: ProjectId, key: &SecretKey) -> Self {
        let key = SigningKey::new(key);
        match self.projects.iter_mut().find(|known| known.id == project) {
            Some(known) => known.keys.push(key),
            None => self.projects.push(Project { id: project, keys: vec![key] }),
        }
        self
    }

    /// Other limits on the size and depth of a body.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Checks the body of a callback, as it came. Every doubt is an error.
    pub fn verify(&self, body: &[u8]) -> Result<Verified<Callback>, VerifyError> {
        let document = Document::parse(body, self.limits)?;
        let (project, found) = match project_id(&document).map_err(VerifyError::Project)? {
            Some(id) => {
                let project = self
                    .projects
                    .iter()
                    .find(|project| project.id == id)
                    .ok_or(VerifyError::UnknownProject(id))?;
                (id, signature::verify_document(&project.keys, &document)?)
            }
            None => self.find_project(&document)?,
        };
        if found.order != Order::Natural {
            tracing::warn!(
                project = project.get(),
                order = %found.order,
                "a callback was signed in another order than the documents say"
            );
        }
        let callback = Callback::from_json(document.root()).map_err(VerifyError::Unreadable)?;
        Ok(Verified::new(callback, body, project, found.key, found.order))
    }

    /// One callback format names no project (PROTOCOL 3.3): then the key tells.
    fn find_project(
        &self,
        document: &Document<'_>,
    ) -> Result<(ProjectId, signature::Match), VerifyError> {
        let mut outcome = Err(signature::VerifyError::NoMatch.into());
        for project in &self.projects {
            match signature::verify_document(&project.keys, document) {
                Ok(found) => return Ok((project.id, found)),
                Err(error) => outcome = Err(error.into()),
            }
        }
        outcome
    }
}

fn project_id(document: &Document<'_>) -> Result<Option<ProjectId>, ModelError> {
    let root = document.root();
    root.get("project_id")
        .or_else(|| root.get("general")?.get("project_id"))
        .map(ProjectId::from_json)
        .transpose()
}
