//! A queue that writes waiting calls in batches, each in one transaction.
//!
//! If no writer is running, a call starts one and is written at once. Calls that arrive during a
//! write wait, and are the next batch; no timer delays them. The writer is a task that ends when no
//! call waits.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::session::Failure;
use crate::error::{InboxError, InboxErrorKind};

/// Maximum number of calls in one transaction, and maximum size of their data in bytes.
const BATCH: usize = 256;
const BATCH_BYTES: usize = 4 << 20;

/// Number of batches that are written at the same time: while the server syncs one to its disk, it
/// works on the other.
const LANES: usize = 2;

/// The waiting calls of one kind on an inbox, in lanes. Calls that lock the same row are in the
/// same lane. Each lane has at most one writer, so that writers do not wait for each other's locks.
pub(super) struct Queue<I, O> {
    lanes: [Mutex<Lane<I, O>>; LANES],
    /// Number of batches (several writes in one transaction) that failed because of one of their
    /// rows, and whose writes were then made one by one.
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

/// The data of a call.
pub(super) trait Item {
    /// The approximate number of bytes that are sent to the server.
    fn bytes(&self) -> usize;

    /// A number that is the same for items that lock the same row.
    fn row(&self) -> u64;
}

impl<I, O> Call<I, O> {
    /// Sends the result to the caller, if it still waits.
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
    /// Queues an item and waits until `write` has written it, together with other waiting items. If
    /// the call is dropped before its batch begins, the item is not written.
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

/// Takes batches from a lane until no call waits there.
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
    /// Ends the lane's waiting calls with an error if the writer's task panicked or its runtime was
    /// dropped, so that callers on other runtimes do not wait forever.
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
