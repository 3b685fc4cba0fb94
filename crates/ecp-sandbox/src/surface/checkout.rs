//! The Payment Page: the platform's hosted form, opened by a signed address or by the widget.
//!
//! An opening leads to a page with the mistake, or to a session: the methods to choose from, the way
//! to the provider's page, a page that waits, and the result with the way back to the merchant.
//! All of it works without JavaScript, and in a frame of the merchant's page.
//!
//! # What is chosen here
//!
//! The documents name the parameters; what the page does with them is chosen here. A repeated
//! opening goes on where the first one is. A forced method that does not fit is a mistake. `hide`
//! is a list with commas. A redirect happens three seconds after the result is shown, unless its
//! `_enabled` is 0; in a frame the whole window goes, unless its `_mode` is `iframe`. `1` and `2`
//! in `_enabled` mean the same. A sale tells Gate's provider that the customer is at 127.0.0.1.

mod offer;
mod parameters;
mod problem;
mod readings;
mod session;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{DefaultBodyLimit, Form, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use ecp_core::model::PaymentStatus;
use ecp_methods::spec::Interface;
use ecp_methods::{MethodSpec, Operation};
use http::{HeaderMap, HeaderName, StatusCode, header};

use self::parameters::Parameters;
use self::problem::Problem;
use self::session::Session;
pub(crate) use self::session::Sessions;
use self::view::{ChoosePage, Chosen, Input, ProblemPage, RedirectPage, ResultPage, WaitPage};
use crate::engine::Engine;
use crate::engine::events::{EventKind, RawBody};
use crate::engine::view::PaymentView;
use crate::surface::i18n::Language;
use crate::surface::page::{missing, see_other};

/// State of the Payment Page: the engine and the sessions of the opened pages.
#[derive(Clone)]
pub(crate) struct Checkout {
    pub(crate) engine: Engine,
    pub(crate) sessions: Arc<Sessions>,
}

/// More than the parameters of any opening need.
const BODY_LIMIT: usize = 64 << 10;

pub(crate) fn routes() -> Router<Checkout> {
    Router::new()
        .route("/payment", get(open).post(open_by_form))
        .route("/payment/{session}", get(look))
        .route("/payment/{session}/pay", post(pay))
        .route("/payment/{session}/state", get(state))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
}

type Pairs = Vec<(String, String)>;

async fn open(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    Query(pairs): Query<Pairs>,
) -> Response {
    opened(&checkout, &headers, pairs)
}

/// The widget may send the parameters by a form.
async fn open_by_form(
    State(checkout): State<Checkout>,
    headers: HeaderMap,
    form: Result<Form<Pairs>, FormRejection>,
) -> Response {
    match form {
        Ok(Form(pairs)) => opened(&checkout, &headers, pairs),
        Err(rejection) => (rejection.status(), rejection.body_text()).into_response(),
    }
}

fn opened(checkout: &Checkout, headers: &HeaderMap, pairs: Pairs) -> Response {
    let given = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let language = match given("language_code") {
        Some(code) => Language::of_code(code),
        None => Language::of_browser(headers),
    };
    let framed = given("frame_mode").is_some();
    let about = (
        given("project_id").and_then(|id| ecp_core::ProjectId::new(id.parse().ok()?).ok()),
        given("payment_id").and_then(|id| ecp_core::PaymentId::new(id).ok()),
    );
    let body = document(&pairs);
    let checked = Parameters::check(pairs, checkout.engine.config(), checkout.engine.now())
        .and_then(|parameters| {
            if is_from_another_site(headers) && !calls_back_as_configured(checkout, &parameters) {
                return Err(Problem::CallbackAddress);
            }
            let begun = payment_of(checkout, &parameters)?.is_some();
            let offered = if begun {
                Vec::new()
            } else {
                offer::methods(&checkout.engine.config().registry, &parameters)?
            };
            Ok((parameters, offered))
        });
    let notice = checked.as_ref().ok().and_then(|(parameters, _)| parameters.notice());
    let accepted = checked.is_ok();
    checkout.engine.record(about, EventKind::PageOpened { accepted, notice, parameters: body });
    match checked {
        Ok((parameters, offered)) => {
            let session = checkout.sessions.open(Session::new(parameters, language));
            if offered.is_empty() {
                checkout.sessions.begin(&session);
                return see_other(&session.path());
            }
            ChoosePage::new(&session, offered, None, None).response(StatusCode::OK)
        }
        Err(problem) => ProblemPage::response(problem, language, framed),
    }
}

/// Whether callbacks of the payment go where the sandbox's owner sends them: the demonstration key
/// is public, so that a page of another site can sign an address of a service on this machine, and
/// lead the customer's click to it.
fn calls_back_as_configured(checkout: &Checkout, parameters: &Parameters) -> bool {
    let Some(address) = parameters.get("merchant_callback_url") else { return true };
    checkout.engine.config().is_callback_address(parameters.project, address)
}

/// The parameters as a JSON object, for the record.
fn document(pairs: &Pairs) -> RawBody {
    let members = pairs.iter().map(|(name, value)| (name.clone(), value.as_str().into()));
    RawBody::new(serde_json::Value::Object(members.collect()).to_string())
}

/// The payment with the opening's id, if there is one. It must be of this order.
fn payment_of(
    checkout: &Checkout,
    parameters: &Parameters,
) -> Result<Option<PaymentView>, Problem> {
    let Some(payment) = checkout.engine.payment(parameters.project, &parameters.payment_id) else {
        let is_taken = checkout.engine.has_forgotten(parameters.project, &parameters.payment_id);
        return if is_taken { Err(Problem::Taken) } else { Ok(None) };
    };
    let is_theirs = payment.interface == Interface::PaymentPage
        && checkout
            .sessions
            .begun(parameters.project, &parameters.payment_id)
            .is_some_and(|session| session.parameters.amount == parameters.amount);
    if is_theirs { Ok(Some(payment)) } else { Err(Problem::Taken) }
}

/// Where the session is now.
enum Stage {
    /// The customer has not chosen a payment method yet.
    Choosing,
    /// The payment was registered and has not ended, and neither the customer's decision nor the
    /// confirmation of its amount is awaited.
    Waiting,
    /// The payment waits for the customer's decision on the page of the payment method's provider.
    Customer(PaymentView),
    /// The payment waits for the merchant's answer to a confirmation request (`check_deposit`).
    Merchant,
    Ended(PaymentView),
}

impl Stage {
    fn of(checkout: &Checkout, session: &Session) -> Self {
        let Ok(Some(payment)) = payment_of(checkout, &session.parameters) else {
            return Self::Choosing;
        };
        if payment.ended.is_some() {
            Self::Ended(payment)
        } else if payment.awaits_customer {
            Self::Customer(payment)
        } else if payment.status == PaymentStatus::AwaitingRedirectResult {
            Self::Merchant
        } else {
            Self::Waiting
        }
    }

    /// A word for the page's script, which looks again when it changes.
    fn word(&self) -> &'static str {
        match self {
            Self::Choosing => "choosing",
            Self::Waiting => "waiting",
            Self::Customer(_) => "customer",
            Self::Merchant => "merchant",
            Self::Ended(_) => "ended",
        }
    }
}

async fn look(
    State(checkout): State<Checkout>,
    Path(id): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let Some(session) = checkout.sessions.get(&id) else { return missing() };
    let t = session.language.texts();
    let stage = Stage::of(&checkout, &session);
    match &stage {
        Stage::Choosing => choose(&checkout, &session, &pairs),
        Stage::Waiting => WaitPage::new(&session, stage.word(), t.processing).response(),
        Stage::Merchant => WaitPage::new(&session, stage.word(), t.awaiting_merchant).response(),
        Stage::Customer(payment) => {
            let Some(url) = payment.page_url.clone() else { return missing() };
            let form =
                checkout.engine.redirect_form(session.parameters.project, &payment.payment_id);
            let goes = pairs.iter().any(|(name, _)| name == "go");
            RedirectPage::new(&session, payment.method.title(), url, form, goes).response()
        }
        Stage::Ended(payment) => {
            let code = payment.code.as_str();
            let success = code == "0";
            let reason = (code.to_owned(), payment.message);
            let title = payment.method.title();
            ResultPage::new(&session, success, title, payment.amount, reason).response()
        }
    }
}

fn choose(checkout: &Checkout, session: &Arc<Session>, pairs: &Pairs) -> Response {
    let methods = match offer::methods(&checkout.engine.config().registry, &session.parameters) {
        Ok(methods) => methods,
        Err(problem) => return ProblemPage::response(problem, session.language, session.framed),
    };
    let chosen = pairs.iter().find(|(name, _)| name == "method");
    let chosen = chosen.and_then(|(_, code)| by_code(&methods, code));
    let chosen = chosen.map(|spec| Chosen::empty(spec, session));
    ChoosePage::new(session, methods, chosen, None).response(StatusCode::OK)
}

fn by_code(methods: &[&'static MethodSpec], code: &str) -> Option<&'static MethodSpec> {
    methods.iter().copied().find(|spec| spec.code() == code)
}

/// The customer chose a method. The sale begins, unless the method needs to know more.
async fn pay(
    State(checkout): State<Checkout>,
    Path(id): Path<String>,
    form: Result<Form<Pairs>, FormRejection>,
) -> Response {
    let Some(session) = checkout.sessions.get(&id) else { return missing() };
    let form = match form {
        Ok(Form(form)) => form,
        Err(rejection) => return (rejection.status(), rejection.body_text()).into_response(),
    };
    let given = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim());
    if !matches!(Stage::of(&checkout, &session), Stage::Choosing) {
        return see_other(&session.path());
    }
    let methods = match offer::methods(&checkout.engine.config().registry, &session.parameters) {
        Ok(methods) => methods,
        Err(problem) => return ProblemPage::response(problem, session.language, session.framed),
    };
    let Some(spec) = by_code(&methods, given("method").unwrap_or_default()) else {
        return see_other(&session.path());
    };
    let needed = offer::missing_fields(spec, &session.parameters);
    let mut fields = Vec::new();
    let mut added = Vec::new();
    for (field, name) in needed {
        let value = given(name).unwrap_or_default().to_owned();
        let mut input = Input::new(field, name, value.clone(), session.language.texts());
        input.invalid = value.is_empty() && given(name).is_some();
        fields.push(input);
        added.push((field, value));
    }
    let mut incomplete = added.iter().any(|(_, value)| value.is_empty());
    let mut refusal = None;
    if !incomplete {
        let return_url = format!("{}{}", checkout.engine.public_url(), session.path());
        let document = offer::document(&session.parameters, &added, &return_url);
        let project = session.parameters.project;
        let placed = checkout.engine.place(
            project,
            spec.code(),
            Operation::SALE,
            Interface::PaymentPage,
            &document,
        );
        match placed {
            Ok(_) => {
                checkout.sessions.begin(&session);
                return see_other(&format!("{}?go=1", session.path()));
            }
            Err(error) => {
                incomplete = true;
                for (input, (field, _)) in fields.iter_mut().zip(&added) {
                    input.invalid = error.fields.iter().any(|path| path == field.path());
                }
                refusal = Some(error.to_string());
            }
        }
    }
    let chosen = incomplete.then_some(Chosen { spec, fields });
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    ChoosePage::new(&session, methods, chosen, refusal).response(status)
}

/// For the page's script, which waits for another word.
async fn state(State(checkout): State<Checkout>, Path(id): Path<String>) -> Response {
    match checkout.sessions.get(&id) {
        Some(session) => {
            let word = Stage::of(&checkout, &session).word();
            ([(header::CACHE_CONTROL, "no-store")], word).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Whether a browser says that a page of another site led it here. A merchant's page on this machine
/// is of the same site where both are reached under one name.
fn is_from_another_site(headers: &HeaderMap) -> bool {
    headers
        .get(HeaderName::from_static("sec-fetch-site"))
        .is_some_and(|site| !["same-origin", "same-site", "none"].iter().any(|near| site == near))
}
