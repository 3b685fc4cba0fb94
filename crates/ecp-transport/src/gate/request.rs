//! Requests that can be sent to Gate: checked requests of payment methods, and requests to
//! endpoints for which this library has no request type.

use ecp_core::json::{Document, Kind, Limits, Value};
use ecp_core::model::ModelError;
use ecp_core::signature::Rules;
use ecp_core::{Money, PaymentId, ProjectId, RequestId, Sensitive};
use ecp_methods::request::{Field, OperationRequest};
use ecp_methods::{Effect, Flow, MethodSpec, Operation, Prepared, PreparedRequest};
use serde::Serialize;

use crate::error::UnknownReason;

/// A request that can be sent to Gate: a [`Prepared`] or [`PreparedRequest`] of a method, or an
/// [`EndpointRequest`]. Types outside this crate cannot implement it.
pub trait GateRequest: sealed::ToGate {
    /// The type of the answer that [`Gate::send`](crate::Gate::send) returns for this request.
    type Answer: sealed::OfGate;
}

impl<F: Flow> GateRequest for Prepared<F> {
    type Answer = Accepted;
}

impl<R: OperationRequest> GateRequest for PreparedRequest<R> {
    type Answer = Accepted;
}

impl GateRequest for EndpointRequest {
    type Answer = Answered;
}

/// A request to an endpoint of Gate for which this library has no request type: a path, the effect
/// of the request on money, and a JSON body. [`Gate::send`](crate::Gate::send) or
/// [`Sender::send`](crate::Sender::send) signs and sends it, and checks the answer as for other
/// requests.
///
/// The effect decides what happens when the outcome of the request is unknown: see
/// [`Sender`](crate::Sender). If you are not sure about the effect of an endpoint, use
/// [`Effect::Back`] for one about a payment that exists, and [`Effect::Out`] for any other.
///
/// The body has the form that the platform's API reference demands, without `general.project_id`,
/// `general.payment_id` and `general.signature`, which are added when the request is sent. It can
/// have other members of `general`. Endpoints that expect the signature in another member, such as
/// `/v2/customer/card/tokenize`, cannot be requested.
///
/// ```
/// use ecp_core::PaymentId;
/// use ecp_transport::EndpointRequest;
/// use ecp_transport::ecp_methods::Effect;
///
/// #[derive(serde::Serialize)]
/// struct Series {
///     recurring: Id,
/// }
///
/// #[derive(serde::Serialize)]
/// struct Id {
///     id: u64,
/// }
///
/// let payment_id = PaymentId::new("order-3936")?;
/// let body = Series { recurring: Id { id: 1015 } };
/// let path = "/v2/payment/card/recurring/cancel";
/// let end = EndpointRequest::new(path, Effect::Manage, payment_id, &body)?;
/// # let _ = end;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct EndpointRequest {
    path: String,
    effect: Effect,
    payment_id: PaymentId,
    amount: Option<Money>,
    items_in_texts: bool,
    /// The members of the body's `general` object as JSON text, with a comma before each; `members`
    /// has those of the body itself.
    general: Sensitive<String>,
    members: Sensitive<String>,
}

/// Error of [`EndpointRequest::new`]: the path or the body of a request cannot be sent. The text
/// says which, and what to correct.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{what}` {problem}")]
pub struct InvalidEndpointRequest {
    what: String,
    problem: String,
}

/// Gate's answer that it registered a request. The payment's result is not known yet: a callback
/// reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Accepted {
    /// The merchant's id of the payment, under which its status can be requested.
    pub payment_id: PaymentId,
    /// The platform's id of the request, which the callbacks repeat. Keep that of a refund: a
    /// status lists the refund under it
    /// ([`StatusResponse::refund`](ecp_core::model::StatusResponse::refund)).
    pub request_id: RequestId,
    /// The merchant's id of the refund, as it was sent; `None` if the request is not a refund.
    pub merchant_refund_id: Option<String>,
}

/// Gate's answer that it accepted an [`EndpointRequest`]. If the request's effect is
/// [`Effect::Manage`], which moves no money, this is the result. For every other effect, the
/// request is registered and its result is not known yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered {
    /// The merchant's id of the payment, under which its status can be requested.
    pub payment_id: PaymentId,
    /// The platform's id of the request. `None` is possible only for a request with
    /// [`Effect::Manage`], because the form of its answer is not documented (sources: endpoints).
    pub request_id: Option<RequestId>,
    body: Sensitive<String>,
}

impl Answered {
    /// The whole answer as JSON text. Gate does not sign most of its answers, and only a signature
    /// proves that the platform wrote the answer, so do not move money because of an unsigned one.
    /// An answer with a wrong signature is never returned here: it is an error.
    pub fn json(&self) -> &str {
        self.body.expose()
    }
}

impl EndpointRequest {
    /// Creates a request to an endpoint. The path is that of the platform's API reference, such as
    /// `/v2/payment/card/capture`; the body must serialise to a JSON object. It is an error if the
    /// path is not `/v2/` and words with `/` between them. The body is an error if it is not an
    /// object, has a member twice, or has one of these members: `general.payment_id`,
    /// `general.project_id` and `general.signature`, which are added when the request is sent, and
    /// `signature` and `frame_mode` at any place, which a signature does not cover.
    pub fn new(
        path: impl Into<String>,
        effect: Effect,
        payment_id: PaymentId,
        body: &impl Serialize,
    ) -> Result<Self, InvalidEndpointRequest> {
        let path = path.into();
        if !is_path(&path) {
            let problem = "is not a path of Gate: write it as in the platform's API reference, such as \
                           `/v2/payment/card/capture`";
            return Err(invalid(path, problem));
        }
        let json = serde_json::to_string(body)
            .map_err(|error| invalid("the body", format!("cannot be written as JSON: {error}")))?;
        let document = Document::parse(json.as_bytes(), Limits::default())
            .map_err(|error| invalid("the body", format!("cannot be signed: {error}")))?;
        let root = document.root();
        if !matches!(root.kind(), Kind::Object) {
            return Err(invalid("the body", "must be a JSON object"));
        }
        check_names(root)?;
        let (mut general, mut members) = (String::new(), String::new());
        for member in root.children() {
            if member.key() != Some("general") {
                push(&mut members, member);
                continue;
            }
            if !matches!(member.kind(), Kind::Object) {
                return Err(invalid("general", "must be a JSON object"));
            }
            for member in member.children() {
                if let Some(name) = member.key().filter(|name| FILLED_IN.contains(name)) {
                    let problem = "is added when the request is sent: leave it out of the body";
                    return Err(invalid(format!("general.{name}"), problem));
                }
                push(&mut general, member);
            }
        }
        let amount = amount(root);
        let (general, members) = (Sensitive::new(general), Sensitive::new(members));
        Ok(Self { path, effect, payment_id, amount, items_in_texts: false, general, members })
    }

    /// Allows texts that contain a `;`, a name and a `:`, such as `size:M;colour:red`. By default a
    /// request with such a text is not sent ([`GateError::Unsigned`](crate::GateError::Unsigned)),
    /// because the signed string has the same form: a callback that repeats the text could be read
    /// in more than one way.
    pub fn allow_items_in_texts(self) -> Self {
        Self { items_in_texts: true, ..self }
    }

    /// The path of the endpoint on Gate, such as `/v2/payment/card/capture`.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The effect of the request on money, as [`EndpointRequest::new`] was given it. It decides
    /// whether a [`Sender`](crate::Sender) may send the request again.
    pub const fn effect(&self) -> Effect {
        self.effect
    }

    /// The merchant's id of the payment that the request begins or is about.
    pub const fn payment_id(&self) -> &PaymentId {
        &self.payment_id
    }
}

/// Members of `general` that are added to each request when it is sent.
const FILLED_IN: [&str; 3] = ["payment_id", "project_id", "signature"];

/// Members that the signature does not cover.
const NOT_COVERED: [&str; 2] = ["frame_mode", "signature"];

fn invalid(what: impl Into<String>, problem: impl Into<String>) -> InvalidEndpointRequest {
    InvalidEndpointRequest { what: what.into(), problem: problem.into() }
}

/// `/v2/` and words with `/` between them.
fn is_path(path: &str) -> bool {
    let is_word = |word: &str| {
        let of_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !word.is_empty() && word.bytes().all(of_word)
    };
    path.strip_prefix("/v2/").is_some_and(|rest| rest.split('/').all(is_word))
}

/// Refuses members that the signature does not cover. Members that occur twice were already refused
/// when the body was read.
fn check_names(root: Value<'_>) -> Result<(), InvalidEndpointRequest> {
    let mut open = vec![root];
    while let Some(value) = open.pop() {
        if value.key().is_some_and(|name| NOT_COVERED.contains(&name)) {
            let problem = "is not covered by the signature: leave it out of the body";
            return Err(invalid(value.path(), problem));
        }
        open.extend(value.children());
    }
    Ok(())
}

fn push(members: &mut String, member: Value<'_>) {
    let name = serde_json::to_string(member.key().unwrap_or_default()).unwrap_or_default();
    members.push(',');
    members.push_str(&name);
    members.push(':');
    members.push_str(member.raw());
}

/// The amount of the request if it has `payment.amount` and `payment.currency` in the usual form.
fn amount(root: Value<'_>) -> Option<Money> {
    let payment = root.get("payment")?;
    let minor = payment.get("amount")?.raw().parse().ok()?;
    let currency = payment.get("currency")?.as_str()?.parse().ok()?;
    Some(Money::from_minor(minor, currency))
}

/// A request that is being sent, with the data for sending it, repeating it and judging its answer.
pub struct Outgoing<'r> {
    /// The operation's name in metrics and spans.
    pub(crate) name: &'static str,
    pub(crate) operation: Option<Operation>,
    pub(crate) effect: Effect,
    pub(crate) spec: Option<&'static MethodSpec>,
    pub(crate) method: Option<&'static str>,
    pub(crate) payment_id: &'r PaymentId,
    pub(crate) amount: Option<Money>,
    pub(crate) path: String,
    pub(crate) body: Sensitive<String>,
    pub(crate) rules: Rules,
    pub(crate) refund_id: Option<&'r str>,
    /// Whether an answer without a request id leaves the outcome unknown.
    pub(crate) needs_request_id: bool,
}

/// The answer to a checked request of a method ([`Accepted`]), or to an [`EndpointRequest`]
/// ([`Answered`]).
pub enum AnyAnswer {
    Accepted(Accepted),
    Answered(Answered),
}

/// Gate's answer that it accepted a request, with the whole body, before it becomes an [`Accepted`]
/// or an [`Answered`].
pub struct Registered {
    pub(crate) payment_id: PaymentId,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) refund_id: Option<String>,
    pub(crate) body: Sensitive<String>,
}

impl<F: Flow> sealed::ToGate for Prepared<F> {
    fn outgoing(&self, project: ProjectId) -> Outgoing<'_> {
        (**self).outgoing(project)
    }
}

impl<R: OperationRequest> sealed::ToGate for PreparedRequest<R> {
    fn outgoing(&self, project: ProjectId) -> Outgoing<'_> {
        let body = String::from_utf8(self.body(project))
            .unwrap_or_else(|_| unreachable!("JSON is written as UTF-8"));
        Outgoing {
            name: self.operation().name(),
            operation: Some(self.operation()),
            effect: self.operation().effect(),
            spec: Some(self.spec()),
            method: Some(self.spec().code()),
            payment_id: self.payment_id(),
            amount: self.amount(),
            path: self.endpoint(),
            body: Sensitive::new(body),
            rules: self.signing_rules(),
            refund_id: self.get(Field::MERCHANT_REFUND_ID),
            needs_request_id: true,
        }
    }
}

impl sealed::ToGate for EndpointRequest {
    fn outgoing(&self, project: ProjectId) -> Outgoing<'_> {
        let id = serde_json::to_string(&self.payment_id).unwrap_or_default();
        let (general, members) = (self.general.expose(), self.members.expose());
        let body = format!(
            r#"{{"general":{{"payment_id":{id},"project_id":{project}{general}}}{members}}}"#
        );
        let rules = Rules::private();
        Outgoing {
            name: "endpoint",
            operation: None,
            effect: self.effect,
            spec: None,
            method: None,
            payment_id: &self.payment_id,
            amount: self.amount,
            path: self.path.clone(),
            body: Sensitive::new(body),
            rules: if self.items_in_texts { rules.allow_items_in_texts() } else { rules },
            refund_id: None,
            needs_request_id: self.effect != Effect::Manage,
        }
    }
}

impl sealed::OfGate for Accepted {
    fn of(registered: Registered) -> Result<Self, UnknownReason> {
        let Registered { payment_id, request_id, refund_id, .. } = registered;
        let request_id = request_id.ok_or_else(no_request_id)?;
        Ok(Self { payment_id, request_id, merchant_refund_id: refund_id })
    }

    fn any(self) -> AnyAnswer {
        AnyAnswer::Accepted(self)
    }
}

impl sealed::OfGate for Answered {
    fn of(registered: Registered) -> Result<Self, UnknownReason> {
        let Registered { payment_id, request_id, body, .. } = registered;
        Ok(Self { payment_id, request_id, body })
    }

    fn any(self) -> AnyAnswer {
        AnyAnswer::Answered(self)
    }
}

pub(super) fn no_request_id() -> UnknownReason {
    ModelError::Missing { path: "request_id".to_owned() }.into()
}

pub(crate) mod sealed {
    use super::{AnyAnswer, Outgoing, ProjectId, Registered, UnknownReason};

    pub trait ToGate: std::fmt::Debug + Send + Sync {
        fn outgoing(&self, project: ProjectId) -> Outgoing<'_>;
    }

    pub trait OfGate: Sized + std::fmt::Debug + Send {
        fn of(registered: Registered) -> Result<Self, UnknownReason>;

        fn any(self) -> AnyAnswer;
    }
}
