//! Verification of a message with the keys of its project.

use ecp_core::json::{Document, JsonError, Limits};
use ecp_core::model::{Callback, DepositCheck, FromJson, ModelError};
use ecp_core::signature::{self, SigningKey};
use ecp_core::{ProjectId, SecretKey};

use crate::kind;
use crate::verified::{Verified, VerifiedRef};

/// Verifies the signatures of callbacks and `check_deposit` requests (questions whether the
/// merchant accepts an amount) with the keys of your projects.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    keys: Vec<(ProjectId, SigningKey)>,
    limits: Limits,
}

/// The reason why a body is not accepted: it is not a genuine message for your projects, or it is
/// genuine and cannot be read ([`Unreadable`](Self::Unreadable)). Its text is safe to log: of the
/// body it contains names of members and the project's number, and no other value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The signature is missing, malformed or wrong, or the body is no JSON object, has a member
    /// twice, or is beyond the limits.
    #[error(transparent)]
    Signature(#[from] signature::VerifyError),
    /// The project in the body is not a valid project id.
    #[error(transparent)]
    Project(ModelError),
    /// The body has a member that the signature does not cover: any sender could have added it.
    /// Request the status from Gate (the platform's API) instead of using the body.
    #[error(
        "the member `{path}` is not covered by the signature, so anyone on the way may have added it: request \
         the status from Gate (`ecp status`)"
    )]
    Uncovered {
        /// The dotted path of the uncovered member, such as `payment.frame_mode`.
        path: String,
    },
    /// The body has a member that is a parameter of the Payment Page, which callbacks and
    /// `check_deposit` requests never have: someone may have sent the signed URL of a page instead.
    #[error(
        "`{name}` is a parameter of the Payment Page, which this kind of message never has: someone may \
         have sent the signed URL of a page instead"
    )]
    PageParameter {
        /// The name of the parameter, such as `payment_amount`.
        name: String,
    },
    /// The body is a message of another kind, signed with the same key, such as a request to Gate:
    /// find out who sends it to this address.
    #[error(
        "the member `{path}` shows that the message is {kind}; find out who sends it to this address"
    )]
    OtherKind {
        /// The dotted path of the member that shows the kind of message, such as `payment.amount`.
        path: String,
        /// The actual kind and the expected kind, such as `a request to Gate, not a callback`.
        kind: &'static str,
    },
    /// The body has more JSON values than any page of operations. It is refused unread, because
    /// reading it would need much memory.
    #[error(
        "the body has more than {limit} JSON values, which no message of the platform has: it is refused, \
         and because of that its signature was not checked"
    )]
    TooManyValues {
        /// The maximum number of JSON values: 524,288.
        limit: usize,
    },
    /// The verifier has no key for this project, which the body names. The signature was not
    /// checked, so any sender can cause this. If the project is yours, add its key by
    /// [`Verifier::key`].
    #[error(
        "there is no key for project {0}: if the project is yours, add its key with `Verifier::key`"
    )]
    UnknownProject(ProjectId),
    /// The signature matches, but the body does not have the documented format. The platform may
    /// have changed: keep the body and examine it, and do not answer 200 before it is kept. Do not
    /// trust its values: anyone who has seen a genuine callback can make such a body from it (a
    /// signature stays valid if a number is replaced by a text with the same characters).
    #[error(
        "the signature is valid, but the message is not as documented: {0}; do not act on its values: \
         keep the message, request the payment's status, and compare the message with the platform's \
         documentation"
    )]
    Unreadable(ModelError),
}

impl From<JsonError> for VerifyError {
    fn from(error: JsonError) -> Self {
        Self::Signature(error.into())
    }
}

impl Verifier {
    /// Creates a verifier without keys, which accepts no message: add the keys by
    /// [`key`](Self::key).
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key of a project, with which the signatures of the project's messages are verified. A
    /// project may have several keys while one replaces another; they are tried in the order in
    /// which they were added.
    ///
    /// Some messages name no project. The keys of all projects are tried for them, and the first
    /// that matches decides the project: give each project a key of its own.
    pub fn key(mut self, project: ProjectId, key: &SecretKey) -> Self {
        self.keys.push((project, SigningKey::new(key)));
        self
    }

    /// Sets the limits on the size and nesting depth of a body, by default 256 KiB and 511 levels.
    /// A larger or deeper body is an error, and is not verified.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Verifies the signature of a callback, and that the body is a callback and no other signed
    /// message. `body` is its body, exactly as it was received.
    ///
    /// `Ok` means that the platform sent the callback, and not that the payment succeeded, that it
    /// is the payment of your order, or that the signature fits no other message:
    /// [`Verified::result_for`] checks these. An error means that the body is not certainly a
    /// genuine callback. [`VerifyError::Unreadable`] is no sign of a forgery: the platform may have
    /// changed the format.
    pub fn verify(&self, body: &[u8]) -> Result<Verified<Callback>, VerifyError> {
        self.verify_document(&self.read(body)?).map(Verified::into_owned)
    }

    /// Parses a body as JSON, to pass it to [`verify_document`](Self::verify_document). The
    /// signature is not checked yet.
    pub fn read<'b>(&self, body: &'b [u8]) -> Result<Document<'b>, VerifyError> {
        Ok(Document::parse(body, self.limits)?)
    }

    /// Verifies a callback without copying: the result borrows from the document, which
    /// [`read`](Self::read) has parsed. Otherwise it is like [`verify`](Self::verify). To compare
    /// the callback with an order, make an owned copy ([`Verified::into_owned`]) and call
    /// [`Verified::result_for`].
    ///
    /// ```
    /// use ecp_core::model::PaymentStatus;
    /// use ecp_notify::Verifier;
    ///
    /// /// Whether the callback says so of any payment: not yet whether your order is paid.
    /// fn reports_success(
    ///     verifier: &Verifier,
    ///     body: &[u8],
    /// ) -> Result<bool, ecp_notify::VerifyError> {
    ///     let document = verifier.read(body)?;
    ///     let callback = verifier.verify_document(&document)?;
    ///     Ok(callback.payment_status() == Some(&PaymentStatus::Success))
    /// }
    /// assert!(reports_success(&Verifier::new(), b"{}").is_err());
    /// ```
    pub fn verify_document<'d>(
        &self,
        document: &'d Document<'_>,
    ) -> Result<VerifiedRef<'d>, VerifyError> {
        self.verify_as::<Callback>(document, kind::callback)
    }

    /// Verifies the signature of a `check_deposit` request (the question whether the merchant
    /// accepts an amount). `body` is its body, exactly as it was received. This does not answer the
    /// request, and does not refuse one whose signature also fits another message (see
    /// [`Verified::reading`]); `Confirmations`, in the feature `receiver`, does both.
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
