//! Pages of operations that the Data API sends to an address of the merchant.

use std::fmt;

use ecp_core::SecretKey;
use ecp_core::json::{Document, Limits, Value};
use ecp_core::model::DataOperation;
use ecp_core::signature::{self, Doubts, Order, SigningKey};

use crate::kind;
use crate::verified::Reading;
use crate::verifier::VerifyError;

/// Verifies pages of operations: lists of operations, such as sales and refunds, that the
/// platform's Data API posts to a URL of yours if your query names one. A page is signed with the
/// key of the Data API token that requested it, and does not name a project (sources: Data API).
///
/// The verifier accepts pages of operations and no other kind of message, even if other messages
/// are signed with the same key.
///
/// ```
/// use ecp_core::SecretKey;
/// use ecp_notify::OperationsVerifier;
///
/// let verifier = OperationsVerifier::new().key(&SecretKey::new("the token's key")?);
/// let error = verifier.verify(br#"{"operations":[{"payment_id":"X1"}]}"#).unwrap_err();
/// assert!(error.to_string().starts_with("no signature"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct OperationsVerifier {
    keys: Vec<SigningKey>,
    list: String,
    limits: Limits,
}

impl OperationsVerifier {
    /// Bytes of a page by default: 1000 operations of 8 KiB.
    pub(crate) const BYTES: usize = 8 << 20;
    /// Values of a page. A page of 1000 operations with a hundred members has a fifth of it; a body
    /// of brackets and commas could have one in every byte.
    const VALUES: usize = 1 << 19;

    /// Creates a verifier without keys, which accepts no page: add the keys by [`key`](Self::key).
    pub fn new() -> Self {
        let limits = Limits::default().bytes(Self::BYTES);
        Self { keys: Vec::new(), list: "operations".to_owned(), limits }
    }

    /// Adds the key of a Data API token, with which the signatures of pages are verified. Several
    /// keys are tried in the order in which they were added.
    pub fn key(mut self, key: &SecretKey) -> Self {
        self.keys.push(SigningKey::new(key));
        self
    }

    /// Sets the name of the member of a page that lists the operations, `operations` by default.
    /// The documents do not give the name: set another one if genuine pages fail with
    /// [`VerifyError::Unreadable`], the error for a correctly signed message without that list.
    pub fn list_name(self, name: impl Into<String>) -> Self {
        Self { list: name.into(), ..self }
    }

    /// Sets the limits on the size and nesting depth of a page, by default 8 MiB and 511 levels. A
    /// larger or deeper page is an error, and is not verified.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// Verifies the signature of a page of operations. `body` is the page, exactly as it was
    /// received. No operation is read before the signature matches; a body that is not certainly
    /// genuine is an error, and nothing in it may be used.
    pub fn verify(&self, body: &[u8]) -> Result<VerifiedOperations, VerifyError> {
        self.check(body).map(|checked| checked.with(body.into()))
    }

    pub(crate) fn check(&self, body: &[u8]) -> Result<Checked, VerifyError> {
        // Each value but the first follows a comma or an opening bracket.
        let openings = body.iter().filter(|byte| b",[{".contains(byte)).count();
        if openings > Self::VALUES {
            return Err(VerifyError::TooManyValues { limit: Self::VALUES });
        }
        let document = Document::parse(body, self.limits)?;
        let found = signature::verify_document(&self.keys, &document)?;
        let doubts = signature::doubts(&document, &found).map_err(signature::VerifyError::from)?;
        if let Some(path) = doubts.uncovered.first() {
            return Err(VerifyError::Uncovered { path: path.clone() });
        }
        let list = kind::operations(document.root(), &self.list)?;
        let places = list.children().map(Value::span).collect();
        Ok(Checked { places, key: found.key, order: found.order, doubts })
    }
}

impl Default for OperationsVerifier {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OperationsVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationsVerifier")
            .field("keys", &self.keys)
            .field("list", &self.list)
            .field("limits", &self.limits)
            .finish()
    }
}

/// What is known of a body whose signature matches.
pub(crate) struct Checked {
    places: Box<[std::ops::Range<usize>]>,
    key: usize,
    order: Order,
    doubts: Doubts,
}

impl Checked {
    /// Joins it with the body that was checked.
    pub(crate) fn with(self, raw: Box<[u8]>) -> VerifiedOperations {
        VerifiedOperations { raw, checked: self }
    }
}

/// A page of operations (a list of sales, refunds and others from the platform's Data API) with a
/// valid signature. Only an [`OperationsVerifier`] creates one. Read it by
/// [`operations`](Self::operations).
///
/// The page is kept as bytes, and an operation is read only when you ask for it. A page names
/// neither its query nor a time, so a page that is sent again much later is still genuine: store
/// operations by their ids. If you must know which query a page belongs to, give each query an
/// address of its own.
pub struct VerifiedOperations {
    raw: Box<[u8]>,
    checked: Checked,
}

impl VerifiedOperations {
    /// Iterates over the operations of the page, in the platform's order.
    pub fn operations(&self) -> impl Iterator<Item = DataOperation> {
        self.checked.places.iter().map(|place| {
            let limits = Limits::default().bytes(self.raw.len()).depth(usize::MAX);
            match Document::parse(&self.raw[place.clone()], limits) {
                Ok(document) => DataOperation::of(document.root()),
                Err(error) => unreachable!("it was read as a part of the page: {error}"),
            }
        })
    }

    /// The number of operations in the page. If it is the page size that the query asked for,
    /// further pages may follow.
    pub const fn len(&self) -> usize {
        self.checked.places.len()
    }

    /// Whether the page has no operations.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes of the page, exactly as they were received and verified. They contain personal
    /// data.
    pub const fn raw(&self) -> &[u8] {
        &self.raw
    }

    /// The index of the key that matched the signature, among the verifier's keys: 0 for the key
    /// that was added first.
    pub const fn key(&self) -> usize {
        self.checked.key
    }

    /// The order in which the members of the page were joined for its signature. The documented
    /// order is [`Order::Natural`]; a page in another order is genuine all the same, but not signed
    /// as documented: please report the order to this project.
    pub const fn order(&self) -> Order {
        self.checked.order
    }

    /// Whether the signature proves only this page, or also fits another message, because a text of
    /// the page can be read as several members ([`Reading`]). A page that is [`Reading::Ambiguous`]
    /// is verified and stored as any other: request the status of its payments from Gate (the
    /// platform's API) before money moves because of it.
    pub fn reading(&self) -> Reading<'_> {
        match self.checked.doubts.ambiguous.as_slice() {
            [] => Reading::Unique,
            paths => Reading::Ambiguous(paths),
        }
    }
}

/// Prints sizes only: a page holds personal data.
impl fmt::Debug for VerifiedOperations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedOperations")
            .field("operations", &self.len())
            .field("raw", &format_args!("{} bytes", self.raw.len()))
            .field("key", &self.checked.key)
            .field("order", &self.checked.order)
            .finish_non_exhaustive()
    }
}
