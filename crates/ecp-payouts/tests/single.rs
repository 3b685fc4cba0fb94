//! Single payouts through a journal: each is made once, whatever ends the process.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::SecretKey;
use ecp_methods::Jeton;
use ecp_methods::request::{Account, Customer, PayoutRequest};
use ecp_payouts::{
    Journal, JournalError, JournalStore, Owner, PayError, Payer, RowId, Settings, State,
};
use ecp_sandbox::{Config, EventKind, Sandbox};
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{Gate, RetryPolicy, SendPolicy, TowerTransport};
use tokio::runtime::Runtime;

fn request(amount: &str) -> PayoutRequest {
    PayoutRequest::new("P-1".parse().unwrap(), amount.parse().unwrap())
        .customer(Customer::new().ip_address("192.0.2.1"))
        .account(Account::new().number("93017949"))
}

fn id() -> RowId {
    RowId::payout("P-1".parse().unwrap())
}

fn owner() -> Owner {
    Owner::new(Config::DEMO_PROJECT, "http://localhost")
}

/// A payer whose requests meet these faults, one after the other, and the number of payments that
/// the sandbox has begun.
fn payer(sandbox: &Sandbox, journal: impl JournalStore, faults: &'static [Fault]) -> Payer {
    let transport = TowerTransport::new(sandbox.router());
    let plan = |number: usize, _: &str| faults.get(number).cloned().unwrap_or(Fault::None);
    let transport = Arc::new(FaultTransport::new(transport, plan));
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, transport);
    let retry = RetryPolicy::new().pauses(Duration::from_millis(1), Duration::from_millis(10));
    let settings = Settings::new()
        .policy(SendPolicy::new().rate(None).retry(retry))
        .not_found_after(Duration::from_millis(300))
        .first_question(Duration::from_millis(1));
    Payer::new(gate, journal, settings)
}

fn begun(sandbox: &Sandbox) -> usize {
    changed(sandbox, "processing")
}

/// How many payments of the sandbox have had this status.
fn changed(sandbox: &Sandbox, to: &str) -> usize {
    let is_so = |kind: &EventKind| matches!(kind, EventKind::PaymentChanged(status) if status.as_str() == to);
    sandbox.events().iter().filter(|event| is_so(&event.kind)).count()
}

fn open(path: &Path) -> Journal {
    // The thread of a process that has ended lets go of the file.
    let patience = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        match Journal::open(path, &owner()) {
            Err(JournalError::InUse) if std::time::Instant::now() < patience => {}
            journal => return journal.unwrap(),
        }
    }
}

/// A request whose answer does not come before the process ends, which is here a runtime.
const UNANSWERED: &[Fault] = &[Fault::SlowAnswer(Duration::from_mins(1))];

#[tokio::test]
async fn calls_for_one_payout_pay_it_once_and_another_payout_has_another_id() {
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(Config::demo());
    let payer = payer(&sandbox, open(&folder.path().join("journal")), &[Fault::ResetAfter]);
    assert_eq!(payer.entry(&id()).await.unwrap(), None);
    let request = request("30.00 EUR");
    let (one, two) = tokio::join!(payer.pay(&Jeton, &request), payer.pay(&Jeton, &request));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!((one.state(), two.state()), (State::Intended, State::Intended));
    let (one, two) = (one.end().await.unwrap(), two.end().await.unwrap());
    assert_eq!((one.state, one.sends, begun(&sandbox)), (State::Success, 1, 1), "{one:?}");
    assert_eq!(one, two);
    let again = payer.pay(&Jeton, &request).await.unwrap();
    assert_eq!((again.state(), again.end().await.unwrap()), (State::Success, one.clone()));
    assert_eq!(payer.entry(&id()).await.unwrap(), Some(one));

    let other = payer.pay(&Jeton, &self::request("30.01 EUR")).await.unwrap_err();
    assert!(matches!(other, PayError::Journal(JournalError::Differs { .. })), "{other}");
    let wrong = payer.pay(&Jeton, &self::request("0.00 EUR")).await.unwrap_err();
    assert!(matches!(wrong, PayError::Rejected(_)), "{wrong}");
    assert_eq!(begun(&sandbox), 1);
}

#[tokio::test]
async fn a_payout_that_could_not_be_sent_is_sent_by_the_next_call() {
    const REFUSED: &[Fault] = &[Fault::Refused, Fault::Refused, Fault::Refused, Fault::Refused];
    let folder = tempfile::tempdir().unwrap();
    let sandbox = Sandbox::new(Config::demo());
    let payer = payer(&sandbox, open(&folder.path().join("journal")), REFUSED);
    let end = payer.pay(&Jeton, &request("30.00 EUR")).await.unwrap().end().await.unwrap();
    assert_eq!((end.state, begun(&sandbox)), (State::NotSent, 0), "{end:?}");
    // It may be corrected, since nothing was sent.
    let end = payer.pay(&Jeton, &request("31.00 EUR")).await.unwrap().end().await.unwrap();
    assert_eq!((end.state, begun(&sandbox)), (State::Success, 1), "{end:?}");
}

#[test]
fn a_payout_of_a_process_that_ended_is_asked_about_and_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("journal");
    let sandbox = Sandbox::new(Config::demo());
    let process = Runtime::new().unwrap();
    let state = process.block_on(async {
        let payer = payer(&sandbox, open(&path), UNANSWERED);
        payer.pay(&Jeton, &request("30.00 EUR")).await.unwrap().state()
    });
    assert_eq!(state, State::Intended);
    // The sandbox works in the same runtime, and would never end the payment after it.
    while changed(&sandbox, "success") == 0 {
        std::thread::sleep(Duration::from_millis(1));
    }
    drop(process);

    Runtime::new().unwrap().block_on(async {
        let payer = payer(&sandbox, open(&path), &[]);
        let payout = payer.pay(&Jeton, &request("30.00 EUR")).await.unwrap();
        // Or a later state, if the platform has answered the question already.
        assert_ne!(payout.state(), State::NotSent);
        let end = payout.end().await.unwrap();
        assert_eq!((end.state, end.sends, begun(&sandbox)), (State::Success, 1, 1), "{end:?}");
    });
}

#[cfg(all(feature = "postgres", unix))]
#[test]
fn a_payout_of_a_payer_that_died_is_ended_by_another_one() {
    use ecp_payouts::postgres::PostgresJournalOptions;

    let Some(server) = &*crate::shared::SERVER else { return };
    let database = server.database().unwrap();
    let journal = async || {
        let options = PostgresJournalOptions::new().lease(Duration::from_secs(3));
        options.open(database.parse().unwrap(), &owner(), "payouts of the shop").await.unwrap()
    };
    let sandbox = Sandbox::new(Config::demo());
    let process = Runtime::new().unwrap();
    process.block_on(async {
        let payer = payer(&sandbox, journal().await, UNANSWERED);
        assert!(payer.pay(&Jeton, &request("30.00 EUR")).await.is_ok());
        while changed(&sandbox, "success") == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    // While the payer lives, another one waits for it.
    let another = Runtime::new().unwrap();
    let (journal, waiting) = another.block_on(async {
        let journal = journal().await;
        let payer = payer(&sandbox, journal.clone(), &[]);
        let waiting = payer.pay(&Jeton, &request("30.00 EUR")).await.unwrap();
        assert_eq!(waiting.state(), State::Intended);
        assert_eq!(journal.abandoned().await.unwrap(), []);
        (journal, waiting)
    });
    process.shutdown_background();
    another.block_on(async {
        let end = waiting.end().await.unwrap();
        assert_eq!((end.state, end.sends, begun(&sandbox)), (State::Success, 1, 1), "{end:?}");
        assert_eq!(journal.abandoned().await.unwrap(), []);
    });
}
