//! The `check_deposit` question, answered while the customer waits.

use std::collections::{HashMap, VecDeque};
use std::error::Error;
use std::fmt;
use std::num::NonZeroI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ecp_core::model::{ConfirmationAnswer, DepositCheck};
use ecp_core::{PaymentId, ProjectId};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::receiver::tell_order;
use crate::reply::{Reason, Reply, refusal};
use crate::verified::{Reading, Verified};
use crate::verifier::{Verifier, VerifyError};

/// Decides whether an amount is welcome.
///
/// The customer has chosen the amount and waits. Compare it with the order, decide, and do
/// nothing else: whether the payment succeeds is told later, by callback.
#[async_trait]
pub trait DepositHandler: Send + Sync {
    /// Accepts or refuses. An error is a refusal, and is logged.
    async fn confirm(
        &self,
        check: &Verified<DepositCheck>,
    ) -> Result<Decision, Box<dyn Error + Send + Sync>>;
}

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The amount is welcome.
    Accept,
    /// The payment is declined. The code is the merchant's own; the documents want any but 0.
    Refuse(NonZeroI64),
}

impl Decision {
    /// A refusal with code 1.
    pub const REFUSE: Self = Self::Refuse(NonZeroI64::new(1).expect("1 is not 0"));
}

/// Answers the platform's questions: bytes in, status and bytes out, for any web framework.
///
/// A question that comes again gets the answer that it got, also while the first one is still
/// being decided. Answers are kept in memory, the latest 10 000 of them; where several processes
/// answer, or one restarts, the handler must decide the same way again.
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
}

/// What makes two questions the same.
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
    /// How many answers are kept.
    const KEPT: usize = 10_000;

    /// Answers with a handler, which has 5 seconds: how long the platform waits is not
    /// documented, and a refusal must still reach it.
    pub fn new(verifier: Verifier, handler: H) -> Self {
        let deadline = Duration::from_secs(5);
        Self { verifier, handler, deadline, answers: Mutex::default() }
    }

    /// Another time for the handler.
    pub fn deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Answers the body of a request, as it came.
    pub async fn answer(&self, body: &[u8]) -> Reply {
        let check = match self.verifier.verify_deposit_check(body) {
            Ok(check) => check,
            Err(error) => {
                let (reply, reason) = (refusal(&error), Reason(&error));
                let status = reply.status;
                if let VerifyError::Unreadable(_) = error {
                    tracing::error!(%reason, "a genuine confirmation is not as documented");
                } else {
                    tracing::warn!(status, %reason, "a confirmation was refused");
                }
                return reply;
            }
        };
        tell_order(&check);
        let cell = self.remember(Question {
            project: check.project(),
            payment: check.payment_id.clone(),
            amount: check.amount,
            currency: check.currency.clone(),
        });
        let decision = *cell.get_or_init(|| self.decide(&check)).await;
        let code = match decision {
            Decision::Accept => 0,
            Decision::Refuse(code) => code.get(),
        };
        let answer = ConfirmationAnswer { code, payment_id: check.payment_id.clone() };
        Reply::json(answer.to_json())
    }

    async fn decide(&self, check: &Verified<DepositCheck>) -> Decision {
        let payment = check.payment_id.as_str();
        if check.reading() != Reading::Unique {
            tracing::error!(payment, "refused: the signed text has another reading");
            return Decision::REFUSE;
        }
        match timeout(self.deadline, self.handler.confirm(check)).await {
            Ok(Ok(decision)) => decision,
            Ok(Err(error)) => {
                tracing::error!(payment, %error, "refused: the handler failed");
                Decision::REFUSE
            }
            Err(_) => {
                tracing::error!(payment, "refused: the handler took too long");
                Decision::REFUSE
            }
        }
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
