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

/// Everything about a sandbox that can be chosen.
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

/// Data API tokens, which are not printed.
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
    /// `None` for all.
    pub(crate) projects: Option<BTreeSet<ProjectId>>,
}

impl Config {
    /// The key of [`Config::demo`]'s project.
    pub const DEMO_KEY: &str = "sandbox-key-not-a-secret";

    /// The project of [`Config::demo`].
    pub const DEMO_PROJECT: ProjectId = match ProjectId::new(1) {
        Ok(id) => id,
        Err(_) => panic!("1 is positive"),
    };

    /// A sandbox without projects, with the built-in methods and the platform's own schedule.
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

    /// Name of a query's member for the address that its operations are sent to, unless
    /// [`Config::destination_name`] sets another: chosen, because no document names it.
    pub const DESTINATION_NAME: &str = "destination";

    /// The Data API's token in [`Config::demo`].
    pub const DEMO_TOKEN: &str = "sandbox-token-not-a-secret";

    /// The key of [`Config::DEMO_TOKEN`].
    pub const DEMO_TOKEN_KEY: &str = "sandbox-token-key-not-a-secret";

    /// [`Config::new`] with one project that cannot be mistaken for a real one: number
    /// [`Config::DEMO_PROJECT`], key [`Config::DEMO_KEY`]; and one token for the Data API,
    /// [`Config::DEMO_TOKEN`] with [`Config::DEMO_TOKEN_KEY`].
    pub fn demo() -> Self {
        let key = Sensitive::new(Self::DEMO_KEY.to_owned());
        let token_key = Sensitive::new(Self::DEMO_TOKEN_KEY.to_owned());
        Self::new().project(Project::new(Self::DEMO_PROJECT, key)).data_token(
            Self::DEMO_TOKEN,
            token_key,
            [],
        )
    }

    /// Adds a project, in place of one with the same number.
    pub fn project(mut self, project: Project) -> Self {
        self.projects.insert(project.id, project);
        self
    }

    /// Sets the methods that the sandbox serves, the built-in ones by default.
    pub fn registry(self, registry: Registry) -> Self {
        Self { registry, ..self }
    }

    /// Sets the seed of generated ids, 1 by default.
    ///
    /// Request ids are a hash of the seed and the number of the answer that carries them; operation
    /// ids, provider's payment ids, wallet numbers and page tokens come from the seed and the
    /// number of the registered payment. So two sandboxes of one seed that see the same requests
    /// in the same order give out the same ids. None of them is a secret.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Sets the clock for dates, the machine's by default.
    pub fn clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Puts time under the caller's control: it begins at this moment, and moves only by
    /// [`Sandbox::advance`](crate::Sandbox::advance). Dates and all waits use it: redeliveries,
    /// cut-off times, delays of callbacks, faults. Only the time limit for a merchant's answer is
    /// real.
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

    /// Sends callbacks, confirmations and operations to this function instead of over the network.
    /// It answers for every host, so none needs to be allowed.
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

    /// Adds a rule of faults that is in force from the beginning.
    pub fn fault(mut self, rule: FaultRule) -> Self {
        self.faults.push(rule);
        self
    }

    /// Adds a token of the Data API with its own key, and the projects that it may ask about: all
    /// if none is named.
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

    /// Sets the name of the member of `/operations/get` that names an address to which the
    /// operations are sent too, instead of [`Config::DESTINATION_NAME`]. That they can be sent is
    /// documented, and the name is not.
    pub fn destination_name(self, name: impl Into<String>) -> Self {
        Self { destination_name: name.into(), ..self }
    }

    /// Sets the time that a sale may wait for its customer, and that a payout may take, where the
    /// method's spec does not say; an hour by default. After it the platform declines. The
    /// platform's own value is not public.
    pub fn cut_off(self, time: Duration) -> Self {
        Self { cut_off: time, ..self }
    }

    /// Sets the code of declines after the cut-off time. By default 20000, the code in the
    /// documents' only sample of such a decline; 20602 (time-out) is another candidate.
    pub fn cut_off_code(self, code: u32) -> Self {
        Self { cut_off_code: code, ..self }
    }

    /// Sets the time that a sale waits for the merchant's answer to a clarification, from the
    /// question or the last answer on; 30 minutes by default (sources: clarification). After it the
    /// platform declines, with the code of [`Config::cut_off_code`], as no document has another; the
    /// cut-off time goes on meanwhile.
    pub fn clarification_window(self, time: Duration) -> Self {
        Self { clarification_window: time, ..self }
    }

    /// Sets the address of the sandbox for the customer's browser. By default the one that it
    /// listens on ([`Sandbox::listen`](crate::Sandbox::listen)), or `http://127.0.0.1:8080`. The
    /// links in callbacks begin with it.
    pub fn public_url(self, url: impl Into<String>) -> Self {
        let url: String = url.into();
        Self { public_url: Some(url.trim_end_matches('/').to_owned()), ..self }
    }

    /// Sets the schedule by which undelivered callbacks and operations are sent again, the
    /// platform's by default.
    pub fn schedule(self, schedule: Schedule) -> Self {
        Self { schedule, ..self }
    }

    /// Sets the time for a merchant to answer a callback or operations, 10 seconds by default. What
    /// the platform allows is not documented.
    pub fn callback_timeout(self, timeout: Duration) -> Self {
        Self { callback_timeout: timeout, ..self }
    }

    /// Sets the time for a merchant to confirm an amount, 10 seconds by default. What the platform
    /// allows is not documented.
    pub fn confirmation_timeout(self, timeout: Duration) -> Self {
        Self { confirmation_timeout: timeout, ..self }
    }

    /// Also allows this host for callbacks, confirmations and operations: a name or an IP address
    /// without a port. By default only this machine (`localhost`, 127.0.0.0/8, `::1`) is allowed,
    /// so that a request with a wrong address does not reach a stranger's server.
    pub fn allow_callback_host(mut self, host: impl Into<String>) -> Self {
        let host: String = host.into();
        self.callback_hosts.insert(host.to_ascii_lowercase());
        self
    }

    /// Adds a name by which clients reach the sandbox, such as that of a container, without a port.
    /// Requests with a name in `Host` that is neither `localhost`, nor that of the public URL, nor
    /// one of these are refused: pages of others could have made a name of theirs lead here. IP
    /// addresses need not be named.
    pub fn host_name(mut self, name: impl Into<String>) -> Self {
        let name: String = name.into();
        self.host_names.insert(name.to_ascii_lowercase());
        self
    }

    /// Sets the time for the head of a request to arrive on a socket, 10 seconds by default. An
    /// unused connection is closed after it.
    pub fn head_deadline(self, deadline: Duration) -> Self {
        Self { head_deadline: deadline, ..self }
    }

    /// Sets the time for the body of a request to arrive on a socket, 10 seconds by default.
    pub fn body_deadline(self, deadline: Duration) -> Self {
        Self { body_deadline: deadline, ..self }
    }

    /// Sets what decides the result on the provider's page, [`ButtonRule::ListedAmounts`] by
    /// default.
    pub fn button_rule(self, rule: ButtonRule) -> Self {
        Self { button_rule: rule, ..self }
    }

    /// Sets the type of operations that return money, [`RefundOperation::Refund`] by default.
    pub fn refund_operation(self, operation: RefundOperation) -> Self {
        Self { refund_operation: operation, ..self }
    }

    /// Declines every refund with a code, such as 3288 for a disputed payment or 10706 for an
    /// acquirer's refusal. When the platform gives these is not documented, so nothing else brings
    /// them about here.
    pub fn decline_refunds(self, code: u32) -> Self {
        Self { refund_code: Some(code), ..self }
    }

    /// Sets the HTTP status of refusals, 400 by default. What the platform answers is not
    /// documented; a client should not depend on it.
    pub fn error_status(self, status: StatusCode) -> Self {
        Self { error_status: status, ..self }
    }

    /// Sets the number of events that are kept, 100000 by default. The oldest are forgotten first.
    pub fn event_history(self, events: usize) -> Self {
        Self { event_history: events.max(1), ..self }
    }

    /// Sets the total size of the bodies of kept events, in bytes; 64 MiB by default. The oldest
    /// events are forgotten first; the latest is kept whatever its size.
    pub fn event_bytes(self, bytes: usize) -> Self {
        Self { event_bytes: bytes, ..self }
    }

    /// Sets the number of payments that are kept, 10000 by default. The one that ended first is
    /// forgotten first, and while none has ended the oldest. The ids of forgotten
    /// payments and refunds stay taken all the same; each takes 20 to 40 bytes of memory.
    pub fn payment_history(self, payments: usize) -> Self {
        Self { payment_history: payments.max(1), ..self }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

/// A merchant's project on the sandbox.
#[derive(Clone, Debug)]
pub struct Project {
    pub(crate) id: ProjectId,
    pub(crate) key: Sensitive<String>,
    pub(crate) callback_url: Option<String>,
    pub(crate) confirmation_url: Option<String>,
    pub(crate) balances: Vec<Money>,
}

impl Project {
    /// A project with the text of its key.
    pub const fn new(id: ProjectId, key: Sensitive<String>) -> Self {
        Self { id, key, callback_url: None, confirmation_url: None, balances: Vec::new() }
    }

    /// Sets the address for callbacks whose request names none. It must be plain `http`.
    pub fn callback_url(self, url: impl Into<String>) -> Self {
        Self { callback_url: Some(url.into()), ..self }
    }

    /// Sets the project's opening balance in a currency, ten million major units by default.
    /// Payouts beyond it are declined with code 3028 (sources: codes).
    pub fn balance(mut self, balance: Money) -> Self {
        self.balances.retain(|other| other.currency() != balance.currency());
        self.balances.push(balance);
        self
    }

    /// Sets the address for confirmation requests (`check_deposit`), by default that of the
    /// payment's callbacks. It must be plain `http`.
    pub fn confirmation_url(self, url: impl Into<String>) -> Self {
        Self { confirmation_url: Some(url.into()), ..self }
    }
}
