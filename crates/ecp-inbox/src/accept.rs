//! Stored form of a callback, common to all stores.

use ecp_core::json::{Document, JsonError, Limits};
use ecp_core::model::{Callback, FromJson, ModelError, Operation, RedirectBody, Sum};
use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_notify::{Reading, Verified};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::error::InboxError;
use crate::hold::Hold;
use crate::state::{PaymentState, StatusUpdate};

/// A SHA-256 digest.
pub(crate) type Digest = [u8; 32];

/// The stored form of a callback.
#[derive(Debug)]
pub(crate) struct Record {
    pub(crate) project: i64,
    /// The id may hold any character, even a NUL, and be as long as a body.
    pub(crate) payment: Option<PaymentId>,
    /// Digest of the project and the received bytes.
    pub(crate) content: Digest,
    /// Digest of the operation and its reported values. `None` if the callback is not about exactly
    /// one operation.
    pub(crate) meaning: Option<Digest>,
    pub(crate) update: StatusUpdate,
    /// The payment's status, which may hold any character as well.
    pub(crate) status: Option<String>,
    /// A JSON list of dotted paths.
    pub(crate) ambiguous: String,
    /// Whether the signature proves more than one reading.
    pub(crate) is_ambiguous: bool,
    /// Whether the callback must not be trusted until Gate confirms it.
    pub(crate) held: bool,
    pub(crate) raw: Vec<u8>,
}

impl Record {
    pub(crate) fn of(callback: &Verified<Callback>, hold: Hold) -> Self {
        let ambiguous = match callback.reading() {
            Reading::Unique => &[],
            Reading::Ambiguous(paths) => paths,
        };
        let update = StatusUpdate::of(callback);
        let project = callback.project();
        Self {
            project: number(project),
            payment: callback.payment_id().cloned(),
            content: content(project, callback.raw()),
            meaning: meaning(project, callback),
            status: callback.payment_status().map(ToString::to_string),
            ambiguous: to_json(&ambiguous),
            is_ambiguous: !ambiguous.is_empty(),
            held: hold.holds(callback, !ambiguous.is_empty()),
            update,
            raw: callback.raw().to_vec(),
        }
    }
}

/// Reads a stored callback again. Its size was checked on arrival.
pub(crate) fn read(raw: &[u8]) -> Result<Callback, ModelError> {
    Callback::from_json(document(raw)?.root())
}

/// Digest of a project and the received bytes of a callback.
pub(crate) fn content(project: ProjectId, raw: &[u8]) -> Digest {
    digest([project.get().to_be_bytes().as_slice(), raw])
}

/// Digest of an operation and its reported values; equal for all callbacks that report the same.
///
/// It covers every value that moves a [`PaymentState`], including dates of undecided operations, so
/// that skipping the second of two equal callbacks changes nothing. The code and the redirect are
/// included because handlers act on them.
pub(crate) fn meaning(project: ProjectId, callback: &Callback) -> Option<Digest> {
    let payment = callback.payment_id()?;
    let operation = callback.operation.as_ref()?;
    let id = operation.id?;
    if !callback.operations.is_empty() {
        return None;
    }
    let about = callback.payment.as_ref();
    let mut parts = Parts::default();
    parts.add(Some(&project.to_string()));
    parts.add(Some(payment.as_str()));
    parts.add(Some(&id.to_string()));
    parts.add(operation.kind.as_ref());
    parts.add(operation.status.as_ref());
    parts.add(undecided_since(operation));
    parts.add(callback.payment_status());
    parts.add(
        callback.payment_status().filter(|status| !status.is_final()).and_then(|_| about?.date),
    );
    parts.add(about.and_then(|payment| payment.kind.as_ref()));
    parts.add(about.and_then(|payment| payment.method.as_ref()));
    parts.add_sum(about.and_then(|payment| payment.sum.as_ref()));
    parts.add_sum(operation.sum_initial.as_ref());
    parts.add(operation.code.as_ref());
    if let Some(redirect) = callback.redirect() {
        parts.add(Some(&redirect.method));
        parts.add(Some(redirect.url.expose()));
        match &redirect.body {
            RedirectBody::Fields(fields) => {
                for (name, value) in fields {
                    parts.add(Some(name));
                    parts.add(Some(value.expose()));
                }
            }
            RedirectBody::Other(json) => parts.add(Some(json.as_str())),
        }
    }
    Some(digest([parts.0.as_slice()]))
}

fn undecided_since(operation: &Operation) -> Option<Timestamp> {
    operation.status.as_ref().filter(|status| !status.is_final()).and(operation.date)
}

/// Texts with their lengths before them, so that different lists of texts give different bytes.
#[derive(Default)]
struct Parts(Vec<u8>);

impl Parts {
    fn add(&mut self, text: Option<impl ToString>) {
        let Some(text) = text.map(|text| text.to_string()) else { return self.0.push(0) };
        self.0.push(1);
        self.0.extend(text.len().to_be_bytes());
        self.0.extend(text.as_bytes());
    }

    fn add_sum(&mut self, sum: Option<&Sum>) {
        self.add(sum.map(|sum| sum.amount));
        self.add(sum.map(|sum| &sum.currency));
    }
}

/// The number of a project as databases store it.
pub(crate) fn number(project: ProjectId) -> i64 {
    i64::try_from(project.get()).unwrap_or_else(|_| unreachable!("projects end at 2^53"))
}

pub(crate) fn project(number: i64) -> Result<ProjectId, InboxError> {
    u64::try_from(number)
        .ok()
        .and_then(|number| ProjectId::new(number).ok())
        .ok_or_else(|| InboxError::damaged("reading a project's number"))
}

/// Key of a payment where its id would be too long.
#[cfg_attr(not(feature = "postgres"), expect(dead_code, reason = "SQLite indexes any length"))]
pub(crate) fn payment_key(project: i64, payment: &PaymentId) -> Digest {
    digest([project.to_be_bytes().as_slice(), payment.as_str().as_bytes()])
}

/// The id with these bytes. [`PaymentId::new`] would refuse some that the platform sent.
pub(crate) fn payment_id(bytes: &[u8]) -> Result<PaymentId, InboxError> {
    let damaged = || InboxError::damaged("reading a payment's id");
    let text = std::str::from_utf8(bytes).map_err(|_| damaged())?;
    let json = to_json(text);
    let document = document(json.as_bytes()).map_err(|_| damaged())?;
    PaymentId::from_json(document.root()).map_err(|_| damaged())
}

/// The state of a payment; `None` until a status is known.
pub(crate) fn known(state: PaymentState) -> Option<PaymentState> {
    (state != PaymentState::default()).then_some(state)
}

/// A handler's error as one line of limited length, to be stored and printed.
pub(crate) fn error_text(error: &str) -> String {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    error.chars().take(1000).map(printable).collect()
}

pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value)
        .unwrap_or_else(|_| unreachable!("texts, numbers and lists are always JSON"))
}

pub(crate) fn from_json<T: DeserializeOwned>(
    json: &str,
    what: &'static str,
) -> Result<T, InboxError> {
    serde_json::from_str(json).map_err(|_| InboxError::damaged(what))
}

fn document(json: &[u8]) -> Result<Document<'_>, JsonError> {
    Document::parse(json, Limits::default().bytes(usize::MAX).depth(usize::MAX))
}

fn digest<'b>(parts: impl IntoIterator<Item = &'b [u8]>) -> Digest {
    let hash = parts.into_iter().fold(Sha256::new(), Sha256::chain_update);
    hash.finalize().into()
}
