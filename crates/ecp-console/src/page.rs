//! Parts that all pages share: their frame, their responses, and the files that they load.
//!
//! Pages hold no script and no style of their own. The style sheet comes from this server, under an
//! address that changes with its content, and the content security policy allows nothing else.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;

use askama::Template;
use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use ecp_core::Timestamp;
use ecp_inbox::InboxError;
use http::{HeaderName, HeaderValue, StatusCode, header};

use crate::parts::Parts;

const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";

/// The frame of a page.
pub(crate) struct Shell {
    pub(crate) base: String,
    section: &'static str,
    pub(crate) notice: Option<Notice>,
    pub(crate) changes: bool,
    /// Paths below the base of the sections that there are, with their titles.
    pub(crate) sections: Vec<(&'static str, &'static str)>,
    now: Timestamp,
}

/// The result of what was asked for, above the page.
pub(crate) struct Notice {
    pub(crate) good: bool,
    pub(crate) text: String,
}

impl Shell {
    pub(crate) fn new(parts: &Parts, section: &'static str) -> Self {
        let sections = [
            (parts.inbox.is_some(), ("callbacks", "Callbacks")),
            (parts.has_jobs(), ("payouts", "Payouts")),
            (parts.has_reconciliation(), ("reconciliation", "Reconciliation")),
        ];
        let there = sections.into_iter().filter(|(is_there, _)| *is_there);
        Self {
            base: parts.base.clone(),
            section,
            notice: None,
            changes: parts.changes,
            sections: there.map(|(_, section)| section).collect(),
            now: parts.now(),
        }
    }

    pub(crate) fn notice(self, notice: Option<Notice>) -> Self {
        Self { notice, ..self }
    }

    pub(crate) fn home(&self) -> &str {
        if self.base.is_empty() { "/" } else { &self.base }
    }

    pub(crate) fn current(&self, section: &str) -> &'static str {
        if self.section == section { "page" } else { "false" }
    }

    pub(crate) fn asset(&self, name: &str) -> String {
        let found = ASSETS.iter().find(|(_, asset)| asset.name == name);
        let versioned = found.map(|(versioned, _)| versioned.as_str()).unwrap_or_default();
        format!("{}/assets/{versioned}", self.base)
    }

    /// `5 min ago`, or `in 5 min`.
    pub(crate) fn distance(&self, time: Timestamp) -> String {
        let seconds = time.unix_seconds() - self.now.unix_seconds();
        let text = duration(seconds.unsigned_abs());
        if seconds > 0 { format!("in {text}") } else { format!("{text} ago") }
    }

    /// When the next attempt is: `due now`, or `in 5 min`.
    pub(crate) fn next(&self, due: Timestamp) -> String {
        if due > self.now { self.distance(due) } else { "due now".to_owned() }
    }
}

/// A duration in its largest whole unit: `59 s`, `3 min`, `5 h`, `12 days`.
pub(crate) fn duration(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// `2023-11-14 22:13:20`, in UTC.
pub(crate) fn when(time: Timestamp) -> String {
    let text = time.to_string();
    text.split_once('+').map_or(text.as_str(), |(utc, _)| utc).replace('T', " ")
}

/// A static file that pages load.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static str,
}

const STYLE: Asset = Asset {
    name: "console.css",
    media_type: "text/css; charset=utf-8",
    content: include_str!("assets/console.css"),
};

const ICON: Asset = Asset {
    name: "icon.svg",
    media_type: "image/svg+xml",
    content: include_str!("assets/icon.svg"),
};

/// The assets with the hashes of their content, by which their addresses change.
static ASSETS: LazyLock<Vec<(String, Asset)>> = LazyLock::new(|| {
    let versioned = |asset: Asset| {
        let mut hasher = DefaultHasher::new();
        asset.content.hash(&mut hasher);
        let (stem, ending) = asset.name.split_once('.').unwrap_or((asset.name, ""));
        (format!("{stem}-{:08x}.{ending}", hasher.finish() >> 32), asset)
    };
    [STYLE, ICON].map(versioned).into()
});

pub(crate) async fn asset(Path(name): Path<String>) -> Response {
    match ASSETS.iter().find(|(versioned, _)| *versioned == name) {
        Some((_, asset)) => {
            let headers = [
                (header::CONTENT_TYPE, asset.media_type),
                (header::CACHE_CONTROL, "private, max-age=31536000, immutable"),
            ];
            (headers, asset.content).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Returns an answer with this page as HTML.
pub(crate) fn html(status: StatusCode, page: &impl Template) -> Response {
    let Ok(text) = page.render() else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let policy: (HeaderName, HeaderValue) =
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    (status, [policy], Html(text)).into_response()
}

/// Returns an answer that redirects the browser to a page of this console with `GET`.
pub(crate) fn see_other(target: &str) -> Response {
    match HeaderValue::try_from(target) {
        Ok(location) => (StatusCode::SEE_OTHER, [(header::LOCATION, location)]).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem {
    shell: Shell,
    title: &'static str,
    text: String,
}

/// Returns an answer with a page that says why there is no other one.
pub(crate) fn problem(
    status: StatusCode,
    shell: Shell,
    title: &'static str,
    text: impl Into<String>,
) -> Response {
    html(status, &Problem { shell, title, text: text.into() })
}

/// Returns an answer for an inbox that cannot be read. The error's text is safe to show.
pub(crate) fn inbox_failed(shell: Shell, error: &InboxError) -> Response {
    tracing::error!("error.type" = error.kind().as_str(), "the console cannot use the inbox");
    problem(StatusCode::SERVICE_UNAVAILABLE, shell, "The inbox cannot be used", error.to_string())
}

/// Returns an answer for a request that needs changes to be allowed.
pub(crate) fn read_only(shell: Shell) -> Response {
    let text = "This console is read only. A service allows changes by Console::allow_changes, the \
                command by ecp console --allow-changes.";
    problem(StatusCode::FORBIDDEN, shell, "Read only", text)
}

/// The parameters of a query or a form. Of several values under one name, the last counts.
pub(crate) struct Parameters(Vec<(String, String)>);

impl Parameters {
    pub(crate) fn read(text: Option<&[u8]>) -> Self {
        let pairs = form_urlencoded::parse(text.unwrap_or_default());
        Self(pairs.into_owned().collect())
    }

    /// The trimmed value under a name; `None` if it is empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(given, _)| given == name);
        found.map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
    }

    /// All values under a name.
    pub(crate) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(given, _)| given == name).map(|(_, value)| value.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc_and_durations_in_one_unit() {
        let time: Timestamp = "2019-04-15T18:31:44+0200".parse().unwrap();
        assert_eq!(when(time), "2019-04-15 16:31:44");
        for (seconds, text) in [(59, "59 s"), (185, "3 min"), (19_000, "5 h"), (999_999, "11 days")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
