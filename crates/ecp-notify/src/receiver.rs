//! Receiver of callbacks: from the bytes of a POST to its reply.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::json::{Limits, Value};
use ecp_core::model::{Callback, ModelError};
use ecp_core::observe::{Meter, Observer};
use ecp_core::{PaymentId, ProjectId};
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::confirmation::{Confirmations, DepositHandler};
use crate::intake::{Head, Intake};
use crate::reply::{Reason, Reply, refusal};
use crate::store::{CallbackStore, StoreError, Unreadable};
use crate::telemetry::{self, CALLBACK, error_type, genuine_span, log_unusual_order};
use crate::verified::Verified;
use crate::verifier::{Verifier, VerifyError};

/// Receives callbacks: it verifies and stores a callback before it answers 200. It takes the bytes
/// of a request's body and returns the reply, for any web framework; cloning is cheap.
///
/// [`Reply`] documents each status. Every refusal is logged as a `tracing` event with its reason;
/// of the body, the event shows only names of members and no values.
///
/// ```
/// use async_trait::async_trait;
/// use ecp_core::model::Callback;
/// use ecp_core::{ProjectId, SecretKey};
/// use ecp_notify::{CallbackStore, Receiver, StoreError, Verified, Verifier};
///
/// /// In place of a database.
/// struct Journal(tokio::sync::mpsc::Sender<Verified<Callback>>);
///
/// #[async_trait]
/// impl CallbackStore for Journal {
///     async fn store(&self, callback: Verified<Callback>) -> Result<(), StoreError> {
///         Ok(self.0.send(callback).await?)
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new().key(ProjectId::new(258)?, &SecretKey::new("secret")?);
/// let (sender, mut callbacks) = tokio::sync::mpsc::channel(100);
/// let receiver = Receiver::new(verifier, Journal(sender));
///
/// let reply = receiver.receive(b"{\"project_id\":258,\"signature\":\"forged\"}").await;
/// assert_eq!(reply.status, 403);
/// assert!(callbacks.try_recv().is_err());
/// # Ok(())
/// # }
/// ```
/// The features `tower` and `axum` make an HTTP endpoint of the receiver. With another framework,
/// call [`admit`](Self::admit) before the body is read, read at most the allowed size within a
/// deadline, and pass the body to [`receive`](Self::receive).
#[derive(Clone)]
pub struct Receiver {
    verifier: Arc<Verifier>,
    store: Arc<dyn CallbackStore>,
    questions: Option<Arc<dyn Questions>>,
    pub(crate) intake: Intake,
    store_deadline: Duration,
    meter: Meter,
}

/// Kind of a received message.
enum Message {
    /// A genuine callback. Boxed, because it is large and moved.
    Callback(Box<Verified<Callback>>),
    /// A `check_deposit` request (the platform's question whether the merchant accepts an amount),
    /// not verified yet: that is done where it is answered.
    Question,
}

/// [`Confirmations`] with any handler.
#[async_trait]
trait Questions: Send + Sync {
    async fn answer(&self, body: &[u8]) -> Reply;
}

#[async_trait]
impl<H: DepositHandler> Questions for Confirmations<H> {
    async fn answer(&self, body: &[u8]) -> Reply {
        Self::answer(self, body).await
    }
}

impl Receiver {
    /// Creates a receiver that verifies callbacks with the verifier's keys and keeps them in the
    /// store.
    ///
    /// The store has 5 seconds to keep a callback by default: how long the platform waits is
    /// unknown (sources: callback answers).
    pub fn new(verifier: Verifier, store: impl CallbackStore + 'static) -> Self {
        Self {
            verifier: Arc::new(verifier),
            store: Arc::new(store),
            questions: None,
            intake: Intake {
                body_limit: Limits::default().bytes,
                body_deadline: Duration::from_secs(10),
                refused: |status, reason| refused(status, reason),
            },
            store_deadline: Duration::from_secs(5),
            meter: Meter::default(),
        }
    }

    /// Sets the [`Confirmations`] that answer `check_deposit` requests (questions whether the
    /// merchant accepts an amount) at the same URL as callbacks. Without this setting, such a
    /// request gets an error status, and the platform declines its payment.
    ///
    /// The confirmations verify with the keys of their own verifier, and report to an observer of
    /// their own: a new key must be added to both verifiers.
    pub fn confirmations<H>(self, confirmations: Confirmations<H>) -> Self
    where
        H: DepositHandler + 'static,
    {
        Self { questions: Some(Arc::new(confirmations)), ..self }
    }

    /// Sets the maximum size of a body, in bytes, 256 KiB by default; the largest documented
    /// message is under 4 KiB. A larger body is answered with 413. For larger bodies, raise [the
    /// verifier's own limit](Verifier::limits) as well.
    pub fn body_limit(mut self, body_limit: usize) -> Self {
        self.intake.body_limit = body_limit;
        self
    }

    /// Sets the maximum time for a body to arrive, from its first byte to its last, 10 seconds by
    /// default. The endpoints of the features `tower` and `axum` answer 408 after this time; with
    /// another framework, enforce the time where you read the body.
    pub fn body_deadline(mut self, body_deadline: Duration) -> Self {
        self.intake.body_deadline = body_deadline;
        self
    }

    /// Sets how long the store may take for a callback, 5 seconds by default. If it takes longer,
    /// its call is dropped and the callback is answered with 503, and the platform sends it again,
    /// even if the store has kept it meanwhile. It does not apply to `check_deposit` requests
    /// ([`Confirmations::deadline`]).
    pub fn store_deadline(self, store_deadline: Duration) -> Self {
        Self { store_deadline, ..self }
    }

    /// Sets the observer to which the duration and the result of each request are reported, whether
    /// its callback is stored or refused; by default nothing is reported. `check_deposit` requests
    /// are counted here too; their decisions are reported to [`Confirmations::observer`].
    /// [`METRICS`](crate::METRICS) lists the metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Checks the head of a request (HTTP method, encoding and size) before its body is read. After
    /// `Ok`, read the body and pass it to [`receive`](Self::receive). An error is the reply to send
    /// without reading the body.
    pub fn admit(&self, head: &Head<'_>) -> Result<(), Reply> {
        self.intake.admit(head)
    }

    /// Verifies and stores the body of a POST request, exactly as it was received, and returns the
    /// reply. It needs a tokio runtime.
    ///
    /// If the returned future is dropped because the connection broke, the store still finishes;
    /// the platform gets no reply and repeats the callback.
    pub async fn receive(&self, body: &[u8]) -> Reply {
        let begun = self.begin();
        self.tell(begun, self.reply_to(body).await)
    }

    /// Start time for the metrics; `None` without an observer.
    pub(crate) fn begin(&self) -> Option<Instant> {
        self.meter.is_on().then(Instant::now)
    }

    /// Records the metrics of a reply and returns it.
    pub(crate) fn tell(&self, begun: Option<Instant>, reply: Reply) -> Reply {
        telemetry::ended(&self.meter, &CALLBACK, begun, telemetry::outcome(&reply), &reply);
        reply
    }

    async fn reply_to(&self, body: &[u8]) -> Reply {
        if body.len() > self.intake.body_limit {
            return self.intake.too_large();
        }
        match self.classify(body) {
            Ok(Message::Callback(callback)) => self.keep(callback).await,
            Ok(Message::Question) => self.answer(body).await,
            Err(VerifyError::Unreadable(error)) => self.keep_unreadable(body, error).await,
            Err(error) => refused(refusal(&error).status, error),
        }
    }

    fn classify(&self, body: &[u8]) -> Result<Message, VerifyError> {
        let document = self.verifier.read(body)?;
        // A callback has no `type` at its root, and a `check_deposit` request has members that
        // callbacks never have. The request is verified where it is answered.
        if document.root().get("type").and_then(Value::as_str) == Some("check_deposit") {
            return Ok(Message::Question);
        }
        let callback = self.verifier.verify_document(&document)?;
        Ok(Message::Callback(Box::new(callback.into_owned())))
    }

    async fn keep(&self, callback: Box<Verified<Callback>>) -> Reply {
        log_unusual_order(&callback);
        let project = Some(callback.project());
        // Copied for the log only.
        let logged = tracing::enabled!(tracing::Level::ERROR);
        let payment = callback.payment_id().filter(|_| logged).cloned();
        let store = Arc::clone(&self.store);
        // Calls `store` of the store, not of `Arc`, which would box the callback once more.
        self.stored(project, payment, async move { (*store).store(*callback).await }).await
    }

    async fn keep_unreadable(&self, body: &[u8], error: ModelError) -> Reply {
        tracing::error!(
            "error.message" = %Reason(&error),
            "a callback with a valid signature does not match the documented format"
        );
        let (store, unreadable) = (Arc::clone(&self.store), Unreadable::new(body, error));
        self.stored(None, None, async move { (*store).store_unreadable(unreadable).await }).await
    }

    /// 200 if the work is done, 503 if it fails, panics or takes too long.
    async fn stored<W>(
        &self,
        project: Option<ProjectId>,
        payment: Option<PaymentId>,
        work: W,
    ) -> Reply
    where
        W: Future<Output = Result<(), StoreError>> + Send + 'static,
    {
        let span = genuine_span!("ecp.callback", project, payment.as_ref());
        let work = finished(self.store_deadline, Box::pin(work));
        let result = work.instrument(span.clone()).await;
        span.in_scope(|| stored(&span, project, payment.as_ref(), result))
    }

    async fn answer(&self, body: &[u8]) -> Reply {
        let Some(questions) = self.questions.clone() else {
            return match self.verifier.verify_deposit_check(body) {
                Ok(_) => refused(
                    501,
                    "a genuine `check_deposit` cannot be answered: set `Receiver::confirmations`",
                ),
                Err(error) => refused(refusal(&error).status, error),
            };
        };
        let body = body.to_vec();
        let task = async move { questions.answer(&body).await }.in_current_span();
        match tokio::spawn(task).await {
            Ok(reply) => reply,
            Err(_) => refused(503, "the handler of confirmations panicked"),
        }
    }
}

/// Result of the task, or why it failed.
pub(crate) async fn finished<T: Send + 'static>(
    deadline: Duration,
    mut work: Pin<Box<dyn Future<Output = T> + Send>>,
) -> Result<T, &'static str> {
    // Work that is ready at once needs no task.
    let begun = poll_fn(|context| {
        let begin = || work.as_mut().poll(context);
        Poll::Ready(catch_unwind(AssertUnwindSafe(begin)))
    });
    match begun.await {
        Ok(Poll::Ready(result)) => return Ok(result),
        Ok(Poll::Pending) => {}
        Err(_) => return Err("panicked"),
    }
    // A separate task outlives the connection. The deadline is set on both sides: inside for a
    // caller that no longer waits, outside for a store that blocks a thread.
    let task = tokio::spawn(timeout(deadline, work).in_current_span());
    match timeout(deadline, task).await {
        Ok(Ok(Ok(result))) => Ok(result),
        Ok(Ok(Err(_))) | Err(_) => Err("took longer than `store_deadline`"),
        Ok(Err(_)) => Err("panicked"),
    }
}

/// Logs the result of storing a genuine message and returns the reply.
fn stored(
    span: &Span,
    project: Option<ProjectId>,
    payment: Option<&PaymentId>,
    result: Result<Result<(), StoreError>, &'static str>,
) -> Reply {
    let (project, payment) = (project.map(ProjectId::get), payment.map(PaymentId::as_str));
    let (kind, reason) = match result {
        Ok(Ok(())) => {
            span.record("ecp.outcome", "stored");
            tracing::debug!(
                "ecp.project_id" = project,
                "ecp.payment_id" = payment,
                "a callback was stored"
            );
            return Reply::status(200);
        }
        Ok(Err(error)) => ("store", Reason(error).to_string()),
        Err(problem) => ("store", format!("the store {problem}")),
    };
    span.record("ecp.outcome", "not_stored")
        .record("error.type", kind)
        .record("otel.status_code", "ERROR");
    tracing::error!(
        "ecp.project_id" = project,
        "ecp.payment_id" = payment,
        "error.type" = kind,
        "error.message" = reason,
        "a callback was not stored; the platform sends it again"
    );
    Reply::status(503)
}

pub(crate) fn refused(status: u16, reason: impl fmt::Display) -> Reply {
    tracing::warn!(
        "http.response.status_code" = status,
        "error.type" = error_type(status),
        "error.message" = %Reason(reason),
        "a callback was refused"
    );
    Reply::status(status)
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiver")
            .field("verifier", &self.verifier)
            .field("confirmations", &self.questions.is_some())
            .field("body_limit", &self.intake.body_limit)
            .field("body_deadline", &self.intake.body_deadline)
            .field("store_deadline", &self.store_deadline)
            .finish_non_exhaustive()
    }
}
