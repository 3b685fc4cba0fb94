//! The customer's pages. They work without scripts.

use std::collections::HashMap;
use std::net::SocketAddr;

use askama::Template;
use axum::extract::{ConnectInfo, Form, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Router, middleware};
use ecp_core::model::{Callback, FromJson, RedirectData, Step};
use ecp_core::{Currency, Money, PaymentId};
use ecp_inbox::Inbox;
use ecp_methods::request::Field;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Operation};
use ecp_transport::redirect_response;
use uuid::Uuid;

use crate::orders::{self, Order, State as OrderState};
use crate::sending::{Placed, is_known};
use crate::steps::ToDo;
use crate::{CUSTOMER, Error, Shop};

type FormFields = Form<HashMap<String, String>>;

impl Shop {
    /// The shop as a service for your server. It needs the address of the peer, as
    /// `into_make_service_with_connect_info` gives it.
    pub fn routes(&self) -> Router {
        Router::new()
            .route("/", get(start))
            .route("/orders", post(place))
            .route("/orders/{id}", get(show))
            .route("/orders/{id}/answers", post(answer))
            .route("/orders/{id}/refund", post(refund))
            .route("/style.css", get(style))
            .layer(middleware::map_response(secure))
            .with_state(self.clone())
            .merge(self.receiver())
    }
}

async fn start(State(shop): State<Shop>) -> Result<Response, Failure> {
    start_page(&shop, None).await
}

async fn place(
    State(shop): State<Shop>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Form(form): FormFields,
) -> Result<Response, Failure> {
    let header = shop.settings.address_header.as_ref().and_then(|name| headers.get(name));
    let address = match header.and_then(|value| value.to_str().ok()?.trim().parse().ok()) {
        Some(address) => address,
        None => peer.ip().to_canonical(),
    };
    match shop.place(&form, address).await? {
        Placed::Ordered(id) => Ok(Redirect::to(&format!("/orders/{id}")).into_response()),
        Placed::Wrong(problem) => start_page(&shop, Some(problem)).await,
        Placed::NotSent => {
            let page = NotSent { form };
            Ok((StatusCode::SERVICE_UNAVAILABLE, Html(page.render()?)).into_response())
        }
    }
}

/// Redirects the customer as soon as the address is known, shows what else there is to do, and
/// shows the result.
async fn show(
    State(shop): State<Shop>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    let order = match PaymentId::new(id) {
        Ok(id) => shop.order(id).await?,
        Err(_) => None,
    };
    let Some(order) = order else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let has_returned = query.as_deref() == Some("back");
    let step = match order.state {
        OrderState::Pending => shop.step(&order).await?,
        _ => None,
    };
    if let Some(Step::Redirect(redirect)) = &step
        && !has_returned
        && let Some(response) = send_on(&order, redirect)
    {
        return Ok(response);
    }
    let method = shop.settings.registry.get(&order.method)?;
    let refundable = order.flow == Operation::SALE
        && order.state == OrderState::Paid
        && on_gate(method, Operation::REFUND);
    let to_do = step.map_or(ToDo::Nothing, |step| ToDo::of(&step));
    let page = OrderPage { order, method: method.spec().title(), to_do, refundable };
    Ok(Html(page.render()?).into_response())
}

impl Shop {
    /// What the customer has to do, from its callback.
    pub(crate) async fn step(&self, order: &Order) -> Result<Option<Step>, Error> {
        let Some(callback) = order.step else { return Ok(None) };
        let entry = self.inbox.entry(callback).await?;
        let Some(raw) = entry.and_then(|entry| entry.raw) else { return Ok(None) };
        Ok(Some(Callback::from_slice(raw.expose())?.next_step()))
    }
}

/// The response that redirects the customer to the provider.
fn send_on(order: &Order, redirect: &RedirectData) -> Option<Response> {
    match redirect_response(redirect) {
        Ok(response) => Some(response.into_response()),
        Err(error) => {
            tracing::error!(order = %order.id, %error, "a customer cannot be sent on");
            None
        }
    }
}

async fn answer(
    State(shop): State<Shop>,
    Path(id): Path<String>,
    Form(form): FormFields,
) -> Result<Redirect, Failure> {
    let id = PaymentId::new(id)?;
    shop.answer(id.clone(), &form).await?;
    Ok(Redirect::to(&format!("/orders/{id}")))
}

async fn refund(State(shop): State<Shop>, Path(id): Path<String>) -> Result<Redirect, Failure> {
    let id = PaymentId::new(id)?;
    shop.refund(id.clone()).await?;
    Ok(Redirect::to(&format!("/orders/{id}?back")))
}

async fn start_page(shop: &Shop, problem: Option<String>) -> Result<Response, Failure> {
    let registry = &shop.settings.registry;
    let mut currencies: Vec<Currency> =
        registry.iter().flat_map(|method| method.spec().currencies()).copied().collect();
    currencies.sort_by_key(|currency| currency.code());
    currencies.dedup();
    let balances = shop.read(move |connection| {
        let balance = |currency| orders::balance(connection, CUSTOMER, currency);
        currencies.into_iter().map(balance).collect::<Result<Vec<_>, _>>()
    });
    let mut credit = balances.await?;
    credit.retain(|balance| balance.minor() != 0);
    let offers = |flow| registry.iter().filter_map(move |method| Offer::of(method, flow)).collect();
    let status = match problem {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let sections = [("Buy", offers(Operation::SALE)), ("Withdraw", offers(Operation::PAYOUT))];
    let page = StartPage { problem, credit, sections };
    Ok((status, Html(page.render()?)).into_response())
}

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    problem: Option<String>,
    credit: Vec<Money>,
    sections: [(&'static str, Vec<Offer>); 2],
}

/// A form for one method, made from its spec.
struct Offer {
    flow: Operation,
    code: &'static str,
    title: &'static str,
    /// The id of the form's order.
    id: String,
    /// Codes, each with its limits.
    currencies: Vec<(&'static str, String)>,
    /// Whether the customer may choose the amount at the provider.
    open: bool,
    /// The method's required fields that the shop does not know, with labels.
    fields: Vec<(Field, String)>,
}

impl Offer {
    fn of(method: &dyn DynMethod, flow: Operation) -> Option<Self> {
        let spec = method.spec();
        let rule = spec.rule(flow).filter(|_| on_gate(method, flow))?;
        let limits = |&currency: &Currency| {
            let limits = rule.limits(currency);
            let shown = if limits.are_enforced() { format!(", {limits}") } else { String::new() };
            (currency.code(), shown)
        };
        let asked = rule.needed_fields().iter().filter(|&&field| !is_known(field));
        let label = |&field: &Field| (field, field.path().replace(['.', '_'], " "));
        Some(Self {
            flow,
            code: spec.code(),
            title: spec.title(),
            id: Uuid::new_v4().simple().to_string(),
            currencies: spec.currencies().iter().map(limits).collect(),
            open: rule.allows_zero_amount(),
            fields: asked.map(label).collect(),
        })
    }
}

fn on_gate(method: &dyn DynMethod, flow: Operation) -> bool {
    let rule = method.spec().rule(flow);
    rule.is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
}

#[derive(Template)]
#[template(path = "not_sent.html")]
struct NotSent {
    /// The form's values, to be sent again: the shop stores none of them.
    form: HashMap<String, String>,
}

#[derive(Template)]
#[template(path = "order.html")]
struct OrderPage {
    order: Order,
    method: &'static str,
    to_do: ToDo,
    refundable: bool,
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../templates/style.css"))
}

/// Pages load nothing but the style sheet, and cannot be framed. `form-action` is not set: browsers
/// apply it to a form's later redirects, and customers are redirected to providers.
async fn secure(mut response: Response) -> Response {
    const POLICY: &str =
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let headers = response.headers_mut();
    let policy = header::HeaderValue::from_static(POLICY);
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, header::HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
    response
}

/// A failure that the customer cannot fix.
struct Failure(Error);

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        tracing::error!(error = %self.0, "a page could not be made");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}
