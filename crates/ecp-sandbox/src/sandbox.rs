//! The sandbox as its users hold it: an engine, and the surfaces on it.

#[cfg(not(feature = "pages"))]
mod no_pages;
#[cfg(feature = "pages")]
mod pages;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::{Router, middleware};
use bytes::Bytes;
use ecp_core::{Clock, Money, PaymentId, ProjectId, Timestamp};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::engine::Engine;
use crate::engine::actions::InvalidBody;
use crate::engine::events::{CallbackRefusal, Event, EventStream, RawBody};
use crate::engine::faults::FaultRule;
#[cfg(feature = "state")]
use crate::engine::keep::StateError;
use crate::engine::view::{Filter, Listed, OperationView, Paging, PaymentView, SignatureNote};
use crate::payment::Decision;
use crate::surface::server::Deadlines;
use crate::surface::{control, data_api, gate, guard, server};

#[cfg(not(feature = "pages"))]
use self::no_pages::Pages;
#[cfg(feature = "pages")]
use self::pages::Pages;

/// Imitation of the ecommpay platform on your own machine, for development and tests. A `Sandbox`
/// is a handle that is cheap to clone; all clones share one sandbox.
///
/// [`Sandbox::router`] returns the sandbox as a tower service, which needs no socket;
/// [`Sandbox::listen`] and [`Sandbox::serve`] serve it over HTTP on a socket. Payments proceed and
/// callbacks are sent by tasks of the tokio runtime in which the requests are handled.
///
/// A sandbox for a test, with virtual time:
///
/// ```
/// use std::time::Duration;
///
/// use ecp_sandbox::Sandbox;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let sandbox = Sandbox::start();
/// let gate = sandbox.router(); // a tower service without sockets, or:
/// let url = sandbox.listen().await?; // on a free port
/// // .. send requests ..
/// sandbox.settled().await; // everything that could happen has happened
/// assert!(sandbox.advance(Duration::from_hours(24)).await); // a whole day, at once
/// # assert!(url.starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
///
/// A sandbox on a listener of your own, with the machine's clock:
///
/// ```
/// use ecp_sandbox::{Config, Sandbox};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// let url = format!("http://{}", listener.local_addr()?);
/// let sandbox = Sandbox::new(Config::demo().public_url(url));
/// let server = tokio::spawn(sandbox.serve(listener));
/// // .. send requests, open pages, receive callbacks ..
/// sandbox.shutdown();
/// server.await?
/// # }
/// ```
#[derive(Clone)]
pub struct Sandbox {
    engine: Engine,
    pages: Pages,
}

impl Sandbox {
    /// Returns a sandbox for tests: with the demo project of [`Config::demo`], and with virtual
    /// time, which begins at 2026-01-01T00:00:00+0000 and moves only by [`advance`](Self::advance).
    pub fn start() -> Self {
        const NEW_YEAR: i64 = 1_767_225_600;
        let Ok(start) = Timestamp::from_unix_seconds(NEW_YEAR) else {
            unreachable!("it is a date")
        };
        Self::new(Config::demo().virtual_time(start))
    }

    /// Returns a sandbox with this configuration, without payments and events. It keeps everything
    /// in memory only.
    pub fn new(config: Config) -> Self {
        let engine = Engine::new(config);
        let pages = Pages::new(&engine);
        Self { engine, pages }
    }

    /// Returns a sandbox with this configuration that keeps its payments and events in the file at
    /// `path`. What an earlier sandbox wrote to this file is there again, and what is new is
    /// written to it. The file is an SQLite database, which is created if it does not exist. Only
    /// its owner may read it, because it holds customers' data.
    ///
    /// The file keeps payments with their operations, callbacks and deliveries, the history of
    /// events, faults, balances, virtual time, and the counters of ids. Deliveries and time limits
    /// that were under way go on when [`Sandbox::router`], [`Sandbox::listen`] or [`Sandbox::serve`]
    /// is called, so call one of them before anything else; those whose time has passed go on at
    /// once. Visits of the Payment Page, and links, files of payouts and reports of the Dashboard
    /// are not in the file. The rules of [`Config::fault`] are added once: they come anew only if
    /// they differ from those of the last start.
    ///
    /// A process may end at any moment. The file then has all that an answer or a callback said. A
    /// callback whose answer was not recorded yet is sent again, with the same bytes.
    ///
    /// # Errors
    ///
    /// If the file is of another program or of another version of the form of state files, is in use
    /// by another process, or cannot be read or written; if its payments are by methods that the
    /// configuration does not have; or if its time is virtual and the configuration's is not, or the
    /// other way round. Nothing is then changed in it.
    ///
    /// ```
    /// use ecp_sandbox::{Config, Sandbox};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("ecp-sandbox-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// # let path = folder.join("sandbox.db");
    /// let sandbox = Sandbox::open(Config::demo(), &path)?;
    /// let url = sandbox.listen().await?;
    /// // .. send requests to `url` ..
    /// sandbox.close()?;
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(feature = "state")]
    pub fn open(config: Config, path: impl AsRef<std::path::Path>) -> Result<Self, StateError> {
        let engine = Engine::open(config, path.as_ref())?;
        let pages = Pages::new(&engine);
        Ok(Self { engine, pages })
    }

    /// Stops the sandbox as [`Sandbox::shutdown`] does, writes what is new to the file of
    /// [`Sandbox::open`], and closes the file, so that another process can open it. What happens
    /// later is not kept, so wait first until [`Sandbox::serve`] has ended. The call blocks for as
    /// long as the write takes. Without a file it only stops the sandbox.
    ///
    /// # Errors
    ///
    /// If the file could not be written, now or before: the sandbox has then stopped by itself.
    #[cfg(feature = "state")]
    pub fn close(&self) -> Result<(), StateError> {
        self.engine.shutdown();
        self.engine.close_file()
    }

    /// Returns the sandbox's whole HTTP server as one tower service, which needs no socket: Gate,
    /// the Data API, the sandbox's own API under `/sandbox`, and the pages. Call it inside a tokio
    /// runtime.
    ///
    /// Where an injected fault closes the connection in the middle of an answer, reading the body
    /// of the answer ends in an error.
    pub fn router(&self) -> Router {
        #[cfg(feature = "state")]
        self.engine.resume();
        let engine = || self.engine.clone();
        gate::routes()
            .with_state(engine())
            .merge(control::routes().with_state(engine()))
            .merge(data_api::routes().with_state(engine()))
            .merge(self.pages.routes())
            .layer(middleware::from_fn_with_state(engine(), guard::guard))
            .layer(middleware::map_response(guard::fenced))
    }

    /// Serves the sandbox over HTTP in the background, on a free port of this machine, until
    /// [`Sandbox::shutdown`]. Returns the sandbox's base URL at once, such as
    /// `http://127.0.0.1:40411`. It is an error if no port can be opened.
    pub async fn listen(&self) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = self.serve(listener);
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the sandbox stopped serving because of an error");
            }
        });
        Ok(url)
    }

    /// Serves the sandbox over HTTP on this listener. Ends after [`Sandbox::shutdown`], when the
    /// requests in progress are answered. The address of the listener decides whether other
    /// machines on the network can reach the sandbox.
    pub fn serve(
        &self,
        listener: TcpListener,
    ) -> impl Future<Output = io::Result<()>> + Send + use<> {
        if let Ok(address) = listener.local_addr() {
            if !address.ip().is_loopback() {
                tracing::warn!(
                    %address,
                    "the sandbox is open to the network and has no access control: listen on \
                     127.0.0.1 if no other machine needs it"
                );
            }
            self.engine.listens_on(address);
        }
        let Config { head_deadline, body_deadline, .. } = *self.engine.config();
        let deadlines = Deadlines { head: head_deadline, body: body_deadline };
        server::serve(self.router(), listener, deadlines, self.engine.stop_signal())
    }

    /// Stops the sandbox: [`listen`](Self::listen) and [`serve`](Self::serve) take no more
    /// requests, no more callbacks are sent, and event streams end. A [`router`](Self::router)
    /// still answers.
    pub fn shutdown(&self) {
        self.engine.shutdown();
    }

    /// Returns all events that the sandbox has in memory ([`Config::event_history`]), oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.engine.events()
    }

    /// Returns a stream of the events that happen after this call; [`EventStream::next`] waits for
    /// each.
    pub fn subscribe(&self) -> EventStream {
        self.engine.subscribe()
    }

    /// Whether the sandbox's time is virtual ([`Config::virtual_time`]), so that it moves only by
    /// [`advance`](Self::advance). If not, the sandbox uses real time.
    pub fn is_virtual(&self) -> bool {
        self.engine.is_virtual()
    }

    /// Returns the current time of the sandbox's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// Returns the sandbox's clock, for other components of a test that must use the same time,
    /// such as a store of callbacks.
    ///
    /// ```
    /// use std::time::Duration;
    /// use ecp_core::Clock as _;
    /// use ecp_sandbox::Sandbox;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// let sandbox = Sandbox::start();
    /// let clock = sandbox.clock();
    /// let before = clock.elapsed();
    /// assert!(sandbox.advance(Duration::from_hours(1)).await);
    /// assert_eq!(clock.elapsed() - before, Duration::from_hours(1));
    /// # }
    /// ```
    pub fn clock(&self) -> Arc<dyn Clock> {
        Arc::new(self.engine.time().clone())
    }

    /// Moves the sandbox's virtual time forward. Everything that is due in this time, such as
    /// sending a callback again, happens one after the other, each at its own virtual moment. Work
    /// that the last of them starts may still be in progress at the end, see [`Sandbox::settled`].
    /// Returns `false`, and does nothing, if time is not virtual.
    #[must_use = "`false` means that time is not virtual and nothing happened"]
    pub async fn advance(&self, by: Duration) -> bool {
        self.engine.advance(by).await
    }

    /// Waits until the sandbox has nothing to do at this moment: no payment, callback or answer can
    /// proceed without a later time, a request or a customer.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.engine.settled()
    }

    /// Adds a rule that makes the sandbox inject a fault, active from now on. Returns the number of
    /// the rule, for [`Sandbox::remove_fault`]. With more than 1000 rules the oldest is removed.
    pub fn add_fault(&self, rule: FaultRule) -> u64 {
        self.engine.add_fault(rule)
    }

    /// Returns the active fault rules with their numbers. In a rule that is limited by
    /// [`FaultRule::times`], the limit is the number of faults that the rule may still inject.
    pub fn faults(&self) -> Vec<(u64, FaultRule)> {
        self.engine.faults()
    }

    /// Removes the fault rule with this number, which [`Sandbox::add_fault`] returned. Returns
    /// `false` if no active rule has this number.
    #[must_use = "`false` means that no rule has this number"]
    pub fn remove_fault(&self, rule: u64) -> bool {
        self.engine.remove_fault(rule)
    }

    /// Removes all fault rules, so that no further faults are injected.
    pub fn clear_faults(&self) {
        self.engine.clear_faults();
    }

    /// Returns the numbers of all projects in the sandbox's configuration, in ascending order.
    pub fn projects(&self) -> Vec<ProjectId> {
        self.engine.projects()
    }

    /// Returns the URLs for callbacks and confirmation requests in the configuration to which the
    /// sandbox refuses to send, such as those with `https`. Each comes with its project and the
    /// reason. Call it at the start to find mistakes before the first payment.
    pub fn refused_addresses(&self) -> Vec<(ProjectId, String, CallbackRefusal)> {
        self.engine.refused_addresses()
    }

    /// Returns the payments that the filter selects, newest first. `page` is the part of this list
    /// to return. Payments that the sandbox has removed from memory are not in it
    /// ([`Config::payment_history`]).
    pub fn payments(&self, filter: &Filter, page: Paging) -> Listed<PaymentView> {
        self.engine.payments(filter, page)
    }

    /// Returns the operations (sales, payouts, refunds, captures and all others) that the filter
    /// selects. Those of the newest payment come first. `page` is the part of this list to return.
    /// Operations of payments that the sandbox has removed from memory are not in it
    /// ([`Config::payment_history`]).
    pub fn operations(&self, filter: &Filter, page: Paging) -> Listed<OperationView> {
        self.engine.operations(filter, page)
    }

    /// Returns the state of a payment; `None` if the payment is unknown, or was removed from memory
    /// ([`Config::payment_history`]).
    pub fn payment(&self, project: ProjectId, payment_id: &PaymentId) -> Option<PaymentView> {
        self.engine.payment(project, payment_id)
    }

    /// Returns the events of a payment that the sandbox has in memory ([`Config::event_history`]),
    /// oldest first. They show the requests with their answers, every attempt to send a callback
    /// with the merchant's answer, confirmation requests, the customer's steps and injected faults.
    pub fn timeline(&self, project: ProjectId, payment_id: &PaymentId) -> Vec<Event> {
        self.engine.timeline(project, payment_id)
    }

    /// Returns the current balances of a project, one for each currency of its configuration and of
    /// its payments. The list is empty if the project is unknown.
    pub fn balances(&self, project: ProjectId) -> Vec<Money> {
        self.engine.balances(project)
    }

    /// Explains the signature of a message, such as a request or a callback of this project: the
    /// text to sign, the signature that the message has, and the correct one. Returns `None` if the
    /// message is not a JSON object, if the text to sign is longer than 8 MiB, or if the project is
    /// unknown.
    pub fn explain(&self, project: ProjectId, body: &RawBody) -> Option<SignatureNote> {
        self.engine.explain(project, body)
    }

    /// Makes the customer's decision about a payment, as if the customer pressed a button on the
    /// page of the payment method's provider. In a sale that was requested with the amount 0,
    /// `amount` is the amount that the customer chooses, and without it the sale is declined; pass
    /// `None` for all other payments. Returns `false` if the payment does not wait for the
    /// customer; otherwise the payment continues in the background ([`Sandbox::settled`]).
    #[must_use = "`false` means that the payment does not wait for the customer"]
    pub fn choose(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        decision: Decision,
        amount: Option<Money>,
    ) -> bool {
        self.engine.choose(project, payment_id, decision, amount)
    }

    /// Lets a payment continue that a [`Fault::StalePayment`](crate::Fault::StalePayment) keeps
    /// from ending. Returns `false`, and does nothing, if no such fault keeps it from ending.
    #[must_use = "`false` means that no fault holds the payment"]
    pub fn release(&self, project: ProjectId, payment_id: &PaymentId) -> bool {
        self.engine.release(project, payment_id)
    }

    /// Sends a callback of a payment again, with the same bytes to the same address, and with all
    /// attempts of the schedule. The argument `callback` is the callback's number, counted from 1
    /// for each payment. Returns `false` if the callback is not among the events that the sandbox
    /// has in memory.
    #[must_use = "`false` means that the callback is unknown and nothing is sent"]
    pub fn resend_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        callback: u32,
    ) -> bool {
        self.engine.resend_callback(project, payment_id, callback)
    }

    /// Sends a callback with this body to the address of the payment's callbacks, after the
    /// payment's earlier callbacks. If `signed` is true, the sandbox puts a valid signature into
    /// the top-level member `signature` of the body, in place of an existing one; otherwise the
    /// body is sent unchanged, except that bytes that are not UTF-8 become the character U+FFFD.
    /// Fault rules apply to this callback too. It is an error if the project or payment is unknown
    /// or the body cannot be signed.
    pub fn send_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        body: impl Into<Bytes>,
        signed: bool,
    ) -> Result<(), InvalidBody> {
        self.engine.send_callback(project, payment_id, body, signed)
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("config", self.engine.config()).finish_non_exhaustive()
    }
}
