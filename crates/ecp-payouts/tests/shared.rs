//! Several payers of one job, over a real Postgres server and the sandbox.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ecp_core::SecretKey;
use ecp_methods::Registry;
use ecp_payouts::postgres::{PostgresJournal, PostgresJournalOptions};
use ecp_payouts::{Counts, JournalError, Layout, Owner, Payer, Plan, Settings, State, Stop};
use ecp_sandbox::{Config, EventKind, Sandbox};
use ecp_testkit::postgres::Server;
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{Gate, RetryBudget, RetryPolicy, SendPolicy, TowerTransport};

type Faults = FaultTransport<TowerTransport<axum::Router>>;

pub(crate) static SERVER: LazyLock<Option<Server>> =
    LazyLock::new(|| Server::start_or_skip("payers that share a journal"));

fn plan(rows: impl Iterator<Item = usize>, amount: usize) -> Plan {
    let row = |row| format!("jeton,P-{row},{amount},EUR,93017949,192.0.2.1\n");
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\n";
    let file = head.to_owned() + &rows.map(row).collect::<String>();
    Plan::read(file.into(), &Layout::new(), &Registry::builtin(), Config::DEMO_PROJECT).unwrap()
}

fn settings() -> Settings {
    // So many attempts that the faults below do not use up those of any row.
    let retry = RetryPolicy::new()
        .attempts(12)
        .budget(RetryBudget::new(100, 10_000))
        .pauses(Duration::from_millis(1), Duration::from_millis(10));
    let policy = SendPolicy::new().rate(None).retry(retry);
    Settings::new()
        .policy(policy)
        .not_found_after(Duration::from_millis(300))
        .first_question(Duration::from_millis(1))
        .patience(Duration::from_secs(20))
        .grace(Duration::from_secs(2))
}

/// The sandbox with failures before it.
fn platform() -> (Sandbox, Arc<Faults>) {
    let sandbox = Sandbox::new(Config::demo().event_history(1_000_000));
    let plan = |number: usize, _: &str| match number * 7919 % 23 {
        0 => Fault::ResetBefore,
        1 | 2 => Fault::ResetAfter,
        4 => Fault::Truncated,
        5 => Fault::StatusAfter(502),
        _ => Fault::None,
    };
    let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), plan);
    (sandbox, Arc::new(faults))
}

async fn journal(database: &str, job: &str) -> PostgresJournal {
    let owner = Owner::new(Config::DEMO_PROJECT, "http://localhost");
    let options = PostgresJournalOptions::new().lease(Duration::from_secs(1));
    options.open(database.parse().unwrap(), &owner, job).await.unwrap()
}

fn payer(faults: &Arc<Faults>, journal: &PostgresJournal) -> Payer {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, faults.clone());
    Payer::new(gate, journal.clone(), settings())
}

/// How many payments the platform has begun.
fn begun(sandbox: &Sandbox) -> usize {
    let begun = |kind: &EventKind| matches!(kind, EventKind::PaymentChanged(status) if status.as_str() == "processing");
    sandbox.events().iter().filter(|event| begun(&event.kind)).count()
}

/// The simulation does this with processes that are killed, and with a failover.
#[tokio::test]
async fn payers_share_a_file_and_one_that_is_dropped_leaves_its_rows_to_the_others() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let (sandbox, faults) = platform();
    let plan = plan(0..120, 1000);
    let mut runs = Vec::new();
    for _ in 0..3 {
        let payer = payer(&faults, &journal(&database, "job").await);
        let plan = plan.clone();
        runs.push(tokio::spawn(async move { payer.run(&plan, &Stop::new(), &()).await }));
    }
    while begun(&sandbox) < 20 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    runs.remove(0).abort();
    let mut ends = Vec::new();
    for run in runs {
        ends.push(run.await.unwrap().unwrap());
    }
    let entries = journal(&database, "job").await.read().await.unwrap();
    let open: Vec<_> = entries.iter().filter(|(_, entry)| entry.state != State::Success).collect();
    assert!(open.is_empty(), "{open:?}");
    assert!(ends.iter().all(|counts| counts.success == 120), "{ends:?}");
    assert_eq!((entries.len(), begun(&sandbox)), (120, 120));
}

#[tokio::test]
async fn a_row_is_paid_once_in_all_jobs_and_is_not_another_one_in_a_second_job() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let (sandbox, faults) = platform();
    let run = async |plan: Plan, job: &str| -> Result<Counts, JournalError> {
        let payer = payer(&faults, &journal(&database, job).await);
        payer.run(&plan, &Stop::new(), &()).await
    };
    assert_eq!(run(plan(0..5, 1000), "first").await.unwrap().success, 5);
    let both = run(plan(3..8, 1000), "second").await.unwrap();
    assert_eq!((both.success, begun(&sandbox)), (5, 8));
    // A row is of the job that reserved it first; results need those of all jobs.
    let journal = journal(&database, "second").await;
    assert_eq!(journal.read().await.unwrap().len(), 3);
    let mut results = Vec::new();
    let all = journal.read_plan(&plan(3..8, 1000)).await.unwrap();
    ecp_payouts::write_results(&plan(3..8, 1000), &all, &mut results).unwrap();
    let results = String::from_utf8(results).unwrap();
    assert_eq!(results.matches(",success,").count(), 5, "{results}");
    let error = run(plan(4..9, 2000), "third").await.unwrap_err();
    assert!(matches!(error, JournalError::Differs { .. }), "{error}");
    assert_eq!(begun(&sandbox), 8);
}

#[tokio::test]
async fn a_run_that_is_stopped_does_not_call_the_rows_of_another_payer_not_sent() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let sandbox = Sandbox::new(Config::demo());
    let slow = |_: usize, _: &str| Fault::Slow(Duration::from_mins(1));
    let slow = FaultTransport::new(TowerTransport::new(sandbox.router()), slow);
    let (faults, plan) = (Arc::new(slow), plan(0..1, 1000));
    let (first, second) = (journal(&database, "job").await, journal(&database, "job").await);
    let (one, rows) = (payer(&faults, &first), plan.clone());
    let other = tokio::spawn(async move { one.run(&rows, &Stop::new(), &()).await });
    while second.read().await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let stop = Stop::new();
    let two = payer(&faults, &second);
    let run = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.stop();
    };
    let (counts, ()) = tokio::join!(two.run(&plan, &stop, &()), run);
    other.abort();
    let counts = counts.unwrap();
    assert_eq!((counts.unknown, counts.not_sent), (1, 0), "{counts:?}");
}
