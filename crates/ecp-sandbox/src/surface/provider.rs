//! The provider's page, where the customer pays or does not: the documents' "emulator" with its
//! two buttons.
//!
//! The customer arrives by `GET` or by the `POST` of a form, as `redirect_data` says, and decides
//! at an address of its own below. Whatever the form of the redirect, both ways lead to the page.
//!
//! Pages work without JavaScript and fetch nothing but their style sheet. What a merchant sends is
//! escaped, and the content security policy would not let it run anyway.

mod choice;
mod shown;
mod voucher;

use std::sync::Arc;

use askama::Template;
use axum::Router;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ecp_core::Money;
use ecp_methods::spec::TestStep;
use http::{HeaderMap, StatusCode};

use self::choice::{Choice, Unclear};
use self::shown::Item;
pub use self::voucher::TEST_VOUCHER;
use self::voucher::{Entered, Problems, TestVoucher, VOUCHERS};
use crate::engine::Engine;
use crate::engine::events::EventKind;
use crate::payment::ids::About;
use crate::payment::{Order, Outcome, Payment};
use crate::surface::i18n::{Language, Texts};
use crate::surface::page::{Policy, html, missing, see_other};
use crate::surface::visit::{Visit, Visits};

/// State of the provider's page: the engine, and the visits of customers.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) engine: Engine,
    pub(crate) visits: Arc<dyn Visits>,
}

pub(crate) fn routes() -> Router<Provider> {
    Router::new()
        .route("/provider/{token}", get(open).post(arrive))
        .route("/provider/{token}/decision", get(back).post(decide))
}

type Fields = Result<Form<Vec<(String, String)>>, FormRejection>;

async fn open(
    State(provider): State<Provider>,
    Path(token): Path<String>,
    headers: HeaderMap,
) -> Response {
    show(&provider, &token, &headers, |_, _| None)
}

/// The merchant's form brought the customer. Missing fields are shown, and do no harm.
async fn arrive(
    State(provider): State<Provider>,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let fields = fields.map(|Form(fields)| fields).unwrap_or_default();
    show(&provider, &token, &headers, |payment, t| {
        let missing = provider.engine.lost_fields(payment, &fields);
        if missing.is_empty() {
            return None;
        }
        let missing = missing.join(", ");
        tracing::warn!(
            missing,
            "a customer arrived without fields of the redirect: the merchant's page must send all \
             fields of `redirect_data`"
        );
        Some(format!("{} {missing}.", t.form_lost))
    })
}

fn show(
    provider: &Provider,
    token: &str,
    headers: &HeaderMap,
    note: impl FnOnce(&Payment, &Texts) -> Option<String>,
) -> Response {
    let look = |_, payment: &Payment| {
        let visit = visit(provider, payment, headers);
        let note = note(payment, visit.language.texts());
        let url = provider.engine.page_url(token);
        let page = Page::of(payment, token, &url, visit, note).response(StatusCode::OK, payment);
        (payment.about(), payment.awaits_customer(), page)
    };
    match provider.engine.with_page(token, look) {
        Some((about, awaited, page)) => {
            if awaited {
                provider.engine.record(about, EventKind::CustomerArrived);
            }
            page
        }
        None => missing(),
    }
}

/// Deciding twice changes nothing: a late customer is redirected as by the first decision.
async fn decide(
    State(provider): State<Provider>,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Response {
    let look = |number, payment: &Payment| (number, payment.about());
    let Some((number, about)) = provider.engine.with_page(&token, look) else { return missing() };
    let fields = match fields {
        Ok(Form(fields)) => fields,
        Err(rejection) => return (rejection.status(), rejection.body_text()).into_response(),
    };
    let choice = provider.engine.with_page(&token, |_, payment| {
        payment.awaits_customer().then(|| Choice::read(&fields, payment))
    });
    match choice.flatten() {
        Some(Ok(Choice { decision, amount })) => {
            provider.engine.decide(number, decision, amount).await;
        }
        Some(Err(unclear)) => return show_again(&provider, &token, &headers, &fields, unclear),
        None => {}
    }
    send_back(&provider, &token, about)
}

fn show_again(
    provider: &Provider,
    token: &str,
    headers: &HeaderMap,
    fields: &[(String, String)],
    unclear: Unclear,
) -> Response {
    let page = provider.engine.with_page(token, |_, payment| {
        let visit = visit(provider, payment, headers);
        let t = visit.language.texts();
        let note = match unclear {
            Unclear::Foreign => t.foreign_form,
            Unclear::Nothing => t.amount_missing,
            Unclear::Voucher(_) => t.voucher_refused,
        };
        let url = provider.engine.page_url(token);
        let mut page = Page::of(payment, token, &url, visit, Some(note.to_owned()));
        if let Shown::Asking(ask) = &mut page.stage {
            ask.keep(fields, unclear);
        }
        page.response(StatusCode::UNPROCESSABLE_ENTITY, payment)
    });
    page.unwrap_or_else(missing)
}

/// Reload of the page after an invalid decision.
async fn back(State(provider): State<Provider>, Path(token): Path<String>) -> Response {
    match provider.engine.with_page(&token, |_, _| ()) {
        Some(()) => see_other(&format!("/provider/{token}")),
        None => missing(),
    }
}

/// To the merchant if it named an address, else to the result.
fn send_back(provider: &Provider, token: &str, about: About) -> Response {
    let url =
        provider.engine.with_page(token, |_, payment| payment.return_url().map(str::to_owned));
    match url.flatten() {
        Some(url) => {
            let response = see_other(&url);
            provider.engine.record(about, EventKind::CustomerReturned { url });
            response
        }
        None => see_other(&format!("/provider/{token}")),
    }
}

/// How the customer came: by the Payment Page, else as the browser says.
fn visit(provider: &Provider, payment: &Payment, headers: &HeaderMap) -> Visit {
    let Order { project, payment_id, .. } = &payment.order;
    let browser = || Visit { language: Language::of_browser(headers), framed: false };
    provider.visits.of_payment(*project, payment_id).unwrap_or_else(browser)
}

#[derive(Template)]
#[template(path = "provider.html")]
struct Page<'a> {
    language: Language,
    t: &'static Texts,
    framed: bool,
    token: &'a str,
    method: &'a str,
    project: String,
    payment: &'a str,
    description: &'a str,
    amount: Money,
    /// The vouchers that add up to the amount, in words, such as `2 × 50.00 EUR`; empty for a
    /// method without vouchers.
    parts: Vec<String>,
    stage: Shown<'a>,
    note: Option<String>,
}

/// Purpose of a page.
enum Shown<'a> {
    Asking(Ask),
    /// The payment waits for somebody other than the customer, such as the merchant, as the text on
    /// the page says.
    Waiting(&'static str),
    Ended {
        success: bool,
        return_url: Option<&'a str>,
    },
}

struct Ask {
    amount_decides: bool,
    confirmed: bool,
    /// What the page shows for the customer to pay with, such as a QR code; empty for methods
    /// without that.
    items: Vec<Item>,
    /// Whether the customer confirms the payment on the phone, so that the page says so.
    on_phone: bool,
    open: Option<Open>,
    voucher: Option<VoucherForm>,
}

impl Ask {
    /// Shows what was entered again, except for the security code.
    fn keep(&mut self, fields: &[(String, String)], unclear: Unclear) {
        for voucher in self.open.iter_mut().flat_map(|open| &mut open.vouchers) {
            let name = format!("count-{}", voucher.minor);
            let count = fields.iter().find(|(given, _)| *given == name);
            let count = count.and_then(|(_, value)| value.trim().parse().ok());
            voucher.count = count.unwrap_or_default();
        }
        if let (Some(form), Some(entered)) = (&mut self.voucher, Entered::read(fields)) {
            form.entered = Some(entered);
            if let Unclear::Voucher(problems) = unclear {
                form.problems = problems;
            }
        }
    }
}

/// The fields for a voucher.
#[derive(Default)]
struct VoucherForm {
    entered: Option<Entered>,
    problems: Problems,
}

impl VoucherForm {
    fn number(&self) -> &str {
        self.entered.as_ref().map(Entered::number).unwrap_or_default()
    }

    fn expiry(&self) -> &str {
        self.entered.as_ref().map(Entered::expiry).unwrap_or_default()
    }

    fn tests() -> &'static [TestVoucher] {
        &VOUCHERS
    }
}

/// An amount that the customer chooses: by vouchers, or by typing it if there are none.
struct Open {
    currency: &'static str,
    vouchers: Vec<Offered>,
}

impl Open {
    fn has_odd(&self) -> bool {
        self.vouchers.iter().any(|voucher| voucher.odd)
    }
}

/// A voucher to choose.
struct Offered {
    minor: i64,
    text: String,
    /// Whether the voucher's amount is only in an example on the method's documentation page and
    /// not in its list of vouchers. The page marks it with `*`.
    odd: bool,
    count: u8,
}

impl<'a> Page<'a> {
    fn of(
        payment: &'a Payment,
        token: &'a str,
        url: &str,
        visit: Visit,
        note: Option<String>,
    ) -> Self {
        let Visit { language, framed } = visit;
        let t = language.texts();
        let order = &payment.order;
        let stage = match payment.outcome() {
            Some(outcome) => Shown::Ended {
                success: outcome == Outcome::Success,
                return_url: payment.return_url(),
            },
            None if payment.awaits_others() => Shown::Waiting(t.awaiting_merchant),
            None if payment.awaits_clarification() => Shown::Waiting(t.awaiting_clarification),
            None => Shown::Asking(Ask {
                amount_decides: payment.is_listed(),
                confirmed: payment.confirms_amount(),
                items: shown::items(payment, url),
                on_phone: order.spec.testing().sale_step() == TestStep::Push,
                open: payment.is_open().then(|| Open {
                    currency: order.amount.currency().code(),
                    vouchers: choice::offered(order)
                        .into_iter()
                        .map(|voucher| Offered {
                            minor: voucher.minor(),
                            text: voucher.to_string(),
                            odd: choice::is_odd(order, voucher),
                            count: 0,
                        })
                        .collect(),
                }),
                voucher: order.spec.asks_for_voucher().then(VoucherForm::default),
            }),
        };
        let (parts, rest) = choice::split(order);
        let mut parts: Vec<String> =
            parts.into_iter().map(|(times, voucher)| format!("{times} × {voucher}")).collect();
        if !parts.is_empty() && rest.minor() > 0 {
            parts.push(format!("{rest} {}", t.of_one_more));
        }
        Self {
            language,
            t,
            framed,
            token,
            method: order.spec.title(),
            project: order.project.to_string(),
            payment: order.payment_id.as_str(),
            description: &order.description,
            amount: payment.on_page(),
            parts,
            stage,
            note,
        }
    }

    fn heading(&self) -> String {
        match self.amount.minor() {
            0 if matches!(self.stage, Shown::Asking(_)) => self.t.choose_amount.to_owned(),
            0 => self.t.no_amount.to_owned(),
            _ => self.amount.to_string(),
        }
    }

    fn response(&self, status: StatusCode, payment: &Payment) -> Response {
        let urls = &payment.order.return_urls;
        let onward = [&urls.success, &urls.decline, &urls.neutral].into_iter().flatten();
        let policy = Policy::default().framed(self.framed).leads_to(onward.map(String::as_str));
        html(status, self, &policy)
    }
}
