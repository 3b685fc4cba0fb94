//! Verification of a message with the keys of its project.

use ecp_core::json::{Document, JsonError, Limits};
use ecp_core::model::{Callback, DepositCheck, FromJson, ModelError};
use ecp_core::signature::{self, SigningKey};
use ecp_core::{ProjectId, SecretKey};

use crate::kind;
use crate::verified::{Verified, VerifiedRef};

/// The keys of your projects.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    keys: Vec<(ProjectId, SigningKey)>,
    limits: Limits,
}

/// Error of a body that is not a genuine message for your projects. Its text is safe to log: it
/// holds no value of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature is missing, malformed or wrong, or the body cannot be read.
    #[error(transparent)]
    Signature(#[from] signature::VerifyError),
    /// The body's project is not a valid project id.
    #[error(transparent)]
    Project(ModelError),
    /// A member that the signature does not cover: any sender could have added it.
    #[error("`{path}` is not covered by the signature: any sender may have added it")]
    Uncovered {
        /// Dotted path of the member.
        path: String,
    },
    /// A parameter of the Payment Page in another message.
    #[error(
        "`{name}` is a parameter of the Payment Page, which this kind of message never has: someone may \
         have sent a signed page address in its place"
    )]
    PageParameter {
        /// Name of the parameter.
        name: String,
    },
    /// A message of another kind, signed with the same key.
    #[error("`{path}` shows that this is {kind}")]
    OtherKind {
        /// Dotted path of the member that shows it.
        path: String,
        /// The kind of message that has this member, and the expected kind.
        kind: &'static str,
    },
    /// More values than a page of operations has: bodies of brackets and commas need much memory.
    #[error("the body has more than {limit} JSON values, which no message of the platform has")]
    TooManyValues {
        /// The limit.
        limit: usize,
    },
    /// There is no key for that project.
    #[error("there is no key for project {0}: add it to the `Verifier`, if the project is yours")]
    UnknownProject(ProjectId),
    /// The signature matches, but the body is not in the documented format. The platform may have
    /// changed: keep the body and look into it.
    #[error(
        "the message is genuine, but not as documented: {0}; keep it and compare it with the documents"
    )]
    Unreadable(ModelError),
}

impl From<JsonError> for VerifyError {
    fn from(error: JsonError) -> Self {
        Self::Signature(error.into())
    }
}

impl Verifier {
    /// A verifier without keys: nothing is genuine.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key. A project may have several, while one replaces another; they are tried in the
    /// order in which they were added.
    pub fn key(mut self, project: ProjectId, key: &SecretKey) -> Self {
        self.keys.push((project, SigningKey::new(key)));
        self
    }

    /// Sets the limits on the size and depth of a body, [`Limits::default`] by default.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Checks the body of a callback, as it was received. Every doubt is an error.
    pub fn verify(&self, body: &[u8]) -> Result<Verified<Callback>, VerifyError> {
        self.verify_document(&self.read(body)?).map(Verified::into_owned)
    }

    /// Reads a body, for [`verify_document`](Self::verify_document).
    pub fn read<'b>(&self, body: &'b [u8]) -> Result<Document<'b>, VerifyError> {
        Ok(Document::parse(body, self.limits)?)
    }

    /// [`verify`](Self::verify) without copying anything: the callback borrows from the document.
    ///
    /// ```
    /// use ecp_core::model::PaymentStatus;
    /// use ecp_notify::Verifier;
    ///
    /// fn is_paid(verifier: &Verifier, body: &[u8]) -> Result<bool, ecp_notify::VerifyError> {
    ///     let document = verifier.read(body)?;
    ///     let callback = verifier.verify_document(&document)?;
    ///     Ok(callback.payment_status() == Some(&PaymentStatus::Success))
    /// }
    /// assert!(is_paid(&Verifier::new(), b"{}").is_err());
    /// ```
    pub fn verify_document<'d>(
        &self,
        document: &'d Document<'_>,
    ) -> Result<VerifiedRef<'d>, VerifyError> {
        self.verify_as::<Callback>(document, kind::callback)
    }

    /// Checks the body of a `check_deposit` request. `Confirmations`, of the feature `receiver`,
    /// answers it.
    pub fn verify_deposit_check(&self, body: &[u8]) -> Result<Verified<DepositCheck>, VerifyError> {
        let document = self.read(body)?;
        let check = self.verify_as::<DepositCheck>(&document, kind::deposit_check)?;
        Ok(check.copy(DepositCheck::from_borrowed))
    }

    fn verify_as<'d, T: FromJson>(
        &self,
        document: &'d Document<'_>,
        is_of_its_kind: fn(&T::Borrowed<'d>) -> Result<(), VerifyError>,
    ) -> Result<Verified<T::Borrowed<'d>, &'d [u8]>, VerifyError> {
        let named = project_id(document).map_err(VerifyError::Project)?;
        // One callback format names no project (sources: callback formats): then the matching key
        // decides.
        let candidates =
            self.keys.iter().filter(|(project, _)| named.is_none_or(|named| named == *project));
        if let (Some(named), None) = (named, candidates.clone().next()) {
            return Err(VerifyError::UnknownProject(named));
        }
        let keys = candidates.clone().map(|(_, key)| key);
        let found = signature::verify_document(keys, document)?;
        let tried = candidates.map(|(project, _)| *project).take(found.key + 1);
        let project = tried.clone().last().unwrap_or_else(|| unreachable!("its key has matched"));
        let key = tried.filter(|other| *other == project).count() - 1;
        let doubts = signature::doubts(document, &found).map_err(signature::VerifyError::from)?;
        if let Some(path) = doubts.uncovered.iter().find(|path| !is_providers_own(path)) {
            return Err(VerifyError::Uncovered { path: path.clone() });
        }
        let message = T::borrow_from(document.root()).map_err(VerifyError::Unreadable)?;
        is_of_its_kind(&message)?;
        let body = document.source().as_bytes();
        Ok(Verified::new(message, body, project, key, found.order, doubts))
    }
}

/// A provider may have a field called `signature` among those of a redirect.
fn is_providers_own(path: &str) -> bool {
    ["redirect_data", "redirectData", "return_url"].into_iter().any(|redirect| {
        path.strip_prefix(redirect).and_then(|rest| rest.strip_prefix(".body."))
            == Some("signature")
    })
}

fn project_id(document: &Document<'_>) -> Result<Option<ProjectId>, ModelError> {
    let root = document.root();
    root.get("project_id")
        .or_else(|| root.get("general")?.get("project_id"))
        .map(ProjectId::from_json)
        .transpose()
}
