//! A platform whose status answers are chosen by the test, and signed.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::model::Code;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{PaymentId, ProjectId, SecretKey};
use ecp_methods::Registry;
use ecp_payouts::{
    Counts, Entry, Journal, JournalError, Layout, Owner, Payer, Plan, RowId, Settings, Stop,
    write_results,
};
use ecp_transport::{Gate, HttpTransport, RetryBudget, RetryPolicy, SendPolicy, TransportError};
use http::{Request, Response};
use serde_json::{Value, json};

const KEY: &str = "a key of this test";

/// The answer to a question about a payment, by its id and by how many questions came before.
type Says = dyn Fn(&str, usize) -> Value + Send + Sync;

/// Registers every payout and refund, and answers questions as the test says.
#[derive(Clone)]
pub(crate) struct Platform(Arc<Inner>);

struct Inner {
    key: SigningKey,
    says: Box<Says>,
    /// The code that every payout is refused with, and questions too where it is one of the key.
    refuses: Mutex<Option<u32>>,
    /// The HTTP status that everything is answered with by somebody else on the way.
    blocks: Mutex<Option<u16>>,
    /// Whether answers to payouts and refunds are lost.
    loses: Mutex<bool>,
    payouts: Mutex<usize>,
    questions: Mutex<HashMap<String, usize>>,
}

/// A status answer of a payout of 10.00 EUR.
pub(crate) fn ended(word: &str) -> Value {
    json!({
        "payment": {"type": "payout", "status": word, "sum": {"amount": 1000, "currency": "EUR"}},
        "operations": [{"id": 7, "type": "payout", "status": word, "request_id": "r",
            "code": "20000", "message": "as the test says"}],
    })
}

impl Platform {
    pub(crate) fn new(says: impl Fn(&str, usize) -> Value + Send + Sync + 'static) -> Self {
        let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
        let says = Box::new(says);
        let inner = Inner {
            key,
            says,
            refuses: Mutex::default(),
            blocks: Mutex::default(),
            loses: Mutex::default(),
            payouts: Mutex::default(),
            questions: Mutex::default(),
        };
        Self(Arc::new(inner))
    }

    /// Refuses payouts from now on, or no more.
    pub(crate) fn refuse(&self, code: Option<u32>) {
        *self.0.refuses.lock().unwrap() = code;
    }

    /// Has a firewall answer everything with an HTTP status from now on, or no more.
    pub(crate) fn block(&self, status: Option<u16>) {
        *self.0.blocks.lock().unwrap() = status;
    }

    /// Loses the answers to payouts and refunds from now on, or no more.
    pub(crate) fn lose(&self, loses: bool) {
        *self.0.loses.lock().unwrap() = loses;
    }

    /// How many payouts and refunds came.
    pub(crate) fn payouts(&self) -> usize {
        *self.0.payouts.lock().unwrap()
    }

    /// How many questions came.
    pub(crate) fn questions(&self) -> usize {
        self.0.questions.lock().unwrap().values().sum()
    }
}

impl fmt::Debug for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Platform")
    }
}

#[async_trait]
impl HttpTransport for Platform {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let id = body["general"]["payment_id"].as_str().unwrap();
        let refuses = *self.0.refuses.lock().unwrap();
        let path = request.uri().path();
        let is_payout = path.ends_with("/payout") || path.ends_with("/refund");
        if let Some(status) = *self.0.blocks.lock().unwrap() {
            *self.0.payouts.lock().unwrap() += usize::from(is_payout);
            let page = "<h1>Request blocked</h1>".into();
            return Ok(Response::builder().status(status).body(page).unwrap());
        }
        if let Some(code) = refuses.filter(|code| is_payout || [2442, 3261].contains(code)) {
            *self.0.payouts.lock().unwrap() += usize::from(is_payout);
            let message = Code::from(code).info().map_or("?", |info| info.message);
            let answer = json!({"status": "error", "code": code.to_string(), "message": message});
            return Ok(Response::builder().status(400).body(answer.to_string().into()).unwrap());
        }
        if is_payout {
            *self.0.payouts.lock().unwrap() += 1;
            if *self.0.loses.lock().unwrap() {
                return Err(TransportError::maybe_sent("the answer is lost"));
            }
            let answer = json!({"status": "success", "request_id": "r", "project_id": 1,
                "payment_id": id});
            return Ok(Response::new(answer.to_string().into()));
        }
        let before = {
            let mut questions = self.0.questions.lock().unwrap();
            let before = questions.entry(id.to_owned()).or_default();
            *before += 1;
            *before - 1
        };
        let mut answer = (self.0.says)(id, before);
        answer["project_id"] = json!(1);
        answer["payment"]["id"] = json!(id);
        let answer = answer.to_string();
        let signed =
            signature::sign_document(&self.0.key, answer.as_bytes(), Place::Root, Rules::private());
        Ok(Response::new(signed.unwrap().into()))
    }
}

/// A file with a journal, and a platform to pay it through.
pub(crate) struct Run {
    platform: Platform,
    folder: tempfile::TempDir,
}

impl Run {
    pub(crate) fn new(platform: &Platform) -> Self {
        Self { platform: platform.clone(), folder: tempfile::tempdir().unwrap() }
    }

    /// Pays so many rows of 10.00 EUR: `P-0` and on.
    pub(crate) async fn pay(&self, rows: usize) -> Counts {
        self.pay_until(&plan(rows), &Stop::new()).await
    }

    pub(crate) async fn pay_until(&self, plan: &Plan, stop: &Stop) -> Counts {
        self.pay_for(plan, stop, Duration::from_millis(100)).await
    }

    /// The same with another patience for rows that have not ended.
    pub(crate) async fn pay_for(&self, plan: &Plan, stop: &Stop, patience: Duration) -> Counts {
        let project = ProjectId::new(1).unwrap();
        let owner = Owner::new(project, "http://localhost");
        let journal = loop {
            match Journal::open(&self.journal(), &owner) {
                // The run before lets go of it when its last task is gone.
                Err(JournalError::InUse) => tokio::time::sleep(Duration::from_millis(5)).await,
                journal => break journal.unwrap(),
            }
        };
        let retry = RetryPolicy::new()
            .budget(RetryBudget::new(100, 10_000))
            .pauses(Duration::from_millis(1), Duration::from_millis(10));
        let policy = SendPolicy::new().rate(None).retry(retry);
        let settings = Settings::new()
            .policy(policy)
            .not_found_after(Duration::from_millis(50))
            .first_question(Duration::from_millis(1))
            .patience(patience);
        let gate = Gate::new(project, &SecretKey::new(KEY).unwrap(), self.platform.clone());
        Payer::new(gate, journal, settings).run(plan, stop, &()).await.unwrap()
    }

    /// What the journal has of a payment.
    pub(crate) fn entry(&self, id: &str) -> Entry {
        self.entry_of(&PaymentId::new(id).unwrap().into())
    }

    /// What the journal has of a row.
    pub(crate) fn entry_of(&self, id: &RowId) -> Entry {
        Journal::read(&self.journal()).unwrap().remove(id).unwrap()
    }

    /// All that the journal has.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        Journal::read(&self.journal()).unwrap().into_values().collect()
    }

    /// A line of the results, counted from 0, which is the head.
    pub(crate) fn result(&self, rows: usize, line: usize) -> String {
        let mut file = Vec::new();
        write_results(&plan(rows), &Journal::read(&self.journal()).unwrap(), &mut file).unwrap();
        String::from_utf8(file).unwrap().lines().nth(line).unwrap().to_owned()
    }

    /// Loses the journal.
    pub(crate) async fn lose_journal(&self) {
        // The run before lets go of it when its last task is gone.
        while Journal::read(&self.journal()).is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        std::fs::remove_file(self.journal()).unwrap();
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }
}

pub(crate) fn plan(rows: usize) -> Plan {
    plan_to(rows, "7")
}

/// The same, paid to this account.
pub(crate) fn plan_to(rows: usize, account: &str) -> Plan {
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\n";
    let row = |row| format!("jeton,P-{row},1000,EUR,{account},192.0.2.1\n");
    let file = head.to_owned() + &(0..rows).map(row).collect::<String>();
    let project = ProjectId::new(1).unwrap();
    Plan::read(file.into(), &Layout::new(), &Registry::builtin(), project).unwrap()
}
