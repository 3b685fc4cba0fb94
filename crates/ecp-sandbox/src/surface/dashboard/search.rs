//! Filters of the lists.

use ecp_core::{ProjectId, Timestamp};
use ecp_methods::{DynMethod, MethodSpec, Operation, Registry};

use super::forms::{Pairs, field};
use crate::engine::view::{Filter, Paging};

const PAGE: usize = 50;

/// Returns the operations of the methods in a registry, known ones first.
pub(super) fn operations(registry: &Registry) -> Vec<Operation> {
    let of_methods: Vec<Operation> =
        registry.iter().map(DynMethod::spec).flat_map(MethodSpec::flows).collect();
    let known = Operation::KNOWN.iter().filter(|known| of_methods.contains(known));
    let mut all: Vec<Operation> = known.copied().collect();
    for operation in of_methods {
        if !all.contains(&operation) {
            all.push(operation);
        }
    }
    all
}

/// Filters and page number of a list, as the form sent them.
pub(crate) struct Search(Pairs);

impl Search {
    pub(super) const fn new(pairs: Pairs) -> Self {
        Self(pairs)
    }

    /// Returns the value of a form field, to show it again; empty if the field is missing.
    pub(crate) fn text(&self, name: &str) -> &str {
        field(&self.0, name).unwrap_or_default()
    }

    /// Returns the filter. An operation is one of the methods' in the registry.
    pub(super) fn filter(&self, registry: &Registry) -> Filter {
        let text = |name: &str| field(&self.0, name).map(str::to_owned);
        Filter {
            project: text("project").and_then(|id| ProjectId::new(id.parse().ok()?).ok()),
            text: None,
            search: text("text"),
            failing_callbacks: field(&self.0, "callbacks") == Some("failing"),
            status: text("status"),
            method: text("method"),
            kind: text("kind")
                .and_then(|kind| operations(registry).into_iter().find(|it| it.name() == kind)),
            from: field(&self.0, "from").and_then(|day| moment(day, "00:00:00")),
            to: field(&self.0, "to").and_then(|day| moment(day, "23:59:59")),
        }
    }

    pub(super) fn paging(&self) -> Paging {
        Paging { offset: self.page() * PAGE, limit: PAGE }
    }

    /// Counted from 0.
    fn page(&self) -> usize {
        field(&self.0, "page").and_then(|page| page.parse().ok()).unwrap_or(0).min(1 << 20)
    }

    /// Returns the URL query with the filters, without the page number.
    pub(crate) fn query(&self) -> String {
        let pairs = self.without("page");
        form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    /// Returns the filters in words, such as `status decline`; empty if nothing is filtered.
    pub(crate) fn words(&self) -> String {
        const NAMES: [(&str, &str); 8] = [
            ("text", "search"),
            ("project", "project"),
            ("status", "status"),
            ("method", "method"),
            ("kind", "type"),
            ("callbacks", "callbacks"),
            ("from", "from"),
            ("to", "to"),
        ];
        let words = NAMES.iter().filter_map(|(name, word)| {
            let value = field(&self.0, name)?;
            Some(format!("{word} “{value}”"))
        });
        words.collect::<Vec<_>>().join(", ")
    }

    /// Returns the URL of this page of the list at a path.
    pub(super) fn url(&self, path: &str) -> String {
        let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(&self.0).finish();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{pairs}") }
    }

    /// Returns the names and values of the filters, without this one.
    pub(crate) fn without(&self, left_out: &str) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(move |(name, value)| *name != left_out && !value.is_empty())
    }

    pub(super) fn pages(&self, total: usize) -> Pages {
        let page = self.page();
        let link = |page: usize| format!("?{}&page={page}", self.query());
        let first = page * PAGE;
        Pages {
            total,
            first: (first + 1).min(total),
            last: (first + PAGE).min(total),
            newer: page.checked_sub(1).map(link),
            older: (first + PAGE < total).then(|| link(page + 1)),
        }
    }
}

/// Position of a page in a list, with links to other pages.
pub(crate) struct Pages {
    pub(crate) total: usize,
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) newer: Option<String>,
    pub(crate) older: Option<String>,
}

fn moment(day: &str, time: &str) -> Option<Timestamp> {
    format!("{day}T{time}+0000").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search(pairs: &[(&str, &str)]) -> Search {
        let pairs = pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
        Search::new(pairs.collect())
    }

    #[test]
    fn a_query_narrows_and_what_it_cannot_mean_does_not() {
        let found = search(&[
            ("project", "1"),
            ("text", " X1 "),
            ("status", ""),
            ("kind", "payout"),
            ("from", "2026-11-22"),
            ("to", "soon"),
        ]);
        let filter = found.filter(&Registry::builtin());
        assert_eq!(filter.project.map(ProjectId::get), Some(1));
        assert_eq!((filter.search.as_deref(), filter.status), (Some("X1"), None));
        assert!(!filter.failing_callbacks);
        let failing = search(&[("callbacks", "failing")]).filter(&Registry::builtin());
        assert!(failing.failing_callbacks);
        assert_eq!(filter.kind, Some(Operation::PAYOUT));
        assert_eq!(filter.from.map(|time| time.to_string()).unwrap(), "2026-11-22T00:00:00+0000");
        assert_eq!(filter.to, None);
        let words = "search “X1”, project “1”, type “payout”, from “2026-11-22”, to “soon”";
        assert_eq!((found.words().as_str(), search(&[]).words().as_str()), (words, ""));
        assert_eq!(found.query(), "project=1&text=+X1+&kind=payout&from=2026-11-22&to=soon");
    }

    #[test]
    fn pages_lead_to_one_another() {
        let pages = search(&[("page", "1"), ("text", "a&b")]).pages(120);
        assert_eq!((pages.first, pages.last, pages.total), (51, 100, 120));
        assert_eq!(pages.newer.as_deref(), Some("?text=a%26b&page=0"));
        assert_eq!(pages.older.as_deref(), Some("?text=a%26b&page=2"));
        let pages = search(&[]).pages(0);
        assert_eq!((pages.first, pages.last), (0, 0));
        assert!(pages.newer.is_none() && pages.older.is_none());
    }
}
