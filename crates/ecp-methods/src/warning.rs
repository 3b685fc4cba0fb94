//! Warnings about requests that passed all checks.

use std::fmt;

use crate::request::{Draft, Field, paths};
use crate::spec::MethodSpec;

/// A doubt about a request that passed all checks, such as a path that may be misspelt. The request
/// can be sent as it is; log the doubt.
/// [`PreparedRequest::warnings`](crate::PreparedRequest::warnings) returns it.
///
/// ```
/// use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
/// use ecp_methods::{Jeton, prepare};
///
/// let sale = SaleRequest::new("X03936".parse()?, "100.00 EUR".parse()?)
///     .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
///     .return_urls(ReturnUrls::new().success("https://a.example").decline("https://b.example"))
///     .extra("payment.extra_parm", "blue");
///
/// let warnings = prepare(&Jeton, sale)?.warnings();
/// assert_eq!(
///     warnings[0].to_string(),
///     "`payment.extra_parm` is in no document of the platform; the nearest known path is \
///      `payment.extra_param`"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A value is set at a path of the Gate request that neither the method's spec nor any
    /// documentation of the platform has. It may be misspelt: compare it with `nearest`.
    UnknownPath {
        /// The path in the Gate request, such as `payment.extra_parm`.
        path: String,
        /// The known path that is most similar, such as `payment.extra_param`; `None` if none is
        /// similar.
        nearest: Option<&'static str>,
    },
}

impl Warning {
    /// The path in the Gate request of the value to which the warning applies.
    pub fn path(&self) -> &str {
        match self {
            Self::UnknownPath { path, .. } => path,
        }
    }

    /// The text of the warning without the path, as the part of a sentence after the path: `is in
    /// no document of the platform`.
    pub fn problem(&self) -> String {
        let Self::UnknownPath { nearest, .. } = self;
        let known = nearest.map(|path| format!("; the nearest known path is `{path}`"));
        format!("is in no document of the platform{}", known.unwrap_or_default())
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.path(), self.problem())
    }
}

impl MethodSpec {
    /// Returns a warning if neither this spec nor any documentation of the platform has this path
    /// of a Gate request, so that it may be misspelt; otherwise `None`.
    /// [`warnings`](crate::PreparedRequest::warnings) uses it for each value of a request.
    pub fn unknown_path(&self, path: &str) -> Option<Warning> {
        // A path above a known one is an object that has it, and a path below is inside its value.
        let is_known = paths::OPEN.iter().any(|open| path == *open || paths::is_inside(path, open))
            || self.known_paths().any(|known| paths::overlap(path, known));
        (!is_known).then(|| {
            let distance = |known: &&'static str| paths::distance(path, known);
            let nearest = self.known_paths().min_by_key(distance);
            let nearest = nearest.filter(|known| distance(known) <= path.len() / 2);
            Warning::UnknownPath { path: path.to_owned(), nearest }
        })
    }

    fn known_paths(&self) -> impl Iterator<Item = &'static str> {
        let rules = self.rules().map(|(_, rule)| rule);
        let own = rules.flat_map(|rule| {
            let conditional = rule
                .conditional_needs()
                .iter()
                .flat_map(|need| need.fields().iter().copied().chain(need.depends_on()));
            rule.needed_fields().iter().copied().chain(conditional)
        });
        let shared = Field::KNOWN.iter().copied();
        shared.chain(own).map(Field::path).chain(paths::DOCUMENTED.iter().copied())
    }
}

/// The warnings about the values of a request that were set by their paths.
pub(crate) fn warnings(spec: &MethodSpec, draft: &Draft<'_>) -> Vec<Warning> {
    let mut paths = Vec::new();
    for (path, json) in draft.extra.iter() {
        match json.ok().and_then(|json| serde_json::from_str(json.get()).ok()) {
            Some(serde_json::Value::Object(members)) if spec.unknown_path(path).is_none() => {
                leaves(path, &members, &mut paths);
            }
            _ => paths.push(path.to_owned()),
        }
    }
    paths.iter().filter_map(|path| spec.unknown_path(path)).collect()
}

fn leaves(
    path: &str,
    members: &serde_json::Map<String, serde_json::Value>,
    paths: &mut Vec<String>,
) {
    for (name, value) in members {
        let path = format!("{path}.{name}");
        match value {
            serde_json::Value::Object(members) => leaves(&path, members, paths),
            _ => paths.push(path),
        }
    }
}
