//! Handlers that write in the inbox's own transaction.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;
use tracing::Span;

use super::error::Error;
use super::{SqliteInbox, write};
use crate::entry::{Delivery, Finish};
use crate::worker::{Attempt, HandlerError, Processor, Worker, with_causes};

impl SqliteInbox {
    /// Returns a worker whose handler writes to your tables in the same file. Its writes and the
    /// mark that the callback is done are committed together, so the effect of a callback is stored
    /// exactly once. If a callback that is done is replayed, it is handled, and its effect stored,
    /// once more.
    ///
    /// The handler runs on the single writer thread and blocks all other writes, so it must only
    /// read and write this database and be quick; no deadline can stop it. The handler runs inside
    /// a transaction, which it must neither commit nor roll back. An error or a panic rolls back
    /// its writes. The handler may run again for the same callback, but only the writes of one run
    /// are stored.
    pub fn worker<F>(&self, handler: F) -> Worker
    where
        F: Fn(&Connection, &Delivery) -> Result<(), HandlerError> + Send + Sync + 'static,
    {
        let processor = InTransaction { inbox: self.clone(), handler: Arc::new(handler) };
        Worker::with(Arc::new(self.clone()), Arc::new(processor))
    }

    /// Runs `work` in a transaction on your own tables in the inbox's file, and returns when the
    /// transaction is on disk. An error or a panic of `work` rolls the transaction back.
    ///
    /// `work` runs on the single thread that writes to the file, so other writes wait for it.
    /// `work` may run a second time: if a transaction that it shares with other writes fails, the
    /// writes are rolled back, and `work` runs again in a transaction of its own.
    pub async fn transaction<T: Send + 'static>(
        &self,
        mut work: impl FnMut(&Connection) -> Result<T, HandlerError> + Send + 'static,
    ) -> Result<T, HandlerError> {
        let written = self
            .writer
            .write("transaction", move |connection| guarded(connection, &mut work))
            .await;
        written.map_err(|error| match error {
            Error::Handler(text) => text.into(),
            error => error.doing("writing in a transaction").into(),
        })
    }
}

struct InTransaction<F> {
    inbox: SqliteInbox,
    handler: Arc<F>,
}

#[async_trait]
impl<F> Processor for InTransaction<F>
where
    F: Fn(&Connection, &Delivery) -> Result<(), HandlerError> + Send + Sync + 'static,
{
    async fn process(&self, delivery: &Delivery, _: Duration) -> Attempt {
        let (handler, delivery, now) = (self.handler.clone(), delivery.clone(), self.inbox.now());
        // Runs on another thread, so the handler's logs need this span.
        let span = Span::current();
        let work = move |connection: &Connection| {
            let _inside = span.enter();
            if !write::holds(connection, &delivery)? {
                return Ok(Attempt::LeaseLost);
            }
            guarded(connection, |connection| handler(connection, &delivery))?;
            write::finish(connection, &delivery, &Finish::Done, now)?;
            Ok(Attempt::Finished)
        };
        match self.inbox.writer.write("handle", work).await {
            Ok(attempt) => attempt,
            Err(Error::Handler(text)) => Attempt::Failed(text),
            Err(error) => Attempt::Failed(with_causes(&error.doing("handling a callback"))),
        }
    }
}

/// Runs the merchant's code. A panic is an error, and so is ending the transaction.
fn guarded<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, HandlerError>,
) -> Result<T, Error> {
    let result = catch_unwind(AssertUnwindSafe(|| work(connection)))
        .unwrap_or_else(|_| Err("the handler panicked".into()))
        .map_err(|error| Error::Handler(with_causes(&*error)))?;
    if connection.is_autocommit() {
        return Err(Error::Handler(
            "the handler ended the transaction: it must neither commit nor roll back".to_owned(),
        ));
    }
    Ok(result)
}
