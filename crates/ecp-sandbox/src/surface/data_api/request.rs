//! Queries of the Data API.

use std::collections::BTreeSet;

use ecp_core::{PaymentId, ProjectId, Sensitive, Timestamp};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::operation::FIELDS;
use crate::config::{Config, DataToken};
use crate::wire::address::is_web_address;
use crate::wire::document::{at, require};
use crate::wire::refusal::Refusal;
use crate::wire::signature;

/// Format of dates in requests and answers of the Data API.
pub(super) const DATE: &str = "%Y-%m-%d %H:%M:%S";

/// Maximum and default number of operations of one answer.
const MOST: usize = 1_000;

/// The Data API token of a request, with its key and projects.
pub(super) struct Asker<'c> {
    config: &'c Config,
    token: &'c DataToken,
    pub(super) key: &'c Sensitive<String>,
}

impl<'c> Asker<'c> {
    pub(super) fn of(config: &'c Config, document: &Value) -> Result<Self, Refusal> {
        require(document, ["token"])?;
        let token = at(document, "token").and_then(Value::as_str);
        let token = token.and_then(|token| config.tokens.0.get(token));
        let token = token.ok_or_else(|| Refusal::wrong_signature("token"))?;
        match at(document, "signature").and_then(Value::as_str) {
            None | Some("") => Err(Refusal::empty_signature("signature")),
            Some(given) if given == signature::sign(&token.key, document) => {
                Ok(Self { config, token, key: &token.key })
            }
            Some(_) => Err(Refusal::wrong_signature("signature")),
        }
    }

    /// Returns the projects that a request queries: those that it names, or all that the token
    /// allows.
    pub(super) fn projects(&self, document: &Value) -> Result<BTreeSet<ProjectId>, Refusal> {
        const PROJECT: &str = "project_id";
        let mine = || self.config.projects.keys().copied().filter(|&project| self.may(project));
        let named: &[Value] = match at(document, PROJECT) {
            None | Some(Value::Null) => return Ok(mine().collect()),
            Some(Value::Array(named)) if named.is_empty() => return Ok(mine().collect()),
            Some(Value::Array(named)) => named,
            Some(one) => std::slice::from_ref(one),
        };
        named.iter().map(|project| self.project(project, PROJECT)).collect()
    }

    fn project(&self, value: &Value, path: &'static str) -> Result<ProjectId, Refusal> {
        let id = value.as_u64().ok_or_else(|| Refusal::malformed(path))?;
        ProjectId::new(id)
            .ok()
            .filter(|id| self.config.projects.contains_key(id) && self.may(*id))
            .ok_or_else(|| Refusal::unknown_project(path))
    }

    fn may(&self, project: ProjectId) -> bool {
        self.token.projects.as_ref().is_none_or(|projects| projects.contains(&project))
    }
}

/// Format of the operations in an answer: their members and their time zone.
pub(super) struct Form {
    pub(super) zone: TimeZone,
    pub(super) fields: Option<Vec<String>>,
}

impl Form {
    fn read(document: &Value) -> Result<Self, Refusal> {
        let zone = match text(document, "tz")? {
            None => TimeZone::UTC,
            Some(name) => TimeZone::get(name).map_err(|_| Refusal::malformed("tz"))?,
        };
        let fields = texts(document, "fields")?;
        let is_known = |field: &String| FIELDS.contains(&field.as_str());
        if !fields.iter().flatten().all(is_known) {
            return Err(Refusal::malformed("fields"));
        }
        Ok(Self { zone, fields })
    }

    fn moment(&self, document: &Value, path: &'static str) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = text(document, path)? else { return Ok(None) };
        let moment = DateTime::strptime(DATE, text)
            .and_then(|date| date.to_zoned(self.zone.clone()))
            .map_err(|_| Refusal::malformed(path))?;
        Timestamp::from_unix_seconds(moment.timestamp().as_second())
            .map(Some)
            .map_err(|_| Refusal::malformed(path))
    }
}

/// A query of `/v1/operations/get`.
pub(super) struct Operations {
    pub(super) projects: BTreeSet<ProjectId>,
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
    pub(super) types: Option<Vec<String>>,
    pub(super) limit: usize,
    pub(super) offset: usize,
    /// The address to which the operations are also sent; `None` if the query has none.
    pub(super) destination: Option<String>,
    pub(super) form: Form,
}

impl Operations {
    pub(super) fn read(asker: &Asker<'_>, document: &Value) -> Result<Self, Refusal> {
        let form = Form::read(document)?;
        let limit = number(document, "limit")?.unwrap_or(MOST);
        if !(1..=MOST).contains(&limit) {
            return Err(Refusal::malformed("limit"));
        }
        Ok(Self {
            projects: asker.projects(document)?,
            from: form.moment(document, "interval.from")?,
            to: form.moment(document, "interval.to")?,
            types: texts(document, "operation_type")?,
            limit,
            offset: number(document, "offset")?.unwrap_or_default(),
            destination: destination(asker.config, document)?,
            form,
        })
    }
}

/// The address that the operations are sent to. Its member is looked up by its whole name, at the
/// root.
fn destination(config: &Config, document: &Value) -> Result<Option<String>, Refusal> {
    let name = &config.destination_name;
    match document.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(url)) if is_web_address(url) => Ok(Some(url.clone())),
        Some(_) => Err(Refusal::malformed_named(name)),
    }
}

/// A query of `/v1/operations/get-by-payment`.
pub(super) struct ByPayment {
    pub(super) project: ProjectId,
    pub(super) payment_id: PaymentId,
    pub(super) form: Form,
}

impl ByPayment {
    pub(super) fn read(asker: &Asker<'_>, document: &Value) -> Result<Self, Refusal> {
        const PROJECT: &str = "project_id";
        const PAYMENT: &str = "payment_id";
        require(document, [PROJECT, PAYMENT])?;
        let project = asker.project(at(document, PROJECT).unwrap_or(&Value::Null), PROJECT)?;
        let payment_id = text(document, PAYMENT)?.and_then(|id| PaymentId::new(id).ok());
        let payment_id = payment_id.ok_or_else(|| Refusal::malformed(PAYMENT))?;
        Ok(Self { project, payment_id, form: Form::read(document)? })
    }
}

fn text<'d>(document: &'d Value, path: &'static str) -> Result<Option<&'d str>, Refusal> {
    match at(document, path) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Refusal::malformed(path)),
    }
}

/// A list of texts, or one text.
fn texts(document: &Value, path: &'static str) -> Result<Option<Vec<String>>, Refusal> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts = match at(document, path) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Array(items)) => items.iter().map(text).collect(),
        Some(one) => text(one).map(|one| vec![one]),
    };
    texts.map(Some).ok_or_else(|| Refusal::malformed(path))
}

fn number(document: &Value, path: &'static str) -> Result<Option<usize>, Refusal> {
    match at(document, path) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
            number.map(Some).ok_or_else(|| Refusal::malformed(path))
        }
    }
}
