//! Runs against the sandbox: through failures, stops and sudden ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ecp_core::{Clock as _, PaymentId, SecretKey, SteppedClock, SystemClock};
use ecp_methods::Registry;
use ecp_payouts::{
    Counts, Journal, JournalError, JournalReader, Layout, Owner, Payer, Plan, Progress, Settings,
    State, Stop, write_results,
};
use ecp_sandbox::{Config, EventKind, Sandbox};
use ecp_testkit::{Fault, FaultTransport};
use ecp_transport::{Gate, RetryBudget, RetryPolicy, SendPolicy, TowerTransport};

type Faults = FaultTransport<TowerTransport<axum::Router>>;

fn plan(rows: usize) -> Plan {
    // One in ten is declined in the sandbox.
    let row = |row| {
        let amount = if row % 10 == 3 { 40_000 } else { 1000 + row };
        format!("jeton,P-{row},{amount},EUR,account-sentinel,192.0.2.1\n")
    };
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\n";
    let file = head.to_owned() + &(0..rows).map(row).collect::<String>();
    Plan::read(file.into(), &Layout::new(), &Registry::builtin(), Config::DEMO_PROJECT).unwrap()
}

fn owner() -> Owner {
    Owner::new(Config::DEMO_PROJECT, "http://localhost")
}

fn settings() -> Settings {
    let retry = RetryPolicy::new()
        .budget(RetryBudget::new(100, 10_000))
        .pauses(Duration::from_millis(1), Duration::from_millis(10));
    let policy = SendPolicy::new().rate(None).retry(retry);
    Settings::new()
        .policy(policy)
        .not_found_after(Duration::from_millis(50))
        .first_question(Duration::from_millis(1))
        .patience(Duration::from_secs(20))
        .grace(Duration::from_secs(2))
}

/// The sandbox with failures before it.
fn platform(plan: impl Fn(usize, &str) -> Fault + Send + Sync + 'static) -> (Sandbox, Arc<Faults>) {
    let sandbox = Sandbox::new(Config::demo().event_history(1_000_000));
    let faults = FaultTransport::new(TowerTransport::new(sandbox.router()), plan);
    (sandbox, Arc::new(faults))
}

async fn payer(faults: &Arc<Faults>, journal: &Path, settings: Settings) -> Payer {
    let key = SecretKey::new(Config::DEMO_KEY).unwrap();
    let gate = Gate::new(Config::DEMO_PROJECT, &key, faults.clone());
    // A run that was dropped lets go of its journal when its tasks are next looked at, and the thread
    // that writes has ended, which takes as long as the disk does.
    let patience = std::time::Instant::now() + Duration::from_secs(20);
    let journal = loop {
        tokio::time::sleep(Duration::from_millis(30)).await;
        match Journal::open(journal, &owner()) {
            Err(JournalError::InUse) if std::time::Instant::now() < patience => {}
            opened => break opened.unwrap(),
        }
    };
    Payer::new(gate, journal, settings)
}

/// How many payments the platform has begun.
fn begun(sandbox: &Sandbox) -> usize {
    let begun = |kind: &EventKind| matches!(kind, EventKind::PaymentChanged(status) if status.as_str() == "processing");
    sandbox.events().iter().filter(|event| begun(&event.kind)).count()
}

fn numbers(counts: &Counts) -> [u64; 5] {
    [counts.success, counts.decline, counts.unknown, counts.not_sent, counts.before]
}

#[tokio::test]
async fn every_row_ends_and_a_second_run_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = platform(|_, _| Fault::None);
    let plan = plan(50);
    let counts =
        payer(&faults, &journal, settings()).await.run(&plan, &Stop::new(), &()).await.unwrap();
    assert_eq!((numbers(&counts), counts.is_complete()), ([45, 5, 0, 0, 0], true));
    assert_eq!(begun(&sandbox), 50);

    let requests = faults.exchanges().len();
    let again =
        payer(&faults, &journal, settings()).await.run(&plan, &Stop::new(), &()).await.unwrap();
    assert_eq!((numbers(&again), faults.exchanges().len()), ([45, 5, 0, 0, 50], requests));
}

#[tokio::test]
async fn failures_and_sudden_ends_pay_each_row_once() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = platform(|number, _| match number * 7919 % 23 {
        0 => Fault::ResetBefore,
        1 | 2 => Fault::ResetAfter,
        3 => Fault::Refused,
        4 => Fault::Truncated,
        5 => Fault::StatusAfter(502),
        6 => Fault::StatusInstead(503, None),
        7 => Fault::Slow(Duration::from_millis(10)),
        _ => Fault::None,
    });
    let plan = plan(150);
    // Dropped in the middle of it, as a process that ends.
    for time in [15, 30, 60] {
        let payer = payer(&faults, &journal, settings()).await;
        let (stop, time) = (Stop::new(), Duration::from_millis(time));
        let _ = tokio::time::timeout(time, payer.run(&plan, &stop, &())).await;
    }
    let mut runs = 0;
    loop {
        runs += 1;
        let payer = payer(&faults, &journal, settings()).await;
        let counts = payer.run(&plan, &Stop::new(), &()).await.unwrap();
        if counts.is_complete() {
            assert_eq!([counts.success, counts.decline], [135, 15]);
            break;
        }
        assert!(runs < 20, "{counts:?}");
    }
    assert_eq!(begun(&sandbox), 150);
    let entries = Journal::read(&journal).unwrap();
    assert_eq!(entries.len(), 150);
    assert!(entries.values().all(|entry| entry.state.is_final() && !entry.evidence.is_empty()));
}

#[tokio::test]
async fn rows_that_wait_for_evidence_get_it_in_one_run() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    // The first send of each of forty rows is lost, more at once than the budget has.
    let payouts = AtomicU64::new(0);
    let (sandbox, faults) = platform(move |_, path| {
        let is_first = path.ends_with("/payout") && payouts.fetch_add(1, Ordering::SeqCst) < 40;
        if is_first { Fault::ResetBefore } else { Fault::None }
    });
    let retry = RetryPolicy::new().pauses(Duration::from_millis(1), Duration::from_millis(10));
    let policy = SendPolicy::new()
        .rate(None)
        .concurrency(std::num::NonZeroU32::new(40).unwrap())
        .retry(retry);
    let settings = settings().policy(policy).not_found_after(Duration::from_secs(1));
    let payer = payer(&faults, &journal, settings).await;
    let counts = payer.run(&plan(40), &Stop::new(), &()).await.unwrap();
    assert_eq!((numbers(&counts), begun(&sandbox)), ([36, 4, 0, 0, 0], 40));
}

#[tokio::test]
async fn an_intent_is_on_the_disk_before_its_request_leaves() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    // The connection of the journal is this process's own, so a copy of its files is what a
    // process after a crash would find.
    let (from, to) = (folder.path().to_owned(), tempfile::tempdir().unwrap());
    let copy = to.path().join("journal");
    let (_, faults) = platform(move |number, path| {
        if number == 0 && path.ends_with("/payout") {
            for file in std::fs::read_dir(&from).unwrap() {
                let file = file.unwrap();
                std::fs::copy(file.path(), to.path().join(file.file_name())).unwrap();
            }
            let entries = Journal::read(&to.path().join("journal")).unwrap();
            let entry = &entries[&PaymentId::new("P-0").unwrap().into()];
            assert_eq!((entry.state, entry.sends), (State::Intended, 1));
            assert!(entry.sent_at.is_some());
        }
        Fault::None
    });
    let counts =
        payer(&faults, &journal, settings()).await.run(&plan(1), &Stop::new(), &()).await.unwrap();
    assert_eq!(counts.success, 1);
    assert!(copy.exists());
}

#[tokio::test]
async fn what_cannot_be_known_is_unknown_with_its_evidence() {
    let table = [
        // What the platform does not answer, and what it says of the status.
        (
            Fault::ResetAfter,
            Fault::StatusInstead(503, None),
            "unknown",
            "the status request failed",
        ),
        (Fault::Refused, Fault::None, "not sent", "not sent"),
        (Fault::None, Fault::ResetBefore, "unknown", "registered; its status is not known"),
    ];
    for (payout, status, result, evidence) in table {
        let folder = tempfile::tempdir().unwrap();
        let journal = folder.path().join("journal");
        let (_, faults) =
            platform(
                move |_, path| {
                    if path.ends_with("/payout") { payout.clone() } else { status.clone() }
                },
            );
        let settings = settings().patience(Duration::from_millis(30));
        let plan = plan(1);
        let payer = payer(&faults, &journal, settings).await;
        let counts = payer.run(&plan, &Stop::new(), &()).await.unwrap();
        assert!(!counts.is_complete());
        let mut file = Vec::new();
        write_results(&plan, &Journal::read(&journal).unwrap(), &mut file).unwrap();
        let file = String::from_utf8(file).unwrap();
        let row = file.lines().nth(1).unwrap();
        assert!(row.starts_with(&format!("2,P-0,jeton,1000,EUR,{result},")), "{row}");
        assert!(row.contains(evidence), "{row}");
        assert!(!file.contains("sentinel"), "{file}");
    }
}

/// Stops a run after so many rows.
struct StopAfter(u64, Stop, AtomicU64);

impl Progress for StopAfter {
    fn row(&self, _: &PaymentId, _: State, counts: &Counts) {
        self.2.store(counts.done(), Ordering::SeqCst);
        if counts.done() == self.0 {
            self.1.stop();
        }
    }
}

#[tokio::test]
async fn a_stopped_run_begins_no_further_row_and_the_next_one_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = platform(|_, _| Fault::None);
    let plan = plan(200);
    let few = std::num::NonZeroUsize::new(20).unwrap();
    let stop = Stop::new();
    let progress = StopAfter(40, stop.clone(), AtomicU64::new(0));
    let first = payer(&faults, &journal, settings().at_work(few)).await;
    let counts = first.run(&plan, &stop, &progress).await.unwrap();
    assert!(counts.done() == 200 && counts.not_sent >= 100, "{counts:?}");
    assert!(begun(&sandbox) < 100, "{}", begun(&sandbox));
    let rest = payer(&faults, &journal, settings()).await;
    let counts = rest.run(&plan, &Stop::new(), &()).await.unwrap();
    assert_eq!((numbers(&counts)[0], numbers(&counts)[1]), (180, 20));
    assert_eq!(begun(&sandbox), 200);
}

/// Rows that an earlier run has ended, or has left unknown, are that in the numbers of a run that does
/// not reach them.
#[tokio::test]
async fn a_stopped_run_does_not_call_the_rows_of_an_earlier_run_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (_, faults) = platform(|number, _| match number {
        1 => Fault::Slow(Duration::from_mins(1)),
        _ => Fault::None,
    });
    let (stop, grace) = (Stop::new(), Duration::from_millis(100));
    let progress = StopAfter(1, stop.clone(), AtomicU64::new(0));
    let first = payer(&faults, &journal, settings().grace(grace)).await;
    let counts = first.run(&plan(2), &stop, &progress).await.unwrap();
    assert_eq!(numbers(&counts), [1, 0, 1, 0, 0]);
    let stopped = Stop::new();
    stopped.stop();
    let second = payer(&faults, &journal, settings()).await;
    let counts = second.run(&plan(3), &stopped, &()).await.unwrap();
    assert_eq!(numbers(&counts), [1, 0, 1, 1, 1]);
}

#[tokio::test]
async fn a_journal_has_one_owner_one_process_and_unchanged_rows() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (_, faults) = platform(|_, _| Fault::None);
    let first = payer(&faults, &journal, settings()).await;
    assert!(matches!(Journal::open(&journal, &owner()), Err(JournalError::InUse)));
    first.run(&plan(3), &Stop::new(), &()).await.unwrap();

    // The same address in another spelling is the same owner.
    let spelled = Owner::new(owner().project, "HTTP://LOCALHOST:80/");
    drop(reopened(&journal, &spelled).unwrap());
    let old = folder.path().join("old");
    drop(reopened(&old, &spelled).unwrap());
    drop(reopened(&old, &owner()).unwrap());
    let other = Owner::new(owner().project, "https://api.ecommpay.com");
    let error = reopened(&journal, &other).unwrap_err().to_string();
    assert_eq!(
        error,
        "the journal belongs to project 1 at http://localhost: to go on with its payouts, use that project and address. Another journal does not know what was sent there: name one only if these rows were not paid there (as after a trial in a sandbox)"
    );

    let file = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\njeton,P-1,1001,EUR,another-account,192.0.2.1\n";
    let project = Config::DEMO_PROJECT;
    let changed = Plan::read(file.into(), &Layout::new(), &Registry::builtin(), project).unwrap();
    let payer = payer(&faults, &journal, settings()).await;
    let error = payer.run(&changed, &Stop::new(), &()).await.unwrap_err();
    assert!(matches!(error, JournalError::Changed { .. }), "{error}");
}

/// Waits for the run before to let go.
fn reopened(journal: &Path, owner: &Owner) -> Result<Journal, JournalError> {
    loop {
        match Journal::open(journal, owner) {
            Err(JournalError::InUse) => std::thread::sleep(Duration::from_millis(5)),
            opened => return opened,
        }
    }
}

#[tokio::test]
async fn exported_text_is_no_formula() {
    let file = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\n\
                jeton,=1+1,1000,EUR,1,192.0.2.1\njeton,\"@SUM(A1,A2)\",1000,EUR,1,192.0.2.1\n";
    let project = Config::DEMO_PROJECT;
    let plan = Plan::read(file.into(), &Layout::new(), &Registry::builtin(), project).unwrap();
    let mut output = Vec::new();
    write_results(&plan, &std::collections::HashMap::new(), &mut output).unwrap();
    let output = String::from_utf8(output).unwrap();
    let rows: Vec<&str> = output.lines().skip(1).collect();
    assert_eq!(
        rows,
        [
            "2,'=1+1,jeton,1000,EUR,not sent,,,,0,the run ended before its turn",
            "3,\"'@SUM(A1,A2)\",jeton,1000,EUR,not sent,,,,0,the run ended before its turn",
        ]
    );
}

#[tokio::test]
async fn a_clock_that_goes_back_makes_nothing_older() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = platform(|number, _| match number {
        0 => Fault::ResetBefore,
        _ => Fault::None,
    });
    let clock = Arc::new(SteppedClock::new(SystemClock.timestamp()));
    let slow = settings().not_found_after(Duration::from_hours(1)).clock(clock.clone());
    let stop = Stop::new();
    let lost = payer(&faults, &journal, slow.clone()).await;
    let plan = plan(1);
    let _ = tokio::time::timeout(Duration::from_millis(100), lost.run(&plan, &stop, &())).await;
    // An hour back, then half an hour on: too early in both.
    clock.set_back(Duration::from_hours(1));
    for minutes in [0, 90] {
        clock.advance(Duration::from_mins(minutes));
        let again = payer(&faults, &journal, slow.clone()).await;
        let run = again.run(&plan, &stop, &());
        assert!(tokio::time::timeout(Duration::from_millis(100), run).await.is_err());
    }
    assert_eq!(begun(&sandbox), 0);
    // Two hours after: it is known not to exist, and is paid.
    clock.advance(Duration::from_hours(2));
    let counts = payer(&faults, &journal, slow).await.run(&plan, &stop, &()).await.unwrap();
    assert_eq!((counts.success, begun(&sandbox)), (1, 1));
}

#[tokio::test]
async fn a_journal_of_an_older_version_is_read_and_gone_on_with() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (_, faults) = platform(|_, _| Fault::None);
    payer(&faults, &journal, settings()).await.run(&plan(2), &Stop::new(), &()).await.unwrap();
    drop(reopened(&journal, &owner()).unwrap());
    let old = loop {
        let old = rusqlite::Connection::open(&journal).unwrap();
        let columns = "ALTER TABLE payouts DROP COLUMN amount;
                       ALTER TABLE payouts DROP COLUMN currency;";
        if old.execute_batch(columns).is_ok() {
            break old;
        }
    };
    drop(old);

    let (first, third) = (PaymentId::new("P-0").unwrap(), PaymentId::new("P-2").unwrap());
    assert_eq!(Journal::read(&journal).unwrap()[&first.clone().into()].amount, None);
    let again = payer(&faults, &journal, settings()).await;
    let counts = again.run(&plan(3), &Stop::new(), &()).await.unwrap();
    assert_eq!((counts.success, counts.before), (3, 2));
    let entries = Journal::read(&journal).unwrap();
    assert_eq!(entries[&first.clone().into()].amount, None);
    assert_eq!(entries[&third.clone().into()].amount.unwrap().to_string(), "10.02 EUR");

    let mut reader = JournalReader::open(&journal).unwrap();
    assert_eq!(reader.owner().unwrap(), owner());
    let page: Vec<String> =
        reader.next_page().unwrap().iter().map(|(id, _)| id.to_string()).collect();
    assert_eq!(page, ["P-0", "P-1", "P-2"]);
    assert_eq!(reader.next_page().unwrap(), []);
}

fn plan_of(ids: &[&str]) -> Plan {
    let row =
        |(place, id): (usize, &&str)| format!("jeton,{id},{},EUR,1,192.0.2.1\n", 1000 + place);
    let rows: String = ids.iter().enumerate().map(row).collect();
    let head = "method,general.payment_id,payment.amount,payment.currency,account.number,\
                customer.ip_address\n";
    let file = format!("{head}{rows}").into_bytes();
    Plan::read(file, &Layout::new(), &Registry::builtin(), Config::DEMO_PROJECT).unwrap()
}

#[tokio::test]
async fn ids_that_a_spreadsheet_changed_between_two_runs_are_not_paid_again() {
    let first = ["0001", "Y-2", "P1", "k-4"];
    let alike = |line: u64, new: &str, old: &str| {
        format!(
            "line {line}, `general.payment_id`: `{new}` is new and looks like `{old}`, which may have \
             been sent before and is not in the file any more: write it as it was; a new row \
             needs an id that looks different"
        )
    };
    let table: [(&[&str], Vec<String>); 5] = [
        (&["1", "Y-2", "P1", "k-4"], vec![alike(2, "1", "0001")]),
        (
            &["+1", "Y\u{2013}2", "\u{ff30}1", "K-4"],
            vec![
                alike(2, "+1", "0001"),
                alike(3, "Y\u{2013}2", "Y-2"),
                alike(4, "\u{ff30}1", "P1"),
                alike(5, "K-4", "k-4"),
            ],
        ),
        (&["1", "Y-2", "new"], vec![alike(2, "1", "0001")]),
        // A file that grew, one that shrank, and one that was put in another order.
        (&["0001", "Y-2", "P1", "k-4", "x", "y"], vec![]),
        (&["0001", "Y-2"], vec![]),
    ];
    for (ids, expected) in table {
        for shared in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let journal = folder.path().join("journal");
            let (sandbox, faults) = platform(|_, _| Fault::None);
            let run = payer(&faults, &journal, settings()).await;
            run.run(&plan_of(&first), &Stop::new(), &()).await.unwrap();
            let again = payer(&faults, &journal, settings().shared_journal(shared)).await;
            let result = again.run(&plan_of(ids), &Stop::new(), &()).await;
            if expected.is_empty() {
                assert_eq!(result.unwrap().not_sent, 0, "{ids:?}");
                continue;
            }
            let Err(JournalError::Respelled(problems)) = result else { panic!("{ids:?}") };
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            assert_eq!((problems, begun(&sandbox)), (expected.clone(), first.len()), "{ids:?}");
        }
    }
}

#[tokio::test]
async fn a_file_without_any_of_the_payouts_that_its_journal_sent_needs_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let (sandbox, faults) = platform(|_, _| Fault::None);
    let first = payer(&faults, &journal, settings()).await;
    first.run(&plan_of(&["A-1", "A-2"]), &Stop::new(), &()).await.unwrap();
    let other = plan_of(&["B-1", "B-2"]);
    let error = payer(&faults, &journal, settings()).await.run(&other, &Stop::new(), &()).await;
    let error = error.unwrap_err();
    assert!(matches!(error, JournalError::OtherFile { sent: 2 }), "{error}");
    assert_eq!(begun(&sandbox), 2);
    let shared = payer(&faults, &journal, settings().shared_journal(true)).await;
    assert_eq!(shared.run(&other, &Stop::new(), &()).await.unwrap().success, 2);
    // What was not sent is no payout of another file.
    let unsent = folder.path().join("unsent");
    let (_, away) = platform(|_, _| Fault::Refused);
    let stopped = payer(&away, &unsent, settings()).await;
    assert_eq!(stopped.run(&plan_of(&["C-1"]), &Stop::new(), &()).await.unwrap().not_sent, 1);
    let counts = payer(&faults, &unsent, settings()).await;
    assert_eq!(counts.run(&plan_of(&["D-1"]), &Stop::new(), &()).await.unwrap().success, 1);
}
