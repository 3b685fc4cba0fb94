//! The state file: what a sandbox has after a restart, and which files it refuses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ecp_core::{Currency, Money};
use ecp_methods::Registry;
use ecp_sandbox::{
    Config, Decision, Event, EventKind, Fault, FaultRule, Filter, Paging, Sandbox, Schedule,
    StateError,
};
use http::StatusCode;
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::local::{Local, START, id};
use crate::outside::{self, GENEROUS};
use crate::support::{PAYOUT, SALE, named_methods, signed};
use crate::vouchers;

/// A folder for a state file.
struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("sandbox.db")
    }

    /// A sandbox with the file.
    fn open(&self, adjust: impl FnOnce(Config) -> Config) -> Local {
        let local = Local::made(|config| Sandbox::open(adjust(config), self.file()).unwrap());
        let _ = local.sandbox.router();
        local
    }

    fn refusal(&self, adjust: impl FnOnce(Config) -> Config) -> StateError {
        Sandbox::open(adjust(Config::demo().registry(named_methods())), self.file()).unwrap_err()
    }
}

fn configured(config: Config) -> Config {
    let registry = outside::registry();
    config
        .registry(registry)
        .schedule(Schedule::every(Duration::from_secs(90), 4))
        .fault(FaultRule::new(Fault::WrongAmount).percent(40))
        .fault(FaultRule::new(Fault::DuplicateCallback { copies: 1 }).percent(30))
}

/// Compares the histories of two sandboxes, and shows the first event that differs.
fn check_same(one: &Sandbox, other: &Sandbox, when: &str) {
    let lines = |sandbox: &Sandbox| -> Vec<String> {
        sandbox.events().iter().map(Event::to_json).collect()
    };
    let (one, other) = (lines(one), lines(other));
    for (one, other) in one.iter().zip(&other) {
        assert_eq!(one, other, "{when}");
    }
    assert_eq!(one.len(), other.len(), "{when}");
}

/// A refund, capture or release of a part.
fn part(payment_id: &str, refund_id: &str, amount: i64) -> Value {
    json!({
        "general": {
            "project_id": Config::DEMO_PROJECT,
            "payment_id": payment_id,
            "merchant_callback_url": "https://shop.test/refunds",
        },
        "payment": {
            "amount": amount, "currency": "EUR", "description": "back",
            "merchant_refund_id": refund_id,
        },
    })
}

/// The number of steps of the story.
const STEPS: u32 = 22;

/// A step of a story in which most that can be under way is under way.
async fn step(local: &Local, step: u32) {
    let minute = Duration::from_mins(1);
    let sale = format!("{GENEROUS}/sale");
    let refund = format!("{GENEROUS}/refund");
    let add = |fault| local.sandbox.add_fault(fault);
    match step {
        0 => drop(local.send(&sale, Local::document("S1", 10_000)).await),
        1 => drop(local.send(PAYOUT, Local::document("P1", 10_000)).await),
        2 => assert!(local.choose("S1", Decision::Success)),
        3 => {
            add(FaultRule::new(Fault::SlowPayout(5 * minute)).times(1));
            add(FaultRule::new(Fault::LoseCallback).payment_id("never").times(3));
            drop(local.send(PAYOUT, Local::document("P2", 20_000)).await);
        }
        // From here on nothing arrives, until the merchant is back.
        4 => drop(local.send(&refund, part("S1", "R1", 1_000)).await),
        5 => drop(local.send(&sale, Local::document("S2", 30_000)).await),
        6 | 11 => local.advance(minute).await,
        7 => {
            add(FaultRule::new(Fault::ReorderCallback).payment_id("S3").callback(1).times(1));
            drop(local.send(&sale, Local::document("S3", 40_000)).await);
        }
        8 => assert!(local.choose("S3", Decision::Decline)),
        9 => {
            add(FaultRule::new(Fault::DelayCallback(2 * minute)).payment_id("S4").times(1));
            drop(local.send(&sale, Local::document("S4", 5_000)).await);
        }
        10 => assert!(local.choose("S4", Decision::Success)),
        12 => {
            add(FaultRule::new(Fault::StalePayment).payment_id("S5").times(1));
            drop(local.send(&sale, Local::document("S5", 6_000)).await);
        }
        13 => assert!(local.choose("S5", Decision::Success)),
        14 => local.advance(3 * minute).await,
        15 => assert!(local.sandbox.release(Config::DEMO_PROJECT, &id("S5"))),
        16 => drop(local.send(&refund, part("S1", "R2", 9_000)).await),
        17 => {
            add(FaultRule::new(Fault::ReorderCallback).payment_id("S6").times(1));
            drop(local.send(&sale, Local::document("S6", 7_000)).await);
        }
        18 => assert!(local.sandbox.resend_callback(Config::DEMO_PROJECT, &id("P1"), 1)),
        19 => local.advance(30 * minute).await,
        // The cut-off time of S2.
        20 => local.advance(40 * minute).await,
        _ => drop(local.send(&sale, Local::document("S7", 8_000)).await),
    }
    local.sandbox.settled().await;
}

#[tokio::test]
async fn a_restart_after_every_step_changes_nothing_that_happens() {
    let folder = Folder::new();
    let whole = Local::with(configured);
    let mut parts = folder.open(configured);
    let mut received = Vec::new();
    for number in 0..STEPS {
        let merchant =
            if (4..19).contains(&number) { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
        whole.answer(merchant);
        parts.answer(merchant);
        step(&whole, number).await;
        step(&parts, number).await;
        check_same(&parts.sandbox, &whole.sandbox, &format!("after step {number}"));
        received.extend(parts.received());
        parts.sandbox.close().unwrap();
        parts = folder.open(configured);
        parts.answer(merchant);
        check_same(&parts.sandbox, &whole.sandbox, &format!("reopened after step {number}"));
    }
    assert_eq!(received, whole.received());
    let shown = |local: &Local| {
        let payments = local.sandbox.payments(&Filter::new(), Paging::ALL).items;
        let payments: Vec<String> = payments
            .iter()
            .map(|payment| {
                format!("{payment:?} {:?} {:?}", payment.operations, payment.callback_state)
            })
            .collect();
        let operations = local.sandbox.operations(&Filter::new(), Paging::ALL).total;
        (payments, operations, local.sandbox.balances(Config::DEMO_PROJECT), local.sandbox.faults())
    };
    assert_eq!(shown(&parts), shown(&whole));
    assert_eq!(parts.sandbox.now(), whole.sandbox.now());
    // The story covers these cases.
    let kinds: BTreeSet<&str> =
        whole.sandbox.events().iter().map(|event| event.kind.name()).collect();
    for kind in ["fault_struck", "payment_released", "refund_changed", "callback_attempted"] {
        assert!(kinds.contains(kind), "{kind} in {kinds:?}");
    }
    assert_eq!(whole.status("S2"), "decline");
    assert!(whole.sandbox.events().iter().any(|event| matches!(
        event.kind,
        EventKind::CallbackAttempted { attempt: 4, retry_in: None, .. }
    )));
}

#[tokio::test]
async fn ids_never_come_twice_and_those_that_were_used_stay_taken() {
    let folder = Folder::new();
    let few = |config: Config| config.registry(outside::registry()).payment_history(2);
    let mut requests = BTreeSet::new();
    let mut operations = BTreeSet::new();
    for round in 0..4 {
        let local = folder.open(few);
        for number in 0..3 {
            let payment_id = format!("P{round}-{number}");
            let (status, answer) = local.send(PAYOUT, Local::document(&payment_id, 10_000)).await;
            assert_eq!(status, StatusCode::OK);
            assert!(requests.insert(answer["request_id"].as_str().unwrap().to_owned()));
            let payment = local.payment(&payment_id);
            assert!(operations.insert(payment.operations[0].id));
            assert_eq!(payment.number, round * 3 + number + 1);
            // A refusal has a request id, too.
            let (status, answer) = local.send(PAYOUT, Local::document("P0-0", 10_000)).await;
            assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("3041")));
            assert!(requests.insert(answer["request_id"].as_str().unwrap().to_owned()));
        }
        local.sandbox.close().unwrap();
    }
    let local = folder.open(few);
    assert_eq!(local.sandbox.payments(&Filter::new(), Paging::ALL).total, 2);
    let rows: i64 = {
        local.sandbox.close().unwrap();
        let connection = Connection::open(folder.file()).unwrap();
        connection.query_row("SELECT count(*) FROM payments", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(rows, 2, "the file keeps no more than the history does");
}

#[tokio::test]
async fn a_sandbox_that_only_has_a_fault_injected_and_time_moved_keeps_both() {
    let folder = Folder::new();
    let local = folder.open(|config| config);
    let rule = FaultRule::new(Fault::LoseCallback).times(2);
    let number = local.sandbox.add_fault(rule.clone());
    local.advance(Duration::from_millis(1_500)).await;
    local.sandbox.close().unwrap();

    let local = folder.open(|config| config);
    assert_eq!(local.sandbox.faults(), [(number, rule)]);
    local.advance(Duration::from_millis(500)).await;
    let start: ecp_core::Timestamp = START.parse().unwrap();
    assert_eq!(local.sandbox.now().unix_seconds(), start.unix_seconds() + 2);
    assert!(local.sandbox.remove_fault(number));
    local.sandbox.close().unwrap();
    assert_eq!(folder.open(|config| config).sandbox.faults(), []);
}

#[tokio::test]
async fn the_rules_of_the_configuration_come_anew_only_if_they_have_changed() {
    let folder = Folder::new();
    let lost = |times| FaultRule::new(Fault::LoseCallback).times(times);
    let opened = |times: u32| folder.open(|config| config.fault(lost(times)));
    let local = opened(3);
    let own = local.sandbox.add_fault(FaultRule::new(Fault::WrongAmount).times(9));
    local.send(PAYOUT, Local::document("P1", 10_000)).await;
    local.sandbox.close().unwrap();

    let local = opened(3);
    let rules = local.sandbox.faults();
    assert_eq!(rules[0], (1, lost(2)), "one of three times is used up");
    assert_eq!(rules[1].0, own);
    local.sandbox.close().unwrap();

    let local = opened(5);
    let rules = local.sandbox.faults();
    assert_eq!(rules.len(), 2, "{rules:?}");
    assert_eq!(rules[0].0, own);
    assert_eq!(rules[1], (3, lost(5)));
}

#[tokio::test]
async fn a_confirmation_whose_answer_is_not_known_is_asked_once_more() {
    let folder = Folder::new();
    let slow = |config: Config| {
        let rule = FaultRule::new(Fault::SlowConfirmation(Duration::from_secs(30)));
        config.fault(rule.times(1))
    };
    let local = folder.open(slow);
    let (status, answer) = local.send(vouchers::SALE, Local::document("S1", 0)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    let amount = Some(Money::from_minor(1_000, Currency::EUR));
    assert!(local.sandbox.choose(Config::DEMO_PROJECT, &id("S1"), Decision::Success, amount));
    local.sandbox.settled().await;
    let asked = |local: &Local| {
        let events = local.sandbox.events();
        events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::ConfirmationAsked { .. }))
            .count()
    };
    assert_eq!((asked(&local), local.status("S1").as_str()), (0, "awaiting redirect result"));
    local.sandbox.close().unwrap();

    let local = folder.open(slow);
    local.sandbox.settled().await;
    assert_eq!((asked(&local), local.status("S1").as_str()), (1, "success"));
}

#[test]
fn what_is_no_state_file_is_refused_by_its_name_and_left_alone() {
    let folder = Folder::new();
    let refused = |words: &str| {
        let before = std::fs::read(folder.file()).unwrap();
        let error = folder.refusal(|config| config);
        assert_eq!(error.path(), folder.file());
        let text = error.to_string();
        let expected = format!("cannot use the state file {}: {words}", folder.file().display());
        assert!(text.starts_with(&expected), "{text}");
        assert_eq!(std::fs::read(folder.file()).unwrap(), before);
        std::fs::remove_file(folder.file()).unwrap();
    };
    std::fs::write(folder.file(), "seed = 7\n".repeat(1000)).unwrap();
    refused("it is no state file of a sandbox: use another path");

    let other = Connection::open(folder.file()).unwrap();
    other.execute_batch("CREATE TABLE callbacks (id INTEGER)").unwrap();
    drop(other);
    refused("it is the database of another program and no state file");

    Sandbox::open(Config::demo(), folder.file()).unwrap().close().unwrap();
    let later = Connection::open(folder.file()).unwrap();
    later.pragma_update(None, "user_version", 2).unwrap();
    drop(later);
    refused("it has version 2 of the form of state files, and this ecp-sandbox ");

    std::fs::create_dir(folder.file()).unwrap();
    let error = folder.refusal(|config| config).to_string();
    assert!(error.contains(folder.file().to_str().unwrap()), "{error}");
}

#[tokio::test]
async fn a_file_for_another_sandbox_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let local = folder.open(|config| config);
    local.send(PAYOUT, Local::document("P1", 10_000)).await;
    let error = folder.refusal(|config| config).to_string();
    assert!(error.contains("another process uses it"), "{error}");
    local.sandbox.close().unwrap();

    let error = folder.refusal(|config| config).to_string();
    assert!(error.ends_with("use --clock virtual, or another file"), "{error}");
    let start = START.parse().unwrap();
    let error = folder.refusal(|config| config.virtual_time(start).registry(Registry::empty()));
    let error = error.to_string();
    assert!(
        error.ends_with(
            "payment 1: the payment method `jeton` is not among this sandbox's methods; start the \
             sandbox that wrote the file, with the same release and methods, or use another file"
        ),
        "{error}"
    );
    // None of the refusals has spoiled it.
    assert_eq!(folder.open(|config| config).status("P1"), "success");
}

#[tokio::test]
async fn a_damaged_row_is_an_error_that_names_the_file() {
    let folder = Folder::new();
    let local = folder.open(|config| config);
    local.send(PAYOUT, Local::document("P1", 10_000)).await;
    local.sandbox.close().unwrap();
    for (damage, words) in [
        ("UPDATE payments SET data = '{}'", "payment 1: a row cannot be read: missing field"),
        ("DELETE FROM events WHERE sequence = 2", "it is damaged: events are missing"),
        ("UPDATE events SET data = '{}' WHERE sequence = 1", "event 1: a row cannot be read: "),
    ] {
        let connection = Connection::open(folder.file()).unwrap();
        connection.execute_batch(&format!("SAVEPOINT whole; {damage}; RELEASE whole")).unwrap();
        drop(connection);
        let error = folder.refusal(|config| config.virtual_time(START.parse().unwrap()));
        assert!(error.to_string().contains(words), "{error}");
        assert!(error.to_string().contains("sandbox.db"), "{error}");
        let connection = Connection::open(folder.file()).unwrap();
        // The next damage is found before this one.
        connection.execute_batch("DELETE FROM payments").unwrap();
    }
}

#[cfg(unix)]
#[tokio::test]
async fn only_its_owner_may_read_the_file() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let local = folder.open(|config| config);
    local.send(SALE, Local::document("S1", 10_000)).await;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let mut files = 0;
    for file in std::fs::read_dir(folder.0.path()).unwrap() {
        files += 1;
        assert_eq!(mode(&file.unwrap().path()), 0o600);
    }
    assert_eq!(files, 2, "the database and its log");
}

#[tokio::test]
async fn what_an_answer_has_told_is_in_the_file_before_the_answer() {
    let folder = Folder::new();
    let local = folder.open(|config| config);
    let mut copies = Vec::new();
    for number in 0..20 {
        let payment_id = format!("P{number}");
        let body = signed(Local::document(&payment_id, 10_000)).to_string();
        let (status, _) = local.call("POST", PAYOUT, &body).await.unwrap();
        assert_eq!(status, StatusCode::OK);
        // As a process that is killed leaves it.
        let copy = folder.0.path().join(format!("copy-{number}.db"));
        std::fs::copy(folder.file(), &copy).unwrap();
        let log = format!("{}-wal", folder.file().display());
        std::fs::copy(log, format!("{}-wal", copy.display())).unwrap();
        copies.push((payment_id, copy));
    }
    local.sandbox.close().unwrap();
    for (payment_id, copy) in copies {
        let killed = Local::made(|config| Sandbox::open(config, copy).unwrap());
        let _ = killed.sandbox.router();
        killed.sandbox.settled().await;
        assert_eq!(killed.status(&payment_id), "success");
    }
}
