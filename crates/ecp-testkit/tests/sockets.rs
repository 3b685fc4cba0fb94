//! What a sender does after each failure, over real connections.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::{Duration, Instant};

use ecp_core::{PaymentId, SecretKey};
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_methods::{Jeton, Payout, Prepared, prepare};
use ecp_sandbox::{Config, Sandbox};
use ecp_testkit::{Fault, FaultServer};
use ecp_transport::{Gate, Outcome, ReqwestTransport, SendPolicy, Sender, Sent, TowerTransport};

const SHORT: Duration = Duration::from_millis(200);

fn payout(id: &str) -> Prepared<Payout> {
    let request = PayoutRequest::new(PaymentId::new(id).unwrap(), "300.00 EUR".parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"));
    prepare(&Jeton, request).unwrap()
}

fn policy() -> SendPolicy {
    SendPolicy::new()
        .deadline(Duration::from_secs(10))
        .not_found_after(SHORT)
        .pauses(Duration::from_millis(5), Duration::from_millis(20))
}

fn sender(url: &str, policy: SendPolicy) -> Sender {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let transport = ReqwestTransport::plain_http().unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, transport).base_url(url).unwrap();
    Sender::new(gate, policy)
}

/// The sandbox behind a server on which requests go wrong by their places.
async fn server(plan: impl Fn(usize) -> Fault + Send + Sync + 'static) -> FaultServer {
    let platform = TowerTransport::new(Sandbox::new(Config::demo()).router());
    FaultServer::start(platform, move |number, _| plan(number)).await.unwrap()
}

/// The last parts of the requests' paths.
fn asked(server: &FaultServer) -> Vec<String> {
    let exchanges = server.exchanges();
    exchanges.iter().map(|seen| seen.path.rsplit('/').next().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn what_was_done_before_the_connection_failed_is_found() {
    for fault in [
        Fault::ResetAfter,
        Fault::Truncated,
        Fault::StatusAfter(502),
        Fault::WrongBody("<html>hello</html>"),
    ] {
        let first = fault.clone();
        let server =
            server(move |number| if number == 0 { first.clone() } else { Fault::None }).await;
        let sent = sender(&server.url(), policy()).send(&payout("P-17")).await;
        assert!(matches!(sent, Ok(Sent::Found(_))), "{fault:?}: {sent:?}");
        assert_eq!(asked(&server), ["payout", "status"], "{fault:?}");
    }
}

#[tokio::test]
async fn a_connection_that_is_reset_before_the_request_was_read_is_asked_about_first() {
    let server = server(|number| if number == 0 { Fault::ResetBefore } else { Fault::None }).await;
    let sender = sender(&server.url(), policy());
    let start = Instant::now();
    let sent = sender.send(&payout("P-17")).await;
    assert!(matches!(sent, Ok(Sent::Registered(_))), "{sent:?}");
    assert!(start.elapsed() >= SHORT);
    let asked = asked(&server);
    let (last, questions) = asked[1..].split_last().unwrap();
    assert!(last == "payout" && !questions.is_empty(), "{asked:?}");
    assert!(questions.iter().all(|question| question == "status"), "{asked:?}");
}

#[tokio::test]
async fn nobody_listens() {
    let url = server(|_| Fault::None).await.url();
    // The server is gone.
    tokio::time::sleep(Duration::from_millis(20)).await;
    let error = sender(&url, policy()).send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), error.sends()), (Outcome::NotSent, 4), "{error}");
}

#[tokio::test]
async fn a_slow_answer_leaves_the_outcome_unknown() {
    let server = server(|_| Fault::SlowAnswer(Duration::from_secs(30))).await;
    let policy = policy().deadline(SHORT);
    let start = Instant::now();
    let error = sender(&server.url(), policy).send(&payout("P-17")).await.unwrap_err();
    assert_eq!((error.outcome(), asked(&server).len()), (Outcome::Unknown, 1));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_pooled_connection_that_has_gone_stale_is_harmless() {
    // The platform closes each connection after its answer and says nothing of it.
    let closing = server(|_| Fault::Stale).await;
    let client = sender(&closing.url(), policy());
    for number in 0..5 {
        let sent = client.send(&payout(&format!("P-{number}"))).await;
        assert!(matches!(sent, Ok(Sent::Registered(_) | Sent::Found(_))), "{sent:?}");
        // Time for the close to arrive.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let payouts = asked(&closing).iter().filter(|path| *path == "payout").count();
    assert_eq!(payouts, 5, "{:?}", asked(&closing));

    // It closes the connection in the moment in which the next request is written to it.
    let racing = server(|number| if number == 1 { Fault::ResetBefore } else { Fault::None }).await;
    let client = sender(&racing.url(), policy());
    for id in ["P-1", "P-2", "P-3"] {
        let sent = client.send(&payout(id)).await;
        assert!(matches!(sent, Ok(Sent::Registered(_))), "{id}: {sent:?}");
    }
}
