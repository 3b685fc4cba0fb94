//! The lists of payments and operations.

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, Effect, MethodSpec, Operation};
use http::StatusCode;

use super::forms::Pairs;
use super::live::Live;
use super::search::{Pages, Search, operations};
use super::shell::Shell;
use crate::engine::Engine;
use crate::engine::view::{OperationView, PaymentView};
use crate::surface::page::{Policy, html};

/// The statuses that payments of the sandbox can have.
pub(super) const PAYMENT_STATUSES: [&str; 14] = [
    "processing",
    "awaiting clarification",
    "awaiting customer",
    "awaiting redirect result",
    "external processing",
    "success",
    "decline",
    "internal error",
    "refunded",
    "partially refunded",
    "reversed",
    "partially reversed",
    "awaiting capture",
    "canceled",
];

/// The statuses that operations of the sandbox can have.
pub(super) const OPERATION_STATUSES: [&str; 8] = [
    "processing",
    "awaiting clarification",
    "awaiting customer",
    "awaiting redirect result",
    "external processing",
    "success",
    "decline",
    "internal error",
];

#[derive(Template)]
#[template(path = "dashboard/payments.html")]
struct PaymentsPage {
    shell: Shell,
    narrow: Narrow,
    rows: Vec<PaymentView>,
    pages: Pages,
}

#[derive(Template)]
#[template(path = "dashboard/operations.html")]
struct OperationsPage {
    shell: Shell,
    narrow: Narrow,
    rows: Vec<OperationView>,
    pages: Pages,
}

/// Form with the filters of a list.
pub(super) struct Narrow {
    pub(super) title: &'static str,
    pub(super) search: Search,
    pub(super) action: &'static str,
    pub(super) file: &'static str,
    pub(super) projects: Vec<String>,
    pub(super) methods: Vec<&'static MethodSpec>,
    pub(super) statuses: &'static [&'static str],
    pub(super) kinds: Vec<&'static str>,
    /// Number of payments that the history has removed.
    pub(super) dropped: u64,
    /// Number of payments that the history keeps.
    pub(super) kept: usize,
}

impl Narrow {
    /// Returns the filter form of the list of payments.
    pub(super) fn new(engine: &Engine, search: Search) -> Self {
        Self {
            title: "Payments",
            search,
            action: "/dashboard",
            file: "payments",
            projects: engine.projects().iter().map(ToString::to_string).collect(),
            methods: engine.config().registry.iter().map(DynMethod::spec).collect(),
            statuses: &PAYMENT_STATUSES,
            kinds: kinds(engine, Effect::is_new_payment),
            dropped: engine.dropped_payments(),
            kept: engine.config().payment_history,
        }
    }

    /// Returns the code of a method with sales on Gate, to try the sandbox with.
    fn example(&self) -> Option<&'static str> {
        let has_sales = |spec: &&&MethodSpec| {
            let rule = spec.rule(Operation::SALE);
            rule.is_some_and(|rule| rule.interfaces().contains(&Interface::Gate))
        };
        self.methods.iter().find(has_sales).map(|spec| spec.code())
    }
}

/// Returns the names of the methods' operations with such an effect.
pub(super) fn kinds(engine: &Engine, wanted: fn(Effect) -> bool) -> Vec<&'static str> {
    let all = operations(&engine.config().registry).into_iter();
    all.filter(|operation| wanted(operation.effect())).map(Operation::name).collect()
}

pub(super) async fn payments(State(engine): State<Engine>, Query(pairs): Query<Pairs>) -> Response {
    let search = Search::new(pairs);
    let live = Live::new(&engine, search.url("/dashboard"));
    let listed = engine.payments(&search.filter(&engine.config().registry), search.paging());
    let page = PaymentsPage {
        shell: Shell::new("payments").live(live),
        pages: search.pages(listed.total),
        rows: listed.items,
        narrow: Narrow::new(&engine, search),
    };
    html(StatusCode::OK, &page, &Policy::default().script())
}

pub(super) async fn all_operations(
    State(engine): State<Engine>,
    Query(pairs): Query<Pairs>,
) -> Response {
    let search = Search::new(pairs);
    let live = Live::new(&engine, search.url("/dashboard/operations"));
    let listed = engine.operations(&search.filter(&engine.config().registry), search.paging());
    let page = OperationsPage {
        shell: Shell::new("operations").live(live),
        pages: search.pages(listed.total),
        rows: listed.items,
        narrow: Narrow {
            title: "Operations",
            action: "/dashboard/operations",
            file: "operations",
            statuses: &OPERATION_STATUSES,
            kinds: kinds(&engine, |effect| effect != Effect::Manage),
            ..Narrow::new(&engine, search)
        },
    };
    html(StatusCode::OK, &page, &Policy::default().script())
}
