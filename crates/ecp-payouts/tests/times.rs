//! When the status of a payout is requested, by a clock that only moves when nothing else is to do.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::future::pending;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::signature::{self, Place, Rules, SigningKey};
use ecp_core::{Clock, ProjectId, SecretKey};
use ecp_methods::Registry;
use ecp_payouts::{Counts, Journal, JournalError, Layout, Owner, Payer, Plan, Settings, Stop};
use ecp_transport::{Gate, HttpTransport, TransportError};
use http::{Request, Response};
use serde_json::json;
use tokio::time::{Instant, sleep};

const KEY: &str = "a key of this test";

/// Base time of payouts, by Touch&Go's page.
const BASE: Duration = Duration::from_mins(2);

/// What becomes of the payout's request.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Answer {
    Registered,
    /// It arrives, and its answer does not.
    Lost,
    /// No answer comes as long as the run lasts.
    Never,
}

/// Knows each payout from its request on, and notes when it is asked.
#[derive(Clone, Debug)]
struct Platform(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    answer: Answer,
    /// When the request came.
    sent: Mutex<Vec<Instant>>,
    asked: Mutex<Vec<Instant>>,
}

impl Platform {
    fn new(answer: Answer) -> Self {
        Self(Arc::new(Inner { answer, sent: Mutex::default(), asked: Mutex::default() }))
    }

    /// Ends when the request has come, and the journal has had time for its answer. The time of
    /// the test stands still meanwhile.
    async fn has_the_request(&self) {
        while self.0.sent.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        for _ in 0..50 {
            std::thread::sleep(Duration::from_millis(1));
            tokio::task::yield_now().await;
        }
    }

    /// Times from the request to each question.
    fn questions(&self) -> Vec<Duration> {
        let sent = self.0.sent.lock().unwrap()[0];
        self.0.asked.lock().unwrap().iter().map(|asked| *asked - sent).collect()
    }
}

#[async_trait]
impl HttpTransport for Platform {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if request.uri().path().ends_with("/payout") {
            self.0.sent.lock().unwrap().push(Instant::now());
            return match self.0.answer {
                Answer::Registered => {
                    let answer = json!({"status": "success", "request_id": "r", "project_id": 1,
                        "payment_id": "P-1"});
                    Ok(Response::new(answer.to_string().into()))
                }
                Answer::Lost => Err(TransportError::maybe_sent("the answer was lost")),
                Answer::Never => pending().await,
            };
        }
        self.0.asked.lock().unwrap().push(Instant::now());
        let answer = json!({
            "project_id": 1,
            "payment": {"id": "P-1", "type": "payout", "status": "success",
                "sum": {"amount": 1000, "currency": "MYR"}},
            "operations": [{"id": 7, "type": "payout", "status": "success", "request_id": "r"}],
        });
        let key = SigningKey::new(&SecretKey::new(KEY).unwrap());
        let answer = answer.to_string();
        let signed =
            signature::sign_document(&key, answer.as_bytes(), Place::Root, Rules::private());
        Ok(Response::new(signed.unwrap().into()))
    }
}

/// The runtime's time as a clock: pauses and the times in the journal are one.
#[derive(Debug)]
struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_600_000_000) + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A run of one payout by Touch&Go.
async fn run(platform: &Platform, journal: &Path, settings: Settings) -> Counts {
    let project = ProjectId::new(1).unwrap();
    let file = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address,customer.id\n\
                touchngo,P-1,1000,MYR,7,192.0.2.1,c\n";
    let plan = Plan::read(file.into(), &Layout::new(), &Registry::builtin(), project).unwrap();
    let owner = Owner::new(project, "http://localhost");
    let journal = loop {
        match Journal::open(journal, &owner) {
            // The run before lets go of it when its last task is gone.
            Err(JournalError::InUse) => tokio::task::yield_now().await,
            journal => break journal.unwrap(),
        }
    };
    let gate = Gate::new(project, &SecretKey::new(KEY).unwrap(), platform.clone());
    Payer::new(gate, journal, settings).run(&plan, &Stop::new(), &()).await.unwrap()
}

fn settings(clock: &Arc<TestClock>) -> Settings {
    Settings::new().clock(Arc::clone(clock) as Arc<dyn Clock>)
}

#[tokio::test(start_paused = true)]
async fn no_payout_is_asked_about_before_its_base_time() {
    for answer in [Answer::Registered, Answer::Lost] {
        for patience in [None, Some(Duration::from_secs(10))] {
            let folder = tempfile::tempdir().unwrap();
            let platform = Platform::new(answer);
            let clock = Arc::new(TestClock(Instant::now()));
            let settings = match patience {
                None => settings(&clock),
                Some(patience) => settings(&clock).patience(patience),
            };
            let counts = run(&platform, &folder.path().join("journal"), settings).await;
            let questions = platform.questions();
            assert_eq!(counts.success, 1, "{answer:?} {patience:?}");
            assert!(questions[0] >= BASE, "{answer:?} {patience:?}: {questions:?}");
            assert!(questions[0] < BASE * 5 / 4, "{answer:?} {patience:?}: {questions:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_goes_on_waits_for_what_is_left_of_the_base_time() {
    // What is left when the run before has ended so long ago. Where only the beginning of a request
    // is known, it may have taken a minute.
    let seconds = Duration::from_secs;
    for answer in [Answer::Registered, Answer::Never] {
        for (later, latest) in [(seconds(30), BASE + seconds(90)), (seconds(3600), seconds(3602))] {
            let folder = tempfile::tempdir().unwrap();
            let journal = folder.path().join("journal");
            let platform = Platform::new(answer);
            let clock = Arc::new(TestClock(Instant::now()));
            tokio::select! {
                counts = run(&platform, &journal, settings(&clock)) => panic!("{counts:?}"),
                () = platform.has_the_request() => {}
            }
            sleep(later).await;
            let counts = run(&platform, &journal, settings(&clock)).await;
            assert_eq!(counts.success, 1, "{answer:?} {later:?}");
            let questions = platform.questions();
            assert!(questions[0] >= BASE, "{answer:?} {later:?}: {questions:?}");
            assert!(questions[0] <= latest, "{answer:?} {later:?}: {questions:?}");
            assert_eq!(platform.0.sent.lock().unwrap().len(), 1);
        }
    }
}
