//! The `check_deposit` request, answered while the customer waits.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::num::NonZeroI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::model::{ConfirmationAnswer, DepositCheck};
use ecp_core::observe::{Meter, Observer};
use ecp_core::{PaymentId, ProjectId};
use tokio::sync::OnceCell;
use tokio::time::timeout;
use tracing::{Instrument, Span};

use crate::reply::{Reason, Reply, refusal};
use crate::telemetry::{self, CONFIRMATION, error_type, genuine_span, log_unusual_order};
use crate::verified::{Reading, Verified};
use crate::verifier::{Verifier, VerifyError};

/// Decides whether the merchant accepts the amount of a payment, when the platform asks the
/// merchant to confirm it (a `check_deposit` request). Implement it, and pass it to
/// [`Confirmations::new`].
///
/// The customer has chosen the amount and waits for the decision. Compare the amount with the
/// order, decide, and do nothing else: a later callback reports whether the payment succeeded.
#[async_trait]
pub trait DepositHandler: Send + Sync {
    /// Accepts or refuses the amount of the request. An error counts as a refusal with the code 1,
    /// and is logged; the same request is then refused again without another call, as after any
    /// decision. A panic goes on to the caller of [`Confirmations::answer`]; a
    /// [`Receiver`](crate::Receiver) answers it with status 503, and the platform declines the
    /// payment.
    ///
    /// It is not called for a request whose signature also fits another message ([`Reading`]): that
    /// is refused.
    async fn confirm(
        &self,
        check: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn Error + Send + Sync>>;
}

/// The merchant's answer to a `check_deposit` request: whether the amount is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The amount is accepted: the answer has the code 0, and the payment goes on.
    Accept,
    /// The amount is refused, and the platform declines the payment. The code in the answer is the
    /// merchant's own; the documents require a code other than 0.
    Refuse(NonZeroI64),
}

impl Decision {
    /// A refusal with the code 1, for merchants that have no refusal codes of their own.
    pub const REFUSE: Self = Self::Refuse(NonZeroI64::new(1).expect("1 is not 0"));
}

/// Answers the platform's `check_deposit` requests (questions whether the merchant accepts an
/// amount). It takes the bytes of a request's body and returns the reply, for any web framework.
///
/// A repeated request (the same project, payment, amount and currency) gets the same answer, also
/// while the first one is still being decided, and also if the answer is a refusal because the
/// handler failed or took too long. The latest 10 000 answers are kept in memory only: if several
/// processes answer, or a process restarts, the handler must decide the same request in the same
/// way again.
///
/// ```
/// use async_trait::async_trait;
/// use ecp_core::model::DepositCheck;
/// use ecp_core::{ProjectId, SecretKey};
/// use ecp_notify::{Confirmations, Decision, DepositHandler, Verified, Verifier};
///
/// struct UpTo(i64);
///
/// #[async_trait]
/// impl DepositHandler for UpTo {
///     async fn confirm(
///         &self,
///         check: &Verified<DepositCheck>,
///     ) -> Result<Decision, Box<dyn std::error::Error + Send + Sync>> {
///         let welcome = check.money()?.minor() <= self.0;
///         Ok(if welcome { Decision::Accept } else { Decision::REFUSE })
///     }
/// }
///
/// # async fn serve(body: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = Verifier::new().key(ProjectId::new(258)?, &SecretKey::new("secret")?);
/// let confirmations = Confirmations::new(verifier, UpTo(100_000));
/// let reply = confirmations.answer(body).await;
/// println!("{} {}", reply.status, String::from_utf8_lossy(&reply.body));
/// # Ok(())
/// # }
/// ```
pub struct Confirmations<H> {
    verifier: Verifier,
    handler: H,
    deadline: Duration,
    answers: Mutex<Answers>,
    meter: Meter,
}

/// Key of a `check_deposit` request: requests with the same key get the same answer.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Question {
    project: ProjectId,
    payment: PaymentId,
    amount: i64,
    currency: String,
}

#[derive(Default)]
struct Answers {
    known: HashMap<Question, Arc<OnceCell<Decision>>>,
    oldest_first: VecDeque<Question>,
}

impl<H: DepositHandler> Confirmations<H> {
    /// Number of answers that are kept.
    const KEPT: usize = 10_000;

    /// Creates the part of your service that answers `check_deposit` requests: `verifier` checks
    /// their signatures, and `handler` decides. The handler has 5 seconds for each request: how
    /// long the platform waits is not documented, and a refusal must still arrive in time.
    pub fn new(verifier: Verifier, handler: H) -> Self {
        let deadline = Duration::from_secs(5);
        let (answers, meter) = (Mutex::default(), Meter::default());
        Self { verifier, handler, deadline, answers, meter }
    }

    /// Sets how long the handler may take for a `check_deposit` request, 5 seconds by default. If
    /// it takes longer, its call is dropped, the amount is refused with the code 1, and the
    /// platform declines the payment.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Sets the observer to which the duration and the result of every `check_deposit` request are
    /// reported; by default nothing is reported. [`METRICS`](crate::METRICS) lists the metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Verifies a `check_deposit` request, lets the handler decide, and returns the reply to send.
    /// `body` is the request's body, exactly as it was received; its size is limited only by
    /// [`Verifier::limits`] (256 KiB by default). If the returned future is dropped, the handler's
    /// call is dropped too; a [`Receiver`](crate::Receiver) lets it end.
    pub async fn answer(&self, body: &[u8]) -> Reply {
        let begun = self.meter.is_on().then(Instant::now);
        let (reply, outcome) = self.reply_to(body).await;
        telemetry::ended(&self.meter, &CONFIRMATION, begun, outcome, &reply);
        reply
    }

    async fn reply_to(&self, body: &[u8]) -> (Reply, &'static str) {
        let check = match self.verifier.verify_deposit_check(body) {
            Ok(check) => check,
            Err(error) => {
                let (reply, reason) = (refusal(&error), Reason(&error));
                if let VerifyError::Unreadable(error) = &error {
                    tracing::error!(
                        "error.message" = %Reason(error),
                        "a genuine confirmation (`check_deposit` request) does not match the documented \
                         format; its payment is declined, and its body is not stored"
                    );
                } else {
                    tracing::warn!(
                        "http.response.status_code" = reply.status,
                        "error.type" = error_type(reply.status),
                        "error.message" = %reason,
                        "a confirmation (`check_deposit` request) was refused"
                    );
                }
                return (reply, "refused");
            }
        };
        log_unusual_order(&check);
        let cell = self.remember(Question {
            project: check.project(),
            payment: check.payment_id.clone(),
            amount: check.amount,
            currency: check.currency.clone(),
        });
        let (project, payment) = (Some(check.project()), Some(&check.payment_id));
        let span = genuine_span!("ecp.confirmation", project, payment);
        let decided = cell.get_or_init(|| self.decide(&check, &span));
        let (outcome, code) = match *decided.instrument(span.clone()).await {
            Decision::Accept => ("accepted", 0),
            Decision::Refuse(code) => ("declined", code.get()),
        };
        span.record("ecp.outcome", outcome);
        let answer = ConfirmationAnswer { code, payment_id: check.payment_id.clone() };
        (Reply::json(answer.to_json()), outcome)
    }

    async fn decide(&self, check: &Verified<DepositCheck>, span: &Span) -> Decision {
        let (kind, reason) = if check.reading() == Reading::Unique {
            match timeout(self.deadline, self.handler.confirm(check)).await {
                Ok(Ok(decision)) => return decision,
                Ok(Err(error)) => ("handler", Reason(error).to_string()),
                Err(_) => {
                    ("timeout", "the handler took longer than `Confirmations::deadline`".to_owned())
                }
            }
        } else {
            (
                "ambiguous",
                "the signature fits more than one reading of the `check_deposit` request"
                    .to_owned(),
            )
        };
        span.record("error.type", kind).record("otel.status_code", "ERROR");
        tracing::error!(
            "ecp.project_id" = check.project().get(),
            "ecp.payment_id" = check.payment_id.as_str(),
            "error.type" = kind,
            "error.message" = reason,
            "a confirmation was declined, because the handler made no decision"
        );
        Decision::REFUSE
    }

    fn remember(&self, question: Question) -> Arc<OnceCell<Decision>> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cell) = answers.known.get(&question) {
            return cell.clone();
        }
        if answers.oldest_first.len() == Self::KEPT
            && let Some(oldest) = answers.oldest_first.pop_front()
        {
            answers.known.remove(&oldest);
        }
        let cell = Arc::<OnceCell<Decision>>::default();
        answers.oldest_first.push_back(question.clone());
        answers.known.insert(question, cell.clone());
        cell
    }
}

impl<H> fmt::Debug for Confirmations<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Confirmations")
            .field("verifier", &self.verifier)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
