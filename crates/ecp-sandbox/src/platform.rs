//! The sandbox itself: its payments, and what changes them.

mod state;

use std::fmt;
use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use ecp_core::{Money, PaymentId, ProjectId};
use ecp_methods::MethodSpec;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};

use self::state::{Entry, State};
use crate::config::{Config, Project};
use crate::confirmation::{self, Question};
use crate::delivery::{self, Parcel};
use crate::event::{About, Decision, Event, EventKind, EventLog, EventStream, RawBody};
use crate::gate::Refusal;
use crate::ids::Ids;
use crate::outgoing::{self, HttpClient};
use crate::payment::{Order, Payment, Refund, RefundOrder, Step};
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

/// A payment was registered under this number and request id, or a refund of it.
pub(crate) struct Registration {
    number: u64,
    refund: Option<usize>,
    pub(crate) request_id: String,
}

impl Sandbox {
    /// A sandbox in which nothing has happened yet.
    pub fn new(config: Config) -> Self {
        Self(Arc::new(Platform {
            ids: Ids::new(config.seed),
            state: Mutex::default(),
            log: EventLog::new(config.event_history),
            client: outgoing::client(),
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
        state.by_request.insert(request_id.clone(), number);
        let payment = Payment::new(order, ids, self.0.config.clock.now());
        self.record_status(&payment);
        state.entries.insert(number, Entry { payment, callbacks: 0, latest: None });
        state.forget_beyond(self.0.config.payment_history);
        Ok(Registration { number, refund: None, request_id })
    }

    /// Registers a refund, if the method has the payment and nothing forbids it whatever the
    /// amount. Nothing goes back before [`Sandbox::process`].
    pub(crate) fn register_refund(
        &self,
        spec: &'static MethodSpec,
        order: RefundOrder,
    ) -> Result<Registration, Refusal> {
        let mut state = self.state();
        let State { requests, refunds, entries, by_id, by_request, refund_ids, .. } = &mut *state;
        let (number, entry) = by_id
            .get(&(order.project, order.payment_id.clone()))
            .and_then(|&number| Some((number, entries.get_mut(&number)?)))
            .filter(|(_, entry)| entry.payment.order.spec.code() == spec.code())
            .ok_or_else(Refusal::unknown_payment)?;
        let refund_id = order.merchant_refund_id.clone().map(|id| (order.project, id));
        if refund_id.as_ref().is_some_and(|id| refund_ids.contains(id)) {
            return Err(Refusal::repeated_refund());
        }
        if let Some(code) = entry.payment.refund_refusal() {
            return Err(Refusal::not_refundable(code));
        }
        *requests += 1;
        *refunds += 1;
        let request_id = self.0.ids.request(*requests);
        by_request.insert(request_id.clone(), number);
        refund_ids.extend(refund_id);
        let ids = self.0.ids.refund(request_id.clone(), *refunds);
        let Config { refund_operation, clock, .. } = &self.0.config;
        let place = entry.payment.begin_refund(order, ids, *refund_operation, clock.now());
        self.record_refund(&entry.payment, place);
        Ok(Registration { number, refund: Some(place), request_id })
    }

    /// The method of a payment.
    pub(crate) fn method_of(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Option<&'static MethodSpec> {
        let state = self.state();
        let number = state.by_id.get(&(project, payment_id.clone()))?;
        Some(state.entries.get(number)?.payment.order.spec)
    }

    /// The payment that a request was about, if the request was registered.
    pub(crate) fn payment_of_request(
        &self,
        project: ProjectId,
        request_id: &str,
    ) -> Option<PaymentId> {
        let state = self.state();
        let order = &state.entries.get(state.by_request.get(request_id)?)?.payment.order;
        (order.project == project).then(|| order.payment_id.clone())
    }

    /// Takes a registered payment or refund a step further, on a task of its own, as the platform
    /// does after it has answered.
    pub(crate) fn process(&self, registration: &Registration) {
        let sandbox = self.clone();
        let &Registration { number, refund, .. } = registration;
        tokio::spawn(async move {
            let now = sandbox.0.config.clock.now();
            sandbox.change(number, |payment| match refund {
                None => payment.process(now),
                Some(place) => payment.process_refund(place, sandbox.0.config.refund_code, now),
            });
        });
    }

    /// The customer pressed a button, and may have chosen the amount. A payment that does not
    /// wait for one stays as it is. Where the merchant confirms amounts, this takes until the
    /// merchant has answered.
    pub(crate) async fn decide(&self, number: u64, decision: Decision, chosen: Option<Money>) {
        let Config { button_rule, clock, .. } = &self.0.config;
        let question = self.change(number, |payment| {
            if payment.awaits_customer() {
                self.record(about(payment), EventKind::CustomerDecided(decision));
            }
            payment.decide(decision, chosen, *button_rule, clock.now())
        });
        let Some(question) = question else { return };
        let sandbox = self.clone();
        // A task of its own: the payment goes on when the customer's browser does not.
        let asking = tokio::spawn(async move {
            let answer = confirmation::ask(&sandbox, question).await;
            if let Some(answer) = answer {
                let now = sandbox.0.config.clock.now();
                sandbox.change(number, |payment| payment.conclude(answer.verdict(), now));
            }
        });
        // It does not panic, and nobody cancels it.
        let _ = asking.await;
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

    /// Changes a payment and does what that leads to: a callback on its way, or a question that
    /// is to be asked.
    fn change(&self, number: u64, step: impl FnOnce(&mut Payment) -> Step) -> Option<Question> {
        let mut state = self.state();
        let State { entries, ended, .. } = &mut *state;
        let entry = entries.get_mut(&number)?;
        let before = (entry.payment.status(), entry.payment.outcome());
        let step = step(&mut entry.payment);
        let payment = &entry.payment;
        if before.1.is_none() && payment.outcome().is_some() {
            ended.push_back(number);
        }
        let project = self.0.config.projects.get(&payment.order.project)?;
        let place = match step {
            Step::Stay => return None,
            Step::Ask(amount) => return Some(question(payment, amount, project)),
            Step::Tell => None,
            Step::TellOfRefund(place) => Some(place),
        };
        if let Some(place) = place {
            self.record_refund(payment, place);
        }
        if payment.status() != before.0 {
            self.record_status(payment);
        }
        let refund = place.and_then(|place| payment.refunds().get(place));
        let page = payment.awaits_customer().then(|| self.page_url(&payment.ids.token));
        let (tried, latest) = oneshot::channel();
        entry.callbacks += 1;
        let parcel = Parcel {
            about: about(payment),
            callback: entry.callbacks,
            url: callback_url(payment, refund, project),
            body: RawBody::new(message::callback(payment, refund, page, &project.key)),
            previous: entry.latest.replace(latest),
            tried,
        };
        drop(state);
        tokio::spawn(delivery::deliver(self.clone(), parcel));
        None
    }

    fn record_status(&self, payment: &Payment) {
        self.record(about(payment), EventKind::PaymentChanged(payment.status()));
    }

    fn record_refund(&self, payment: &Payment, place: usize) {
        let Some(refund) = payment.refunds().get(place) else { return };
        let (operation_id, status) = (refund.ids.operation, refund.status());
        self.record(about(payment), EventKind::RefundChanged { operation_id, status });
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

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox").field("config", &self.0.config).finish_non_exhaustive()
    }
}

pub(crate) fn about(payment: &Payment) -> About {
    (Some(payment.order.project), Some(payment.order.payment_id.clone()))
}

/// That of the refund's own request, else that of the payment's, else the project's.
fn callback_url(payment: &Payment, refund: Option<&Refund>, project: &Project) -> Option<String> {
    let own = refund.and_then(|refund| refund.order.callback_url.as_ref());
    own.or(payment.order.callback_url.as_ref()).or(project.callback_url.as_ref()).cloned()
}

fn question(payment: &Payment, amount: Money, project: &Project) -> Question {
    let url = project.confirmation_url.clone().or_else(|| callback_url(payment, None, project));
    Question {
        about: about(payment),
        payment_id: payment.order.payment_id.clone(),
        url,
        body: RawBody::new(message::check_deposit(payment, amount, &project.key)),
    }
}
