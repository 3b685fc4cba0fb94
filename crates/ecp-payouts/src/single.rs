//! Single payouts and refunds of a service, through the same journal.

use std::fmt;
use std::time::Duration;

use ecp_methods::request::{PayoutRequest, RefundRequest};
use ecp_methods::{Payout, Refund, Rejection, Supports, prepare};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::Instrument;

use crate::journal::{Entry, JournalError, State, Taken};
use crate::payer::Payer;
use crate::progress::Stop;
use crate::row::{RowId, RowRequest};

/// A payout or refund that a [`Payer`] works on. [`Payer::pay`] returns it once the journal has
/// recorded the request on the disk; [`Ongoing::state`] says whether the request is being sent.
/// Dropping this value does not stop the work.
#[must_use = "the state says whether the request was sent"]
pub struct Ongoing {
    id: RowId,
    state: State,
    work: Work,
}

/// The rest of the work on a row.
enum Work {
    Ended(Box<Entry>),
    Running(JoinHandle<Result<Entry, JournalError>>),
}

/// Why [`Payer::pay`] or [`Payer::refund`] did not begin a payout or refund. This call sent
/// nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PayError {
    /// The request breaks a rule of its payment method, for example a field is missing. Correct it
    /// as the [`Rejection`] says.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The journal cannot be used, or has another request under the same id
    /// ([`JournalError::Differs`]).
    #[error(transparent)]
    Journal(#[from] JournalError),
}

impl Ongoing {
    /// The id of the payout or refund in the journal, for [`Payer::entry`].
    pub const fn id(&self) -> &RowId {
        &self.id
    }

    /// The state that the journal had when [`Payer::pay`] returned: [`State::Intended`] if this call
    /// is about to send the request, [`State::NotSent`] if it could not be sent (call
    /// [`Payer::pay`] again with the same request), or the state that an earlier call has left. It
    /// does not change afterwards: [`Payer::entry`] has the present one.
    pub const fn state(&self) -> State {
        self.state
    }

    /// Waits until the payout or refund has ended, or until
    /// [`Settings::patience`](crate::Settings::patience) is over, and returns what the journal has
    /// recorded then. A service need not wait: a callback reports the result, and [`Payer::entry`]
    /// has what the journal knows.
    ///
    /// An error is one of the journal, after which the request may have been sent: call
    /// [`Payer::pay`] again with the same request, or [`Payer::refund`] with the same id.
    pub async fn end(self) -> Result<Entry, JournalError> {
        match self.work {
            Work::Ended(entry) => Ok(*entry),
            Work::Running(work) => {
                work.await.map_err(|error| JournalError::Storage(error.into()))?
            }
        }
    }
}

impl fmt::Debug for Ongoing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ongoing")
            .field("id", &self.id)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Payer {
    /// Pays a single payout through the journal. Returns once the journal has recorded on the disk
    /// that the request is about to be sent. A task of the tokio runtime then sends it, and
    /// requests its status until the payout has ended or
    /// [`Settings::patience`](crate::Settings::patience) is over.
    ///
    /// The call may be repeated with the same request, at any time and by any payer of the journal:
    /// a payout is made once under its id. A request that differs in any field, such as the
    /// customer's IP address, is [`JournalError::Differs`]: store the request before the first call.
    /// After a crash, repeat it for each payout of which the service does not know the end, from the
    /// service's own records: the journal has no account numbers. What may have been sent is asked
    /// about first. A payout that was declined stays so under its id: pay it under a new one.
    ///
    /// ```no_run
    /// use ecp_core::PaymentId;
    /// use ecp_methods::Jeton;
    /// use ecp_methods::request::{Account, Customer, PayoutRequest};
    /// use ecp_payouts::{Payer, State};
    ///
    /// # async fn handle(payer: &Payer) -> Result<(), Box<dyn std::error::Error>> {
    /// let request = PayoutRequest::new(PaymentId::new("P-17")?, "300.00 EUR".parse()?)
    ///     .customer(Customer::new().ip_address("192.0.2.1"))
    ///     .account(Account::new().number("93017949"));
    /// let payout = payer.pay(&Jeton, &request).await?;
    /// if payout.state() == State::NotSent {
    ///     println!("not sent: {}", payout.end().await?.evidence);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn pay<M: Supports<Payout>>(
        &self,
        method: &M,
        request: &PayoutRequest,
    ) -> Result<Ongoing, PayError> {
        let prepared = prepare(method, request.clone())?;
        Ok(self.begin(RowRequest::Payout(prepared)).await?)
    }

    /// Refunds a payment through the journal, like [`Payer::pay`]. `merchant_refund_id` is an id of
    /// the refund that the service has chosen and stored. A refund is sent once under its id: a
    /// further call with the same id sends it only if it was not sent before, and otherwise
    /// requests its status. A call with another id refunds again. A refund whose answer was lost is
    /// never sent again.
    pub async fn refund<M: Supports<Refund>>(
        &self,
        method: &M,
        request: &RefundRequest,
        merchant_refund_id: &str,
    ) -> Result<Ongoing, PayError> {
        let request = request.clone().with_merchant_refund_id(merchant_refund_id);
        let prepared = prepare(method, request)?;
        Ok(self.begin(RowRequest::Refund(prepared)).await?)
    }

    /// Begins a payout or refund whose request is checked already, like [`Payer::pay`]; for
    /// example, the method is chosen at run time ([`prepare_dyn`](ecp_methods::prepare_dyn)). For a
    /// refund, set a `merchant_refund_id` that the service has stored: [`RefundRequest`] makes a
    /// new one each time, and a new one refunds again.
    pub async fn begin(&self, request: RowRequest) -> Result<Ongoing, JournalError> {
        let id = request.id();
        let (stored, mut states) = watch::channel(None);
        let payer = self.clone();
        let work = async move { payer.single(request, stored).await };
        let mut work = tokio::spawn(work.in_current_span());
        let state = tokio::select! {
            // What was stored may have been sent, so a later failure of the work is no answer.
            biased;
            state = first(&mut states) => state,
            ended = &mut work => {
                let entry = ended.map_err(|error| JournalError::Storage(error.into()))??;
                let state = entry.state;
                return Ok(Ongoing { id, state, work: Work::Ended(Box::new(entry)) });
            }
        };
        Ok(Ongoing { id, state, work: Work::Running(work) })
    }

    /// What the journal has recorded of a payout or refund, with its state; `None` if it has
    /// nothing under this id.
    pub async fn entry(&self, id: &RowId) -> Result<Option<Entry>, JournalError> {
        self.journal.entry(id).await
    }

    /// Works on a request until its end, here or in another payer.
    async fn single(
        self,
        request: RowRequest,
        stored: watch::Sender<Option<State>>,
    ) -> Result<Entry, JournalError> {
        const SHORTEST: Duration = Duration::from_millis(20);
        let (id, digest, stop) = (request.id(), self.digest(&request), Stop::new());
        let mut pause = SHORTEST;
        loop {
            let taken = self.journal.take(std::slice::from_ref(&id)).await?.pop();
            let entry = taken.as_ref().and_then(Taken::entry);
            let is_sent = entry.filter(|entry| entry.state != State::NotSent);
            let differs = is_sent.is_some_and(|entry| entry.digest != digest);
            if differs && let Some(Taken::Held(held)) = &taken {
                self.journal.release(&id, held.token, false);
            }
            if differs {
                return Err(JournalError::Differs { row: id });
            }
            // Its intent is on the disk already.
            if let Some(entry) = is_sent {
                stored.send_replace(Some(entry.state));
            }
            match taken {
                Some(Taken::Ended(entry)) => return Ok(*entry),
                Some(Taken::Held(held)) => {
                    match self.row(&request, held, &stop, stored.clone()).await {
                        // The other payer will end it.
                        Err(JournalError::Lost { .. }) => {}
                        Err(error) => return Err(error),
                        Ok(_) => {
                            let entry = self.journal.entry(&id).await?;
                            let missing = || "a row that was stored is not there any more";
                            return entry.ok_or_else(|| JournalError::Storage(missing().into()));
                        }
                    }
                }
                Some(Taken::Busy(_)) | None => {}
            }
            sleep(pause).await;
            pause = (pause * 2).min(self.journal.pause().max(SHORTEST));
        }
    }
}

/// The first state that is stored.
async fn first(states: &mut watch::Receiver<Option<State>>) -> State {
    match states.wait_for(Option::is_some).await.map(|state| *state) {
        Ok(Some(state)) => state,
        // The work has ended, and its result comes from there.
        _ => std::future::pending().await,
    }
}
