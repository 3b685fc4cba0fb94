//! Frame of all pages of the Dashboard.

use super::forms::{Pairs, field};

/// Frame of a page of the Dashboard.
pub(crate) struct Shell {
    pub(super) section: &'static str,
    /// Result of the last action, or why it failed.
    pub(super) notice: Option<Notice>,
}

/// Texts for finished actions, by their words in addresses.
const DONE: [(&str, &str); 13] = [
    ("cleared", "No faults are in force."),
    ("decided", "Decided in the customer’s place."),
    ("ended", "The rule has ended."),
    ("fault", "The rule is in force."),
    ("link", "The link is ready."),
    ("payout", "The payout is registered."),
    ("refund", "The refund is registered."),
    ("released", "The payment goes on."),
    ("report", "The report is made."),
    ("resent", "The callback is on its way again."),
    ("sent", "The callback is on its way."),
    ("template", "The template is saved."),
    ("template-removed", "The template is removed."),
];

/// A line at the top of a page.
pub(super) struct Notice {
    pub(super) good: bool,
    pub(super) text: String,
}

impl Shell {
    pub(super) const fn new(section: &'static str) -> Self {
        Self { section, notice: None }
    }

    /// A frame with the action that was done before the browser was redirected here.
    pub(super) fn after(section: &'static str, pairs: &Pairs) -> Self {
        let text = field(pairs, "done").and_then(|word| {
            DONE.into_iter().find(|(known, _)| *known == word).map(|(_, text)| text)
        });
        let notice = text.map(|text| Notice { good: true, text: text.to_owned() });
        Self { notice, ..Self::new(section) }
    }

    pub(super) fn failed(self, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { good: false, text: text.into() }), ..self }
    }

    pub(super) fn current(&self, section: &str) -> &'static str {
        if self.section == section { "page" } else { "false" }
    }
}

/// The link to a payment's page.
pub(super) fn payment_url(project: ecp_core::ProjectId, payment_id: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("project", &project.to_string())
        .append_pair("id", payment_id)
        .finish();
    format!("/dashboard/payment?{query}")
}

/// `2026-11-22 10:00:00`, as the platform's Data API writes it.
pub(super) fn when(time: ecp_core::Timestamp) -> String {
    let text = time.to_string();
    text.split_at_checked(19).map_or_else(|| text.clone(), |(text, _)| text.replace('T', " "))
}

/// Whether an option of a form is the one that was given.
pub(super) fn is_chosen(option: impl AsRef<str>, given: impl AsRef<str>) -> bool {
    option.as_ref() == given.as_ref()
}

/// How a status is shown: good, bad or still open.
pub(super) fn tone(status: &str) -> &'static str {
    match status {
        "success" => "yes",
        "decline" | "error" | "internal error" | "expired" => "no",
        "refunded" | "partially refunded" | "reversed" | "partially reversed" => "back",
        _ => "wait",
    }
}
