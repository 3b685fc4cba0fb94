//! Frame of all pages of the Dashboard.

use ecp_core::Timestamp;

use super::forms::{Pairs, field};
use super::live::Live;
use crate::engine::callbacks::CallbackState;
use crate::engine::events::CallbackRefusal;

/// Frame that every page of the Dashboard has.
pub(crate) struct Shell {
    pub(super) section: &'static str,
    /// Result of the last action, or why it failed.
    pub(super) notice: Option<Notice>,
    /// How the page is kept up to date while it is open; `None` if it is not.
    pub(super) live: Option<Live>,
}

/// Texts for finished actions, by their words in addresses.
const DONE: [(&str, &str); 13] = [
    ("cleared", "No fault rules are active."),
    ("decided", "Decided in the customer’s place."),
    ("ended", "The rule has ended."),
    ("fault", "The rule is active."),
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

/// Message at the top of a page about the last action.
pub(super) struct Notice {
    pub(super) good: bool,
    pub(super) text: String,
}

impl Shell {
    pub(super) const fn new(section: &'static str) -> Self {
        Self { section, notice: None, live: None }
    }

    /// Returns a frame with the message for the action from which the browser was redirected to
    /// this page.
    pub(super) fn after(section: &'static str, pairs: &Pairs) -> Self {
        let text = field(pairs, "done").and_then(|word| {
            DONE.into_iter().find(|(known, _)| *known == word).map(|(_, text)| text)
        });
        let notice = text.map(|text| Notice { good: true, text: text.to_owned() });
        Self { notice, ..Self::new(section) }
    }

    /// Keeps the page up to date while it is open.
    pub(super) fn live(self, live: Live) -> Self {
        Self { live: Some(live), ..self }
    }

    pub(super) fn failed(self, text: impl Into<String>) -> Self {
        Self { notice: Some(Notice { good: false, text: text.into() }), ..self }
    }

    pub(super) fn current(&self, section: &str) -> &'static str {
        if self.section == section { "page" } else { "false" }
    }
}

/// Returns the link to a payment's page in the Dashboard.
pub(super) fn payment_url(project: ecp_core::ProjectId, payment_id: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("project", &project.to_string())
        .append_pair("id", payment_id)
        .finish();
    format!("/dashboard/payment?{query}")
}

/// A moment as pages show it: in UTC, which the script of a page can change to the browser's time
/// zone.
#[derive(Clone, Copy)]
pub(crate) struct Stamp {
    at: Timestamp,
    /// Milliseconds since the beginning of the second, 0 to 999; `None` where a page shows whole
    /// seconds.
    millis: Option<u16>,
}

impl Stamp {
    pub(crate) const fn of(at: Timestamp) -> Self {
        Self { at, millis: None }
    }

    pub(super) const fn exact(at: Timestamp, millis: u16) -> Self {
        Self { at, millis: Some(millis) }
    }

    /// Returns the moment for people, such as `2026-11-22 10:00:00`.
    pub(crate) fn text(self) -> String {
        when(self.at) + &self.fraction()
    }

    /// Returns the moment for programs, such as `2026-11-22T10:00:00Z`.
    pub(crate) fn iso(self) -> String {
        format!("{}{}Z", when(self.at).replace(' ', "T"), self.fraction())
    }

    fn fraction(self) -> String {
        self.millis.map(|millis| format!(".{millis:03}")).unwrap_or_default()
    }
}

/// Returns a time in the form of the platform's Data API, such as `2026-11-22 10:00:00`.
pub(super) fn when(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_at_checked(19).map_or_else(|| text.clone(), |(text, _)| text.replace('T', " "))
}

/// Whether an option of a form is the one that was given.
pub(super) fn is_chosen(option: impl AsRef<str>, given: impl AsRef<str>) -> bool {
    option.as_ref() == given.as_ref()
}

/// Returns how the state of a payment's callbacks is shown: as good, as bad or as still open, in
/// words, and with a note. `None` if there is nothing to show.
pub(super) fn callback_words(
    state: &CallbackState,
) -> Option<(&'static str, &'static str, String)> {
    Some(match state {
        CallbackState::None => return None,
        CallbackState::Delivered => ("yes", "delivered", String::new()),
        CallbackState::Waiting { .. } => ("wait", "on its way", String::new()),
        CallbackState::Retrying { attempt, problem, .. } => {
            ("no", "trying again", format!("attempt {attempt}: {problem}"))
        }
        CallbackState::Failed { attempt, problem, .. } => {
            ("no", "failed", format!("after attempt {attempt}: {problem}"))
        }
        CallbackState::Refused { reason, .. } => ("no", "not sent", reason_words(*reason)),
    })
}

/// A few words for why a callback is not sent; the timeline of the payment has the whole reason.
fn reason_words(reason: CallbackRefusal) -> String {
    match reason {
        CallbackRefusal::HostNotAllowed => "host not allowed",
        CallbackRefusal::Lost => "lost by a fault",
        CallbackRefusal::NoAddress => "no address",
        CallbackRefusal::NoUrl => "the address is no URL",
        CallbackRefusal::NotPlainHttp => "the address is not http://",
        CallbackRefusal::OwnAddress => "the address is the sandbox’s",
        CallbackRefusal::TooMany => "too many at once",
    }
    .to_owned()
}

/// Returns the style class of a text in a table: an id of a usual length is not broken into lines.
pub(super) fn breaking(text: &str) -> &'static str {
    if text.chars().count() > 24 { "long-word" } else { "word" }
}

/// Returns how a status is shown: as good, as bad or as still open.
pub(super) fn tone(status: &str) -> &'static str {
    match status {
        "success" => "yes",
        "decline" | "error" | "internal error" | "expired" => "no",
        "refunded" | "partially refunded" | "reversed" | "partially reversed" => "back",
        _ => "wait",
    }
}
