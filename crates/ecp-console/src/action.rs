//! What operators do and ask for, as events.

use std::fmt;
use std::sync::Arc;

use ecp_core::{PaymentId, ProjectId, Timestamp};
use ecp_inbox::{Entry, EntryId};
use ecp_reconcile::Interval;

/// Function that is called with each event.
pub(crate) type ActionLog = Arc<dyn Fn(&Event) + Send + Sync>;

/// The name of the person in front of the pages, for logs. The login of your service puts it into
/// the extensions of each request:
///
/// ```
/// use axum::extract::Request;
/// use axum::middleware::Next;
/// use axum::response::Response;
/// use ecp_console::Operator;
///
/// async fn name(mut request: Request, next: Next) -> Response {
///     request.extensions_mut().insert(Operator::new("anna"));
///     next.run(request).await
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator(Arc<str>);

impl Operator {
    /// Makes the name of an operator. Of a longer name, the first 200 characters are kept.
    pub fn new(name: &str) -> Self {
        Self(name.chars().take(200).collect::<String>().into())
    }

    /// The operator's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What an operator did or asked for on the pages, by whom and when.
/// [`Console::on_event`](crate::Console::on_event) receives it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Event {
    /// The time of the event, by the clock of the [`Console`](crate::Console).
    pub at: Timestamp,
    /// The operator; `None` if the login in front of the pages puts no [`Operator`] into the
    /// request.
    pub operator: Option<Operator>,
    /// What the operator did or asked for.
    pub action: Action,
}

/// What an operator did or asked for on the pages.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Action {
    /// The body of a callback, which holds personal data, was asked for and is shown.
    BodyShown(CallbackRecord),
    /// A callback was scheduled for handling again: a worker of the inbox will give it to the
    /// handler.
    Replayed(CallbackRecord),
    /// Gate was asked about a held callback, which waits until Gate confirms it.
    GateAsked {
        /// The held callback.
        callback: CallbackRecord,
        /// Result of the comparison with Gate's answer, as
        /// [`Release::as_str`](ecp_inbox::Release::as_str) names it, such as `released` or
        /// `disagrees`. It is `failed` if there was no answer or the inbox could not be used.
        outcome: &'static str,
    },
    /// A comparison of the platform with the inbox and the journals was started. It changes nothing.
    ComparisonStarted {
        /// The project whose operations are compared.
        project: ProjectId,
        /// The range of time that is compared, from the first second of the first day to the last
        /// second of the last day, in UTC.
        interval: Interval,
    },
}

/// The callback that an [`Action`] is about, by its ids and without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallbackRecord {
    /// The callback's number in the inbox.
    pub id: EntryId,
    /// The callback's project.
    pub project: ProjectId,
    /// The id of the payment; `None` if the callback names no payment.
    pub payment: Option<PaymentId>,
}

impl CallbackRecord {
    pub(crate) fn of(entry: &Entry) -> Self {
        Self { id: entry.id, project: entry.project, payment: entry.payment.clone() }
    }
}

impl Event {
    /// Logs the event. Names of operators may be logged; bodies may not.
    pub(crate) fn trace(&self) {
        let operator = self.operator.as_ref().map(Operator::as_str);
        macro_rules! tell {
            ($callback:expr, $($what:tt)+) => {
                tracing::info!(
                    "ecp.operator" = operator,
                    "ecp.project_id" = $callback.project.get(),
                    "ecp.payment_id" = $callback.payment.as_ref().map(PaymentId::as_str),
                    "ecp.entry_id" = $callback.id.get(),
                    $($what)+
                )
            };
        }
        match &self.action {
            Action::BodyShown(callback) => {
                tell!(callback, "an operator was shown the body of a callback: personal data");
            }
            Action::Replayed(callback) => tell!(callback, "an operator replayed a callback"),
            Action::GateAsked { callback, outcome } => {
                let outcome = *outcome;
                tell!(
                    callback,
                    "ecp.outcome" = outcome,
                    "an operator had Gate asked about a held callback"
                );
            }
            Action::ComparisonStarted { project, .. } => tracing::info!(
                "ecp.operator" = operator,
                "ecp.project_id" = project.get(),
                "an operator started a comparison with the platform"
            ),
        }
    }
}

/// One line: time, operator, what was done, and to which callback.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operator = self.operator.as_ref().map_or("an operator", Operator::as_str);
        write!(f, "{} {} ", self.at, operator.escape_debug())?;
        match &self.action {
            Action::BodyShown(callback) => write!(f, "was shown the body of {callback}"),
            Action::Replayed(callback) => write!(f, "replayed {callback}"),
            Action::GateAsked { callback, outcome } => {
                write!(f, "had Gate asked about {callback}: {outcome}")
            }
            Action::ComparisonStarted { project, interval } => {
                let (from, to) = (interval.from(), interval.to());
                write!(f, "started a comparison of project {project}, {from} to {to}")
            }
        }
    }
}

impl fmt::Display for CallbackRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "callback {} (project {}", self.id, self.project)?;
        match &self.payment {
            Some(payment) => write!(f, ", payment {})", payment.as_str().escape_debug()),
            None => write!(f, ")"),
        }
    }
}
