//! A sandbox, a merchant with an inbox, and a payer with a journal.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, SecretKey, Sensitive, Timestamp};
use ecp_inbox::Inbox;
use ecp_inbox::sqlite::SqliteInbox;
use ecp_methods::request::{Field, PayoutRequest, SaleRequest};
use ecp_methods::{Jeton, Registry, WalletPartner};
use ecp_notify::Verifier;
use ecp_payouts::{Counts, Journal, Layout, Owner, Payer, Plan, Settings, Stop};
use ecp_reconcile::{Difference, Interval, Kind, Reconcile, ReconcileError, Reconciliation};
use ecp_sandbox::{Config, Decision, Sandbox};
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{
    DataApi, Gate, ReqwestTransport, RetryBudget, RetryPolicy, SendPolicy, Sender, TowerTransport,
};
use http::{Request, Response, StatusCode};

const PROJECT: ecp_core::ProjectId = Config::DEMO_PROJECT;

pub(crate) struct Stage {
    folder: tempfile::TempDir,
    pub(crate) sandbox: Sandbox,
    /// In its own time, the inbox and the journals in the machine's.
    inbox: Arc<SqliteInbox>,
}

impl Stage {
    pub(crate) async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(Config) -> Config) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let inbox = Arc::new(SqliteInbox::open(folder.path().join("inbox")).await.unwrap());
        let config = adjust(Config::demo().public_url("http://localhost"));
        let sandbox = Sandbox::new(config.merchant(receiver(Arc::clone(&inbox))));
        Self { folder, sandbox, inbox }
    }

    pub(crate) fn inbox(&self) -> Arc<dyn Inbox> {
        self.inbox.clone()
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    fn gate(&self, plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> Gate {
        let transport = FaultTransport::new(TowerTransport::new(self.sandbox.router()), plan);
        Gate::new(PROJECT, &key(), transport).base_url("http://localhost").unwrap()
    }

    /// Pays rows of `id,amount` in EUR by a run of the payer, with failures of Gate.
    pub(crate) async fn run_payouts(
        &self,
        rows: &[(&str, i64)],
        plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> Counts {
        self.run_described(rows, "a payout", plan).await
    }

    pub(crate) async fn run_described(
        &self,
        rows: &[(&str, i64)],
        description: &str,
        plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> Counts {
        let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                    customer.ip_address,payment.description,general.merchant_callback_url\n";
        let row = |(id, amount): &(&str, i64)| {
            format!("jeton,{id},{amount},EUR,7,192.0.2.1,{description},http://localhost/c\n")
        };
        let file = head.to_owned() + &rows.iter().map(row).collect::<String>();
        let registry = Registry::builtin();
        let plan_of_rows =
            Plan::read(file.into(), &Layout::new().allow_items_in_texts(), &registry, PROJECT)
                .unwrap();
        let journal = Journal::open(&self.journal(), &owner()).unwrap();
        let settings = Settings::new()
            .policy(quick())
            .not_found_after(Duration::from_millis(1))
            .first_question(Duration::from_millis(1))
            .patience(Duration::from_secs(1))
            .shared_journal(true);
        let payer = Payer::new(self.gate(plan), journal, settings);
        let counts = payer.run(&plan_of_rows, &Stop::new(), &()).await.unwrap();
        self.sandbox.settled().await;
        counts
    }

    /// Pays out by Gate alone, as another program would.
    pub(crate) async fn payout(&self, id: &str, amount: &str) {
        let request = PayoutRequest::new(payment(id), amount.parse().unwrap())
            .callback_url("http://localhost/c")
            .field(Field::ACCOUNT_NUMBER, "7")
            .field(Field::CUSTOMER_IP_ADDRESS, "192.0.2.1");
        self.gate(|_, _| Fault::None).payout(&Jeton, &request).await.unwrap();
        self.sandbox.settled().await;
    }

    /// Begins a sale; its customer decides later or never.
    pub(crate) async fn sale(&self, id: &str) {
        let request = SaleRequest::new(payment(id), "100.00 INR".parse().unwrap())
            .callback_url("http://localhost/c")
            .field(Field::CUSTOMER_ID, "7")
            .field(Field::CUSTOMER_IP_ADDRESS, "192.0.2.1")
            .field(Field::CUSTOMER_FIRST_NAME, "A")
            .field(Field::CUSTOMER_LAST_NAME, "B")
            .field(Field::CUSTOMER_PHONE, "447700900000")
            .field(Field::CUSTOMER_EMAIL, "a@shop.test")
            .field(Field::RETURN_SUCCESS, "https://shop.test/ok");
        self.gate(|_, _| Fault::None).sale(&WalletPartner, &request).await.unwrap();
        self.sandbox.settled().await;
    }

    pub(crate) async fn decide(&self, id: &str, decision: Decision) {
        assert!(self.sandbox.choose(PROJECT, &payment(id), decision, None));
        self.sandbox.settled().await;
    }

    pub(crate) async fn refund(&self, id: &str) {
        let request = ecp_methods::request::RefundRequest::full(payment(id))
            .callback_url("http://localhost/c")
            .description("returned");
        self.gate(|_, _| Fault::None).refund(&WalletPartner, &request).await.unwrap();
        self.sandbox.settled().await;
    }

    /// A callback that is signed and never was the platform's.
    pub(crate) async fn receive(&self, id: &str, operation: u64, status: &str) {
        self.hear_body(&format!(
            r#"{{"project_id":1,"payment":{{"id":"{id}","type":"payout","status":"{status}",
            "sum":{{"amount":1000,"currency":"EUR"}}}},"operation":{{"id":{operation},
            "type":"payout","status":"{status}","sum_initial":{{"amount":1000,"currency":"EUR"}}}}}}"#
        ))
        .await;
    }

    pub(crate) async fn hear_body(&self, body: &str) {
        let signing = SigningKey::new(&key());
        let body =
            signature::sign_document(&signing, body.as_bytes(), Place::Root, Rules::private());
        let callback = Verifier::new().key(PROJECT, &key()).verify(&body.unwrap()).unwrap();
        self.inbox.accept(&callback).await.unwrap();
    }

    pub(crate) fn data(&self) -> DataApi {
        data(TowerTransport::new(self.sandbox.router())).base_url("http://localhost").unwrap()
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::new(self.gate(|_, _| Fault::None), quick())
    }

    /// The inbox and the journal, if there is one, against this sandbox.
    pub(crate) fn all(&self) -> Reconcile {
        let reconcile = Reconcile::new(owner(), around_now()).inbox(self.inbox());
        if self.journal().exists() { reconcile.journal(self.journal()) } else { reconcile }
    }

    pub(crate) async fn compare(&self, reconcile: Reconcile) -> Vec<Difference> {
        let begun = reconcile.begin(&self.data(), self.sender()).await.unwrap();
        rest(begun).await.unwrap().0
    }

    /// Codes and payments of all differences.
    pub(crate) async fn differences(&self) -> Vec<(Kind, String)> {
        let found = self.compare(self.all()).await;
        found.into_iter().map(|found| (found.kind, found.payment.to_string())).collect()
    }
}

/// What is left of a comparison.
pub(crate) async fn rest(
    mut begun: Reconciliation,
) -> Result<(Vec<Difference>, ecp_reconcile::Counts), ReconcileError> {
    let mut found = Vec::new();
    while let Some(difference) = begun.next().await? {
        found.push(difference);
    }
    Ok((found, begun.counts()))
}

pub(crate) fn data(transport: impl ecp_transport::HttpTransport + 'static) -> DataApi {
    let token = Sensitive::new(Config::DEMO_TOKEN.to_owned());
    DataApi::new(token, &SecretKey::new(Config::DEMO_TOKEN_KEY).unwrap(), transport)
}

pub(crate) fn over_sockets(url: &str) -> DataApi {
    let transport = ReqwestTransport::plain_http().unwrap().response_limit(32 << 20);
    data(transport).base_url(url).unwrap()
}

pub(crate) fn owner() -> Owner {
    Owner::new(PROJECT, "http://localhost")
}

pub(crate) fn payment(id: &str) -> PaymentId {
    PaymentId::new(id).unwrap()
}

/// The hour before now and the hour after.
pub(crate) fn around_now() -> Interval {
    let hour = Duration::from_hours(1);
    let moment = |time: SystemTime| Timestamp::try_from(time).unwrap();
    Interval::new(moment(SystemTime::now() - hour), moment(SystemTime::now() + hour))
}

fn key() -> SecretKey {
    SecretKey::new(Config::DEMO_KEY).unwrap()
}

fn quick() -> SendPolicy {
    let retry = RetryPolicy::new()
        .budget(RetryBudget::new(100, 10_000))
        .pauses(Duration::from_millis(1), Duration::from_millis(2));
    SendPolicy::new().rate(None).retry(retry)
}

/// The merchant's end: verify, keep, and only then 200.
fn receiver(
    inbox: Arc<SqliteInbox>,
) -> impl Fn(Request<Bytes>) -> std::pin::Pin<Box<dyn Future<Output = Response<Bytes>> + Send>>
+ Send
+ Sync
+ 'static {
    let verifier = Arc::new(Mutex::new(Verifier::new().key(PROJECT, &key())));
    move |request| {
        let (inbox, verifier) = (Arc::clone(&inbox), verifier.lock().unwrap().clone());
        Box::pin(async move {
            let mut response = Response::new(Bytes::new());
            match verifier.verify(request.body()) {
                Ok(callback) => drop(inbox.accept(&callback).await.unwrap()),
                Err(_) => *response.status_mut() = StatusCode::BAD_REQUEST,
            }
            response
        })
    }
}
