//! The engine: it moves payments, time, deliveries and faults, and knows no page.

pub(crate) mod actions;
pub(crate) mod admit;
pub(crate) mod callbacks;
pub(crate) mod confirmation;
pub(crate) mod delivery;
pub(crate) mod events;
pub(crate) mod faults;
#[cfg(feature = "state")]
pub(crate) mod keep;
#[cfg(not(feature = "state"))]
mod keep_nothing;
pub(crate) mod merchant;
pub(crate) mod outgoing;
#[cfg(feature = "pages")]
mod pages;
#[cfg(feature = "pages")]
pub(crate) mod place;
pub(crate) mod progress;
pub(crate) mod pushed;
mod read;
mod state;
mod time;
pub(crate) mod view;

use std::future::Future;
use std::net::SocketAddr;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use ecp_core::{Clock as _, PaymentId, ProjectId, Sensitive, Timestamp};
use ecp_methods::{Effect, MethodSpec};
use http::Uri;
use tokio::sync::{Semaphore, watch};

use self::state::{Kind, State};
use self::time::Time;
use crate::config::{Config, Project};
use crate::engine::callbacks::CallbackState;
use crate::engine::events::{CallbackRefusal, Event, EventKind, EventLog, EventStream};
use crate::engine::faults::{Book, Fault, FaultRule, Point};
use crate::engine::outgoing::{Hosts, Outgoing};
use crate::payment::Payment;
use crate::payment::ids::{About, Ids};
use crate::wire::status;

/// The engine that moves payments. It is a handle that is cheap to clone; all clones share one
/// engine.
#[derive(Clone)]
pub(crate) struct Engine(Arc<Core>);

/// A weak handle of an [`Engine`], which does not keep the sandbox alive.
#[cfg(feature = "pages")]
pub(crate) struct WeakEngine(std::sync::Weak<Core>);

struct Core {
    config: Config,
    ids: Ids,
    time: Time,
    state: Mutex<State>,
    faults: Mutex<Book>,
    log: Arc<EventLog>,
    outgoing: Outgoing,
    /// Writer of the state file, in which `Sandbox::open` keeps payments over restarts; `None` for
    /// a sandbox that has its payments in memory only.
    #[cfg(feature = "state")]
    keeper: Option<keep::keeper::Keeper>,
    /// Permits to send pages of operations to the addresses in Data API queries, one for each page.
    /// There are 100; a page that gets no permit is not sent.
    pages: Arc<Semaphore>,
    /// The base URL of the first socket on which the sandbox listens, such as
    /// `http://127.0.0.1:40411`; empty before that.
    url: OnceLock<String>,
    /// The addresses of all sockets on which the sandbox listens or has listened. The sandbox sends
    /// no callbacks to them.
    sockets: Mutex<Vec<SocketAddr>>,
    stop: watch::Sender<bool>,
}

impl Core {
    fn new(config: Config) -> Self {
        Self {
            ids: Ids::new(config.seed),
            time: Time::of(&config.clock, config.virtual_from),
            state: Mutex::default(),
            faults: Mutex::new(Book::of(&config.faults)),
            log: EventLog::new(config.event_history, config.event_bytes),
            outgoing: Outgoing::to(config.merchant.as_ref()),
            #[cfg(feature = "state")]
            keeper: None,
            pages: pushed::places(),
            url: OnceLock::new(),
            sockets: Mutex::default(),
            stop: watch::Sender::new(false),
            config,
        }
    }
}

impl Engine {
    /// Returns an engine with this configuration, without payments and events.
    pub(crate) fn new(config: Config) -> Self {
        Self(Arc::new(Core::new(config)))
    }

    /// Stops the sandbox: it serves no more requests, sends no more callbacks, and ends its event
    /// streams.
    pub(crate) fn shutdown(&self) {
        self.0.stop.send_replace(true);
        self.0.log.close();
    }

    /// Returns all events in the history, oldest first.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.0.log.snapshot()
    }

    /// Returns the events in the history that follow the one with this number, oldest first.
    pub(crate) fn events_after(&self, sequence: u64) -> Vec<Event> {
        self.0.log.after(sequence)
    }

    /// Returns a stream of the events that happen after this call.
    pub(crate) fn subscribe(&self) -> EventStream {
        self.0.log.follow()
    }

    /// Whether time is virtual ([`Config::virtual_time`]).
    pub(crate) fn is_virtual(&self) -> bool {
        self.0.time.is_virtual()
    }

    /// Returns the current time of the sandbox's clock.
    pub(crate) fn now(&self) -> Timestamp {
        self.0.time.timestamp()
    }

    /// Moves virtual time forward. Every task that is due in this time runs at its own moment, one
    /// task after the other; work that the last task starts may still be in progress, see
    /// [`Engine::settled`]. Returns `false`, and does nothing, if time is not virtual.
    pub(crate) async fn advance(&self, by: Duration) -> bool {
        let is_moved = self.0.time.advance(by).await;
        self.mark();
        is_moved
    }

    /// Waits until the sandbox has no work left: it waits only for a later time, a request or a
    /// customer.
    pub(crate) fn settled(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.time.settled()
    }

    /// Adds a fault rule, which is active from now on, and returns the number of the rule.
    pub(crate) fn add_fault(&self, rule: FaultRule) -> u64 {
        let id = self.book().add(rule);
        self.mark();
        id
    }

    /// Returns the active fault rules with their numbers. Each rule has its remaining number of
    /// hits.
    pub(crate) fn faults(&self) -> Vec<(u64, FaultRule)> {
        self.book().rules()
    }

    /// Removes a fault rule. Returns `false` if no rule has this number.
    pub(crate) fn remove_fault(&self, rule: u64) -> bool {
        let is_removed = self.book().remove(rule);
        self.mark();
        is_removed
    }

    /// Removes all fault rules.
    pub(crate) fn clear_faults(&self) {
        self.book().clear();
        self.mark();
    }

    pub(crate) fn config(&self) -> &Config {
        &self.0.config
    }

    pub(crate) fn outgoing(&self) -> &Outgoing {
        &self.0.outgoing
    }

    /// Returns a merchant's address, or the reason why nothing may be sent to it.
    pub(crate) fn target(&self, url: Option<&str>) -> Result<Uri, CallbackRefusal> {
        let Config { callback_hosts: allowed, public_url, .. } = self.config();
        let public_url = public_url.as_deref();
        let hosts = Hosts { allowed, public_url, listening: &self.listening() };
        self.0.outgoing.target(&hosts, url)
    }

    pub(crate) fn time(&self) -> &Time {
        &self.0.time
    }

    pub(crate) fn project_key(&self, project: ProjectId) -> Option<&Sensitive<String>> {
        self.0.config.projects.get(&project).map(|project| &project.key)
    }

    /// Returns the faults that strike at this point, and records each as an event.
    pub(crate) fn strike(&self, about: &About, point: Point<'_>) -> Vec<Fault> {
        let struck = self.book().strike(self.0.ids, point, about);
        self.mark();
        let reported = struck.into_iter().map(|(rule, fault)| {
            let kind = EventKind::FaultStruck { rule, fault: fault.name() };
            self.record(about.clone(), kind);
            fault
        });
        reported.collect()
    }

    /// Returns a signal that turns true when the sandbox is shut down.
    pub(crate) fn stop_signal(&self) -> watch::Receiver<bool> {
        self.0.stop.subscribe()
    }

    /// Records the address of a socket on which the sandbox listens.
    pub(crate) fn listens_on(&self, address: SocketAddr) {
        // With several sockets, the first one is the sandbox's address.
        let _ = self.0.url.set(format!("http://{address}"));
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner).push(address);
    }

    /// Waits until the sandbox is shut down.
    pub(crate) async fn stopped(&self) {
        let mut stop = self.stop_signal();
        // An error means that the sandbox has been dropped.
        let _ = stop.wait_for(|&stop| stop).await;
    }

    pub(crate) fn record(&self, about: About, kind: EventKind) {
        let now = self.0.time.now();
        let millis = now.duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_millis());
        let at = Timestamp::try_from(now).unwrap_or_else(|_| self.now());
        self.0.log.record(at, u16::try_from(millis).unwrap_or(0), about, kind);
        self.mark();
    }

    /// Records an attempt of a delivery, or that it is refused, with the state in which that leaves
    /// its callback. Without another attempt the delivery has ended.
    pub(crate) fn report_delivery(
        &self,
        id: u64,
        about: &About,
        callback: Option<CallbackState>,
        event: EventKind,
        retry_in: Option<Duration>,
    ) {
        let mut state = self.changing();
        if let EventKind::CallbackAttempted { callback: number, .. }
        | EventKind::CallbackRefused { callback: number, .. } = &event
            && let Some(to) = callback
        {
            state.set_callback_state(about, *number, to);
        }
        self.record(about.clone(), event);
        match retry_in {
            None => state.pendings.end(id),
            Some(pause) => {
                state.pendings.change(id, |pending| pending.tried += 1);
                state.pendings.wait(id, self.time().moment_in(pause));
            }
        }
    }

    /// Records that a delivery waits this long before its first attempt.
    pub(crate) fn postpone_delivery(&self, id: u64, by: Duration) {
        let due = self.time().moment_in(by);
        self.changing().pendings.wait(id, due);
    }

    /// Returns the request id for the next answer that carries one.
    pub(crate) fn next_request_id(&self) -> String {
        let mut state = self.changing();
        state.requests += 1;
        self.0.ids.request(state.requests)
    }

    /// Whether a payment with this id was registered and has been removed from the history.
    pub(crate) fn has_forgotten(&self, project: ProjectId, payment_id: &PaymentId) -> bool {
        self.state().taken.has(Kind::Payment, project, payment_id.as_str())
    }

    /// Whether a refund with this id was registered and its payment has been removed from the
    /// history.
    pub(crate) fn has_forgotten_refund(&self, project: ProjectId, refund_id: &str) -> bool {
        self.state().taken.has(Kind::Refund, project, refund_id)
    }

    /// Whether a request with this id was registered and its payment has been removed from the
    /// history.
    pub(crate) fn has_forgotten_request(&self, project: ProjectId, request_id: &str) -> bool {
        self.state().taken.has(Kind::Request, project, request_id)
    }

    /// Returns the method of a payment; `None` if the payment is unknown.
    pub(crate) fn method_of(
        &self,
        project: ProjectId,
        payment_id: &PaymentId,
    ) -> Option<&'static MethodSpec> {
        let state = self.state();
        let number = state.by_id.get(&(project, payment_id.clone()))?;
        Some(state.entries.get(number)?.payment.order.spec)
    }

    /// Returns the payment of a registered request; `None` if no request with this id was
    /// registered.
    pub(crate) fn payment_of_request(
        &self,
        project: ProjectId,
        request_id: &str,
    ) -> Option<PaymentId> {
        let state = self.state();
        let order = &state.entries.get(state.by_request.get(request_id)?)?.payment.order;
        (order.project == project).then(|| order.payment_id.clone())
    }

    /// Returns the signed answer to a status request about this payment.
    pub(crate) fn status(&self, project: &Project, payment_id: &PaymentId) -> String {
        let state = self.state();
        let number = state.by_id.get(&(project.id, payment_id.clone()));
        match number.and_then(|number| state.entries.get(number)) {
            Some(entry) => {
                let page = self.page_url(&entry.payment.ids.token);
                status::status(&entry.payment, &page, &project.key)
            }
            None => status::status_of_none(project.id, payment_id, &project.key),
        }
    }

    /// Returns the base URL under which customers' browsers reach the sandbox.
    pub(crate) fn public_url(&self) -> &str {
        let listening = || self.0.url.get().map_or("http://127.0.0.1:8080", String::as_str);
        self.0.config.public_url.as_deref().unwrap_or_else(listening)
    }

    /// Whether this host name is one of the sandbox's own names.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        let public: Option<Uri> = self.public_url().parse().ok();
        public.as_ref().and_then(Uri::host).is_some_and(|own| own.eq_ignore_ascii_case(name))
            || self.0.config.host_names.contains(&name.to_ascii_lowercase())
    }

    /// Returns the addresses of the sockets on which the sandbox listens.
    pub(crate) fn listening(&self) -> Vec<SocketAddr> {
        self.0.sockets.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn record_status(&self, payment: &Payment) {
        self.record(payment.about(), EventKind::PaymentChanged(payment.status()));
    }

    fn record_follow_up(&self, payment: &Payment, place: usize) {
        let Some(follow_up) = payment.follow_ups().get(place) else { return };
        let (operation_id, status) = (follow_up.ids.operation, follow_up.status());
        let kind = match follow_up.effect() {
            Effect::Back => EventKind::RefundChanged { operation_id, status },
            _ => EventKind::OperationChanged { operation_id, kind: follow_up.kind(), status },
        };
        self.record(payment.about(), kind);
    }

    /// Returns the state, to be changed: the state file is written again afterwards.
    fn changing(&self) -> Changing<'_> {
        Changing { state: self.state(), engine: self }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Nothing panics between two changes that belong together, so what a panic elsewhere left
    /// behind is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The state of an engine while it is changed.
struct Changing<'e> {
    state: MutexGuard<'e, State>,
    engine: &'e Engine,
}

impl Deref for Changing<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.state
    }
}

impl DerefMut for Changing<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.state
    }
}

impl Drop for Changing<'_> {
    fn drop(&mut self) {
        self.engine.mark();
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.log.close();
        #[cfg(feature = "state")]
        let _ = self.close_file();
    }
}
