//! Which requests are registered. The crate's documentation lists the refusals, in the order in
//! which they are looked for here.

use ecp_core::{Currency, Money, PaymentId, ProjectId};
use ecp_methods::spec::Interface;
use ecp_methods::{FlowKind, MethodSpec, Registry};
use serde_json::Value;

use crate::config::{Config, Project};
use crate::payment::{Order, ReturnUrls};
use crate::signature;

const INVALID_JSON: u32 = 2003;
const MALFORMED: u32 = 702;
const REQUIRED: u32 = 2004;

/// The longest canonical string: a hostile request of 256 KiB could ask for gigabytes.
const CANONICAL_LIMIT: usize = 8 << 20;

/// Why a request was not registered.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: u32,
    pub(crate) fields: Vec<&'static str>,
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) payment_id: Option<PaymentId>,
}

impl Refusal {
    fn new(code: u32, fields: impl Into<Vec<&'static str>>) -> Self {
        Self { code, fields: fields.into(), project_id: None, payment_id: None }
    }

    pub(crate) fn duplicate() -> Self {
        Self::new(3041, ["general.payment_id"])
    }

    /// Whatever else is wrong, the answer names what could be read of the ids.
    pub(crate) fn about(self, ids: &GivenIds) -> Self {
        Self { project_id: ids.project_id, payment_id: ids.payment_id.clone(), ..self }
    }
}

/// The ids of a request, as far as they can be read.
#[derive(Default)]
pub(crate) struct GivenIds {
    pub(crate) project_id: Option<ProjectId>,
    pub(crate) payment_id: Option<PaymentId>,
}

impl GivenIds {
    pub(crate) fn of(document: &Value) -> Self {
        let project_id = at(document, "general.project_id").and_then(Value::as_u64);
        let payment_id = at(document, "general.payment_id").and_then(Value::as_str);
        Self {
            project_id: project_id.and_then(|id| ProjectId::new(id).ok()),
            payment_id: payment_id.and_then(|id| PaymentId::new(id).ok()),
        }
    }
}

/// The JSON of a body.
pub(crate) fn read(body: &[u8]) -> Result<Value, Refusal> {
    match serde_json::from_slice(body) {
        Ok(document) if signature::canonical_length(&document) <= CANONICAL_LIMIT => Ok(document),
        _ => Err(Refusal::new(INVALID_JSON, [])),
    }
}

/// The project that signed a request.
pub(crate) fn authenticate<'c>(
    config: &'c Config,
    document: &Value,
) -> Result<&'c Project, Refusal> {
    const PROJECT: &str = "general.project_id";
    const SIGNATURE: &str = "general.signature";
    if is_missing(document, PROJECT) {
        return Err(Refusal::new(REQUIRED, [PROJECT]));
    }
    let project = GivenIds::of(document)
        .project_id
        .and_then(|id| config.projects.get(&id))
        .ok_or_else(|| Refusal::new(2442, [PROJECT]))?;
    match at(document, SIGNATURE).and_then(Value::as_str) {
        None | Some("") => Err(Refusal::new(3262, [SIGNATURE])),
        Some(given) if given == signature::sign(&project.key, document) => Ok(project),
        Some(_) => Err(Refusal::new(3261, [SIGNATURE])),
    }
}

/// The payment id of a request.
pub(crate) fn payment_id(document: &Value) -> Result<PaymentId, Refusal> {
    const PAYMENT: &str = "general.payment_id";
    if is_missing(document, PAYMENT) {
        return Err(Refusal::new(REQUIRED, [PAYMENT]));
    }
    GivenIds::of(document).payment_id.ok_or_else(|| Refusal::new(3024, [PAYMENT]))
}

/// The method and the flow of a path such as `wallet/jeton/sale`.
pub(crate) fn method(
    registry: &Registry,
    path: &str,
) -> Result<(&'static MethodSpec, FlowKind), Refusal> {
    let found = path.rsplit_once('/').and_then(|(gate_path, operation)| {
        let flow = FlowKind::ALL.into_iter().find(|flow| flow.as_str() == operation)?;
        let spec = registry.by_gate_path(gate_path)?.spec();
        let rule = spec.rule(flow)?;
        rule.interfaces().contains(&Interface::Gate).then_some((spec, flow))
    });
    found.ok_or_else(|| Refusal::new(2541, []))
}

/// Everything that a request of a method must hold.
pub(crate) fn order(
    project: ProjectId,
    spec: &'static MethodSpec,
    flow: FlowKind,
    document: &Value,
) -> Result<Order, Refusal> {
    let needed = spec.rule(flow).map(ecp_methods::Rule::needed_fields).unwrap_or_default();
    let missing: Vec<&'static str> = ["general.payment_id", "payment.amount", "payment.currency"]
        .into_iter()
        .chain(needed.iter().map(|field| field.path()))
        .filter(|path| is_missing(document, path))
        .collect();
    if !missing.is_empty() {
        return Err(Refusal::new(REQUIRED, missing));
    }

    let mut fields = Fields { document, malformed: Vec::new() };
    for field in needed {
        fields.text(field.path());
    }
    let description = fields.text("payment.description").unwrap_or_default();
    let customer_id = fields.text("customer.id");
    let account_number = fields.text("account.number");
    let callback_url = fields.url("general.merchant_callback_url");
    let return_urls = ReturnUrls {
        success: fields.url("return_url.success"),
        decline: fields.url("return_url.decline"),
        neutral: fields.url("return_url.return"),
    };
    if !fields.malformed.is_empty() {
        return Err(Refusal::new(MALFORMED, fields.malformed));
    }

    Ok(Order {
        project,
        payment_id: payment_id(document)?,
        spec,
        flow,
        amount: amount(spec, document)?,
        description,
        customer_id,
        account_number,
        callback_url,
        return_urls,
    })
}

fn amount(spec: &MethodSpec, document: &Value) -> Result<Money, Refusal> {
    let currency: Currency = at(document, "payment.currency")
        .and_then(Value::as_str)
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| Refusal::new(3121, ["payment.currency"]))?;
    if !spec.currencies().contains(&currency) {
        return Err(Refusal::new(3023, ["payment.currency"]));
    }
    match at(document, "payment.amount").and_then(Value::as_i64) {
        Some(minor) if minor > 0 => Ok(Money::from_minor(minor, currency)),
        _ => Err(Refusal::new(MALFORMED, ["payment.amount"])),
    }
}

/// Reads optional members and notes those that are not what they should be.
struct Fields<'d> {
    document: &'d Value,
    malformed: Vec<&'static str>,
}

impl Fields<'_> {
    fn text(&mut self, path: &'static str) -> Option<String> {
        match at(self.document, path) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.clone()),
            Some(_) => self.note(path),
        }
    }

    /// A customer is sent nowhere but to web addresses.
    fn url(&mut self, path: &'static str) -> Option<String> {
        let text = self.text(path).filter(|text| !text.is_empty())?;
        let uri: Result<http::Uri, _> = text.parse();
        match uri.as_ref().map(|uri| (uri.scheme_str(), uri.host())) {
            Ok((Some("http" | "https"), Some(host))) if !host.is_empty() => Some(text),
            _ => self.note(path),
        }
    }

    fn note(&mut self, path: &'static str) -> Option<String> {
        if !self.malformed.contains(&path) {
            self.malformed.push(path);
        }
        None
    }
}

/// Absent, null and empty are all the same to a required field.
fn is_missing(document: &Value, path: &str) -> bool {
    match at(document, path) {
        None | Some(Value::Null) => true,
        Some(Value::String(text)) => text.is_empty(),
        Some(_) => false,
    }
}

fn at<'d>(document: &'d Value, path: &str) -> Option<&'d Value> {
    path.split('.').try_fold(document, |value, name| value.get(name))
}
