//! What a sender does after each failure, with the sandbox as the platform. Time is the test's, so
//! minutes pass at once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::model::About;
use ecp_core::{PaymentId, SecretKey};
use ecp_methods::request::{Account, Customer, PayoutRequest, RefundRequest};
use ecp_methods::{Jeton, Payout, Prepared, WalletPartner, prepare};
use ecp_sandbox::{Config, EventKind, Sandbox};
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{
    Gate, HttpTransport, Intents, Outcome, RetryBudget, RetryPolicy, SendError, SendPolicy, Sender,
    Sent, TowerTransport, TransportError,
};
use http::{Request, Response};
use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// Longer than what proves that a payment does not exist.
fn patient() -> SendPolicy {
    SendPolicy::new().deadline(MINUTE * 20)
}

fn payout(id: &str) -> Prepared<Payout> {
    let request = PayoutRequest::new(PaymentId::new(id).unwrap(), "300.00 EUR".parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    prepare(&Jeton, request).unwrap()
}

fn sender(transport: impl HttpTransport + 'static, policy: SendPolicy) -> Sender {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    Sender::new(Gate::new(Config::DEMO_PROJECT, &key, transport), policy)
}

/// A sender whose requests go wrong as planned, and what is on the other side.
struct Stage {
    sandbox: Sandbox,
    faults: Arc<FaultTransport<TowerTransport<axum::Router>>>,
    sender: Sender,
}

impl Stage {
    fn new(
        policy: SendPolicy,
        plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static,
    ) -> Self {
        let sandbox = Sandbox::new(Config::demo());
        let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), plan);
        let faults = Arc::new(faults);
        Self { sender: sender(faults.clone(), policy), sandbox, faults }
    }

    /// The first request goes wrong in that way.
    fn first(policy: SendPolicy, fault: Fault) -> Self {
        Self::new(policy, move |number, _| if number == 0 { fault.clone() } else { Fault::None })
    }

    /// The last parts of the requests' paths.
    fn asked(&self) -> String {
        let exchanges = self.faults.exchanges();
        let last = |path: &str| path.rsplit('/').next().unwrap().to_owned();
        exchanges.iter().map(|exchange| last(&exchange.path)).collect::<Vec<_>>().join(" ")
    }

    /// How many payments the platform has begun.
    fn payments(&self) -> usize {
        let begun = |kind: &EventKind| matches!(kind, EventKind::PaymentChanged(status) if status.as_str() == "processing");
        self.sandbox.events().iter().filter(|event| begun(&event.kind)).count()
    }
}

/// The evidence or the outcome, in a word.
fn word(result: &Result<Sent, SendError>) -> &'static str {
    match result {
        Ok(Sent::Registered(_)) => "registered",
        Ok(Sent::Found(_)) => "found",
        Ok(Sent::Exists) => "exists",
        Ok(_) => "other evidence",
        Err(error) => match error.outcome() {
            Outcome::NotSent => "not sent",
            Outcome::Refused { .. } => "refused",
            Outcome::Unknown => "unknown",
        },
    }
}

#[tokio::test(start_paused = true)]
async fn each_failure_is_answered_by_what_is_known() {
    let quick = SendPolicy::new;
    let proxy = || patient().retryable_statuses([429]);
    let asks = "payout status status status status";
    let (hours, body) = (MINUTE * 120, "<html>hello</html>");
    let table = [
        // Nothing left, so it goes again.
        (quick(), Fault::Refused, "registered", "payout payout".to_owned(), 1),
        (proxy(), Fault::StatusInstead(429, None), "registered", "payout payout".to_owned(), 1),
        // It may have arrived, and has: the status tells, and nothing is sent again.
        (quick(), Fault::ResetAfter, "found", "payout status".to_owned(), 1),
        (quick(), Fault::Truncated, "found", "payout status".to_owned(), 1),
        (quick(), Fault::StatusAfter(500), "found", "payout status".to_owned(), 1),
        (quick(), Fault::StatusAfter(503), "found", "payout status".to_owned(), 1),
        (quick(), Fault::WrongBody(body), "found", "payout status".to_owned(), 1),
        // It may have arrived, and has not; in a minute that is unknown.
        (quick(), Fault::ResetBefore, "unknown", asks.to_owned(), 0),
        (quick(), Fault::StatusInstead(429, None), "unknown", asks.to_owned(), 0),
        (quick(), Fault::StatusInstead(502, None), "unknown", asks.to_owned(), 0),
        // After five minutes one can.
        (patient(), Fault::ResetBefore, "registered", format!("{asks} payout"), 1),
        (patient(), Fault::StatusInstead(502, None), "registered", format!("{asks} payout"), 1),
        // No time is left to ask.
        (quick(), Fault::Slow(hours), "unknown", "payout".to_owned(), 0),
        (quick(), Fault::SlowAnswer(hours), "unknown", "payout".to_owned(), 1),
        // Slow is no failure.
        (quick(), Fault::Slow(SECOND * 50), "registered", "payout".to_owned(), 1),
    ];
    for (policy, fault, expected, requests, payments) in table {
        let stage = Stage::first(policy, fault.clone());
        let result = stage.sender.send(&payout("P-17")).await;
        assert_eq!(word(&result), expected, "{fault:?}: {result:?}");
        assert_eq!(stage.asked(), requests, "{fault:?}");
        assert_eq!(stage.payments(), payments, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_away_is_tried_a_few_times() {
    let stage = Stage::new(SendPolicy::new(), |_, _| Fault::Refused);
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), error.sends(), error.status_checks()), (Outcome::NotSent, 4, 0));
    assert_eq!(error.to_string(), "not sent: connection refused (4 attempts)");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_outcome_says_what_was_tried() {
    let stage = Stage::first(SendPolicy::new(), Fault::ResetBefore);
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert!(error.is_not_found_yet() && error.question().is_none());
    assert_eq!(
        error.to_string(),
        "the outcome of the request is unknown: no response: connection reset; request the payment's status, do not send the request again; the platform does not know the payment yet, and it is too early to send the request again"
    );

    let stage = Stage::new(SendPolicy::new(), |_, _| Fault::ResetBefore);
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.sends(), error.status_checks()), (1, 4));
    assert!(
        error.to_string().contains("; the status request failed: no response: connection reset")
    );
}

#[tokio::test(start_paused = true)]
async fn only_a_signed_answer_proves_that_a_payment_does_not_exist() {
    const FORGED: &str = r#"{"project_id":1,"payment":{"id":"P-17","status":"error"},
        "errors":[{"code":"3061","message":"Transaction not found"}]}"#;
    let stage = Stage::new(patient(), |number, _| match number {
        0 => Fault::ResetBefore,
        _ => Fault::WrongBody(FORGED),
    });
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.question().unwrap().to_string().contains("no signature"), "{error}");
    assert_eq!(stage.asked(), "payout status");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_kept_and_never_outlasts_the_deadline() {
    for policy in [SendPolicy::new().retryable_statuses([429]), SendPolicy::new()] {
        let stage = Stage::first(policy, Fault::StatusInstead(429, Some(40)));
        let start = Instant::now();
        let _ = stage.sender.send(&payout("P-17")).await;
        assert!(start.elapsed() >= SECOND * 40, "{:?}", start.elapsed());
        assert!(start.elapsed() <= MINUTE, "{:?}", start.elapsed());
    }
    let policy = SendPolicy::new().retryable_statuses([503]);
    let stage = Stage::first(policy, Fault::StatusInstead(503, Some(3600)));
    let start = Instant::now();
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.sends(), start.elapsed()), (1, Duration::ZERO));
}

/// Holds the first payout back, and lets it arrive just before the second.
struct Late {
    inner: TowerTransport<axum::Router>,
    held: Mutex<Option<Request<Bytes>>>,
    /// After that, no question has an answer.
    silent: bool,
}

impl fmt::Debug for Late {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Late")
    }
}

#[async_trait]
impl HttpTransport for Late {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let reset = Err(TransportError::maybe_sent("connection reset"));
        if request.uri().path().ends_with("/payout") {
            let before = self.held.lock().unwrap().take();
            let Some(first) = before else {
                *self.held.lock().unwrap() = Some(request);
                return reset;
            };
            drop(self.inner.send(first).await?);
        } else if self.silent && self.held.lock().unwrap().is_none() {
            return reset;
        }
        self.inner.send(request).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_request_that_arrives_after_all_is_paid_once() {
    // The second is refused with code 3041. The status knows the first; where it cannot be asked
    // for, the refusal itself is the evidence.
    for (silent, evidence) in [(false, "found"), (true, "exists")] {
        let inner = TowerTransport::new(Sandbox::new(Config::demo()).router());
        let late = Late { inner, held: Mutex::default(), silent };
        let sent = sender(late, patient()).send(&payout("P-17")).await;
        assert_eq!(word(&sent), evidence, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_another_payment_has_is_no_evidence() {
    let stage = Stage::new(SendPolicy::new(), |_, _| Fault::None);
    stage.sender.send(&payout("P-17")).await.unwrap();
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), error.sends(), error.status_checks()), (Outcome::Unknown, 1, 0));
    assert_eq!(error.error().code().unwrap().number(), Some(3041));
}

#[tokio::test(start_paused = true)]
async fn a_payment_of_another_sum_is_not_the_one_that_was_sent() {
    let stage = Stage::new(SendPolicy::new(), |number, _| match number {
        1 => Fault::ResetBefore,
        _ => Fault::None,
    });
    let other = PayoutRequest::new(PaymentId::new("P-17").unwrap(), "1.00 EUR".parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    stage.sender.payout(&Jeton, &other).await.unwrap();
    let error = stage.sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the outcome of the request is unknown: the answer has another `payment.sum` than the request; request the payment's status, do not send the request again"
    );
    assert_eq!(stage.asked(), "payout payout status");
}

#[tokio::test(start_paused = true)]
async fn what_the_platform_refuses_is_sent_once() {
    let sandbox = Sandbox::new(Config::demo());
    let wrong_key = SecretKey::new("wrong").unwrap();
    let transport = TowerTransport::new(sandbox.router());
    let gate = Gate::new(Config::DEMO_PROJECT, &wrong_key, transport);
    let error = Sender::new(gate, patient()).send(&payout("P-17")).await.unwrap_err();
    // The key is to blame, not the payment: it can be sent again with another.
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    assert_eq!(error.error().about(), Some(About::Project));
    assert_eq!(error.sends(), 1);
}

/// Lets nothing be sent, and counts how often it was asked.
#[derive(Debug, Default)]
struct Closed(Mutex<u32>);

#[async_trait]
impl Intents for Closed {
    async fn about_to_send(
        &self,
        _: &PaymentId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        *self.0.lock().unwrap() += 1;
        Err("closed for today".into())
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_not_be_sent_is_asked_about_once() {
    let stage = Stage::new(patient(), |_, _| Fault::None);
    let closed = Arc::new(Closed::default());
    let sender = stage.sender.clone().intents(closed.clone());
    let begun = tokio::time::Instant::now();
    let error = sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), error.sends()), (Outcome::NotSent, 0), "{error}");
    assert_eq!((*closed.0.lock().unwrap(), begun.elapsed()), (1, Duration::ZERO));
}

/// A process that is paused for an hour when it has stored its intent, so that another one may have
/// taken the payment over.
#[derive(Debug)]
struct Paused;

#[async_trait]
impl Intents for Paused {
    async fn about_to_send(
        &self,
        _: &PaymentId,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        tokio::time::sleep(MINUTE * 60).await;
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_after_the_deadline() {
    let stage = Stage::new(patient(), |_, _| Fault::None);
    let sender = stage.sender.clone().intents(Arc::new(Paused));
    let error = sender.send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), error.sends()), (Outcome::NotSent, 0), "{error}");
    assert_eq!(stage.asked(), "");
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_may_have_arrived_is_left_to_the_caller() {
    let stage = Stage::new(patient(), |_, _| Fault::ResetBefore);
    let refund = RefundRequest::full(PaymentId::new("P-17").unwrap()).description("returned");
    let error = stage.sender.refund(&WalletPartner, &refund).await.unwrap_err();
    assert_eq!((word(&Err(error)), stage.asked().as_str()), ("unknown", "refund"));

    let stage = Stage::first(patient(), Fault::Refused);
    let _ = stage.sender.refund(&WalletPartner, &refund).await;
    assert_eq!(stage.asked(), "refund refund");

    // The payment that a status would find is the one to refund: nothing is asked, nothing is sent.
    let stage = Stage::new(patient(), |_, _| Fault::None);
    let prepared = prepare(&WalletPartner, refund).unwrap();
    let error = stage.sender.resume(&prepared, MINUTE * 5).await.unwrap_err();
    assert_eq!((error.outcome(), stage.asked().as_str()), (Outcome::Unknown, ""));
}

#[tokio::test(start_paused = true)]
async fn going_on_begins_with_a_question() {
    // Never sent, long ago: it is sent now.
    let stage = Stage::new(SendPolicy::new(), |_, _| Fault::None);
    let sent = stage.sender.resume(&payout("P-17"), MINUTE * 5).await;
    assert_eq!((word(&sent), stage.asked().as_str()), ("registered", "status payout"));
    // Sent before: nothing is sent now.
    let sent = stage.sender.resume(&payout("P-17"), Duration::ZERO).await;
    assert_eq!((word(&sent), stage.asked().as_str()), ("found", "status payout status"));
    assert_eq!(stage.payments(), 1);
    // Perhaps sent a moment ago: the outcome is still unknown.
    let stage = Stage::new(SendPolicy::new(), |_, _| Fault::None);
    let error = stage.sender.resume(&payout("P-17"), SECOND).await.unwrap_err();
    assert!(error.is_not_found_yet());
    assert_eq!((error.outcome(), error.sends(), stage.payments()), (Outcome::Unknown, 0, 0));
    // With enough time, this call finds out.
    let stage = Stage::new(patient(), |_, _| Fault::None);
    assert_eq!(word(&stage.sender.resume(&payout("P-17"), SECOND).await), "registered");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_not_made_worse() {
    for fault in [
        Fault::Refused,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::SlowAnswer(SECOND * 10),
        Fault::StatusAfter(500),
        Fault::StatusInstead(503, None),
        Fault::StatusInstead(503, Some(1)),
        Fault::Truncated,
        Fault::WrongBody("{}"),
    ] {
        // One after another, and, where the platform has nothing to do, all at once too.
        for at_once in [1, 1000].into_iter().take(if fault.reaches() { 1 } else { 2 }) {
            let always = fault.clone();
            let policy = SendPolicy::new().rate(None).concurrency(NonZeroU32::MAX);
            let policy = policy.deadline(SECOND * 5).retryable_statuses([503]);
            let stage = Stage::new(policy, move |_, _| always.clone());
            for batch in 0..1000 / at_once {
                let mut calls = tokio::task::JoinSet::new();
                for call in 0..at_once {
                    let (sender, id) = (stage.sender.clone(), format!("P-{batch}-{call}"));
                    calls.spawn(async move { sender.send(&payout(&id)).await });
                }
                for sent in calls.join_all().await {
                    assert!(sent.is_err(), "{fault:?}: {sent:?}");
                }
            }
            let requests = stage.faults.exchanges().len();
            // Amplification: 1.1. A call that is as slow as its deadline has no time for more.
            let least = if matches!(fault, Fault::SlowAnswer(_)) { 1000 } else { 1001 };
            assert!((least..=1100).contains(&requests), "{fault:?}, {at_once}: {requests}");
        }
    }
    // Two clients may share one budget, and without one there is a single request.
    let none = SendPolicy::new().retry(RetryPolicy::new().budget(RetryBudget::new(0, 0)));
    let stage = Stage::new(none, |_, _| Fault::ResetBefore);
    let _ = stage.sender.send(&payout("P-17")).await;
    assert_eq!(stage.asked(), "payout");
}

#[tokio::test(start_paused = true)]
async fn evidence_costs_nothing_while_the_platform_answers() {
    // Each first send is lost, and the platform says so.
    let payouts = Mutex::new(0);
    let stage = Stage::new(patient(), move |_, path| {
        let mut payouts = payouts.lock().unwrap();
        *payouts += i32::from(path.ends_with("/payout"));
        if path.ends_with("/payout") && *payouts % 2 == 1 {
            Fault::ResetBefore
        } else {
            Fault::None
        }
    });
    for call in 0..60 {
        let sent = stage.sender.send(&payout(&format!("P-{call}"))).await;
        assert_eq!(word(&sent), "registered", "{call}: {sent:?}");
    }
    assert_eq!(stage.payments(), 60);
}

#[tokio::test(start_paused = true)]
async fn questions_are_asked_again_within_the_budget() {
    let stage = Stage::first(SendPolicy::new(), Fault::ResetAfter);
    let answer = stage.sender.status(&PaymentId::new("P-17").unwrap()).await.unwrap();
    assert!(answer.is_unknown_payment());
    let stage = Stage::new(SendPolicy::new(), |_, _| Fault::Truncated);
    assert!(stage.sender.status(&PaymentId::new("P-17").unwrap()).await.is_err());
    assert_eq!(stage.asked(), "status status status status");
}

#[tokio::test(start_paused = true)]
async fn requests_at_once_are_limited() {
    let at_once = NonZeroU32::new(2).unwrap();
    let policy = SendPolicy::new().concurrency(at_once).rate(None);
    let stage = Stage::new(policy, |_, _| Fault::Slow(SECOND));
    let start = Instant::now();
    let calls: Vec<_> = (0..10)
        .map(|call| {
            let sender = stage.sender.clone();
            tokio::spawn(async move { sender.send(&payout(&format!("P-{call}"))).await })
        })
        .collect();
    for call in calls {
        assert_eq!(word(&call.await.unwrap()), "registered");
    }
    let took = start.elapsed();
    assert!((SECOND * 5..SECOND * 6).contains(&took), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn requests_a_second_are_limited_questions_included() {
    let policy = SendPolicy::new().rate(NonZeroU32::new(5));
    let stage = Stage::new(policy, |_, _| Fault::None);
    let start = Instant::now();
    for call in 0..10 {
        let id = format!("P-{call}");
        assert_eq!(word(&stage.sender.send(&payout(&id)).await), "registered");
        stage.sender.status(&PaymentId::new(id).unwrap()).await.unwrap();
    }
    // 20 requests, the first at once.
    let took = start.elapsed();
    assert!((SECOND * 19 / 5..SECOND * 4).contains(&took), "{took:?}");
}

/// A small generator, so that a failing run can be repeated by its seed.
fn random(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

/// What came by: when, what for, and what went wrong.
type Seen = Arc<Mutex<Vec<(Instant, bool, Fault)>>>;

#[tokio::test(start_paused = true)]
async fn whatever_happens_nothing_is_sent_again_without_evidence() {
    let faults = [
        Fault::None,
        Fault::None,
        Fault::Refused,
        Fault::ResetBefore,
        Fault::ResetAfter,
        Fault::Truncated,
        Fault::Slow(SECOND * 90),
        Fault::SlowAnswer(SECOND * 90),
        Fault::StatusAfter(500),
        Fault::StatusInstead(503, Some(30)),
        Fault::WrongBody("{}"),
    ];
    let (mut sent_again, mut ends) = (0, std::collections::BTreeMap::new());
    for seed in 0..800 {
        let (faults, generator) = (faults.clone(), Mutex::new(seed));
        let seen = Seen::default();
        let noted = seen.clone();
        let policy = SendPolicy::new()
            .retry(RetryPolicy::new().deadline(MINUTE * 20).budget(RetryBudget::new(0, 100)));
        let stage = Stage::new(policy, move |_, path| {
            let place = random(&mut generator.lock().unwrap()) % faults.len() as u64;
            let fault = faults[usize::try_from(place).unwrap()].clone();
            let is_payout = path.ends_with("/payout");
            noted.lock().unwrap().push((Instant::now(), is_payout, fault.clone()));
            fault
        });
        let result = stage.sender.send(&payout("P-17")).await;
        let expected = if result.is_ok() { 1 } else { stage.payments() };
        assert_eq!(stage.payments(), expected, "seed {seed}: {result:?}");
        assert!(stage.payments() <= 1);
        *ends.entry(word(&result)).or_insert(0) += 1;

        let seen = seen.lock().unwrap();
        for (place, (_, is_payout, fault)) in seen.iter().enumerate() {
            let ambiguous = *is_payout && !matches!(fault, Fault::None | Fault::Refused);
            let next = seen[place + 1..].iter().position(|(_, is_payout, _)| *is_payout);
            let (true, Some(next)) = (ambiguous, next) else { continue };
            sent_again += 1;
            // The request before it was a question, long after, with the platform's own answer.
            let (asked, is_payout, fault) = &seen[place + next];
            assert!(!is_payout, "seed {seed}: {seen:?}");
            let answered = [Fault::None, Fault::Slow(SECOND * 90), Fault::SlowAnswer(SECOND * 90)];
            assert!(answered.contains(fault), "seed {seed}: {seen:?}");
            assert!(*asked - seen[place].0 >= MINUTE * 5, "seed {seed}: {seen:?}");
        }
    }
    // The test is worth something only if all of it happens.
    assert!(sent_again > 20, "{sent_again}");
    for end in ["registered", "found", "unknown"] {
        assert!(ends.get(end).is_some_and(|times| *times > 20), "{ends:?}");
    }
}
