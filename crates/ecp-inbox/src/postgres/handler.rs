//! Handlers whose effects are part of the inbox's own transaction.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::Transaction;

use super::claim::END;
use super::session::{DURABLE, Session, typed};
use super::store::PostgresInbox;
use crate::entry::Delivery;
use crate::failpoint::failpoint;
use crate::worker::{Attempt, HandlerError, Processor, Worker, attempt, with_causes};

/// Handles a callback in a transaction of the inbox's own database.
///
/// Writes through the transaction are committed together with the mark that the callback is done,
/// or not at all: however often the handler runs, its effect is stored once. Effects outside the
/// database may happen more often.
///
/// Behind a pooler in transaction mode, use the driver's methods that take types (`execute_typed`,
/// `query_typed`): the others prepare named statements, which such a pooler gives to other
/// sessions. Change settings of the session only with `SET LOCAL`.
#[async_trait]
pub trait PostgresHandler: Send + Sync {
    /// Handles a callback. The call may be dropped at any `.await`, when its deadline has passed.
    async fn handle(
        &self,
        transaction: &Transaction<'_>,
        delivery: &Delivery,
    ) -> Result<(), HandlerError>;
}

impl PostgresInbox {
    /// Returns a worker whose handler writes in the transaction that marks the callback as done.
    /// Each attempt needs a connection while it runs, so the worker's concurrency should be below
    /// [`PostgresOptions::connections`](super::PostgresOptions::connections).
    pub fn worker(&self, handler: impl PostgresHandler + 'static) -> Worker {
        let inbox = Arc::new(self.clone());
        Worker::with(inbox, Arc::new(InTransaction { inbox: self.clone(), handler }))
    }
}

const HANDLING: &str = "handling a callback";

struct InTransaction<H> {
    inbox: PostgresInbox,
    handler: H,
}

#[async_trait]
impl<H: PostgresHandler> Processor for InTransaction<H> {
    async fn process(&self, delivery: &Delivery, deadline: Duration) -> Attempt {
        let mut session = match self.inbox.session().await {
            Ok(session) => session,
            Err(error) => return Attempt::Failed(with_causes(&error)),
        };
        match self.run(&mut session, delivery, deadline).await {
            // The connection is reusable only if its transaction ended regularly.
            Ok(ended) => match session.end() {
                Ok(()) => {
                    self.inbox.wakeup.notify_one();
                    ended
                }
                Err(failure) => Attempt::Failed(with_causes(&super::failed(HANDLING)(failure))),
            },
            Err(error) => Attempt::Failed(error),
        }
    }
}

impl<H: PostgresHandler> InTransaction<H> {
    async fn run(
        &self,
        session: &mut Session,
        delivery: &Delivery,
        deadline: Duration,
    ) -> Result<Attempt, String> {
        let lost = |error: tokio_postgres::Error| with_causes(&super::failed(HANDLING)(error));
        let transaction = session.transaction().await.map_err(lost)?;
        attempt(self.handler.handle(&transaction, delivery), deadline, "handler").await?;
        let (id, done) = (delivery.id.get(), "done");
        let (nothing, no_error) = (None::<i64>, None::<&str>);
        let lease = delivery.lease.0;
        let values = [
            typed(&id),
            typed(&lease),
            typed(&done),
            typed(&nothing),
            typed(&no_error),
            typed(&nothing),
        ];
        let ((), ended) = tokio::try_join!(
            transaction.batch_execute(DURABLE),
            transaction.execute_typed(END, &values),
        )
        .map_err(lost)?;
        if ended == 0 {
            transaction.rollback().await.map_err(lost)?;
            return Ok(Attempt::LeaseLost);
        }
        failpoint!("handle.before_commit");
        transaction.commit().await.map_err(lost)?;
        failpoint!("handle.after_commit");
        Ok(Attempt::Finished)
    }
}
