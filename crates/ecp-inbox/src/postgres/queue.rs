//! Calls that wait together, to be written together.
//!
//! A call that finds no other one waiting is written at once. What comes while that is written
//! waits, and is the next batch: there is no timer. A writer is a task that ends when nothing
//! waits.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use crate::error::{InboxError, InboxErrorKind};

/// Maximum number of calls in one transaction, and of the bytes that they bring.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// Batches that are written at once: while the server syncs one to its disk, it works on the other.
const WRITERS: usize = 2;

/// Calls of one kind on an inbox.
pub(super) struct Queue<I, O>(Mutex<Calls<I, O>>);

struct Calls<I, O> {
    waiting: VecDeque<Call<I, O>>,
    writers: usize,
}

/// A call and the caller that waits for its result.
pub(super) struct Call<I, O> {
    pub(super) item: I,
    reply: oneshot::Sender<Result<O, InboxError>>,
}

/// An item whose size counts.
pub(super) trait Item {
    /// About so many bytes are sent to the server.
    fn bytes(&self) -> usize;
}

impl<I, O> Call<I, O> {
    /// Answers the caller, who may have gone.
    pub(super) fn answer(self, result: Result<O, InboxError>) {
        drop(self.reply.send(result));
    }
}

impl<I, O> Default for Queue<I, O> {
    fn default() -> Self {
        Self(Mutex::new(Calls { waiting: VecDeque::new(), writers: 0 }))
    }
}

impl<I: Item + Send + 'static, O: Send + 'static> Queue<I, O> {
    /// Has an item written, by `write`, with those that wait beside it. A call that is dropped
    /// before it is begun to be written is not written.
    pub(super) async fn call<F: Future<Output = ()> + Send>(
        self: &Arc<Self>,
        item: I,
        doing: &'static str,
        write: impl Fn(Vec<Call<I, O>>) -> F + Send + 'static,
    ) -> Result<O, InboxError> {
        let (reply, written) = oneshot::channel();
        let is_writer_missing = {
            let mut calls = self.lock();
            calls.waiting.push_back(Call { item, reply });
            let is_missing = calls.writers < WRITERS;
            calls.writers += usize::from(is_missing);
            is_missing
        };
        if is_writer_missing {
            let mut writer = Writer { queue: self.clone(), has_ended: false };
            tokio::spawn(async move {
                while let Some(batch) = writer.next() {
                    write(batch).await;
                }
            });
        }
        written.await.unwrap_or_else(|_| Err(InboxError::plain(InboxErrorKind::Closed, doing)))
    }
}

impl<I, O> Queue<I, O> {
    fn lock(&self) -> MutexGuard<'_, Calls<I, O>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes batches from a queue, until nothing waits.
struct Writer<I, O> {
    queue: Arc<Queue<I, O>>,
    has_ended: bool,
}

impl<I: Item, O> Writer<I, O> {
    fn next(&mut self) -> Option<Vec<Call<I, O>>> {
        let mut calls = self.queue.lock();
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(call) = calls.waiting.pop_front() else { break };
            if call.reply.is_closed() {
                continue;
            }
            bytes += call.item.bytes();
            batch.push(call);
        }
        if batch.is_empty() {
            calls.writers -= 1;
            self.has_ended = true;
            return None;
        }
        Some(batch)
    }
}

impl<I, O> Drop for Writer<I, O> {
    /// The task was dropped with its runtime, or panicked. Callers on other runtimes must not wait
    /// for it.
    fn drop(&mut self) {
        if !self.has_ended {
            let mut calls = self.queue.lock();
            calls.writers -= 1;
            calls.waiting.clear();
        }
    }
}

impl<I, O> fmt::Debug for Queue<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("waiting", &self.lock().waiting.len()).finish_non_exhaustive()
    }
}
