//! Configuration of a sandbox.

#[cfg(feature = "pages")]
mod pages;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecp_core::{Clock, Money, ProjectId, Sensitive, SystemClock, Timestamp};
use ecp_methods::Registry;
use http::{Request, Response, StatusCode};

use crate::engine::delivery::Schedule;
use crate::engine::faults::FaultRule;
use crate::engine::merchant::Merchant;
use crate::payment::{ButtonRule, RefundOperation};

/// All settings of a [`Sandbox`](crate::Sandbox), such as its projects, payment methods, clock,
/// injected faults and time limits. Begin with [`Config::new`] or [`Config::demo`], and pass the
/// result to [`Sandbox::new`](crate::Sandbox::new).
///
/// ```
/// use std::time::Duration;
///
/// use ecp_core::{ProjectId, Sensitive};
/// use ecp_sandbox::{Config, Project, Sandbox, Schedule};
///
/// let shop = Project::new(ProjectId::new(1236)?, Sensitive::new("shop-key".to_owned()))
///     .callback_url("http://127.0.0.1:3000/callback");
/// let sandbox = Sandbox::new(
///     Config::new().project(shop).schedule(Schedule::every(Duration::from_millis(50), 5)),
/// );
/// # Ok::<(), ecp_core::InvalidId>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) projects: BTreeMap<ProjectId, Project>,
    pub(crate) registry: Registry,
    pub(crate) seed: u64,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) virtual_from: Option<Timestamp>,
    pub(crate) public_url: Option<String>,
    pub(crate) merchant: Option<Merchant>,
    pub(crate) faults: Vec<FaultRule>,
    pub(crate) tokens: Tokens,
    pub(crate) destination_name: String,
    pub(crate) schedule: Schedule,
    pub(crate) callback_timeout: Duration,
    pub(crate) callback_hosts: BTreeSet<String>,
    pub(crate) host_names: BTreeSet<String>,
    pub(crate) head_deadline: Duration,
    pub(crate) body_deadline: Duration,
    pub(crate) confirmation_timeout: Duration,
    pub(crate) button_rule: ButtonRule,
    pub(crate) refund_operation: RefundOperation,
    pub(crate) refund_code: Option<u32>,
    pub(crate) error_status: StatusCode,
    #[cfg(feature = "pages")]
    pub(crate) refuse_guests: bool,
    #[cfg(feature = "pages")]
    pub(crate) mailer: Option<Arc<dyn ecp_reports::SendMail>>,
    pub(crate) cut_off: Duration,
    pub(crate) cut_off_code: u32,
    pub(crate) clarification_window: Duration,
    pub(crate) event_history: usize,
    pub(crate) event_bytes: usize,
    pub(crate) payment_history: usize,
}

/// Data API tokens with their settings. `Debug` does not print the tokens.
#[derive(Clone, Default)]
pub(crate) struct Tokens(pub(crate) BTreeMap<String, DataToken>);

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.values()).finish()
    }
}

/// Settings of a Data API token.
#[derive(Clone, Debug)]
pub(crate) struct DataToken {
    pub(crate) key: Sensitive<String>,
    /// The projects that may be queried with the token; `None` for all.
    pub(crate) projects: Option<BTreeSet<ProjectId>>,
}

impl Config {
    /// Signing key of the one project in [`Config::demo`], the configuration for trying the sandbox
    /// out. The key is published with this library and is no secret.
    pub const DEMO_KEY: &str = "sandbox-key-not-a-secret";

    /// Id of the one project in [`Config::demo`], the configuration for trying the sandbox out: 1.
    pub const DEMO_PROJECT: ProjectId = match ProjectId::new(1) {
        Ok(id) => id,
        Err(_) => panic!("1 is positive"),
    };

    /// Returns a configuration without projects, with the payment methods of [`Registry::builtin`],
    /// and with the platform's own schedule for sending undelivered callbacks again
    /// ([`Schedule::platform`]). Add at least one project with [`Config::project`], because
    /// requests for an unknown project are refused.
    pub fn new() -> Self {
        Self {
            projects: BTreeMap::new(),
            registry: Registry::builtin(),
            seed: 1,
            clock: Arc::new(SystemClock),
            virtual_from: None,
            public_url: None,
            merchant: None,
            faults: Vec::new(),
            tokens: Tokens::default(),
            destination_name: Self::DESTINATION_NAME.to_owned(),
            schedule: Schedule::platform(),
            callback_timeout: Duration::from_secs(10),
            callback_hosts: BTreeSet::new(),
            host_names: BTreeSet::new(),
            head_deadline: Duration::from_secs(10),
            body_deadline: Duration::from_secs(10),
            confirmation_timeout: Duration::from_secs(10),
            button_rule: ButtonRule::default(),
            refund_operation: RefundOperation::default(),
            refund_code: None,
            error_status: StatusCode::BAD_REQUEST,
            #[cfg(feature = "pages")]
            refuse_guests: false,
            #[cfg(feature = "pages")]
            mailer: None,
            cut_off: Duration::from_hours(1),
            cut_off_code: 20_000,
            clarification_window: Duration::from_mins(30),
            event_history: 100_000,
            event_bytes: 64 << 20,
            payment_history: 10_000,
        }
    }

    /// Default name of the JSON member with which an `/operations/get` query of the Data API (the
    /// platform's API for lists of operations and for balances) asks that the operations be sent to
    /// a URL. The sandbox answers the query with the operations and also posts them to this URL.
    /// The documents do not name the member, so the name is the sandbox's own choice;
    /// [`Config::destination_name`] sets another.
    pub const DESTINATION_NAME: &str = "destination";

    /// Token for queries to the Data API (lists of operations and balances) in [`Config::demo`],
    /// the configuration for trying the sandbox out. A query has the token in its member `token`
    /// and is signed with [`Config::DEMO_TOKEN_KEY`]. The token is published with this library and
    /// is no secret.
    pub const DEMO_TOKEN: &str = "sandbox-token-not-a-secret";

    /// Signing key of the Data API token [`Config::DEMO_TOKEN`], for queries with this token and
    /// their answers. The key is published with this library and is no secret.
    pub const DEMO_TOKEN_KEY: &str = "sandbox-token-key-not-a-secret";

    /// Returns the configuration for trying the sandbox out. It adds to [`Config::new`] one project
    /// (number [`Config::DEMO_PROJECT`], key [`Config::DEMO_KEY`]), which cannot be mistaken for a
    /// real one, and one Data API token ([`Config::DEMO_TOKEN`], key [`Config::DEMO_TOKEN_KEY`]).
    pub fn demo() -> Self {
        let key = Sensitive::new(Self::DEMO_KEY.to_owned());
        let token_key = Sensitive::new(Self::DEMO_TOKEN_KEY.to_owned());
        Self::new().project(Project::new(Self::DEMO_PROJECT, key)).data_token(
            Self::DEMO_TOKEN,
            token_key,
            [],
        )
    }

    /// Adds a merchant's project to the sandbox, in place of an earlier project with the same
    /// number.
    pub fn project(mut self, project: Project) -> Self {
        self.projects.insert(project.id, project);
        self
    }

    /// Sets the payment methods that the sandbox serves, by default those of [`Registry::builtin`].
    /// Requests for other methods are refused with code 2541.
    pub fn registry(self, registry: Registry) -> Self {
        Self { registry, ..self }
    }

    /// Sets the seed of generated ids and of the random draws of fault rules
    /// ([`FaultRule::percent`]), 1 by default.
    ///
    /// Two sandboxes with the same seed and the same requests in the same order give the same ids.
    /// A request id is a hash of the seed and the number of the answer that carries the id.
    /// Operation ids, providers' payment ids, wallet numbers and the tokens in the URLs of
    /// providers' pages are made from the seed and the number of the registered payment or refund.
    /// None of the ids is a secret.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the clock for the dates in the sandbox's messages and events, by default the machine's.
    /// Pauses and time limits run in real time, whatever this clock says. With
    /// [`Config::virtual_time`] this setting has no effect.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Gives the sandbox virtual time, which begins at `start` and moves only by
    /// [`Sandbox::advance`](crate::Sandbox::advance). All dates and waits use it: pauses before a
    /// callback is sent again, the time after which an unpaid sale is declined, and faults that
    /// delay something. Only the time limits of HTTP use real time, such as the limit for a
    /// merchant's answer. Without this setting the sandbox uses real time.
    ///
    /// ```
    /// use ecp_sandbox::{Config, Sandbox};
    ///
    /// let config = Config::demo().virtual_time("2019-04-15T16:31:13+0000".parse()?);
    /// assert!(Sandbox::new(config).is_virtual());
    /// # Ok::<(), ecp_core::InvalidTimestamp>(())
    /// ```
    pub fn virtual_time(self, start: Timestamp) -> Self {
        Self { virtual_from: Some(start), ..self }
    }

    /// Sends everything for merchants to this function instead of over the network: callbacks,
    /// confirmation requests, and operations that the Data API sends to an address. The function
    /// plays the merchant's server and returns its HTTP answer. It is called for every host, so no
    /// host needs [`Config::allow_callback_host`].
    ///
    /// ```
    /// use bytes::Bytes;
    /// use ecp_sandbox::Config;
    /// use http::{Request, Response};
    ///
    /// let config = Config::demo().merchant(|callback: Request<Bytes>| async move {
    ///     println!("{} bytes for {}", callback.body().len(), callback.uri());
    ///     Response::new(Bytes::new())
    /// });
    /// ```
    pub fn merchant<A, R>(self, answer: A) -> Self
    where
        A: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
        R: Future<Output = Response<Bytes>> + Send + 'static,
    {
        Self { merchant: Some(Merchant::new(answer)), ..self }
    }

    /// Adds a rule that makes the sandbox inject a fault, such as a lost callback. The rule is
    /// active from the start of the sandbox; [`Sandbox::add_fault`](crate::Sandbox::add_fault) adds
    /// one later.
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Adds a token for queries to the Data API (lists of operations and balances). `key` signs the
    /// queries with this token and their answers. `projects` are the projects that may be queried
    /// with the token; if it is empty, all may. A query about another project is refused with code
    /// 2442.
    pub fn data_token(
        mut self,
        token: impl Into<String>,
        key: Sensitive<String>,
        projects: impl IntoIterator<Item = ProjectId>,
    ) -> Self {
        let projects: BTreeSet<ProjectId> = projects.into_iter().collect();
        let projects = (!projects.is_empty()).then_some(projects);
        self.tokens.0.insert(token.into(), DataToken { key, projects });
        self
    }

    /// Sets the name of the JSON member with which an `/operations/get` query of the Data API
    /// (lists of operations and balances) asks that the operations be sent to a URL, by default
    /// [`Config::DESTINATION_NAME`]. The sandbox answers the query with the operations and also
    /// posts them to this URL. The documents say that operations can be sent to an address, but do
    /// not name the member.
    pub fn destination_name(self, name: impl Into<String>) -> Self {
        Self { destination_name: name.into(), ..self }
    }

    /// Sets the cut-off time, after which the sandbox declines a payment that has not ended; one
    /// hour by default. It applies to a sale that waits for its customer or for data that the
    /// merchant was asked for (a clarification), and to a payout that
    /// [`Fault::SlowPayout`](crate::Fault::SlowPayout) slows down. A payment method with a cut-off
    /// time of its own ([`Rule::cut_off_time`](ecp_methods::Rule::cut_off_time)) keeps it. The
    /// platform's own value is not public.
    pub fn cut_off(self, time: Duration) -> Self {
        Self { cut_off: time, ..self }
    }

    /// Sets the code of a payment that is declined at its cut-off time ([`Config::cut_off`]). The
    /// default is 20000, the code in the documents' only sample of such a decline; the platform's
    /// code could also be 20602 (time-out).
    pub fn cut_off_code(self, code: u32) -> Self {
        Self { cut_off_code: code, ..self }
    }

    /// Sets the time in which the merchant must answer a clarification, which is the platform's
    /// question for data that a sale lacks; 30 minutes by default. Each incomplete answer starts
    /// the time anew. When the time is over, the sandbox declines the sale with the code of
    /// [`Config::cut_off_code`], because no document names a code for this. The sale's cut-off time
    /// ([`Config::cut_off`]) goes on meanwhile and may end the sale earlier.
    pub fn clarification_window(self, time: Duration) -> Self {
        Self { clarification_window: time, ..self }
    }

    /// Sets the base URL under which customers' browsers reach the sandbox; the links in callbacks
    /// begin with it. The default is the address on which the sandbox listens
    /// ([`Sandbox::listen`](crate::Sandbox::listen)), or `http://127.0.0.1:8080` if it does not
    /// listen.
    pub fn public_url(self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        Self { public_url: Some(url.trim_end_matches('/').to_owned()), ..self }
    }

    /// Sets the schedule by which a callback is sent again until the merchant answers it with HTTP
    /// status 200: the pauses, and the number of attempts after which it is given up. The default,
    /// [`Schedule::platform`], makes 120 attempts within 11 days; [`Schedule::every`] makes a
    /// schedule of your own. The schedule also applies to operations that the Data API sends to an
    /// address.
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// Sets the time limit for the merchant's answer to a callback, or to operations that the Data
    /// API sends to the address in a query; 10 seconds by default. Without an answer in this time
    /// the attempt has failed, and another one follows by [`Config::schedule`]. The platform's own
    /// limit is not documented.
    pub fn callback_timeout(self, timeout: Duration) -> Self {
        Self { callback_timeout: timeout, ..self }
    }

    /// Sets the time limit for the merchant's answer to a confirmation request (`check_deposit`),
    /// which asks the merchant to accept the amount of a sale; 10 seconds by default. Without an
    /// answer in this time the sale is declined with code 30302. The platform's own limit is not
    /// documented.
    pub fn confirmation_timeout(self, timeout: Duration) -> Self {
        Self { confirmation_timeout: timeout, ..self }
    }

    /// Allows this host for everything that the sandbox sends to merchants: callbacks, confirmation
    /// requests, and operations that the Data API sends to an address. The host is a name or an IP
    /// address, without a port. By default only this machine (`localhost`, 127.0.0.0/8, `::1`) is
    /// allowed, so that a request with a wrong address does not reach a stranger's server. Messages
    /// to other hosts are not sent
    /// ([`CallbackRefusal::HostNotAllowed`](crate::CallbackRefusal::HostNotAllowed)).
    pub fn allow_callback_host(mut self, host: impl Into<String>) -> Self {
        let host: String = host.into();
        self.callback_hosts.insert(host.to_ascii_lowercase());
        self
    }

    /// Adds a host name, without a port, by which clients reach the sandbox, such as that of a
    /// container. A request with any other name in its `Host` header is refused with HTTP status
    /// 403, except for `localhost`, the host of [`Config::public_url`] and all IP addresses. This
    /// protects the sandbox from web pages of other sites that make their own host name lead to
    /// this machine (DNS rebinding).
    pub fn host_name(mut self, name: impl Into<String>) -> Self {
        let name: String = name.into();
        self.host_names.insert(name.to_ascii_lowercase());
        self
    }

    /// Sets the time limit for the headers of an HTTP request to the sandbox to arrive, 10 seconds
    /// by default. A connection on which they are late, or which is unused for this time, is
    /// closed. Requests that a program passes to [`Sandbox::router`](crate::Sandbox::router)
    /// without a connection have no limit.
    pub fn head_deadline(self, deadline: Duration) -> Self {
        Self { head_deadline: deadline, ..self }
    }

    /// Sets the time limit for the body of an HTTP request to the sandbox to arrive, 10 seconds by
    /// default. A request whose body is late is answered with HTTP status 408. Requests that a
    /// program passes to [`Sandbox::router`](crate::Sandbox::router) without a connection have no
    /// limit.
    pub fn body_deadline(self, deadline: Duration) -> Self {
        Self { body_deadline: deadline, ..self }
    }

    /// Sets the rule that decides whether a payment succeeds after the customer presses a button on
    /// the page of the payment method's provider: the button, or the amount of the payment. The
    /// default is [`ButtonRule::ListedAmounts`].
    pub fn button_rule(self, rule: ButtonRule) -> Self {
        Self { button_rule: rule, ..self }
    }

    /// Sets the operation type that refunds have in callbacks and answers, `refund` or `reversal`.
    /// The default is [`RefundOperation::Refund`].
    pub fn refund_operation(self, operation: RefundOperation) -> Self {
        Self { refund_operation: operation, ..self }
    }

    /// Makes the sandbox decline every refund with this code, such as 3288 for a disputed payment
    /// or 10706 for an acquirer's refusal. Without this setting only refunds that are not possible
    /// are declined, such as one of more than is left of the payment. The documents do not say when
    /// the platform gives 3288 and 10706, so the sandbox gives them only with this setting.
    pub fn decline_refunds(self, code: u32) -> Self {
        Self { refund_code: Some(code), ..self }
    }

    /// Sets the HTTP status with which Gate and the Data API refuse a request, 400 by default. The
    /// platform's own status is not documented; a client should not depend on it.
    pub fn error_status(self, status: StatusCode) -> Self {
        Self { error_status: status, ..self }
    }

    /// Sets the maximum number of events that the sandbox keeps in memory, 100000 by default; 0
    /// counts as 1. Beyond it the oldest events are removed first.
    pub fn event_history(self, events: usize) -> Self {
        Self { event_history: events.max(1), ..self }
    }

    /// Sets the maximum total size of the bodies of requests, answers and callbacks in the events
    /// that the sandbox keeps in memory, in bytes; 64 MiB by default. Beyond it the oldest events
    /// are removed first; the latest event is kept whatever its size.
    pub fn event_bytes(self, bytes: usize) -> Self {
        Self { event_bytes: bytes, ..self }
    }

    /// Sets the maximum number of payments that the sandbox keeps in memory, 10000 by default; 0
    /// counts as 1. Beyond it the payment that ended first is removed, or the oldest payment if
    /// none has ended. The ids of removed payments and refunds cannot be used again; each of these
    /// ids takes 20 to 40 bytes of memory.
    pub fn payment_history(self, payments: usize) -> Self {
        Self { payment_history: payments.max(1), ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// A merchant's project on the sandbox: its number, signing key, addresses for callbacks and
/// opening balances. [`Config::project`] adds it to a sandbox.
#[derive(Clone, Debug)]
pub struct Project {
    pub(crate) id: ProjectId,
    pub(crate) key: Sensitive<String>,
    pub(crate) callback_url: Option<String>,
    pub(crate) confirmation_url: Option<String>,
    pub(crate) balances: Vec<Money>,
}

impl Project {
    /// Returns a project with this number and this signing key, with which the project's requests
    /// and callbacks are signed. It has no address for callbacks yet ([`Project::callback_url`])
    /// and ten million major units in every currency ([`Project::balance`]).
    pub const fn new(id: ProjectId, key: Sensitive<String>) -> Self {
        Self { id, key, callback_url: None, confirmation_url: None, balances: Vec::new() }
    }

    /// Sets the URL to which the project's callbacks are sent if the payment's request names no
    /// other. Without either, a callback is not sent
    /// ([`CallbackRefusal::NoAddress`](crate::CallbackRefusal::NoAddress)). The URL must be plain
    /// `http`, because the sandbox has no TLS.
    pub fn callback_url(self, url: impl Into<String>) -> Self {
        Self { callback_url: Some(url.into()), ..self }
    }

    /// Sets the project's opening balance in the currency of `balance`. Without this setting a
    /// balance opens with ten million major units, in every currency. Payouts beyond the balance
    /// are declined with code 3028 (insufficient funds).
    pub fn balance(mut self, balance: Money) -> Self {
        self.balances.retain(|other| other.currency() != balance.currency());
        self.balances.push(balance);
        self
    }

    /// Sets the URL for confirmation requests (`check_deposit`), which ask the merchant to accept
    /// the amount of a sale; by default the URL for the payment's callbacks. The URL must be plain
    /// `http`, because the sandbox has no TLS.
    pub fn confirmation_url(self, url: impl Into<String>) -> Self {
        Self { confirmation_url: Some(url.into()), ..self }
    }
}
