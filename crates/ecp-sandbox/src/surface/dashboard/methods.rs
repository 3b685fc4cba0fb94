//! The page with the list of payment methods and its filters.

use std::collections::BTreeSet;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use ecp_methods::spec::Certainty;
use ecp_methods::{DynMethod, MethodSpec, Operation, Selection};
use http::StatusCode;

use super::forms::{Pairs, field};
use super::shell::Shell;
use crate::engine::Engine;
use crate::surface::page::{Policy, html};

#[derive(Template)]
#[template(path = "dashboard/methods.html")]
struct MethodsPage {
    shell: Shell,
    given: Pairs,
    /// Names of the operations that the page's filter offers, such as `sale`: those of all methods
    /// in the registry.
    operations: BTreeSet<&'static str>,
    currencies: BTreeSet<&'static str>,
    certainties: Vec<String>,
    methods: Vec<&'static MethodSpec>,
    /// The reason why no method is shown, such as a filter that none fits; empty if methods are
    /// shown.
    none: String,
    /// Number of methods that fit all filters but the country, and whose documentation names no
    /// countries. They are not shown.
    unstated: usize,
}

impl MethodsPage {
    fn given(&self, name: &str) -> &str {
        field(&self.given, name).unwrap_or_default()
    }
}

pub(super) async fn show(State(engine): State<Engine>, Query(given): Query<Pairs>) -> Response {
    let registry = &engine.config().registry;
    let specs = || registry.iter().map(DynMethod::spec);
    let selection = selection(&given);
    let methods: Vec<_> = selection.of(registry).collect();
    let page = MethodsPage {
        shell: Shell::new("methods"),
        operations: specs().flat_map(MethodSpec::flows).map(Operation::name).collect(),
        currencies: specs().flat_map(MethodSpec::currencies).map(|one| one.code()).collect(),
        certainties: Certainty::ALL.iter().rev().map(ToString::to_string).collect(),
        none: if methods.is_empty() { selection.why_none(registry) } else { String::new() },
        unstated: selection.of_unstated_countries(registry).count(),
        methods,
        given,
    };
    html(StatusCode::OK, &page, &Policy::default().script())
}

/// Returns the filters that a form sets. An unknown currency or certainty sets no filter.
fn selection(given: &Pairs) -> Selection {
    let mut selection = Selection::new();
    if let Some(country) = field(given, "country") {
        selection = selection.country(country.to_uppercase());
    }
    if let Some(currency) = field(given, "currency").and_then(|code| code.parse().ok()) {
        selection = selection.currency(currency);
    }
    if let Some(operation) = field(given, "operation") {
        selection = selection.operation(operation);
    }
    let certainty = field(given, "certainty").and_then(|name| {
        Certainty::ALL.iter().copied().find(|certainty| certainty.to_string() == name)
    });
    match certainty {
        Some(certainty) => selection.certainty(certainty),
        None => selection,
    }
}
