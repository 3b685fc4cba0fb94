//! Receiver of the pages of operations that the Data API sends to an address.

use std::collections::{HashSet, VecDeque};
use std::fmt::{self, Display};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ecp_core::observe::{Meter, Observer};
use ecp_core::signature::Order;
use sha2::{Digest, Sha256};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::Instrument;
use tracing::field::Empty;

use crate::intake::{Head, Intake};
use crate::operations::{OperationsVerifier, VerifiedOperations};
use crate::receiver::finished;
use crate::reply::{Reason, Reply, refusal};
use crate::store::StoreError;
use crate::telemetry::{self, OPERATIONS, error_type};
use crate::verifier::VerifyError;

/// Stores the pages of operations that an [`OperationsReceiver`] has verified: lists of sales,
/// refunds and others from the platform's Data API. Implement it over your database.
///
/// `Ok` is a promise, as in [`CallbackStore`](crate::CallbackStore): the platform gets status 200
/// and need not send the page again. The same page may still arrive more than once, also much
/// later: the receiver recognises only the latest 1024 pages that this process has stored.
///
/// Store each operation under the platform's id of the operation, so that the same page changes
/// nothing when it is stored again. A newer page may have the same operation with a later status,
/// and an older page may come after it: let no status that is not final replace a final one.
#[async_trait]
pub trait OperationsStore: Send + Sync {
    /// Stores a page. An error or a panic is answered with status 503, and logged. The page's
    /// signature may also fit another message: see [`VerifiedOperations::reading`].
    ///
    /// The call may be dropped at any `.await` when its deadline has passed, as in
    /// [`CallbackStore`](crate::CallbackStore).
    async fn store(&self, page: VerifiedOperations) -> Result<(), StoreError>;
}

#[async_trait]
impl<S: OperationsStore + ?Sized> OperationsStore for Arc<S> {
    async fn store(&self, page: VerifiedOperations) -> Result<(), StoreError> {
        (**self).store(page).await
    }
}

/// Receives pages of operations: lists of sales, refunds and others that the platform's Data API
/// posts to a URL of yours if a query names that URL. The receiver verifies and stores a page
/// before it answers 200. It takes the bytes of a request's body and returns the reply, for any web
/// framework; cloning is cheap.
///
/// It accepts pages of operations only: a callback, a `check_deposit` request or a query with the
/// same key's signature is refused with 403. No operation of a page is read before the signature
/// matches. Memory is bounded: by default two bodies at once, each of at most 8 MiB and 524,288
/// JSON values; the worst body takes about 100 MiB until it is refused. [`Reply`] documents each
/// status; 503 is also the reply when too many bodies arrive at once, when the same page is just
/// being stored, and when a genuine page is not as expected: such a page is logged as an error and
/// kept nowhere, unlike a callback of that kind.
///
/// The documentation has only one sentence about sending pages to a URL, and no details (sources:
/// operations to an address). Whether a page that is not answered with 200 comes again is unknown:
/// after a 503, make the query again.
///
/// ```
/// use async_trait::async_trait;
/// use ecp_core::SecretKey;
/// use ecp_notify::{
///     OperationsReceiver, OperationsStore, OperationsVerifier, StoreError, VerifiedOperations,
/// };
///
/// struct Ledger; // a pool of connections to your database
///
/// #[async_trait]
/// impl OperationsStore for Ledger {
///     async fn store(&self, page: VerifiedOperations) -> Result<(), StoreError> {
///         // One after the other: only one operation at a time is in memory as text.
///         for operation in page.operations() {
///             // insert it by its id, or replace a status that is not final yet
///             println!("{:?}", operation.get("operation_id"));
///         }
///         Ok(())
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let verifier = OperationsVerifier::new().key(&SecretKey::new("the token's key")?);
/// let receiver = OperationsReceiver::new(verifier, Ledger);
///
/// // By the features `tower` and `axum` all of this is a service and a router.
/// let head = ecp_notify::Head::new("POST").content_length(41);
/// let admitted = receiver.admit(&head).unwrap();
/// let body = br#"{"operations":[],"signature":"a forgery"}"#.to_vec();
/// assert_eq!(receiver.receive(admitted, body).await.status, 403);
/// # Ok(())
/// # }
/// ```
///
/// With `axum`, an endpoint beside that of callbacks:
///
/// ```
/// # #[cfg(feature = "axum")]
/// # fn routes(callbacks: ecp_notify::Receiver, pages: ecp_notify::OperationsReceiver) -> axum::Router {
/// callbacks.into_router("/callbacks").merge(pages.into_router("/operations/5fe1c9"))
/// # }
/// ```
#[derive(Clone)]
pub struct OperationsReceiver {
    verifier: Arc<OperationsVerifier>,
    store: Arc<dyn OperationsStore>,
    seen: Arc<Mutex<Seen>>,
    places: Arc<Semaphore>,
    pub(crate) intake: Intake,
    store_deadline: Duration,
    meter: Meter,
}

/// The permission to read the body of one request into memory, which [`OperationsReceiver::admit`]
/// gives. Pass it to [`OperationsReceiver::receive`] with the body. Only a limited number exists at
/// a time ([`OperationsReceiver::at_once`]); dropping it makes room for the next body.
#[derive(Debug)]
#[must_use = "it is the place of the body that is read next"]
pub struct Admitted {
    _place: OwnedSemaphorePermit,
}

impl OperationsReceiver {
    /// Number of pages whose repetitions are left out.
    const REMEMBERED: usize = 1024;

    /// Creates a receiver that verifies pages with the verifier's keys and keeps them in the store.
    ///
    /// By default, the store has 30 seconds to keep a page, and a body has 30 seconds to arrive:
    /// how long the platform waits is unknown (sources: operations to an address).
    pub fn new(verifier: OperationsVerifier, store: impl OperationsStore + 'static) -> Self {
        let deadline = Duration::from_secs(30);
        let intake = Intake {
            body_limit: OperationsVerifier::BYTES,
            body_deadline: deadline,
            refused: |status, reason| refused(status, reason),
        };
        Self {
            verifier: Arc::new(verifier),
            store: Arc::new(store),
            seen: Arc::default(),
            places: Arc::new(Semaphore::new(2)),
            intake,
            store_deadline: deadline,
            meter: Meter::default(),
        }
    }

    /// Sets the maximum size of a body, in bytes, 8 MiB by default. A larger body is answered with
    /// 413. For larger pages, raise [the verifier's own limit](OperationsVerifier::limits) as well.
    pub fn body_limit(mut self, body_limit: usize) -> Self {
        self.intake.body_limit = body_limit;
        self
    }

    /// Sets the maximum time for a body to arrive, from its first byte to its last, 30 seconds by
    /// default. The endpoints of the features `tower` and `axum` answer 408 after this time; with
    /// another framework, enforce the time where you read the body.
    pub fn body_deadline(mut self, body_deadline: Duration) -> Self {
        self.intake.body_deadline = body_deadline;
        self
    }

    /// Sets how long the store may take for a page, 30 seconds by default. If it takes longer, its
    /// call is dropped and the page is answered with 503; whether the platform then sends it again
    /// is not documented.
    pub fn store_deadline(self, store_deadline: Duration) -> Self {
        Self { store_deadline, ..self }
    }

    /// Sets how many bodies may be in memory at once, from their first byte until they are stored,
    /// 2 by default. A further body is answered with 503; whether the platform then sends it again
    /// is not documented (sources: operations to an address).
    pub fn at_once(self, bodies: NonZeroUsize) -> Self {
        Self { places: Arc::new(Semaphore::new(bodies.get().min(Semaphore::MAX_PERMITS))), ..self }
    }

    /// Sets the observer to which the duration and the result of each request are reported, whether
    /// its page is stored or refused; by default nothing is reported. [`METRICS`](crate::METRICS)
    /// lists the metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Checks the head of a request (HTTP method, encoding and size), and reserves a place in
    /// memory for its body. Pass the result to [`receive`](Self::receive). An error is the reply to
    /// send without reading the body.
    pub fn admit(&self, head: &Head<'_>) -> Result<Admitted, Reply> {
        self.intake.admit(head)?;
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => Ok(Admitted { _place: place }),
            Err(_) => Err(refused(
                503,
                &"too many bodies are in memory at once: see `OperationsReceiver::at_once`",
            )),
        }
    }

    /// Verifies and stores the body of a POST request, exactly as it was received, and returns the
    /// reply. It needs a tokio runtime, and verifies on one of the runtime's threads for blocking
    /// work.
    ///
    /// If the returned future is dropped because the connection broke, a store that has begun still
    /// finishes; a page that was still being verified is not stored.
    pub async fn receive(&self, admitted: Admitted, body: Vec<u8>) -> Reply {
        let begun = self.begin();
        self.tell(begun, self.reply_to(admitted, body).await)
    }

    pub(crate) fn begin(&self) -> Option<Instant> {
        self.meter.is_on().then(Instant::now)
    }

    pub(crate) fn tell(&self, begun: Option<Instant>, reply: Reply) -> Reply {
        telemetry::ended(&self.meter, &OPERATIONS, begun, telemetry::outcome(&reply), &reply);
        reply
    }

    async fn reply_to(&self, admitted: Admitted, body: Vec<u8>) -> Reply {
        if body.len() > self.intake.body_limit {
            return self.intake.too_large();
        }
        let verifier = Arc::clone(&self.verifier);
        let checking = tokio::task::spawn_blocking(move || {
            let checked = verifier.check(&body)?;
            let digest = Sha256::digest(&body).into();
            Ok((checked.with(body.into_boxed_slice()), digest, admitted))
        });
        let (page, digest, admitted) = match checking.await {
            Ok(Ok(checked)) => checked,
            Ok(Err(VerifyError::Unreadable(error))) => {
                tracing::error!(
                    "error.message" = %Reason(&error),
                    "a genuine page of operations does not match the expected format"
                );
                return Reply::status(503);
            }
            Ok(Err(error)) => return refused(refusal(&error).status, &error),
            Err(_) => return refused(503, &"the verifier panicked"),
        };
        if page.order() != Order::Natural {
            tracing::warn!(
                "ecp.signature.order" = %page.order(),
                "signed in another order than documented: the message is genuine and accepted; \
                 please report the order"
            );
        }
        match Seen::begin(&self.seen, digest) {
            Known::Stored => {
                tracing::debug!("a page of operations came again");
                Reply::status(200)
            }
            Known::InProgress => {
                refused(503, &"the same page is being stored by an earlier request")
            }
            Known::New(ticket) => self.keep(page, ticket, admitted).await,
        }
    }

    async fn keep(&self, page: VerifiedOperations, ticket: Ticket, admitted: Admitted) -> Reply {
        let operations = page.len();
        let span = tracing::info_span!(
            "ecp.operations",
            "otel.kind" = "consumer",
            "otel.status_code" = Empty,
            "ecp.data.operations" = operations,
            "ecp.outcome" = Empty,
            "error.type" = Empty,
        );
        let store = Arc::clone(&self.store);
        let work = Box::pin(async move {
            // The place is free when the page is gone, also after the connection broke.
            let _admitted = admitted;
            let result = (*store).store(page).await;
            if result.is_ok() {
                ticket.stored();
            }
            result
        });
        let result = finished(self.store_deadline, work).instrument(span.clone()).await;
        let problem = match result {
            Ok(Ok(())) => {
                span.record("ecp.outcome", "stored");
                span.in_scope(|| {
                    tracing::debug!("ecp.data.operations" = operations, "a page was stored");
                });
                return Reply::status(200);
            }
            Ok(Err(error)) => Reason(error).to_string(),
            Err(problem) => format!("the store {problem}"),
        };
        span.record("ecp.outcome", "not_stored")
            .record("error.type", "store")
            .record("otel.status_code", "ERROR");
        span.in_scope(|| {
            tracing::error!(
                "ecp.data.operations" = operations,
                "error.type" = "store",
                "error.message" = problem,
                "a page of operations was not stored; whether the platform sends it again is not \
                 documented"
            );
        });
        Reply::status(503)
    }
}

impl fmt::Debug for OperationsReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationsReceiver")
            .field("verifier", &self.verifier)
            .field("body_limit", &self.intake.body_limit)
            .field("body_deadline", &self.intake.body_deadline)
            .field("store_deadline", &self.store_deadline)
            .finish_non_exhaustive()
    }
}

fn refused(status: u16, reason: &dyn Display) -> Reply {
    tracing::warn!(
        "http.response.status_code" = status,
        "error.type" = error_type(status),
        "error.message" = %Reason(reason),
        "a page of operations was refused"
    );
    Reply::status(status)
}

/// The pages that were stored, by the digests of their bodies. A signature would not do: another
/// body may have the same one.
#[derive(Default)]
struct Seen {
    stored: HashSet<[u8; 32]>,
    oldest_first: VecDeque<[u8; 32]>,
    in_progress: HashSet<[u8; 32]>,
}

enum Known {
    Stored,
    InProgress,
    New(Ticket),
}

/// A page in progress; dropping it forgets it, so that the platform may send it again.
struct Ticket {
    seen: Arc<Mutex<Seen>>,
    digest: [u8; 32],
}

impl Seen {
    fn begin(seen: &Arc<Mutex<Self>>, digest: [u8; 32]) -> Known {
        let mut state = lock(seen);
        if state.stored.contains(&digest) {
            Known::Stored
        } else if state.in_progress.insert(digest) {
            Known::New(Ticket { seen: Arc::clone(seen), digest })
        } else {
            Known::InProgress
        }
    }
}

impl Ticket {
    fn stored(&self) {
        let mut seen = lock(&self.seen);
        if seen.oldest_first.len() == OperationsReceiver::REMEMBERED
            && let Some(oldest) = seen.oldest_first.pop_front()
        {
            seen.stored.remove(&oldest);
        }
        seen.stored.insert(self.digest);
        seen.oldest_first.push_back(self.digest);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.seen).in_progress.remove(&self.digest);
    }
}

/// The sets are whole at any time.
fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
