//! The sandbox itself: its payments, and what changes them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use ecp_core::{PaymentId, ProjectId};
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use crate::config::{Config, Project};
use crate::delivery::{self, HttpClient, Parcel};
use crate::event::{About, Decision, Event, EventKind, EventLog, EventStream, RawBody};
use crate::gate::Refusal;
use crate::ids::Ids;
use crate::payment::{Order, Payment};
use crate::{gate, message, provider};

/// A platform on your machine: a handle that is cheap to clone, all clones of which are one
/// sandbox.
///
/// It is a tower service at heart: [`Sandbox::router`] needs no sockets, [`Sandbox::serve`] puts
/// it on one. Payments proceed and callbacks are sent by tasks of the tokio runtime in which the
/// requests are handled.
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
pub struct Sandbox(Arc<Platform>);

struct Platform {
    config: Config,
    ids: Ids,
    state: Mutex<State>,
    log: Arc<EventLog>,
    client: HttpClient,
    stop: watch::Sender<bool>,
}

/// Requests and payments are counted from 1; a payment is known by its number.
#[derive(Default)]
struct State {
    requests: u64,
    registered: u64,
    entries: BTreeMap<u64, Entry>,
    by_id: HashMap<(ProjectId, PaymentId), u64>,
    by_token: HashMap<String, u64>,
}

struct Entry {
    payment: Payment,
    callbacks: u32,
    /// Ends when the latest callback has been tried once.
    latest: Option<oneshot::Receiver<()>>,
}

/// A payment was registered under this number and request id.
pub(crate) struct Registration {
    pub(crate) number: u64,
    pub(crate) request_id: String,
}

impl Sandbox {
    /// A sandbox in which nothing has happened yet.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Platform {
            ids: Ids::new(config.seed),
            state: Mutex::default(),
            log: EventLog::new(config.event_history),
            client: delivery::client(),
            stop: watch::Sender::new(false),
            config,
        }))
    }

    /// Gate, the provider's pages and their assets, as a service that needs no socket. To be
    /// called inside a tokio runtime.
    pub fn router(&self) -> Router {
        gate::routes().merge(provider::routes()).with_state(self.clone())
    }

    /// Serves on a socket until [`Sandbox::shutdown`]; requests under way are answered first.
    /// Whether others on the network can reach it is decided by where the listener is bound.
    pub fn serve(
        &self,
        listener: TcpListener,
    ) -> impl Future<Output = io::Result<()>> + Send + use<> {
        let sandbox = self.clone();
        async move {
            let stopped = sandbox.clone();
            axum::serve(listener, sandbox.router())
                .with_graceful_shutdown(async move { stopped.stopped().await })
                .await
        }
    }

    /// Stops serving and delivering, and ends event streams.
    pub fn shutdown(&self) {
        self.0.stop.send_replace(true);
        self.0.log.close();
    }

    /// What has happened so far, oldest first, as far as the history reaches.
    pub fn events(&self) -> Vec<Event> {
        self.0.log.snapshot()
    }

    /// What happens from now on.
    pub fn subscribe(&self) -> EventStream {
        self.0.log.follow()
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn client(&self) -> &HttpClient {
        &self.0.client
    }

    /// Ends when the sandbox is shut down.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.0.stop.subscribe();
        // An error would mean that there is no sandbox any more.
        let _ = stop.wait_for(|&stop| stop).await;
    }

    pub(crate) fn record(&self, about: About, kind: EventKind) {
        self.0.log.record(self.0.config.clock.now(), about, kind);
    }

    /// The id of the next answer that carries one.
    pub(crate) fn next_request_id(&self) -> String {
        let mut state = self.state();
        state.requests += 1;
        self.0.ids.request(state.requests)
    }

    /// Registers a payment unless its id is taken. Nothing more happens to it before
    /// [`Sandbox::process`].
    pub(crate) fn register(&self, order: Order) -> Result<Registration, Refusal> {
        let mut state = self.state();
        let id = (order.project, order.payment_id.clone());
        if state.by_id.contains_key(&id) {
            return Err(Refusal::duplicate());
        }
        state.requests += 1;
        state.registered += 1;
        let number = state.registered;
        let request_id = self.0.ids.request(state.requests);
        let ids = self.0.ids.payment(request_id.clone(), number);
        state.by_id.insert(id, number);
        state.by_token.insert(ids.token.clone(), number);
        let payment = Payment::new(order, ids, self.0.config.clock.now());
        self.record_status(&payment);
        state.entries.insert(number, Entry { payment, callbacks: 0, latest: None });
        state.forget_beyond(self.0.config.payment_history);
        Ok(Registration { number, request_id })
    }

    /// Takes a registered payment a step further, on a task of its own, as the platform does
    /// after it has answered.
    pub(crate) fn process(&self, number: u64) {
        let sandbox = self.clone();
        tokio::spawn(async move {
            let now = sandbox.0.config.clock.now();
            sandbox.change(number, |payment| payment.process(now));
        });
    }

    /// The customer pressed a button. A payment that does not wait for one stays as it is.
    pub(crate) fn decide(&self, number: u64, decision: Decision) {
        let rule = self.0.config.button_rule;
        let now = self.0.config.clock.now();
        self.change(number, |payment| {
            if payment.awaits_customer() {
                self.record(about(payment), EventKind::CustomerDecided(decision));
            }
            payment.decide(decision, rule, now)
        });
    }

    /// Looks at a payment, by the token of its page.
    pub(crate) fn with_page<T>(
        &self,
        token: &str,
        look: impl FnOnce(u64, &Payment) -> T,
    ) -> Option<T> {
        let state = self.state();
        let number = *state.by_token.get(token)?;
        Some(look(number, &state.entries.get(&number)?.payment))
    }

    /// The signed answer to a status request.
    pub(crate) fn status(&self, project: &Project, payment_id: &PaymentId) -> String {
        let state = self.state();
        let number = state.by_id.get(&(project.id, payment_id.clone()));
        match number.and_then(|number| state.entries.get(number)) {
            Some(entry) => message::status(&entry.payment, &project.key),
            None => message::status_of_none(project.id, payment_id, &project.key),
        }
    }

    /// Where the customer's browser finds the page of a payment.
    fn page_url(&self, token: &str) -> String {
        format!("{}/provider/{token}", self.0.config.public_url)
    }

    /// Changes a payment and, if that made a difference, tells the merchant.
    fn change(&self, number: u64, step: impl FnOnce(&mut Payment) -> bool) {
        let mut state = self.state();
        let Some(entry) = state.entries.get_mut(&number) else { return };
        if !step(&mut entry.payment) {
            return;
        }
        let payment = &entry.payment;
        self.record_status(payment);
        let Some(project) = self.0.config.projects.get(&payment.order.project) else { return };
        let page = payment.awaits_customer().then(|| self.page_url(&payment.ids.token));
        let body = message::callback(payment, page.as_deref(), &project.key);
        let (tried, latest) = oneshot::channel();
        entry.callbacks += 1;
        let parcel = Parcel {
            about: about(payment),
            callback: entry.callbacks,
            url: payment.order.callback_url.clone().or_else(|| project.callback_url.clone()),
            body: RawBody::new(body),
            previous: entry.latest.replace(latest),
            tried,
        };
        drop(state);
        tokio::spawn(delivery::deliver(self.clone(), parcel));
    }

    fn record_status(&self, payment: &Payment) {
        self.record(about(payment), EventKind::PaymentChanged(payment.status()));
    }

    /// Nothing panics between two changes that belong together, so what a panic elsewhere left
    /// behind is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.log.close();
    }
}

impl State {
    fn forget_beyond(&mut self, limit: usize) {
        while self.entries.len() > limit {
            let ended = self.entries.iter().find(|(_, entry)| entry.payment.outcome().is_some());
            let oldest =
                ended.or_else(|| self.entries.first_key_value()).map(|(&number, _)| number);
            let Some(entry) = oldest.and_then(|number| self.entries.remove(&number)) else {
                return;
            };
            let payment = entry.payment;
            self.by_id.remove(&(payment.order.project, payment.order.payment_id));
            self.by_token.remove(&payment.ids.token);
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("config", &self.0.config).finish_non_exhaustive()
    }
}

pub(crate) fn about(payment: &Payment) -> About {
    (Some(payment.order.project), Some(payment.order.payment_id.clone()))
}
