//! When nothing can be compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use ecp_core::SecretKey;
use ecp_payouts::{Journal, Owner};
use ecp_reconcile::{Interval, Kind, OperationNames, Reconcile};
use ecp_sandbox::Config;
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{
    Gate, HttpTransport, RetryPolicy, SendPolicy, Sender, TowerTransport, TransportError,
};
use http::{Request, Response};

use crate::stage::{Stage, around_now, owner, rest};

#[tokio::test]
async fn a_member_of_another_name_is_reported_with_the_existing_names() {
    let stage = Stage::new().await;
    stage.payout("P-1", "10.00 EUR").await;
    let table = [
        (
            OperationNames::new().status("state"),
            "cannot read the Data API's operations: `state` is not a member of an operation; their members are: ",
        ),
        (
            OperationNames::new().operation_id("payment_id"),
            "cannot read the Data API's operations: `payment_id` is not a number; ",
        ),
        (
            OperationNames::new().amount("operation_status"),
            "cannot read the Data API's operations: `operation_status` is not an amount in the configured unit; ",
        ),
    ];
    for (names, message) in table {
        let begun = stage.all().names(names).begin(&stage.data(), stage.sender()).await;
        let error = begun.unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
        assert!(error.contains(", operation_type, "), "{error}");
        assert!(
            error.ends_with(" right name (`OperationNames`, `--name`)") && !error.contains("P-1"),
            "{error}"
        );
        let is_of_unit =
            error.contains("; set the unit in which the Data API counts (`AmountUnit`, ");
        assert_eq!(is_of_unit, message.contains("configured unit"), "{error}");
    }
    // A sum in another place is no error: the ends are compared all the same.
    let names = OperationNames::new().amount("sum");
    let begun = stage.all().names(names).begin(&stage.data(), stage.sender()).await.unwrap();
    let (differences, counts) = rest(begun).await.unwrap();
    assert_eq!((differences.len(), counts.without_sum), (0, 1));
}

#[tokio::test]
async fn sums_may_be_counted_in_major_units() {
    let stage = Stage::new().await;
    stage.run_payouts(&[("P-1", 1000)], |_, _| Fault::None).await;
    let names = OperationNames::new().amounts(ecp_payouts::AmountUnit::Major);
    let found = stage.compare(stage.all().names(names)).await;
    let kinds: Vec<Kind> = found.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::AmountDiffers, Kind::AmountDiffers]);
    assert_eq!(found[0].platform.as_ref().unwrap().to_string(), "`success`, 1000.00 EUR");
}

#[tokio::test]
async fn a_journal_of_another_owner_or_of_a_run_is_refused() {
    let stage = Stage::new().await;
    let path = stage.journal();
    let other = Owner::new(owner().project, "https://elsewhere.test");
    let journal = Journal::open(&path, &other).unwrap();
    let error = |result: Result<_, ecp_reconcile::ReconcileError>| match result {
        Ok(_) => panic!("it was compared"),
        Err(error) => error.to_string(),
    };
    let begun = stage.all().begin(&stage.data(), stage.sender()).await;
    let in_use = "another run, service or reader has the journal open; wait until it ends";
    assert_eq!(error(begun), format!("cannot read the journal {}: {in_use}", path.display()));
    drop(journal);
    let begun = loop {
        let begun = stage.all().begin(&stage.data(), stage.sender()).await;
        if !begun.as_ref().is_err_and(|error| error.to_string().contains(in_use)) {
            break begun;
        }
    };
    assert!(error(begun).ends_with(
        "the journal belongs to project 1 at https://elsewhere.test: to go on with its payouts, use that project and address. Another journal does not know what was sent there: name one only if these rows were not paid there (as after a trial in a sandbox)"
    ));

    let missing = Reconcile::new(owner(), around_now()).journal("/nowhere/at/all");
    let begun = missing.begin(&stage.data(), stage.sender()).await;
    assert!(error(begun).starts_with("cannot read the journal /nowhere/at/all: "));
    let ends_first = Interval::new(around_now().to(), around_now().from());
    let begun = Reconcile::new(owner(), ends_first).begin(&stage.data(), stage.sender()).await;
    assert_eq!(
        error(begun),
        "invalid Data API query: `interval.to` must not be before `interval.from`"
    );
}

#[tokio::test]
async fn a_data_api_that_fails_ends_it_at_the_beginning() {
    let stage = Stage::new().await;
    let broken = FaultTransport::new(TowerTransport::new(stage.sandbox.router()), |_, _| {
        Fault::WrongBody("<html>busy</html>")
    });
    let data = crate::stage::data(broken).base_url("http://localhost").unwrap();
    let error = stage.all().begin(&data, stage.sender()).await.unwrap_err().to_string();
    assert!(
        error.starts_with(
            "cannot get the operations from the Data API: the Data API's answer cannot be read"
        ),
        "{error}"
    );
}

/// A Gate that is unreachable for as long as configured.
#[derive(Debug)]
struct Away(Arc<AtomicBool>, TowerTransport<axum::Router>);

#[async_trait]
impl HttpTransport for Away {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        if self.0.load(Ordering::SeqCst) {
            return Err(TransportError::not_sent("connection refused"));
        }
        self.1.send(request).await
    }
}

#[tokio::test]
async fn a_gate_that_was_away_is_asked_about_the_same_payment_again() {
    let start = "2019-04-15T16:31:13+0000".parse().unwrap();
    let stage = Stage::with(|config| config.virtual_time(start)).await;
    stage.run_payouts(&[("P-1", 1000), ("P-2", 1000)], |_, _| Fault::None).await;
    let away = Arc::new(AtomicBool::new(true));
    let transport = Away(Arc::clone(&away), TowerTransport::new(stage.sandbox.router()));
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, transport);
    let sender = Sender::new(gate, SendPolicy::new().retry(RetryPolicy::new().attempts(1)));
    let mut begun = stage.all().begin(&stage.data(), sender).await.unwrap();
    for _ in 0..2 {
        let error = begun.next().await.unwrap_err().to_string();
        assert!(
            error.starts_with("cannot get the status of payment P-1 from Gate: not sent"),
            "{error}"
        );
    }
    assert_eq!(begun.counts().payments, 0);
    away.store(false, Ordering::SeqCst);
    let (differences, counts) = rest(begun).await.unwrap();
    assert_eq!((differences.len(), counts.payments), (0, 2));
}
