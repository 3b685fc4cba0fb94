//! The three sides, all of them real: a sandbox, an inbox that it calls back, and the journal of a
//! payer that pays through it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod refusals;
mod stage;

use std::time::Duration;

use ecp_core::OperationId;
use ecp_core::model::OperationType;
use ecp_inbox::{Claim, Finish};
use ecp_payouts::Journal;
use ecp_reconcile::{Interval, Kind, Reconcile, SideState};
use ecp_sandbox::{Config, Decision, Fault as Broken, FaultRule};
use ecp_testkit::Fault;

use self::stage::{Stage, around_now, over_sockets, owner, rest};

/// The platform takes payouts and answers nothing: neither to them nor to questions.
fn takes_and_is_silent(_: usize, path: &str) -> Fault {
    if path.ends_with("/payout") { Fault::ResetAfter } else { Fault::StatusInstead(503, None) }
}

fn said(said: Option<&SideState>) -> String {
    said.map_or_else(|| "-".to_owned(), ToString::to_string)
}

#[tokio::test]
async fn sides_that_agree_have_no_differences() {
    let stage = Stage::new().await;
    let counts = stage.run_payouts(&[("P-1", 1000), ("P-2", 40_000)], |_, _| Fault::None).await;
    assert_eq!((counts.success, counts.decline), (1, 1));
    for (id, decision) in [("S-1", Decision::Success), ("S-2", Decision::Decline)] {
        stage.sale(id).await;
        stage.decide(id, decision).await;
    }
    stage.refund("S-1").await;
    stage.sale("S-3").await;

    let begun = stage.all().begin(&stage.data(), stage.sender()).await.unwrap();
    let (differences, counts) = rest(begun).await.unwrap();
    assert_eq!(differences, []);
    assert_eq!([counts.operations, counts.payouts, counts.payments], [6, 2, 5]);
    assert_eq!([counts.pending, counts.questions, counts.without_sum], [1, 0, 0]);
    assert!(counts.callbacks >= 6, "{counts:?}");
}

#[tokio::test]
async fn ends_that_a_run_did_not_learn_are_reported() {
    let stage = Stage::new().await;
    let rows = [("P-1", 1000), ("P-2", 40_000)];
    let counts = stage.run_payouts(&rows, takes_and_is_silent).await;
    assert_eq!(counts.unknown, 2);
    let found = stage.compare(stage.all()).await;
    let kinds: Vec<Kind> = found.iter().map(|found| found.kind).collect();
    assert_eq!(kinds, [Kind::UnknownButPaid, Kind::UnknownButDeclined]);
    assert_eq!(
        [said(found[0].platform.as_ref()), said(found[0].journal.as_ref())],
        ["`success`, 10.00 EUR", "`unknown`, 10.00 EUR"]
    );
    assert!(found[0].action().starts_with("do not pay again; run the same `ecp payouts`"));

    // What it says to do mends it.
    stage.run_payouts(&rows, |_, _| Fault::None).await;
    assert_eq!(stage.differences().await, []);
}

#[tokio::test]
async fn a_payout_that_did_not_arrive_is_reported_and_sent_by_the_next_run() {
    let stage = Stage::new().await;
    let lost = |_: usize, path: &str| {
        if path.ends_with("/payout") { Fault::ResetBefore } else { Fault::StatusInstead(503, None) }
    };
    stage.run_payouts(&[("P-1", 1000)], lost).await;
    assert_eq!(stage.differences().await, [(Kind::NotArrived, "P-1".to_owned())]);
    tokio::time::sleep(Duration::from_millis(5)).await;
    stage.run_payouts(&[("P-1", 1000)], |_, _| Fault::None).await;
    assert_eq!(stage.differences().await, []);
}

/// On one thread: the journal is given up by a task that runs only while the comparison waits.
#[tokio::test]
async fn a_comparison_that_waits_for_a_journal_holds_up_no_other_task() {
    let stage = Stage::new().await;
    stage.run_payouts(&[("P-1", 1000)], |_, _| Fault::None).await;
    let run = Journal::open(&stage.journal(), &owner()).unwrap();
    let ends = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        drop(run);
    };
    let ((), found) = tokio::join!(ends, stage.differences());
    assert_eq!(found, []);
}

#[tokio::test]
async fn a_payout_of_another_program_under_the_same_id_is_reported() {
    let stage = Stage::new().await;
    stage.run_payouts(&[("P-1", 1000)], |_, _| Fault::Refused).await;
    assert_eq!(stage.differences().await, []);
    stage.payout("P-1", "10.00 EUR").await;
    assert_eq!(stage.differences().await, [(Kind::NotSentButThere, "P-1".to_owned())]);
}

#[tokio::test]
async fn journals_and_a_platform_that_contradict_each_other_are_reported() {
    let (ours, theirs) = (Stage::new().await, Stage::new().await);
    ours.run_payouts(&[("P-1", 1000), ("P-2", 40_000), ("P-3", 1000), ("P-4", 1000)], |_, _| {
        Fault::None
    })
    .await;
    // Another platform, on which the first two ended the other way round, the third has another
    // sum, and the fourth is unknown to the platform.
    theirs.payout("P-1", "400.00 EUR").await;
    theirs.payout("P-2", "10.00 EUR").await;
    theirs.payout("P-3", "20.00 EUR").await;
    let by_journal = Reconcile::new(owner(), around_now()).journal(ours.journal());
    let found = theirs.compare(by_journal).await;
    let reported: Vec<(Kind, &str)> =
        found.iter().map(|found| (found.kind, found.payment.as_str())).collect();
    assert_eq!(
        reported,
        [
            (Kind::SuccessNotConfirmed, "P-1"),
            (Kind::DeclineNotConfirmed, "P-2"),
            (Kind::AmountDiffers, "P-3"),
            (Kind::NotThere, "P-4"),
        ]
    );
    assert_eq!(
        [said(found[2].platform.as_ref()), said(found[2].journal.as_ref())],
        ["`success`, 20.00 EUR", "`success`, 10.00 EUR"]
    );
    let request = found[3].request_id.as_deref().unwrap();
    assert!(found[3].action().contains(request), "{}", found[3].action());

    // By callbacks alone. A callback's decline of a paid operation is another end.
    let by_inbox = Reconcile::new(owner(), around_now()).inbox(ours.inbox());
    let found = theirs.compare(by_inbox).await;
    let not_there = found.iter().find(|found| found.payment.as_str() == "P-4").unwrap();
    assert_eq!(
        (not_there.kind, said(not_there.inbox.as_ref())),
        (Kind::NotThere, "`success`, 10.00 EUR".to_owned())
    );
}

#[tokio::test]
async fn an_unrequested_payout_is_reported() {
    let stage = Stage::new().await;
    stage.run_payouts(&[("P-1", 1000)], |_, _| Fault::None).await;
    stage.sandbox.add_fault(FaultRule::new(Broken::LoseCallback));
    stage.payout("X-1", "10.00 EUR").await;
    assert_eq!(stage.differences().await, [(Kind::UnrequestedPayout, "X-1".to_owned())]);
    // Without a journal that cannot be detected.
    let by_inbox = Reconcile::new(owner(), around_now()).inbox(stage.inbox());
    let found = stage.compare(by_inbox).await;
    assert_eq!((found.len(), found[0].kind), (1, Kind::CallbackMissing));
}

#[tokio::test]
async fn missing_and_wrong_callbacks_are_reported() {
    let strike = |fault, payment: &str| FaultRule::new(fault).payment_id(payment);
    let stage = Stage::with(|config| {
        config
            .fault(strike(Broken::LoseCallback, "A"))
            .fault(strike(Broken::UnknownStatus, "B"))
            .fault(strike(Broken::WrongAmount, "C"))
            .fault(strike(Broken::LoseCallback, "D"))
            .fault(strike(Broken::WrongSignature, "F"))
    })
    .await;
    for id in ["A", "B", "C", "D", "E", "F"] {
        stage.payout(id, "10.00 EUR").await;
    }
    let operation = |id: &str| {
        let view = stage.sandbox.payment(Config::DEMO_PROJECT, &stage::payment(id)).unwrap();
        view.operations[0].id
    };
    stage.receive("D", operation("D"), "decline").await;
    stage.receive("E", operation("E"), "decline").await;

    let found = stage.compare(stage.all()).await;
    let reported: Vec<(&str, Kind, String)> = found
        .iter()
        .map(|found| (found.payment.as_str(), found.kind, said(found.inbox.as_ref())))
        .collect();
    assert_eq!(
        reported,
        [
            ("A", Kind::CallbackMissing, "-".to_owned()),
            ("B", Kind::UnknownStatus, "`sandbox unknown`".to_owned()),
            ("C", Kind::AmountDiffers, "`success`, 10.01 EUR".to_owned()),
            ("D", Kind::InboxDiffers, "`decline`, 10.00 EUR".to_owned()),
            ("E", Kind::CallbackContradicts, "`success`, 10.00 EUR".to_owned()),
            ("F", Kind::CallbackMissing, "-".to_owned()),
        ]
    );
    assert!(found.iter().all(|found| said(found.platform.as_ref()) == "`success`, 10.00 EUR"));
    assert_eq!(found[0].operation, Some(OperationId::new(operation("A"))));
    assert_eq!(found[0].operation_type, Some(OperationType::Payout));
}

#[tokio::test]
async fn callbacks_that_give_a_payment_two_values_are_reported() {
    let stage = Stage::new().await;
    stage.payout("A", "10.00 EUR").await;
    assert!(stage.differences().await.is_empty());
    // A second success of another currency, which names no operation.
    let other = r#"{"project_id":1,"payment":{"id":"A","type":"payout","status":"success",
        "sum":{"amount":1000,"currency":"USD"}},"operation":{"type":"payout"}}"#;
    stage.hear_body(other).await;
    let found = stage.compare(stage.all()).await;
    let reported: Vec<(Kind, Option<OperationId>, String)> = found
        .iter()
        .map(|found| {
            let members: Vec<_> = found.members.iter().map(ToString::to_string).collect();
            (found.kind, found.operation, members.join(","))
        })
        .collect();
    assert_eq!(reported, [(Kind::CallbackContradicts, None, "currency".to_owned())]);
    assert_eq!(said(found[0].platform.as_ref()), "`success`, 10.00 EUR");
    assert_eq!(said(found[0].inbox.as_ref()), "`success`", "neither sum is kept");
}

#[tokio::test]
async fn a_refund_without_a_callback_is_reported_by_its_operation() {
    let stage = Stage::new().await;
    stage.sale("S-1").await;
    stage.decide("S-1", Decision::Success).await;
    stage.sandbox.add_fault(FaultRule::new(Broken::LoseCallback));
    stage.refund("S-1").await;
    let found = stage.compare(stage.all()).await;
    assert_eq!((found.len(), found[0].kind), (1, Kind::CallbackMissing));
    assert_eq!(found[0].operation_type, Some(OperationType::Refund));
    assert_eq!(said(found[0].platform.as_ref()), "`success`, 100.00 INR");
}

#[tokio::test]
async fn callbacks_that_wait_for_a_person_are_reported_with_their_numbers() {
    let stage = Stage::new().await;
    // The description has another reading, so the callback that moves money is held.
    stage.run_described(&[("P-1", 1000)], "x;payment:extra:1", |_, _| Fault::None).await;
    stage.run_payouts(&[("P-2", 1000)], |_, _| Fault::None).await;
    let claim = Claim::new(9, Duration::from_secs(9)).attempts(9);
    loop {
        let deliveries = stage.inbox().claim(&claim).await.unwrap().deliveries;
        if deliveries.is_empty() {
            break;
        }
        for delivery in deliveries {
            let is_end = delivery.payment.as_ref().is_some_and(|payment| payment.paid().is_some());
            let dead = Finish::Dead { error: "the ledger is closed".to_owned() };
            let finish = if is_end { dead } else { Finish::Done };
            stage.inbox().finish(&delivery, finish).await.unwrap();
        }
    }
    let found = stage.compare(stage.all()).await;
    let reported: Vec<(&str, Kind)> =
        found.iter().map(|found| (found.payment.as_str(), found.kind)).collect();
    assert_eq!(reported, [("P-1", Kind::CallbackHeld), ("P-2", Kind::CallbackDead)]);
    let held = found[0].callbacks[0];
    assert!(found[0].action().contains(&format!("`ecp inbox release {held}`")));
    let dead = found[1].callbacks[0];
    assert!(found[1].action().ends_with(&format!("run `ecp inbox replay {dead}`")));
}

#[tokio::test]
async fn what_lies_outside_of_the_interval_is_asked_of_gate() {
    // By the sandbox's dates everything was long before; its callbacks and payouts are of now.
    let start = "2019-04-15T16:31:13+0000".parse().unwrap();
    let stage = Stage::with(|config| config.virtual_time(start)).await;
    stage.run_payouts(&[("P-1", 1000), ("P-2", 40_000)], |_, _| Fault::None).await;
    stage.sale("S-1").await;
    stage.decide("S-1", Decision::Success).await;
    let begun = stage.all().begin(&stage.data(), stage.sender()).await.unwrap();
    let (differences, counts) = rest(begun).await.unwrap();
    assert_eq!(differences, []);
    assert_eq!([counts.operations, counts.payments, counts.questions], [0, 3, 3]);

    // The other way round: nothing came to the inbox at that time, and what came is known.
    let then = Interval::new(start, "2019-04-15T17:31:13+0000".parse().unwrap());
    let reconcile = Reconcile::new(owner(), then).inbox(stage.inbox()).journal(stage.journal());
    let begun = reconcile.begin(&stage.data(), stage.sender()).await.unwrap();
    let (differences, counts) = rest(begun).await.unwrap();
    assert_eq!(differences, []);
    assert_eq!([counts.operations, counts.payments, counts.questions], [3, 3, 0]);
    assert_eq!(counts.callbacks, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pages_are_compared_payment_by_payment() {
    let stage = Stage::new().await;
    let url = stage.sandbox.listen().await.unwrap();
    let ids: Vec<String> = (0..1100).map(|row| format!("P-{row}")).collect();
    let rows: Vec<(&str, i64)> = ids.iter().map(|id| (id.as_str(), 1000)).collect();
    stage.sandbox.add_fault(FaultRule::new(Broken::LoseCallback).payment_id("P-1050"));
    let counts = stage.run_payouts(&rows, |_, _| Fault::None).await;
    assert_eq!(counts.success, 1100);
    let begun = stage.all().begin(&over_sockets(&url), stage.sender()).await.unwrap();
    // As a service would, beside its other tasks.
    let (found, counts) = tokio::spawn(rest(begun)).await.unwrap().unwrap();
    assert_eq!([counts.operations, counts.payouts, counts.payments], [1100, 1100, 1100]);
    assert_eq!((found.len(), found[0].kind), (1, Kind::CallbackMissing));
    assert_eq!(found[0].payment.as_str(), "P-1050");
}

#[tokio::test]
async fn odd_callbacks_and_entries_are_named_and_all_others_are_compared() {
    let stage = Stage::new().await;
    stage.run_payouts(&[("P-1", 1000), ("P-2", 1000), ("P-3", 1000)], |_, _| Fault::None).await;
    stage.hear_body(r#"{"project_id":1,"recurring":{"id":7,"status":"active"}}"#).await;
    // As another version or a careless hand would leave them.
    let journal = rusqlite::Connection::open(stage.journal()).unwrap();
    journal
        .execute_batch(
            "UPDATE payouts SET state = 'reversed' WHERE payment_id = 'P-1';
             UPDATE payouts SET currency = 'EUX' WHERE payment_id = 'P-2';
             UPDATE payouts SET payment_id = ' P-4 ' WHERE payment_id = 'P-3';",
        )
        .unwrap();
    drop(journal);
    let mut begun = stage.all().begin(&stage.data(), stage.sender()).await.unwrap();
    let mut found = Vec::new();
    while let Some(difference) = begun.next().await.unwrap() {
        found.push((difference.kind, difference.payment.to_string()));
    }
    let odd: Vec<String> = begun.odd().iter().map(ToString::to_string).collect();
    let path = stage.journal().display().to_string();
    assert_eq!(odd.len(), 4, "{odd:?}");
    assert_eq!(odd[0], format!(" P-4  in {path}: its payment id is not valid"));
    assert_eq!(odd[1], format!("P-1 in {path}: its state is not known to this version"));
    assert_eq!(odd[2], format!("P-2 in {path}: its currency is not a known code"));
    assert!(odd[3].starts_with("callback ") && odd[3].ends_with(": names no payment"), "{odd:?}");
    assert_eq!((begun.counts().odd, begun.counts().odd_payouts), (4, 0));
    // An entry in an unknown state is not known to be paid; it was asked for all the same.
    assert_eq!(found, [(Kind::UnknownButPaid, "P-1".to_owned())]);
    // A run that pays refuses the same journal.
    let error = ecp_payouts::Journal::read(&stage.journal()).unwrap_err().to_string();
    assert!(error.contains("its payment id is not valid"), "{error}");
}
