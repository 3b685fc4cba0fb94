//! The customer's pages.

use askama::Template;
use axum::response::Response;
use ecp_core::Money;
use ecp_methods::MethodSpec;
use ecp_methods::request::Field;
use http::StatusCode;

use super::offer;
use super::problem::Problem;
use super::session::Session;
use crate::surface::i18n::{Language, Texts};
use crate::surface::page::{Policy, html};

/// Page that shows the reason why the Payment Page does not open.
#[derive(Template)]
#[template(path = "checkout/problem.html")]
pub(super) struct ProblemPage {
    language: Language,
    t: &'static Texts,
    text: String,
    problem: Problem,
}

impl ProblemPage {
    pub(super) fn response(problem: Problem, language: Language, framed: bool) -> Response {
        let text = problem.text(language);
        let page = Self { language, t: language.texts(), text, problem };
        html(StatusCode::BAD_REQUEST, &page, &Policy::default().script().framed(framed))
    }
}

/// Page on which the customer chooses a method, or fills in the fields of the only one.
#[derive(Template)]
#[template(path = "checkout/choose.html")]
pub(super) struct ChoosePage<'s> {
    language: Language,
    t: &'static Texts,
    session: &'s Session,
    /// The method that the customer chose, or the only method there is; `None` while the customer
    /// still has to choose.
    chosen: Option<Chosen>,
    methods: Vec<&'static MethodSpec>,
    refusal: Option<String>,
    back: Option<&'s str>,
}

/// The chosen method with the form fields for the customer.
pub(super) struct Chosen {
    pub(super) spec: &'static MethodSpec,
    pub(super) fields: Vec<Input>,
}

/// A field of the form for the customer.
pub(super) struct Input {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: &'static str,
    pub(super) autocomplete: &'static str,
    pub(super) value: String,
    pub(super) invalid: bool,
}

impl Input {
    pub(super) fn new(field: Field, name: &'static str, value: String, t: &Texts) -> Self {
        let (kind, autocomplete) = match field {
            Field::CUSTOMER_EMAIL => ("email", "email"),
            Field::CUSTOMER_PHONE => ("tel", "tel-national"),
            Field::CUSTOMER_FIRST_NAME => ("text", "given-name"),
            Field::CUSTOMER_LAST_NAME => ("text", "family-name"),
            Field::CUSTOMER_ZIP => ("text", "postal-code"),
            Field::CUSTOMER_COUNTRY => ("text", "country"),
            Field::CUSTOMER_ADDRESS => ("text", "street-address"),
            _ => ("text", "off"),
        };
        Self { name, label: t.field(field), kind, autocomplete, value, invalid: false }
    }
}

impl Chosen {
    /// Returns the method's form with empty fields.
    pub(super) fn empty(spec: &'static MethodSpec, session: &Session) -> Self {
        let missing = offer::missing_fields(spec, &session.parameters).into_iter();
        let t = session.language.texts();
        let fields = missing.map(|(field, name)| Input::new(field, name, String::new(), t));
        Self { spec, fields: fields.collect() }
    }
}

impl<'s> ChoosePage<'s> {
    /// Returns the page that shows the form of the method `chosen`; with `None`, the page that
    /// shows all methods, or the form of the only one.
    pub(super) fn new(
        session: &'s Session,
        methods: Vec<&'static MethodSpec>,
        chosen: Option<Chosen>,
        refusal: Option<String>,
    ) -> Self {
        let chosen = chosen.or_else(|| match methods.as_slice() {
            [only] => Some(Chosen::empty(only, session)),
            _ => None,
        });
        let back = shop_link(session, "return");
        let Session { language, .. } = *session;
        Self { language, t: language.texts(), session, chosen, methods, refusal, back }
    }

    fn amount(&self) -> Money {
        self.session.parameters.amount
    }

    fn description(&self) -> &str {
        self.session.parameters.get("payment_description").unwrap_or_default()
    }

    pub(super) fn response(&self, status: StatusCode) -> Response {
        html(status, self, &policy(self.session))
    }
}

/// Page that sends the customer to the provider's page.
#[derive(Template)]
#[template(path = "checkout/redirect.html")]
pub(super) struct RedirectPage<'s> {
    language: Language,
    t: &'static Texts,
    session: &'s Session,
    method: &'static str,
    url: String,
    /// The form fields with which the customer's browser is sent to `url` by `POST`; `None` if the
    /// page has a plain link to `url` instead.
    post: Option<Vec<(String, String)>>,
    /// Whether the page sends the browser on by itself, because the customer has just pressed the
    /// button for it. If `false`, the customer must press a button.
    goes: bool,
}

impl<'s> RedirectPage<'s> {
    pub(super) fn new(
        session: &'s Session,
        method: &'static str,
        url: String,
        post: Option<Vec<(String, String)>>,
        goes: bool,
    ) -> Self {
        let Session { language, .. } = *session;
        Self { language, t: language.texts(), session, method, url, post, goes }
    }

    pub(super) fn response(&self) -> Response {
        let policy = policy(self.session).leads_to([self.url.as_str()]);
        html(StatusCode::OK, self, &policy)
    }
}

/// Page that waits for the result of the payment.
#[derive(Template)]
#[template(path = "checkout/wait.html")]
pub(super) struct WaitPage<'s> {
    language: Language,
    t: &'static Texts,
    session: &'s Session,
    state: &'static str,
    text: &'static str,
}

impl<'s> WaitPage<'s> {
    pub(super) fn new(session: &'s Session, state: &'static str, text: &'static str) -> Self {
        let Session { language, .. } = *session;
        Self { language, t: language.texts(), session, state, text }
    }

    pub(super) fn response(&self) -> Response {
        html(StatusCode::OK, self, &policy(self.session))
    }
}

/// Page with the result of the payment and the way back to the merchant.
#[derive(Template)]
#[template(path = "checkout/result.html")]
pub(super) struct ResultPage<'s> {
    language: Language,
    t: &'static Texts,
    session: &'s Session,
    success: bool,
    method: &'static str,
    amount: Money,
    code: String,
    message: &'static str,
    /// URL of the merchant to which the page sends the customer by itself after a few seconds;
    /// `None` if the Payment Page was opened without one, or with `redirect_…_enabled` as 0.
    redirect: Option<&'s str>,
    /// URL of the button back to the merchant, which the page has if it does not send the customer
    /// there by itself; `None` for no button.
    link: Option<&'s str>,
    /// Whether `redirect` opens in the whole browser window, where the merchant's page shows this
    /// page in a frame. If `false`, it opens in the frame, or there is no frame. `link` always
    /// opens in the whole window.
    leaves_frame: bool,
}

impl<'s> ResultPage<'s> {
    pub(super) fn new(
        session: &'s Session,
        success: bool,
        method: &'static str,
        amount: Money,
        (code, message): (String, &'static str),
    ) -> Self {
        let Session { language, .. } = *session;
        let end = if success { "success" } else { "fail" };
        let mode = session.parameters.get(&format!("redirect_{end}_mode"));
        Self {
            language,
            t: language.texts(),
            session,
            success,
            method,
            amount,
            code,
            message,
            redirect: redirect(session, end),
            link: shop_link(session, end).or_else(|| shop_link(session, "return")),
            leaves_frame: session.framed && mode != Some("iframe"),
        }
    }

    pub(super) fn response(&self) -> Response {
        html(StatusCode::OK, self, &policy(self.session))
    }
}

/// `redirect_success_url` and its kin, unless `redirect_success_enabled` is 0.
fn redirect<'s>(session: &'s Session, end: &str) -> Option<&'s str> {
    let enabled = session.parameters.get(&format!("redirect_{end}_enabled"));
    let url = session.parameters.get(&format!("redirect_{end}_url"));
    url.filter(|_| enabled != Some("0"))
}

/// `merchant_success_url` and its kin, unless `merchant_success_enabled` is 0.
fn shop_link<'s>(session: &'s Session, end: &str) -> Option<&'s str> {
    let enabled = session.parameters.get(&format!("merchant_{end}_enabled"));
    let url = session.parameters.get(&format!("merchant_{end}_url"));
    url.filter(|_| enabled != Some("0")).or_else(|| match end {
        "return" => redirect(session, end),
        _ => None,
    })
}

fn policy(session: &Session) -> Policy {
    Policy::default().script().framed(session.framed)
}
