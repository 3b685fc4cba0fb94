//! Calls that wait together, to be written together.
//!
//! A call that finds no other one waiting is written at once. What comes while that is written
//! waits, and is the next batch: there is no timer. A writer is a task that ends when nothing
//! waits.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::session::Failure;
use crate::error::{InboxError, InboxErrorKind};

/// Maximum number of calls in one transaction, and of the bytes that they bring.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// Batches that are written at once: while the server syncs one to its disk, it works on the other.
const LANES: usize = 2;

/// Calls of one kind on an inbox. Those that would wait for each other's locks are in one lane, and
/// each lane has at most one writer.
pub(super) struct Queue<I, O> {
    lanes: [Mutex<Lane<I, O>>; LANES],
    /// Batches that failed and were written again, call by call.
    redone: AtomicU64,
}

struct Lane<I, O> {
    waiting: VecDeque<Call<I, O>>,
    has_writer: bool,
}

/// A call and the caller that waits for its result.
pub(super) struct Call<I, O> {
    pub(super) item: I,
    reply: oneshot::Sender<Result<O, InboxError>>,
}

/// What calls bring.
pub(super) trait Item {
    /// About so many bytes are sent to the server.
    fn bytes(&self) -> usize;

    /// A number that is the same for items that lock the same row.
    fn row(&self) -> u64;
}

impl<I, O> Call<I, O> {
    /// Answers the caller, who may have gone.
    pub(super) fn answer(self, result: Result<O, InboxError>) {
        drop(self.reply.send(result));
    }
}

impl<I, O> Default for Queue<I, O> {
    fn default() -> Self {
        let lane = || Mutex::new(Lane { waiting: VecDeque::new(), has_writer: false });
        Self { lanes: std::array::from_fn(|_| lane()), redone: AtomicU64::new(0) }
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
        // The remainder is smaller than the number of lanes.
        let lane = usize::try_from(item.row() % LANES as u64).unwrap_or_default();
        let has_writer = {
            let mut lane = self.lock(lane);
            lane.waiting.push_back(Call { item, reply });
            std::mem::replace(&mut lane.has_writer, true)
        };
        if !has_writer {
            let mut writer = Writer { queue: self.clone(), lane, has_ended: false };
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
    /// Records that the calls of a batch are written again, each alone.
    pub(super) fn redo(&self, calls: usize, failure: &Failure) {
        self.redone.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            "ecp.inbox.batch" = calls,
            "db.response.status_code" = failure.code(),
            "a batch failed because of one of its rows, and is written again row by row"
        );
    }

    fn lock(&self, lane: usize) -> MutexGuard<'_, Lane<I, O>> {
        self.lanes[lane].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes batches from a lane, until nothing waits.
struct Writer<I, O> {
    queue: Arc<Queue<I, O>>,
    lane: usize,
    has_ended: bool,
}

impl<I: Item, O> Writer<I, O> {
    fn next(&mut self) -> Option<Vec<Call<I, O>>> {
        let mut lane = self.queue.lock(self.lane);
        let (mut batch, mut bytes) = (Vec::new(), 0);
        while batch.len() < BATCH && bytes < BATCH_BYTES {
            let Some(call) = lane.waiting.pop_front() else { break };
            if call.reply.is_closed() {
                continue;
            }
            bytes += call.item.bytes();
            batch.push(call);
        }
        if batch.is_empty() {
            lane.has_writer = false;
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
            let mut lane = self.queue.lock(self.lane);
            lane.has_writer = false;
            lane.waiting.clear();
        }
    }
}

impl<I, O> fmt::Debug for Queue<I, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = |lane| self.lock(lane).waiting.len();
        let waiting: usize = (0..LANES).map(waiting).sum();
        let redone = self.redone.load(Ordering::Relaxed);
        f.debug_struct("Queue")
            .field("waiting", &waiting)
            .field("redone", &redone)
            .finish_non_exhaustive()
    }
}
