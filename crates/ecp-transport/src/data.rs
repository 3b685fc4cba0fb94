//! The Data API client.

pub(crate) mod destination;
pub(crate) mod query;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use ecp_core::json::{Document, JsonError, Kind, Limits, Value};
use ecp_core::model::{Code, DataOperation, FromJson as _, ModelError};
use ecp_core::observe::{Label, Meter, Observer};
use ecp_core::signature::{self, Place, Rules, SignError, SigningKey, VerifyError};
use ecp_core::{SecretKey, Sensitive};
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::field::Empty;

use self::destination::{Destination, Requested};
use self::query::{OperationsQuery, Signable};
use crate::address::{Address, InvalidBaseUrl};
use crate::http::{HttpTransport, TransportError};
use crate::retry_policy::RetryPolicy;
use crate::send::{DEADLINE, retry_after};
use crate::watched::{BUDGET_EMPTY, FURTHER_REQUESTS, Watched};

/// Base address of the platform's Data API (sources: Data API).
pub const DATA_API_URL: &str = "https://data.ecommpay.com";

/// Default name of the JSON member of a Data API query that holds the address to which the platform
/// sends the operations ([`Destination`]). This library chose the name, because no document names
/// the member (sources: operations to an address); the sandbox reads the same name. Ask the
/// platform's support for its name, and set that by [`DataApi::destination_name`].
pub const DESTINATION_NAME: &str = "destination";

/// Client of the platform's Data API, which returns past operations for reports and reconciliation.
/// It needs a token of the Data API and the key of that token; a project's key does not fit. Clones
/// share the HTTP transport.
///
/// Answers may take minutes (sources: Data API), so use
#[cfg_attr(
    feature = "reqwest",
    doc = "[`ReqwestTransport::for_data_api`](crate::ReqwestTransport::for_data_api)."
)]
#[cfg_attr(not(feature = "reqwest"), doc = "a transport that waits that long.")]
///
/// ```no_run
/// use ecp_core::{ProjectId, SecretKey, Sensitive};
/// use ecp_transport::{DataApi, OperationsQuery, ReqwestTransport};
///
/// # async fn list(token: Sensitive<String>, key: SecretKey) -> Result<(), Box<dyn std::error::Error>> {
/// let data = DataApi::new(token, &key, ReqwestTransport::for_data_api()?);
/// let query = OperationsQuery::new([ProjectId::new(183)?], "2020-01-01 00:00:00", "2020-01-31 23:59:59")?
///     .time_zone("Asia/Singapore");
/// let mut operations = data.operations(query);
/// while let Some(operation) = operations.next().await? {
///     println!("{:?}", operation.get("payment_id"));
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DataApi {
    token: Sensitive<String>,
    key: SigningKey,
    address: Address,
    transport: Arc<dyn HttpTransport>,
    retry: RetryPolicy,
    list: Arc<str>,
    destination: Arc<str>,
    limits: Limits,
    meter: Meter,
}

/// Error of a Data API query. Queries change nothing, so every query can be repeated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// The query cannot be signed, and was not sent: for example, [`OperationsQuery::filter`] was
    /// called twice with one name. Correct the query.
    #[error("the query cannot be signed: {0}")]
    Unsigned(SignError),
    /// No usable response came: the Data API could not be reached, did not answer in time, or its
    /// answer was larger than the transport allows. Repeat the query, in the last case with a
    /// smaller page size.
    #[error(transparent)]
    Transport(TransportError),
    /// The Data API answered with an error. The form of its errors is not documented, so this error
    /// has only the parts that could be read: the HTTP status, and the code and the message if
    /// there are any.
    #[error("the Data API answered HTTP status {http_status}{details}", details = in_words(.code.as_ref(), .message.as_deref()))]
    Refused {
        /// The HTTP status of the answer, such as 429 for too many requests.
        http_status: u16,
        /// The platform's error code; `None` if the answer has none.
        code: Option<Code>,
        /// The platform's error message; `None` if the answer has none.
        message: Option<String>,
    },
    /// The answer is not JSON, or has no list of operations. If the list is missing, ask the
    /// platform's support for its name, and set it by [`DataApi::list_name`].
    #[error("the Data API's answer cannot be read: {0}")]
    Unreadable(ModelError),
    /// The answer is not signed with the token's key, so nothing of it is returned. Check that
    /// [`DataApi::new`] was given the key of the token, not that of a project.
    #[error("the Data API's answer is not genuine: {0}")]
    NotGenuine(VerifyError),
}

impl DataError {
    /// Whether the Data API's answer was larger than the limit of the transport or of this client.
    /// The same query with a smaller page size may then succeed. `false` for every other error.
    pub fn is_too_large(&self) -> bool {
        match self {
            Self::Transport(error) => error.is_too_large(),
            Self::Unreadable(ModelError::Json(JsonError::TooLarge { .. })) => true,
            _ => false,
        }
    }

    /// Label of the query's outcome.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "not_sent",
            Self::Transport(error) if !error.may_have_arrived() => "not_sent",
            Self::Refused { .. } => "refused",
            Self::Transport(_) | Self::Unreadable(_) | Self::NotGenuine(_) => "unknown",
        }
    }

    /// Label of the error.
    const fn error_type(&self) -> &'static str {
        match self {
            Self::Unsigned(_) => "unsigned",
            Self::Transport(error) if !error.may_have_arrived() => "connection",
            Self::Transport(_) => "transport",
            Self::Refused { .. } => "refused",
            Self::Unreadable(_) => "unreadable",
            Self::NotGenuine(_) => "not_genuine",
        }
    }
}

fn in_words(code: Option<&Code>, message: Option<&str>) -> String {
    let code = code.map(|code| format!(", code {code}"));
    let message = message.map(|message| format!(": {message}"));
    [code, message].into_iter().flatten().collect()
}

impl DataApi {
    /// Makes a client of the platform's Data API at [`DATA_API_URL`]. `token` is sent with every
    /// query. `key` is the key of that token: it signs queries and verifies answers.
    pub fn new(
        token: Sensitive<String>,
        key: &SecretKey,
        transport: impl HttpTransport + 'static,
    ) -> Self {
        Self {
            token,
            key: SigningKey::new(key),
            address: Address::platform("data.ecommpay.com"),
            transport: Arc::new(transport),
            retry: RetryPolicy::new().deadline(Duration::from_mins(15)),
            list: "operations".into(),
            destination: DESTINATION_NAME.into(),
            limits: Limits::default().bytes(32 << 20),
            meter: Meter::default(),
        }
    }

    /// Sets the base address of the Data API, [`DATA_API_URL`] by default. The address of a sandbox
    /// is such as `http://127.0.0.1:8080`. Plain HTTP is allowed only to this machine, because
    /// operations hold personal data.
    pub fn base_url(self, url: &str) -> Result<Self, InvalidBaseUrl> {
        Ok(Self { address: Address::parse(url)?, ..self })
    }

    /// Sets how often and how long the request for a page of operations is retried: attempts,
    /// pauses, budget and deadline. By default a page is requested up to 4 times within 15 minutes;
    /// the rest is as in a default [`RetryPolicy`]. A policy that you pass has its own deadline, 1
    /// minute unless you set it: set a longer one, because answers may take minutes.
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Sets the observer to which the client reports the metrics of every page of operations that
    /// it requests; by default nothing is reported. [`METRICS`](crate::METRICS) lists these
    /// metrics.
    pub fn observer(self, observer: impl Observer) -> Self {
        Self { meter: Meter::new(observer), ..self }
    }

    /// Sets the name of the member of an answer that lists the operations, `operations` by default;
    /// the documents do not name it. If no list has that name, the only list at the top level of
    /// the answer is used; if there is not exactly one, [`Operations::next`] fails with
    /// [`DataError::Unreadable`], and [`Requested::operations`] is `None`.
    pub fn list_name(self, name: &str) -> Self {
        Self { list: name.into(), ..self }
    }

    /// Sets the name of the member of a query that holds the address to which the platform sends
    /// the operations ([`Destination`]), [`DESTINATION_NAME`] by default. The documents do not name
    /// the member, so change this if the platform uses another name.
    pub fn destination_name(self, name: &str) -> Self {
        Self { destination: name.into(), ..self }
    }

    /// Asks the platform to send one page of a query's operations to an address of yours. The page
    /// is signed with the token's key, and `OperationsReceiver` of `ecp-notify` receives it there.
    /// The platform answers this request at once; the page comes later, and possibly more than
    /// once.
    ///
    /// The documents have only one sentence about sending pages to an address (sources: operations
    /// to an address). So the name of the member with the address is a setting
    /// ([`DataApi::destination_name`]), and the platform's answer to this request may or may not
    /// list the operations too.
    ///
    /// ```no_run
    /// use ecp_transport::{DataApi, DataError, Destination, OperationsQuery};
    ///
    /// # async fn request(data: DataApi, query: OperationsQuery, to: Destination) -> Result<(), DataError> {
    /// let mut next = Some(query);
    /// while let Some(query) = next.take() {
    ///     let requested = data.request_delivery(&query, &to).await?;
    ///     // Without a list in the answer, only the receiver sees whether the page is full.
    ///     next = requested.next.filter(|_| requested.operations.is_some());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn request_delivery(
        &self,
        query: &OperationsQuery,
        destination: &Destination,
    ) -> Result<Requested, DataError> {
        let read = |response: &Response<Bytes>| self.read_requested(query, response);
        self.watched(query, Some(destination), read, |requested| requested.operations).await
    }

    /// Returns the operations that match a query. They come in pages, and each page is requested
    /// when [`Operations::next`] needs it; this call itself sends nothing.
    pub fn operations(&self, query: OperationsQuery) -> Operations {
        Operations { api: self.clone(), query: Some(query), page: VecDeque::new() }
    }

    /// One page.
    async fn page(&self, query: &OperationsQuery) -> Result<Vec<DataOperation>, DataError> {
        self.watched(query, None, |response| self.read(response), |page| Some(page.len())).await
    }

    /// A query, in its span and with its metrics.
    async fn watched<T>(
        &self,
        query: &OperationsQuery,
        destination: Option<&Destination>,
        read: impl Fn(&Response<Bytes>) -> Result<T, DataError>,
        operations: impl Fn(&T) -> Option<usize>,
    ) -> Result<T, DataError> {
        let span = tracing::info_span!(
            "ecp.data.page",
            "otel.kind" = "client",
            "otel.status_code" = Empty,
            "ecp.data.offset" = query.first(),
            "ecp.data.operations" = Empty,
            "ecp.questions" = Empty,
            "ecp.outcome" = Empty,
            "error.type" = Empty,
            "http.response.status_code" = Empty,
        );
        let watched = Watched::page(span, &self.meter);
        let asked = async { read(&self.ask_again(query, destination, &watched).await?) };
        let page = watched.run(asked).await;
        let (outcome, error) = match &page {
            Ok(_) => ("answered", None),
            Err(error) => (error.outcome(), Some(error.error_type())),
        };
        watched.record("ecp.data.operations", page.as_ref().ok().and_then(operations));
        watched.end(outcome, error);
        page
    }

    async fn ask_again(
        &self,
        query: &OperationsQuery,
        destination: Option<&Destination>,
        watched: &Watched,
    ) -> Result<Response<Bytes>, DataError> {
        self.retry.budget.deposit();
        let deadline = Instant::now() + self.retry.deadline;
        let mut attempt = 0;
        loop {
            let asked = self.ask(query, destination, deadline).await;
            attempt += 1;
            watched.record("ecp.questions", attempt);
            let wanted = match &asked {
                Ok(response) => {
                    let status = response.status();
                    watched.record("http.response.status_code", status.as_u16());
                    let wanted = retry_after(response.headers()).unwrap_or_default();
                    let least =
                        if status == StatusCode::TOO_MANY_REQUESTS { TOO_MANY } else { wanted };
                    is_passing(status).then(|| wanted.max(least))
                }
                // The same page would be as large again.
                Err(error) if error.is_too_large() => None,
                Err(DataError::Transport(_)) => Some(Duration::ZERO),
                Err(_) => None,
            };
            let Some(wanted) = wanted.filter(|_| attempt < self.retry.attempts) else {
                return asked;
            };
            if !self.retry.budget.withdraw(deadline).await {
                tracing::warn!("the retry budget is empty: the call makes no further request");
                self.meter.count(&BUDGET_EMPTY, 1, REQUEST);
                return asked;
            }
            let next = Instant::now().checked_add(self.retry.pause(attempt).max(wanted));
            let Some(next) = next.filter(|next| *next < deadline) else {
                return asked;
            };
            sleep_until(next).await;
            self.meter.count(&FURTHER_REQUESTS, 1, REQUEST);
        }
    }

    async fn ask(
        &self,
        query: &OperationsQuery,
        destination: Option<&Destination>,
        deadline: Instant,
    ) -> Result<Response<Bytes>, DataError> {
        let destination = destination.map(|to| (&*self.destination, to.as_str()));
        let body = Signable { query, token: self.token.expose(), destination }.to_json();
        let signed = signature::sign_document(&self.key, &body, Place::Root, Rules::private())
            .map_err(DataError::Unsigned)?;
        let mut request = Request::new(Bytes::from(signed));
        *request.method_mut() = Method::POST;
        let url = self.address.url("/v1/operations/get");
        *request.uri_mut() = url.parse().map_err(|error: http::uri::InvalidUri| {
            DataError::Transport(TransportError::not_sent(error))
        })?;
        let json = HeaderValue::from_static("application/json");
        let agent = concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION"));
        let headers = request.headers_mut();
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        headers.insert(USER_AGENT, HeaderValue::from_static(agent));
        let answer = timeout_at(deadline, self.transport.send(request)).await;
        answer
            .unwrap_or_else(|_| Err(TransportError::maybe_sent(DEADLINE)))
            .map_err(DataError::Transport)
    }

    fn read(&self, response: &Response<Bytes>) -> Result<Vec<DataOperation>, DataError> {
        let document = Document::parse(response.body(), self.limits);
        if response.status() != StatusCode::OK {
            return Err(refusal(response.status(), document.ok().as_ref()));
        }
        let document = document.map_err(|error| DataError::Unreadable(error.into()))?;
        let root = document.root();
        match signature::verify_document([&self.key], &document) {
            // Errors are not signed; a signed answer is judged by its content.
            Err(VerifyError::MissingSignature)
                if root.get("status").and_then(Value::as_str) == Some("error") =>
            {
                return Err(refusal(response.status(), Some(&document)));
            }
            Err(error) => return Err(DataError::NotGenuine(error)),
            Ok(_) => {}
        }
        let missing = || DataError::Unreadable(ModelError::Missing { path: self.list.to_string() });
        let list = self.list(root)?.ok_or_else(missing)?;
        Ok(list.children().map(DataOperation::of).collect())
    }

    /// The answer to a query with a destination. Whether it lists the operations, or is signed if it
    /// does not, is not documented; nothing of an unsigned answer is believed but that it came.
    fn read_requested(
        &self,
        query: &OperationsQuery,
        response: &Response<Bytes>,
    ) -> Result<Requested, DataError> {
        let unlisted = || Requested { operations: None, next: Some(query.next()) };
        if response.status().is_success() && response.body().is_empty() {
            return Ok(unlisted());
        }
        let document = Document::parse(response.body(), self.limits);
        if !response.status().is_success() {
            return Err(refusal(response.status(), document.ok().as_ref()));
        }
        let document = document.map_err(|error| DataError::Unreadable(error.into()))?;
        let root = document.root();
        match signature::verify_document([&self.key], &document) {
            Err(VerifyError::MissingSignature)
                if root.get("status").and_then(Value::as_str) == Some("error") =>
            {
                Err(refusal(response.status(), Some(&document)))
            }
            Err(VerifyError::MissingSignature) => Ok(unlisted()),
            Err(error) => Err(DataError::NotGenuine(error)),
            Ok(_) => Ok(match self.list(root)?.map(|list| list.children().count()) {
                Some(count) => Requested { operations: Some(count), next: query.after(count) },
                None => unlisted(),
            }),
        }
    }

    /// The list of operations, by its name or as the only list.
    fn list<'d>(&self, root: Value<'d>) -> Result<Option<Value<'d>>, DataError> {
        let named = DataOperation::list(root, &self.list).map_err(DataError::Unreadable)?;
        let mut lists = root.children().filter(|value| matches!(value.kind(), Kind::Array));
        let only = lists.next().filter(|_| lists.next().is_none());
        Ok(named.or(only))
    }
}

impl fmt::Debug for DataApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DataApi").field("address", &self.address).finish_non_exhaustive()
    }
}

const REQUEST: &[Label] = &[("ecp.request", "operations")];

/// Shortest pause after HTTP 429 (sources: Data API).
const TOO_MANY: Duration = Duration::from_secs(3);

fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn refusal(status: StatusCode, document: Option<&Document<'_>>) -> DataError {
    let root = document.map(Document::root);
    let member = |name| root.and_then(|root| root.get(name));
    DataError::Refused {
        http_status: status.as_u16(),
        code: member("code").and_then(|code| Code::from_json(code).ok()),
        message: member("message").and_then(Value::as_str).map(str::to_owned),
    }
}

/// The operations of a query, in the platform's order. They come in pages, and each page is
/// requested when it is needed.
///
/// A page is found by its offset, the number of operations before it (sources: Data API). So choose
/// an interval in the past: while an interval still gets new operations, an operation could move
/// from one page to another, and be missed or returned twice.
///
/// If an answer is larger than the limit of the transport or of the client (32 MiB), the page is
/// requested again with half as many operations, if necessary down to one. Later pages keep the
/// smaller size.
#[derive(Debug)]
pub struct Operations {
    api: DataApi,
    /// The query for the next page; `None` after the last page.
    query: Option<OperationsQuery>,
    page: VecDeque<DataOperation>,
}

impl Operations {
    /// Returns the next operation, `None` after the last one. After an error, call this again: it
    /// requests the same page again, and no operation is skipped.
    pub async fn next(&mut self) -> Result<Option<DataOperation>, DataError> {
        loop {
            if let Some(operation) = self.page.pop_front() {
                return Ok(Some(operation));
            }
            match self.next_page().await? {
                Some(page) => self.page = page.into(),
                None => return Ok(None),
            }
        }
    }

    /// Returns the next page of operations, `None` after the last page. Operations of the previous
    /// page that [`Operations::next`] has not returned yet are skipped. After an error, call this
    /// again: it requests the same page again.
    pub async fn next_page(&mut self) -> Result<Option<Vec<DataOperation>>, DataError> {
        self.page.clear();
        let Some(query) = &mut self.query else { return Ok(None) };
        let page = loop {
            let error = match self.api.page(query).await {
                Ok(page) => break page,
                Err(error) => error,
            };
            match query.halved().filter(|_| error.is_too_large()) {
                Some(smaller) => *query = smaller,
                None => return Err(error),
            }
            tracing::warn!(
                "ecp.data.offset" = query.first(),
                "ecp.data.page_size" = query.limit(),
                "error.message" = %error,
                "a page of operations is too large: requesting a smaller one"
            );
        };
        // A full page may be the last; only an empty next page shows it.
        self.query = query.after(page.len());
        Ok(if page.is_empty() { None } else { Some(page) })
    }
}
