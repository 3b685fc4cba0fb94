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

/// Handles a callback in a transaction of the inbox's own database, so that its effect is stored
/// exactly once. Implement it, and pass it to [`PostgresInbox::worker`].
///
/// Writes through the transaction are committed together with the mark that the callback is done,
/// or not at all, as after an error or a panic: however often the handler runs, its effect is
/// stored once. The handler must not end the transaction (`COMMIT`, `ROLLBACK`). Effects outside
/// the database may happen more often. A callback that is done and then replayed is handled, and
/// its effect stored, once more.
///
/// Behind a pooler in transaction mode, use the driver's methods that take types (`execute_typed`,
/// `query_typed`): the others prepare named statements, which such a pooler gives to other
/// sessions. Change settings of the session only with `SET LOCAL`.
///
/// ```no_run
/// use async_trait::async_trait;
/// use ecp_core::Money;
/// use ecp_core::model::End;
/// use ecp_inbox::postgres::tokio_postgres::Transaction;
/// use ecp_inbox::postgres::tokio_postgres::types::Type;
/// use ecp_inbox::postgres::{PostgresHandler, PostgresInbox};
/// use ecp_inbox::{Delivery, HandlerError};
/// use ecp_notify::Expected;
///
/// /// Marks orders as paid.
/// struct Orders;
///
/// #[async_trait]
/// impl PostgresHandler for Orders {
///     async fn handle(
///         &self,
///         transaction: &Transaction<'_>,
///         delivery: &Delivery,
///     ) -> Result<(), HandlerError> {
///         let Some(id) = delivery.callback.payment_id() else { return Ok(()) };
///         let select = "SELECT minor, currency FROM orders WHERE id = $1 FOR UPDATE";
///         let parameters = [(&id.as_str() as _, Type::TEXT)];
///         let Some(order) = transaction.query_typed(select, &parameters).await?.pop() else {
///             return Ok(()); // no order of this shop
///         };
///         let price = Money::from_minor(order.get(0), order.get::<_, &str>(1).parse()?);
///         // Genuine is not enough: is it about this order, at this price?
///         // Its method decides `callback_names` and `major_units` (`MethodSpec`).
///         let expected = Expected::sale(id, price);
///         let state = match delivery.result_for(&expected) {
///             Ok(End::Success) => "paid",
///             Ok(End::Open | End::Unknown) => return Ok(()),
///             // What these mean for an order is in docs/getting-started.md.
///             Ok(_) | Err(_) => "review",
///         };
///         let update = "UPDATE orders SET state = $2 WHERE id = $1 AND state IN ('open', 'review')";
///         let parameters = [(&id.as_str() as _, Type::TEXT), (&state as _, Type::TEXT)];
///         transaction.execute_typed(update, &parameters).await?;
///         Ok(())
///     }
/// }
///
/// async fn run(stop: impl Future<Output = ()>) -> Result<(), HandlerError> {
///     // The tables of the inbox are in the schema `ecp_inbox` of the database of the orders.
///     let inbox = PostgresInbox::open("host=db.internal user=shop dbname=shop".parse()?).await?;
///     // A receiver stores what it verifies: Receiver::new(verifier, inbox.clone()).
///     inbox.worker(Orders).run(stop).await;
///     Ok(())
/// }
/// ```
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
    /// Returns a worker whose handler writes in the transaction that marks the callback as done;
    /// start it by [`Worker::run`]. Each running handler needs a database connection. So by default
    /// the worker runs at most half as many handlers at a time as there are
    /// [`PostgresOptions::connections`](super::PostgresOptions::connections): 8 of 16. If
    /// [`Worker::concurrency`] sets more, slow handlers may leave no connection for callbacks that
    /// arrive, which may then be answered with 503. An attempt that gets no connection has failed,
    /// and is made again after a pause.
    pub fn worker(&self, handler: impl PostgresHandler + 'static) -> Worker {
        let inbox = Arc::new(self.clone());
        let half = self.pool.status().max_size / 2;
        let worker = Worker::with(inbox, Arc::new(InTransaction { inbox: self.clone(), handler }));
        worker.concurrency(half)
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
