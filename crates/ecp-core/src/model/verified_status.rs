//! The answer to a status request, with the proof that the platform signed it.

use std::ops::Deref;

use super::{FromJson, ModelError, PageParameters, StatusResponse};
use crate::ProjectId;
use crate::json::Document;
use crate::signature::{self, Doubts, SigningKey, VerifyError};

/// An answer to a status request ([`StatusResponse`]) with the proof that the platform signed it
/// and that it is no other kind of message.
///
/// Callbacks, Gate requests and the Payment Page are signed with the same key, and a callback can
/// be parsed as a status answer. [`VerifiedStatus::verify`] is the only constructor, and it refuses
/// these other kinds.
#[derive(Clone, Debug)]
pub struct VerifiedStatus {
    project: ProjectId,
    response: StatusResponse,
    doubts: Doubts,
}

/// Error of verifying an answer to a status request. Its text is safe to log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatusError {
    /// The signature is missing, malformed or wrong, or the document is no JSON object.
    #[error(transparent)]
    NotGenuine(#[from] VerifyError),
    /// The document is signed, but is another kind of message, such as a callback: it has this
    /// member, which no status answer has.
    #[error("the document has the member `{0}`, which the answer to a status request never has")]
    OtherMessage(&'static str),
    /// The document is signed with one of the keys, but names another project than the one for
    /// which it was verified.
    #[error(
        "the status answer is signed with this project's key, but its `project_id` names another project: request the status in this project, and use a different key for each project"
    )]
    OtherProject,
    /// The document is signed, but is not in the documented format of a status answer, or has a
    /// member that belongs to a request or to the Payment Page. Do not use its values.
    #[error(transparent)]
    Unreadable(#[from] ModelError),
}

/// Members at the top level that status answers never have (sources: status), but that callbacks,
/// confirmations, registrations or pages do.
const OF_OTHER_MESSAGES: &[&str] = &[
    "operation",
    "transaction",
    "redirect_data",
    "redirectData",
    "return_url",
    "request",
    "token",
];

impl VerifiedStatus {
    /// Checks that a document is the platform's answer to a status request of this project, signed
    /// with one of the keys.
    ///
    /// A status answer has a `payment` with a status. A document is refused as another kind of
    /// message if it has one of these:
    ///
    /// - the single `operation` of a callback;
    /// - a parameter of the Payment Page;
    /// - the amount of a request;
    /// - a member at the top level that belongs to another kind of message.
    ///
    /// ```
    /// use ecp_core::json::{Document, Limits};
    /// use ecp_core::model::{StatusError, VerifiedStatus};
    /// use ecp_core::signature::{self, Place, Rules, SigningKey};
    /// use ecp_core::{ProjectId, SecretKey};
    ///
    /// let project = ProjectId::new(1236)?;
    /// let key = SigningKey::new(&SecretKey::new("secret")?);
    /// let callback = br#"{"project_id":1236,"payment":{"id":"X1","status":"success"},
    ///     "operation":{"id":1,"type":"sale","status":"success"}}"#;
    /// let callback = signature::sign_document(&key, callback, Place::Root, Rules::private())?;
    /// let document = Document::parse(&callback, Limits::default())?;
    /// let refused = VerifiedStatus::verify(project, [&key], &document);
    /// assert_eq!(refused.unwrap_err(), StatusError::OtherMessage("operation"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn verify<'k>(
        project: ProjectId,
        keys: impl IntoIterator<Item = &'k SigningKey, IntoIter: Clone>,
        document: &Document<'_>,
    ) -> Result<Self, StatusError> {
        let found = signature::verify_document(keys, document)?;
        let root = document.root();
        if let Some(member) = OF_OTHER_MESSAGES.iter().find(|name| root.get(name).is_some()) {
            return Err(StatusError::OtherMessage(member));
        }
        // Pages and requests are signed with the same key. Every answer has a status.
        let of_page = root
            .children()
            .find(|member| PageParameters::is_parameter(member.key().unwrap_or_default(), *member));
        if let Some(member) = of_page {
            let problem = "is a parameter of the Payment Page, not of an answer".to_owned();
            return Err(ModelError::Value { path: member.path(), problem }.into());
        }
        let response = StatusResponse::from_json(root)?;
        if let Some(amount) = root.get("payment").and_then(|payment| payment.get("amount")) {
            let problem = "is a member of requests, not of answers".to_owned();
            return Err(ModelError::Value { path: amount.path(), problem }.into());
        }
        if response.payment_status().is_none() {
            return Err(ModelError::Missing { path: "payment.status".to_owned() }.into());
        }
        let general = response.general.as_ref();
        let projects = [response.root_project_id, general.and_then(|general| general.project_id)];
        if projects.into_iter().flatten().any(|named| named != project) {
            return Err(StatusError::OtherProject);
        }
        let doubts = signature::doubts(document, &found).map_err(VerifyError::from)?;
        Ok(Self { project, response, doubts })
    }

    /// Id of the project for which the status answer was verified.
    pub const fn project(&self) -> ProjectId {
        self.project
    }

    /// Members of the answer that could have been changed or moved although the signature matches.
    /// They do no harm in an answer received over a connection to Gate, because only Gate can
    /// answer there. Refuse a status answer from any other source if it has such members.
    pub const fn doubts(&self) -> &Doubts {
        &self.doubts
    }

    /// Returns the status answer by itself, as a [`StatusResponse`]. Its type no longer shows that
    /// the platform signed it.
    pub fn into_inner(self) -> StatusResponse {
        self.response
    }
}

impl Deref for VerifiedStatus {
    type Target = StatusResponse;

    fn deref(&self) -> &StatusResponse {
        &self.response
    }
}
