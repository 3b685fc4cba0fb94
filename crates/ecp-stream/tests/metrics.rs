//! Metrics, and the page that lists them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use ecp_core::observe::{Observation, Observer};
use ecp_stream::METRICS;

/// Keeps the names of metrics and outcomes.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<BTreeSet<(&'static str, String)>>>);

impl Observer for Seen {
    fn observe(&self, seen: &Observation<'_>) {
        assert!(METRICS.contains(&seen.metric), "{} is not listed", seen.metric.name());
        for (label, _) in seen.labels {
            assert!(seen.metric.labels().contains(label), "{label} is not listed");
        }
        let outcome = seen.labels.iter().find(|(label, _)| *label == "ecp.outcome");
        let outcome = outcome.unwrap().1.to_owned();
        self.0.lock().unwrap().insert((seen.metric.name(), outcome));
    }
}

impl Seen {
    pub(crate) fn outcomes(&self, metric: &str) -> BTreeSet<String> {
        let seen = self.0.lock().unwrap();
        seen.iter()
            .filter(|(name, _)| *name == metric)
            .map(|(_, outcome)| outcome.clone())
            .collect()
    }
}

#[test]
fn the_metrics_are_those_of_the_page() {
    let page = std::fs::read_to_string("../../docs/observability.md").unwrap();
    let (_, section) = page.split_once("\n## Metrics of streams\n").unwrap();
    let (section, _) = section.split_once("\n## ").unwrap();
    let rows: BTreeSet<&str> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let listed: BTreeSet<String> = METRICS
        .iter()
        .map(|metric| {
            let labels: Vec<String> =
                metric.labels().iter().map(|label| format!("`{label}`")).collect();
            format!("| `{}` | {} | {} |", metric.name(), metric.description(), labels.join(", "))
        })
        .collect();
    assert_eq!(rows, listed.iter().map(String::as_str).collect());
}
