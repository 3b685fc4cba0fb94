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
use crate::engine::view::{Filter, Listed, OperationView, Paging, PaymentView, SignatureNote};
use crate::payment::Decision;
use crate::surface::server::Deadlines;
use crate::surface::{control, data_api, gate, guard, server};

#[cfg(not(feature = "pages"))]
use self::no_pages::Pages;
#[cfg(feature = "pages")]
use self::pages::Pages;

/// A platform on your machine: a handle that is cheap to clone, all clones of which are one
/// sandbox.
///
/// It is a tower service: [`Sandbox::router`] needs no sockets, [`Sandbox::listen`] and
/// [`Sandbox::serve`] put it on one. Payments proceed and callbacks are sent by tasks of the tokio
/// runtime in which the requests are handled.
///
/// In a test it takes one line, and its time is virtual:
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
/// assert!(sandbox.advance(Duration::from_hours(24)).await); // eleven days take no longer
/// # assert!(url.starts_with("http://127.0.0.1:"));
/// # Ok(())
/// # }
/// ```
///
/// On a listener of your own, by the machine's clock:
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
    /// A sandbox of [`Config::demo`] with virtual time that begins at 2026-01-01T00:00:00+0000 and
    /// moves only by [`advance`](Self::advance).
    pub fn start() -> Self {
        const NEW_YEAR: i64 = 1_767_225_600;
        let Ok(start) = Timestamp::from_unix_seconds(NEW_YEAR) else {
            unreachable!("it is a date")
        };
        Self::new(Config::demo().virtual_time(start))
    }

    /// A sandbox in which nothing has happened yet.
    pub fn new(config: Config) -> Self {
        let engine = Engine::new(config);
        let pages = Pages::new(&engine);
        Self { engine, pages }
    }

    /// Everything that the sandbox answers, as a service that needs no socket. To be called inside
    /// a tokio runtime.
    ///
    /// Answers that a fault cuts off are bodies that end in an error.
    pub fn router(&self) -> Router {
        let engine = || self.engine.clone();
        gate::routes()
            .with_state(engine())
            .merge(control::routes().with_state(engine()))
            .merge(data_api::routes().with_state(engine()))
            .merge(self.pages.routes())
            .layer(middleware::from_fn_with_state(engine(), guard::guard))
            .layer(middleware::map_response(guard::fenced))
    }

    /// Serves on a free port of this machine until [`Sandbox::shutdown`], and returns the address,
    /// such as `http://127.0.0.1:40411`.
    pub async fn listen(&self) -> io::Result<String> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let server = self.serve(listener);
        tokio::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the sandbox no longer serves");
            }
        });
        Ok(url)
    }

    /// Serves on a socket until [`Sandbox::shutdown`]; requests under way are answered first.
    /// Whether others on the network can reach it is decided by where the listener is bound.
    pub fn serve(
        &self,
        listener: TcpListener,
    ) -> impl Future<Output = io::Result<()>> + Send + use<> {
        if let Ok(address) = listener.local_addr() {
            if !address.ip().is_loopback() {
                tracing::warn!(%address, "the sandbox is open to the network and protects nothing");
            }
            self.engine.listens_on(address);
        }
        let Config { head_deadline, body_deadline, .. } = *self.engine.config();
        let deadlines = Deadlines { head: head_deadline, body: body_deadline };
        server::serve(self.router(), listener, deadlines, self.engine.stop_signal())
    }

    /// Stops serving and delivering, and ends event streams.
    pub fn shutdown(&self) {
        self.engine.shutdown();
    }

    /// All events in the history, oldest first.
    pub fn events(&self) -> Vec<Event> {
        self.engine.events()
    }

    /// A stream of the events from now on.
    pub fn subscribe(&self) -> EventStream {
        self.engine.subscribe()
    }

    /// Whether time is virtual and moves only by [`advance`](Self::advance)
    /// ([`Config::virtual_time`]).
    pub fn is_virtual(&self) -> bool {
        self.engine.is_virtual()
    }

    /// The moment, by the sandbox's clock.
    pub fn now(&self) -> Timestamp {
        self.engine.now()
    }

    /// The sandbox's clock, for others that shall live by it: an inbox, or a journal of payouts.
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

    /// Moves virtual time on. Whatever waits for a moment on the way happens at that moment, one
    /// thing after the other, each to its end; what the last of them leads to may still be under
    /// way, see [`Sandbox::settled`]. `false`, and nothing happens, if time is not virtual.
    #[must_use = "`false` means that time is not virtual and nothing happened"]
    pub async fn advance(&self, by: Duration) -> bool {
        self.engine.advance(by).await
    }

    /// Ends when the sandbox has nothing to do but to wait, for a moment, a request or a customer.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.engine.settled()
    }

    /// Brings a fault about from now on, and returns the number of its rule.
    pub fn add_fault(&self, rule: FaultRule) -> u64 {
        self.engine.add_fault(rule)
    }

    /// The active rules by their numbers, each with its remaining number of hits.
    pub fn faults(&self) -> Vec<(u64, FaultRule)> {
        self.engine.faults()
    }

    /// Ends a rule. `false` if there is none with this number.
    #[must_use = "`false` means that no rule has this number"]
    pub fn remove_fault(&self, rule: u64) -> bool {
        self.engine.remove_fault(rule)
    }

    /// Ends all rules.
    pub fn clear_faults(&self) {
        self.engine.clear_faults();
    }

    /// The projects, in the order of their numbers.
    pub fn projects(&self) -> Vec<ProjectId> {
        self.engine.projects()
    }

    /// The addresses of projects, for callbacks and confirmations, to which nothing would ever be
    /// sent, each with its project and the reason.
    pub fn refused_addresses(&self) -> Vec<(ProjectId, String, CallbackRefusal)> {
        self.engine.refused_addresses()
    }

    /// The remembered payments that a filter wants, newest first.
    pub fn payments(&self, filter: &Filter, page: Paging) -> Listed<PaymentView> {
        self.engine.payments(filter, page)
    }

    /// The operations of the remembered payments that a filter wants, those of the newest payment
    /// first.
    pub fn operations(&self, filter: &Filter, page: Paging) -> Listed<OperationView> {
        self.engine.operations(filter, page)
    }

    /// The state of a payment, `None` if the history does not hold it.
    pub fn payment(&self, project: ProjectId, payment_id: &PaymentId) -> Option<PaymentView> {
        self.engine.payment(project, payment_id)
    }

    /// Everything that happened to a payment, oldest first, as far as the history of events
    /// reaches: every request and answer, every attempt of every callback with the merchant's
    /// answer, questions and answers of confirmations, the customer's steps, and faults.
    pub fn timeline(&self, project: ProjectId, payment_id: &PaymentId) -> Vec<Event> {
        self.engine.timeline(project, payment_id)
    }

    /// Balances of a project, in the currencies of its configuration and of its payments.
    pub fn balances(&self, project: ProjectId) -> Vec<Money> {
        self.engine.balances(project)
    }

    /// Explains the signature of a message of a project. `None` for a message that is not a JSON
    /// object, and for unknown projects.
    pub fn explain(&self, project: ProjectId, body: &RawBody) -> Option<SignatureNote> {
        self.engine.explain(project, body)
    }

    /// Decides in the customer's place, with the amount if it is the customer's to choose. `false`
    /// if the payment does not wait for the customer. What it leads to goes on by itself
    /// ([`Sandbox::settled`]).
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

    /// Continues a payment that a [`Fault::StalePayment`](crate::Fault::StalePayment) holds.
    /// `false` if none does.
    #[must_use = "`false` means that no fault holds the payment"]
    pub fn release(&self, project: ProjectId, payment_id: &PaymentId) -> bool {
        self.engine.release(project, payment_id)
    }

    /// Sends a callback again from its first attempt on: the same bytes to the same address.
    /// `false` if it is not in the history of events.
    #[must_use = "`false` means that the callback is unknown and nothing is sent"]
    pub fn resend_callback(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
        callback: u32,
    ) -> bool {
        self.engine.resend_callback(project, payment_id, callback)
    }

    /// Sends a handmade callback to the address of the payment's callbacks, as the next of them.
    /// `signed` puts a valid signature at its root, replacing an existing one; otherwise it is sent
    /// unchanged. Faults apply to it like to any other.
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
