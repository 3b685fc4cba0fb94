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
    // Shorter than the default, so that rows change hands soon, and longer than a busy machine
    // needs for a write: what is stored too late is not sent.
    let options = PostgresJournalOptions::new().lease(Duration::from_secs(4));
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

#[tokio::test]
async fn a_reader_shows_the_jobs_of_a_database_and_makes_none() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let owner = Owner::new(Config::DEMO_PROJECT, "HTTP://localhost:80/");
    let reader = PostgresJournalOptions::new().reader(database.parse().unwrap()).unwrap();
    for _ in 0..2 {
        assert!(!reader.has_journals().await.unwrap());
        assert!(reader.jobs().await.unwrap().is_empty());
        assert!(reader.entries(&owner, "job").await.unwrap().is_empty());
    }
    let sandbox = Sandbox::new(Config::demo());
    let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), |_, _| Fault::None);
    let faults = Arc::new(faults);
    for (rows, job) in [(0..1005, "first"), (1000..1010, "second")] {
        let journal = journal(&database, job).await;
        let counts = payer(&faults, &journal).run(&plan(rows, 1000), &Stop::new(), &()).await;
        assert!(counts.unwrap().is_complete());
        journal.close().await;
    }
    let names: Vec<_> = reader.jobs().await.unwrap().into_iter().map(|job| job.name).collect();
    assert_eq!(names, ["first", "second"]);
    for (job, expected) in
        [(Some("first"), 1005_usize), (Some("second"), 5), (None, 1010), (Some("x"), 0)]
    {
        let mut rows = reader.rows(&owner, job).await.unwrap();
        let (mut found, mut pages) = (std::collections::HashSet::new(), 0);
        loop {
            let page = rows.next_page().await.unwrap();
            if page.is_empty() {
                break;
            }
            pages += 1;
            assert!(page.iter().all(|(_, entry)| entry.state == State::Success), "{page:?}");
            found.extend(page.into_iter().map(|(id, _)| id));
        }
        assert_eq!((found.len(), pages), (expected, expected.div_ceil(1000)), "{job:?}");
    }
    // Payers that have ended have no rows.
    assert_eq!(reader.at_work(&owner, "first").await.unwrap().payers, 0);
    assert_eq!(reader.plan(&owner, &plan(1003..1007, 1000)).await.unwrap().len(), 4);
}

#[tokio::test]
async fn a_reader_counts_the_payers_at_work_and_names_a_state_that_it_does_not_know() {
    let Some(server) = &*SERVER else { return };
    let database = server.database().unwrap();
    let owner = Owner::new(Config::DEMO_PROJECT, "http://localhost");
    let sandbox = Sandbox::new(Config::demo());
    let slow = |_: usize, _: &str| Fault::Slow(Duration::from_mins(1));
    let slow = Arc::new(FaultTransport::new(TowerTransport::new(sandbox.router()), slow));
    let payer = payer(&slow, &journal(&database, "job").await);
    let rows = plan(0..3, 1000);
    let run = tokio::spawn(async move { payer.run(&rows, &Stop::new(), &()).await });
    let reader = PostgresJournalOptions::new().reader(database.parse().unwrap()).unwrap();
    while reader.entries(&owner, "job").await.unwrap().len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let at_work = reader.at_work(&owner, "job").await.unwrap();
    assert_eq!((at_work.payers, at_work.rows), (1, 3));
    run.abort();
    let config: ecp_payouts::postgres::tokio_postgres::Config = database.parse().unwrap();
    let (client, connection) =
        config.connect(ecp_payouts::postgres::tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let odd = "UPDATE ecp_payouts.rows SET state = 'novel' WHERE payment_id = 'P-1'";
    client.batch_execute(odd).await.unwrap();
    let mut rows = reader.rows(&owner, None).await.unwrap();
    let page = rows.next_page().await.unwrap();
    let states: Vec<_> = page.iter().map(|(_, entry)| entry.state).collect();
    assert_eq!(states, [State::Intended, State::Unknown, State::Intended]);
    assert_eq!(rows.odd().len(), 1);
    assert_eq!(rows.odd()[0].payment_id, "P-1");

    // What cannot be used at all is listed, and hides nothing after it.
    let damage = "UPDATE ecp_payouts.rows SET payment_id = ' ' WHERE payment_id = 'P-0';
        UPDATE ecp_payouts.rows SET digest = 'short' WHERE payment_id = 'P-1'";
    client.batch_execute(damage).await.unwrap();
    let mut rows = reader.rows(&owner, None).await.unwrap();
    let page = rows.next_page().await.unwrap();
    assert_eq!(page.iter().map(|(id, _)| id.payment_id().as_str()).collect::<Vec<_>>(), ["P-2"]);
    let odd: Vec<_> = rows.odd().iter().map(|odd| (odd.payment_id.as_str(), odd.problem)).collect();
    let invalid = (" ", "its payment id is not valid");
    assert_eq!(odd, [invalid, ("P-1", "its digest is not 32 bytes long")]);
}
