//! The `next:` lines on standard error: commands and pages that can be used after a command.

use std::ffi::OsStr;
use std::fmt::{Arguments, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use ecp_core::model::End;
use ecp_core::{PaymentId, ProjectId};
use ecp_methods::{DynMethod, Operation, Registry};
use ecp_transport::{HttpTransport, ReqwestTransport};
use http::Request;
use serde_json::Value;

use crate::outcome::PaymentReport;
use crate::output::{is_json, shell_word};
use crate::profile::{Profile, ProfileOptions};
use crate::step::NextStep;

static IS_QUIET: AtomicBool = AtomicBool::new(false);

/// Switches the `next:` lines off (`--quiet`).
pub(crate) fn be_quiet() {
    IS_QUIET.store(true, Ordering::Relaxed);
}

/// Whether a command prints `next:` lines: not with `--quiet`, and not if it prints JSON.
pub(crate) fn is_wanted(json: bool) -> bool {
    !json && !is_json() && !IS_QUIET.load(Ordering::Relaxed)
}

/// Prints one `next:` line, unless they are switched off.
pub(crate) fn next(text: Arguments<'_>) {
    if is_wanted(false) {
        note!("next: {text}");
    }
}

/// Returns the code of a method for suggested commands: the first with sales and payouts or, if
/// there is none, the first with sales. `None` if no method of the registry has sales.
pub(crate) fn some_method(registry: &Registry) -> Option<&'static str> {
    let with = |operations: &[Operation]| {
        let mut specs = registry.iter().map(DynMethod::spec);
        specs.find(|spec| operations.iter().all(|&one| spec.rule(one).is_some()))
    };
    let spec = with(&[Operation::SALE, Operation::PAYOUT]).or_else(|| with(&[Operation::SALE]))?;
    Some(spec.code())
}

/// Returns an argument for a suggested command, after `--` if it begins with `-`.
pub(crate) fn argument(text: &str) -> String {
    let end_of_flags = if text.starts_with('-') { "-- " } else { "" };
    format!("{end_of_flags}{}", shell_word(text))
}

/// Returns the command line of the running command without one of its flags.
pub(crate) fn this_command_without(flag: &str) -> String {
    let arguments = std::env::args_os().skip(1).filter(|argument| argument != OsStr::new(flag));
    let mut command = "ecp".to_owned();
    for argument in arguments {
        command.extend([" ", &shell_word(&argument.to_string_lossy())]);
    }
    command
}

/// The subject of the next status request.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// The result of the payment itself: the page on which the customer pays and waiting for the
    /// payment's end are suggested.
    Payment,
    /// The result of a refund: the page on which the customer pays and waiting for the payment's
    /// end are not suggested, because they are about the payment's result.
    Refund,
}

/// Prints the commands and pages that can be used after a command that ended with this report.
pub(crate) async fn after_payment(
    profile: &Profile,
    options: &ProfileOptions,
    id: &PaymentId,
    report: &PaymentReport,
    about: About,
) {
    let flags = options.flags();
    let is_known = match report.outcome {
        "refused" | "not sent" | "not found" => return,
        // The text has the command.
        "unknown" if report.sentence.is_some() => return,
        outcome => outcome != "unknown",
    };
    if let Some(fields) = report.next_step.as_ref().and_then(NextStep::asked) {
        let mut command = format!("ecp clarify{flags}");
        for path in fields {
            // Writing to text does not fail.
            let _ = write!(command, " --field {}=VALUE", shell_word(path));
        }
        return next(format_args!("{command} {}", argument(id.as_str())));
    }
    let is_error = report.end == End::Error.as_str();
    let is_open = !report.is_final && !is_error;
    if is_known && profile.has_sandbox_pages() {
        let page =
            if is_open && about == About::Payment { page_of(profile, id).await } else { None };
        let page = page.unwrap_or_else(|| dashboard_url(&profile.gate_url, profile.project, id));
        next(format_args!("open {page}"));
    }
    if is_open {
        let wait = if about == About::Payment { " --wait" } else { "" };
        next(format_args!("ecp status{flags}{wait} {}", argument(id.as_str())));
    }
}

/// The payment's page in the sandbox's Dashboard.
pub(crate) fn dashboard_url(sandbox: &str, project: ProjectId, id: &PaymentId) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("project", &project.to_string())
        .append_pair("id", id.as_str())
        .finish();
    format!("{}/dashboard/payment?{query}", sandbox.trim_end_matches('/'))
}

/// The page on which the customer pays. Waits up to half a second until the sandbox has such a
/// page; `None` if it has none then.
async fn page_of(profile: &Profile, id: &PaymentId) -> Option<String> {
    const TRIES: u32 = 10;
    let transport = ReqwestTransport::plain_http().ok()?;
    let url = payment_url(&profile.gate_url, profile.project, id);
    for _ in 0..TRIES {
        let request = Request::get(&url).body(Bytes::new()).ok()?;
        let answer = transport.send(request).await.ok()?;
        let payment: Value = serde_json::from_slice(answer.body()).ok()?;
        if let Some(page) = payment["page_url"].as_str() {
            return Some(page.to_owned());
        }
        // It is decided after the request was answered.
        if payment["type"] != "sale"
            || payment["status"] != "awaiting redirect result" && payment["status"] != "processing"
        {
            return None;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}

/// The address of a payment in the sandbox's own API.
pub(crate) fn payment_url(sandbox: &str, project: ProjectId, id: &PaymentId) -> String {
    let id: String = form_urlencoded::byte_serialize(id.as_str().as_bytes()).collect();
    // In a path a plus is a plus.
    format!(
        "{}/sandbox/payments/{project}/{}",
        sandbox.trim_end_matches('/'),
        id.replace('+', "%20")
    )
}
