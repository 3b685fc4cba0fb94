//! Choices of the Dashboard's forms, and parsing of their fields.

use std::collections::BTreeSet;

use ecp_core::ProjectId;
use ecp_methods::spec::Interface;
use ecp_methods::{DynMethod, MethodSpec, Operation};

use crate::engine::Engine;

/// Names and values of the fields of a form.
pub(super) type Pairs = Vec<(String, String)>;

/// Returns the value of a field of the form; `None` if it is missing or empty.
pub(super) fn field<'p>(pairs: &'p Pairs, name: &str) -> Option<&'p str> {
    let value = pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.trim());
    value.filter(|value| !value.is_empty())
}

/// Returns the project that was chosen in a form.
pub(super) fn project(pairs: &Pairs) -> Result<ProjectId, String> {
    field(pairs, "project")
        .and_then(|id| ProjectId::new(id.parse().ok()?).ok())
        .ok_or_else(|| "Choose a project.".to_owned())
}

/// The choices that a form offers: projects, methods and currencies.
pub(crate) struct Choices {
    pub(crate) projects: Vec<String>,
    pub(crate) methods: Vec<&'static MethodSpec>,
    /// The currencies that any of the methods accepts, by code.
    pub(crate) currencies: BTreeSet<&'static str>,
}

impl Choices {
    /// Returns the choices for a flow on an interface: the methods that have the flow there, and
    /// their currencies.
    pub(super) fn of(engine: &Engine, flow: Operation, interface: Interface) -> Self {
        let all = engine.config().registry.iter().map(DynMethod::spec);
        let methods: Vec<_> = all
            .filter(|spec| {
                spec.rule(flow).is_some_and(|rule| rule.interfaces().contains(&interface))
            })
            .collect();
        let currencies = methods.iter().flat_map(|spec| spec.currencies());
        Self {
            projects: engine.projects().iter().map(ToString::to_string).collect(),
            currencies: currencies.map(|currency| currency.code()).collect(),
            methods,
        }
    }
}
