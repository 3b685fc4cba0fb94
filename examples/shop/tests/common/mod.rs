//! The shop, the platform's sandbox and a customer's browser, each on its own port.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::{SecretKey, Sensitive};
use ecp_example_shop::{Settings, Shop};
use ecp_inbox::Hold;
use ecp_methods::Registry;
use ecp_notify::Verifier;
use ecp_sandbox::{Config, EventKind, Project, Sandbox, Schedule};
use ecp_transport::{Gate, HttpTransport, ReqwestTransport, TransportError};
use form_urlencoded::Serializer;
use http::{Request, Response, StatusCode};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

/// No step takes longer on a slow machine.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct Stage {
    pub(crate) sandbox: Sandbox,
    registry: Registry,
    pub(crate) shop: Shop,
    hold: Hold,
    pub(crate) url: String,
    pub(crate) wire: Arc<Wire>,
    platform: String,
    browser: ReqwestTransport,
    folder: TempDir,
    stop: Option<oneshot::Sender<()>>,
    running: Option<JoinHandle<()>>,
}

/// Between shop and Gate. It loses requests and answers, or lets nothing through, as often as
/// configured.
#[derive(Debug)]
pub(crate) struct Wire {
    transport: ReqwestTransport,
    pub(crate) answers_to_lose: AtomicU32,
    pub(crate) requests_to_lose: AtomicU32,
    pub(crate) requests_to_stop: AtomicU32,
}

#[async_trait]
impl HttpTransport for Wire {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let take = |number: &AtomicU32| {
            number.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok()
        };
        if take(&self.requests_to_stop) {
            return Err(TransportError::not_sent("the cable is out"));
        }
        if take(&self.requests_to_lose) {
            return Err(TransportError::maybe_sent("the cable was pulled early"));
        }
        let response = self.transport.send(request).await?;
        if take(&self.answers_to_lose) {
            return Err(TransportError::maybe_sent("the cable was pulled"));
        }
        Ok(response)
    }
}

/// A form as a browser sees it.
#[derive(Clone, Debug)]
pub(crate) struct Form {
    pub(crate) action: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Stage {
    pub(crate) async fn set() -> Self {
        Self::with(Config::project).await
    }

    /// The sandbox's callbacks are not delivered. The test takes them from its events.
    pub(crate) async fn without_callbacks() -> Self {
        Self::with(|config, shop| config.project(shop.callback_url("http://127.0.0.1:9/"))).await
    }

    /// A sandbox with or without the shop's addresses, and other settings.
    pub(crate) async fn with(tell: impl FnOnce(Config, Project) -> Config) -> Self {
        Self::holding(Hold::default(), tell).await
    }

    /// A shop in which no callback ends a payment before Gate says the same.
    pub(crate) async fn holding_every_end() -> Self {
        Self::holding(Hold::Finals, Config::project).await
    }

    /// A shop and a platform with these methods.
    pub(crate) async fn of(registry: Registry) -> Self {
        Self::built(registry, Hold::default(), Config::project).await
    }

    async fn holding(hold: Hold, tell: impl FnOnce(Config, Project) -> Config) -> Self {
        Self::built(Registry::builtin(), hold, tell).await
    }

    async fn built(
        registry: Registry,
        hold: Hold,
        tell: impl FnOnce(Config, Project) -> Config,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let platform = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let platform_url = format!("http://{}", platform.local_addr().unwrap());
        let callbacks = format!("{url}/callbacks");
        let key = Sensitive::new(Config::DEMO_KEY.to_owned());
        let project = Project::new(Config::DEMO_PROJECT, key)
            .callback_url(&callbacks)
            .confirmation_url(&callbacks);
        let config = Config::new()
            .registry(registry.clone())
            .public_url(&platform_url)
            .schedule(Schedule::every(Duration::from_millis(100), 100));
        let sandbox = Sandbox::new(tell(config, project));
        tokio::spawn(sandbox.serve(platform));

        let folder = tempfile::tempdir().unwrap();
        let wire = Arc::new(Wire {
            transport: ReqwestTransport::plain_http().unwrap(),
            answers_to_lose: AtomicU32::new(0),
            requests_to_lose: AtomicU32::new(0),
            requests_to_stop: AtomicU32::new(0),
        });
        let database = folder.path().join("shop.db");
        let shop = open(&registry, database, &url, &platform_url, &wire, hold).await;
        let mut stage = Self {
            sandbox,
            registry,
            shop,
            hold,
            url,
            wire,
            platform: platform_url,
            browser: ReqwestTransport::plain_http().unwrap(),
            folder,
            stop: None,
            running: None,
        };
        stage.start(listener);
        stage
    }

    fn start(&mut self, listener: TcpListener) {
        let (sender, stopped) = oneshot::channel();
        let shop = self.shop.clone();
        self.stop = Some(sender);
        self.running = Some(tokio::spawn(async move {
            shop.serve(listener, async { drop(stopped.await) }).await.unwrap();
        }));
    }

    /// Ends the shop as a signal would.
    pub(crate) async fn stop(&mut self) {
        drop(self.stop.take());
        self.running.take().unwrap().await.unwrap();
    }

    /// Opens the shop's database again, with nothing of the shop before.
    pub(crate) async fn open_again(&mut self) {
        let database = self.folder.path().join("shop.db");
        let Self { registry, url, platform, wire, hold, .. } = &*self;
        self.shop = open(registry, database, url, platform, wire, *hold).await;
    }

    /// A listener at the shop's address.
    pub(crate) async fn listener(&self) -> TcpListener {
        let address = self.url.trim_start_matches("http://");
        let deadline = Instant::now() + PATIENCE;
        loop {
            match TcpListener::bind(address).await {
                Ok(listener) => return listener,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn serve_again(&mut self) {
        let listener = self.listener().await;
        self.start(listener);
    }

    /// Has the shop ask about what it would ask about so many hours from now.
    pub(crate) async fn follow_up_after(&self, hours: u64) {
        let later = SystemTime::now() + Duration::from_hours(hours);
        self.shop.follow_up(later).await.unwrap();
    }

    pub(crate) async fn get(&self, url: &str) -> Response<Bytes> {
        self.browser.send(Request::get(url).body(Bytes::new()).unwrap()).await.unwrap()
    }

    pub(crate) async fn post(&self, url: &str, fields: &[(String, String)]) -> Response<Bytes> {
        let body = Serializer::new(String::new()).extend_pairs(fields).finish();
        let request = Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(body))
            .unwrap();
        self.browser.send(request).await.unwrap()
    }

    /// The start page's form for a method, filled in.
    pub(crate) async fn offer(
        &self,
        flow: &str,
        method: &str,
        amount: &str,
        currency: &str,
    ) -> Form {
        let page = text(&self.get(&self.url).await);
        let form = forms(&page).into_iter().find(|form| {
            let has = |name: &str, value: &str| form.get(name) == Some(value);
            has("flow", flow) && has("method", method)
        });
        let mut form = form.unwrap_or_else(|| panic!("no {flow} with {method} on {page}"));
        form.set("amount", amount);
        form.set("currency", currency);
        form
    }

    /// Sends a form of the shop and returns the address of the order's page.
    pub(crate) async fn order(&self, form: &Form) -> String {
        let answer = self.post(&format!("{}{}", self.url, form.action), &form.fields).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", text(&answer));
        format!("{}{}", self.url, location(&answer))
    }

    /// Looks at the order's page until it sends the customer on, and returns the provider's page.
    pub(crate) async fn sent_on(&self, order: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.get(order).await;
            if answer.status() == StatusCode::SEE_OTHER {
                return text(&self.get(location(&answer)).await);
            }
            let page = text(&answer);
            if let [form] = forms(&page).as_slice()
                && form.action.starts_with(&self.platform)
            {
                return text(&self.post(&form.action, &form.fields).await);
            }
            assert!(Instant::now() < deadline, "the customer is not redirected: {page}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Looks at the order's page until it shows something.
    pub(crate) async fn shows(&self, order: &str, what: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let page = text(&self.get(order).await);
            if page.contains(what) {
                return page;
            }
            assert!(Instant::now() < deadline, "no {what} on {page}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Presses a button of the provider's page, and returns where that leads.
    pub(crate) async fn decide(&self, page: &str, decision: &str, vouchers: &[i64]) -> String {
        let forms = forms(page);
        let form = forms.first().unwrap_or_else(|| panic!("no form on {page}"));
        let mut fields = vec![("decision".to_owned(), decision.to_owned())];
        fields.extend(vouchers.iter().map(|voucher| ("voucher".to_owned(), voucher.to_string())));
        let answer = self.post(&format!("{}{}", self.platform, form.action), &fields).await;
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{}", text(&answer));
        location(&answer).to_owned()
    }

    /// The state that the order's page tells a customer who is back.
    pub(crate) async fn state(&self, order: &str) -> String {
        let order = order.trim_end_matches("?back");
        let page = text(&self.get(&format!("{order}?back")).await);
        let state = page.split_once("data-state=\"").and_then(|(_, rest)| rest.split_once('"'));
        state.unwrap_or_else(|| panic!("no state on {page}")).0.to_owned()
    }

    pub(crate) async fn becomes(&self, order: &str, state: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let now = self.state(order).await;
            if now == state {
                return;
            }
            assert!(Instant::now() < deadline, "{order} is {now}, not {state}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Takes a sale to its end.
    pub(crate) async fn buy(
        &self,
        method: &str,
        amount: &str,
        currency: &str,
        decision: &str,
    ) -> String {
        let order = self.order(&self.offer("sale", method, amount, currency).await).await;
        let page = self.sent_on(&order).await;
        self.decide(&page, decision, &[]).await;
        order
    }

    /// The customer's credit on the start page.
    pub(crate) async fn credit(&self) -> String {
        let page = text(&self.get(&self.url).await);
        let rest = page.split_once("You have ").unwrap().1;
        rest.split_once(".</p>").unwrap().0.replace("<b>", "").replace("</b>", "").trim().to_owned()
    }

    /// The bodies of callbacks that the sandbox sent, or tried to, each once.
    pub(crate) fn callbacks(&self) -> Vec<Bytes> {
        let mut bodies = Vec::new();
        for event in self.sandbox.events() {
            if let EventKind::CallbackAttempted { body, .. } = event.kind
                && !bodies.contains(body.bytes())
            {
                bodies.push(body.bytes().clone());
            }
        }
        bodies
    }

    /// The callback of that number, from 0, as soon as the sandbox has tried to send it.
    pub(crate) async fn callback(&self, number: usize) -> Bytes {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(body) = self.callbacks().into_iter().nth(number) {
                return body;
            }
            assert!(Instant::now() < deadline, "the sandbox sends no callback {number}");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many requests came in at Gate below a path.
    pub(crate) fn requests(&self, path_ends: &str) -> usize {
        let events = self.sandbox.events();
        let is_it = |kind: &EventKind| matches!(kind, EventKind::RequestReceived { path, .. } if path.ends_with(path_ends));
        events.iter().filter(|event| is_it(&event.kind)).count()
    }

    pub(crate) async fn post_callback(&self, body: impl Into<Bytes>) -> StatusCode {
        let request = Request::post(format!("{}/callbacks", self.url)).body(body.into()).unwrap();
        self.browser.send(request).await.unwrap().status()
    }
}

async fn open(
    registry: &Registry,
    database: PathBuf,
    url: &str,
    platform: &str,
    wire: &Arc<Wire>,
    hold: Hold,
) -> Shop {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, wire.clone()).base_url(platform).unwrap();
    let settings = Settings {
        gate,
        verifier: Verifier::new().key(Config::DEMO_PROJECT, &key),
        registry: registry.clone(),
        database,
        hold,
        url: url.to_owned(),
        address_header: None,
    };
    Shop::open(settings).await.unwrap()
}

impl Form {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
    }
}

pub(crate) fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

fn location(answer: &Response<Bytes>) -> &str {
    answer.headers()["location"].to_str().unwrap()
}

/// The forms of a page. Fields without a value get their placeholder.
pub(crate) fn forms(page: &str) -> Vec<Form> {
    let parts = page.split("<form ").skip(1);
    let form = |part: &str| {
        let (form, _) = part.split_once("</form>").unwrap();
        let inputs = form.split("<input ").skip(1).map(|input| input.split_once('>').unwrap().0);
        let field = |input: &str| {
            let value = attribute(input, "value").or_else(|| attribute(input, "placeholder"));
            Some((attribute(input, "name")?, value.unwrap_or_default()))
        };
        let fields = inputs.filter_map(field).collect();
        Form { action: attribute(form, "action").unwrap(), fields }
    };
    parts.map(form).collect()
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let (_, rest) = tag.split_once(&format!("{name}=\""))?;
    Some(unescape(rest.split_once('"')?.0))
}

/// Numeric references are all that the pages have.
fn unescape(text: &str) -> String {
    let mut parts = text.split("&#");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(';').unwrap();
        plain.push(char::from_u32(number.parse().unwrap()).unwrap());
        plain.push_str(rest);
    }
    plain
}
