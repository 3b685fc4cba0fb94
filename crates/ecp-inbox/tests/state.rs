//! No order of callbacks, and no repetition, changes where a payment ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ecp_core::OperationId;
use ecp_core::model::{Callback, FromJson, OperationStatus, OperationType, PaymentStatus};
use ecp_inbox::{Change, Member, PaymentState, Report, StatusUpdate};
use proptest::prelude::*;
use proptest::sample::{Index, select};

/// A callback in its shortest form.
#[derive(Clone, Copy, Debug)]
struct ShortCallback {
    payment: &'static str,
    operation: (u64, &'static str, &'static str),
    left: i64,
    second: u8,
}

const fn callback(
    payment: &'static str,
    operation: (u64, &'static str, &'static str),
    left: i64,
    second: u8,
) -> ShortCallback {
    ShortCallback { payment, operation, left, second }
}

impl ShortCallback {
    fn update(self) -> StatusUpdate {
        self.update_in("EUR", "purchase")
    }

    fn update_in(self, currency: &str, payment_kind: &str) -> StatusUpdate {
        let Self { payment, operation: (id, kind, status), left, second } = self;
        let date = format!("2026-01-01T00:00:{second:02}+0000");
        let json = format!(
            r#"{{"payment":{{"id":"X","status":"{payment}","date":"{date}","type":"{payment_kind}",
                "method":"{payment_kind}","sum":{{"amount":{left},"currency":"{currency}"}}}},
                "operation":{{"id":{id},"type":"{kind}","status":"{status}","date":"{date}",
                "sum_initial":{{"amount":{asked},"currency":"{currency}"}}}}}}"#,
            asked = if payment_kind == "purchase" { 1000 } else { left },
        );
        StatusUpdate::of(&Callback::from_slice(json.as_bytes()).unwrap())
    }
}

fn state(history: &[StatusUpdate]) -> PaymentState {
    let mut state = PaymentState::default();
    for update in history {
        state.apply(update);
    }
    state
}

/// Callbacks of a payment that succeeds at the second attempt and is then refunded in two
/// parts, with a refusal between them.
const EVENTFUL: [ShortCallback; 7] = [
    callback("awaiting redirect result", (1, "sale", "awaiting redirect result"), 1000, 1),
    callback("decline", (1, "sale", "decline"), 0, 2),
    callback("processing", (2, "sale", "processing"), 1000, 3),
    callback("success", (2, "sale", "success"), 1000, 4),
    callback("partially refunded", (3, "refund", "success"), 600, 5),
    callback("partially refunded", (4, "refund", "decline"), 600, 6),
    callback("refunded", (5, "refund", "success"), 0, 7),
];

/// Endings that contradict one another, unknown words, and one date for all.
const CONFUSED: [ShortCallback; 7] = [
    callback("decline", (1, "sale", "decline"), 0, 1),
    callback("success", (1, "sale", "success"), 1000, 1),
    callback("expired", (1, "sale", "expired"), 0, 1),
    callback("gone fishing", (1, "sale", "gone fishing"), 1000, 1),
    callback("processing", (2, "reversal", "processing"), 1000, 1),
    callback("awaiting customer", (2, "refund", "awaiting customer"), 1000, 1),
    callback("reversed", (2, "reversal", "success"), 0, 1),
];

/// A payment that only ever waits: then the dates decide, and the words where dates do not.
const WAITING: [ShortCallback; 7] = [
    callback("awaiting redirect result", (1, "sale", "awaiting redirect result"), 1000, 1),
    callback("awaiting redirect result", (1, "sale", "awaiting redirect result"), 1000, 2),
    callback("processing", (1, "sale", "processing"), 1000, 2),
    callback("external processing", (1, "sale", "external processing"), 1000, 3),
    callback("awaiting customer", (1, "sale", "awaiting customer"), 1000, 3),
    callback("awaiting confirmation", (1, "sale", "awaiting confirmation"), 1000, 0),
    callback("initial", (1, "sale", "unknown"), 1000, 3),
];

/// Calls with every order of every subset of the events.
fn each_order(events: usize, chosen: &mut Vec<usize>, found: &mut impl FnMut(&[usize])) {
    found(chosen);
    for event in 0..events {
        if !chosen.contains(&event) {
            chosen.push(event);
            each_order(events, chosen, found);
            chosen.pop();
        }
    }
}

#[test]
fn every_order_of_every_part_of_a_history_ends_alike() {
    for history in [EVENTFUL, CONFUSED, WAITING] {
        let events = history.map(ShortCallback::update);
        let mut orders = 0;
        let mut ends: Vec<Option<PaymentState>> = vec![None; 1 << events.len()];
        each_order(events.len(), &mut Vec::new(), &mut |order| {
            orders += 1;
            let shuffled: Vec<StatusUpdate> =
                order.iter().map(|&event| events[event].clone()).collect();
            let ended = state(&shuffled);
            let subset: usize = order.iter().map(|event| 1 << event).sum();
            let known = ends[subset].get_or_insert_with(|| ended.clone());
            assert_eq!(&ended, known, "{order:?}");
        });
        // The sum of 7!/k! for k from 0 to 7.
        assert_eq!(orders, 13_700);
    }
}

#[test]
fn an_eventful_history_ends_where_it_should() {
    let ended = state(&EVENTFUL.map(ShortCallback::update));
    assert_eq!(ended.status(), Some(&PaymentStatus::Refunded));
    assert_eq!(ended.paid().unwrap().amount, 1000);
    assert_eq!(ended.left().unwrap().amount, 0);
    let operations: Vec<_> = ended
        .operations()
        .iter()
        .map(|operation| {
            let status = operation.status().unwrap().as_str();
            (operation.id().get(), operation.kind().unwrap().as_str(), status)
        })
        .collect();
    assert_eq!(
        operations,
        [
            (1, "sale", "decline"),
            (2, "sale", "success"),
            (3, "refund", "success"),
            (4, "refund", "decline"),
            (5, "refund", "success"),
        ]
    );
    assert!(ended.operations().iter().all(|operation| !operation.is_contradicted()));
}

#[test]
fn nothing_undoes_an_ending() {
    let endings = [
        "canceled",
        "decline",
        "error",
        "expired",
        "external error",
        "internal error",
        "invoice cancelled",
        "success",
        "partially refunded",
        "refunded",
        "partially reversed",
        "reversed",
    ];
    for ending in endings {
        for late in ["processing", "decline", "awaiting redirect result", "no such word", ending] {
            let mut state = state(&[callback(ending, (1, "sale", "success"), 1, 1).update()]);
            let change = state.apply(&callback(late, (1, "sale", "processing"), 1, 59).update());
            assert_eq!(state.status(), Some(&PaymentStatus::from(ending)), "after a late {late}");
            assert_eq!(change.moved(), None, "{ending}, {late}");
        }
    }
}

#[test]
fn a_refund_moves_a_success_and_a_declined_one_does_not() {
    let mut state = state(&[callback("success", (1, "sale", "success"), 1000, 1).update()]);
    let declined = state.apply(&callback("success", (2, "refund", "decline"), 1000, 2).update());
    assert_eq!(declined.moved(), None);
    assert_eq!(declined.operations().map(OperationId::get).collect::<Vec<_>>(), [2]);
    let part =
        state.apply(&callback("partially refunded", (3, "refund", "success"), 400, 3).update());
    assert!(part.moved_to(&PaymentStatus::PartiallyRefunded));
    assert_eq!(
        part.moved(),
        Some((Some(&PaymentStatus::Success), &PaymentStatus::PartiallyRefunded))
    );
    let whole = state.apply(&callback("refunded", (4, "refund", "success"), 0, 4).update());
    assert!(whole.moved_to(&PaymentStatus::Refunded));
    assert_eq!((state.paid().unwrap().amount, state.left().unwrap().amount), (1000, 0));
}

#[test]
fn unknown_words_are_reported_and_change_nothing() {
    let mut state = state(&[callback("success", (1, "sale", "success"), 1000, 1).update()]);
    let change = state.apply(&callback("gone fishing", (1, "sale", "asleep"), 1000, 2).update());
    assert_eq!(state.status(), Some(&PaymentStatus::Success));
    assert!(change.is_nothing());
    assert_eq!(
        change.reports(),
        [
            Report::UnknownPaymentStatus("gone fishing".to_owned()),
            Report::UnknownOperationStatus("asleep".to_owned()),
        ]
    );
    assert_eq!(state.unknown().collect::<Vec<_>>(), ["asleep", "gone fishing"]);
}

#[test]
fn a_contradiction_and_a_refund_taken_back_are_reported_once() {
    let success = callback("success", (1, "sale", "success"), 1000, 1).update();
    let decline = callback("decline", (1, "sale", "decline"), 0, 2).update();
    for history in [[&success, &decline], [&decline, &success]] {
        let mut state = PaymentState::default();
        assert!(state.apply(history[0]).reports().is_empty());
        assert_eq!(state.apply(history[1]).reports(), [Report::Contradiction(1)]);
        assert!(state.apply(history[0]).reports().is_empty());
        assert!(state.operations()[0].is_contradicted());
        assert_eq!(state.operations()[0].status(), Some(&OperationStatus::Success));
    }
    let back = callback("success", (9, "refund reverse", "success"), 1000, 3).update();
    let mut state =
        state(&[success, callback("refunded", (2, "refund", "success"), 0, 2).update()]);
    assert_eq!(state.apply(&back).reports(), [Report::RefundReversed(9)]);
    assert_eq!(state.operations()[2].kind(), Some(&OperationType::RefundReverse));
    assert!(state.apply(&back).reports().is_empty());
}

/// A success in the main format, with the members that have one value.
fn success(
    kind: &str,
    method: &str,
    sum: (i64, &str),
    operation: (&str, i64, &str),
) -> StatusUpdate {
    let (paid, currency) = sum;
    let (operation, asked, asked_currency) = operation;
    let json = format!(
        r#"{{"payment":{{"id":"X","type":"{kind}","method":"{method}","status":"success",
            "sum":{{"amount":{paid},"currency":"{currency}"}}}},
            "operation":{{"id":1,"type":"{operation}","status":"success",
            "sum_initial":{{"amount":{asked},"currency":"{asked_currency}"}}}}}}"#
    );
    StatusUpdate::of(&Callback::from_slice(json.as_bytes()).unwrap())
}

#[test]
fn what_has_one_value_and_is_given_two_is_reported_and_has_none() {
    let eur = (10_000, "EUR");
    let sale = ("sale", 10_000, "EUR");
    let first = success("purchase", "A Wallet", eur, sale);
    let of_payment = |member| Report::Differs { operation: None, member };
    let of_operation = |member| Report::Differs { operation: Some(1), member };
    let table = [
        (
            success("purchase", "A Wallet", (10_000, "USD"), ("sale", 10_000, "USD")),
            vec![of_payment(Member::Currency), of_operation(Member::Sum)],
        ),
        (
            success("purchase", "A Wallet", (9_000, "EUR"), ("sale", 9_000, "EUR")),
            vec![of_payment(Member::Sum), of_operation(Member::Sum)],
        ),
        (
            success("purchase", "A Wallet", eur, ("sale", 9_000, "EUR")),
            vec![of_operation(Member::Sum)],
        ),
        (
            success("purchase", "A Wallet", eur, ("payout", 10_000, "EUR")),
            vec![of_operation(Member::Type)],
        ),
        (success("payout", "A Wallet", eur, sale), vec![of_payment(Member::Type)]),
        (success("purchase", "A Voucher", eur, sale), vec![of_payment(Member::Method)]),
    ];
    for (second, reports) in table {
        let mut ends = Vec::new();
        for history in [[&first, &second], [&second, &first]] {
            let mut state = PaymentState::default();
            assert!(state.apply(history[0]).reports().is_empty());
            assert_eq!(state.apply(history[1]).reports(), reports);
            // It is reported once, and no third message gives it a value again.
            for again in history {
                assert!(state.apply(again).reports().is_empty());
            }
            assert_eq!(state.status(), Some(&PaymentStatus::Success));
            ends.push(state);
        }
        assert_eq!(ends[0], ends[1]);
        let (state, operation) = (&ends[0], &ends[0].operations()[0]);
        let differs = |report| reports.contains(&report);
        let no_sum = differs(of_payment(Member::Sum)) || differs(of_payment(Member::Currency));
        assert_eq!(state.paid().is_none(), no_sum, "{reports:?}");
        assert_eq!(operation.sum().is_none(), differs(of_operation(Member::Sum)), "{reports:?}");
        assert_eq!(operation.kind().is_none(), differs(of_operation(Member::Type)));
        let is_of_operation =
            |report: &Report| matches!(report, Report::Differs { operation: Some(_), .. });
        assert_eq!(operation.is_contradicted(), reports.iter().any(is_of_operation));
        assert_eq!(
            state.contradictions().count() + operation.contradictions().count(),
            reports.len()
        );
    }
}

#[test]
fn what_may_change_is_no_contradiction() {
    // A declined attempt with another method, a sum that the customer chose, a decline without one,
    // and a refund's callback that tells what is left.
    let history = [
        r#"{"payment":{"id":"X","type":"purchase","method":"A Voucher","status":"decline",
            "sum":{"amount":0,"currency":"EUR"}},"operation":{"id":1,"type":"sale",
            "status":"decline","sum_initial":{"amount":700,"currency":"EUR"}}}"#,
        r#"{"payment":{"id":"X","type":"purchase","method":"A Wallet","status":"processing",
            "sum":{"amount":0,"currency":"EUR"}},"operation":{"id":2,"type":"sale",
            "status":"processing","sum_initial":{"amount":0,"currency":"EUR"}}}"#,
        r#"{"payment":{"id":"X","type":"purchase","method":"A Wallet","status":"success",
            "sum":{"amount":1250,"currency":"EUR"}},"operation":{"id":2,"type":"sale",
            "status":"success","sum_initial":{"amount":1250,"currency":"EUR"}}}"#,
        r#"{"payment":{"id":"X","type":"purchase","method":"A Wallet","status":"success",
            "sum":{"amount":1000,"currency":"EUR"}},"operation":{"id":3,"type":"refund",
            "status":"success","sum_initial":{"amount":250,"currency":"EUR"}}}"#,
    ];
    let events =
        history.map(|json| StatusUpdate::of(&Callback::from_slice(json.as_bytes()).unwrap()));
    let ended = state(&events);
    each_order(events.len(), &mut Vec::new(), &mut |order| {
        let mut state = PaymentState::default();
        for &event in order {
            assert_eq!(state.apply(&events[event]).reports(), [], "{order:?}");
        }
        assert!(order.len() < events.len() || state == ended, "{order:?}");
    });
    assert_eq!(
        (ended.paid().unwrap().amount, ended.operations()[1].sum().unwrap().amount),
        (1250, 1250)
    );
}

#[test]
fn a_state_of_an_older_version_is_read() {
    let older = r#"{"status":{"status":"success","at":null},"paid":{"amount":1000,"currency":"EUR"},
        "left":null,"operations":[{"id":1,"kind":"sale","status":{"status":"success","at":null},
        "sum":{"amount":1000,"currency":"EUR"},"contradicted":false}],"unknown":[]}"#;
    let mut older: PaymentState = serde_json::from_str(older).unwrap();
    assert_eq!(older.paid().unwrap().amount, 1000);
    let other = success("purchase", "A Wallet", (1000, "USD"), ("sale", 1000, "USD"));
    let differs = |operation| Report::Differs { operation, member: Member::Sum };
    assert_eq!(older.apply(&other).reports(), [differs(None), differs(Some(1))]);
}

#[test]
fn a_message_without_a_payment_says_nothing() {
    let callback = Callback::from_slice(br#"{"token":"t","customer":{"id":"1"}}"#).unwrap();
    let mut state = PaymentState::default();
    assert!(state.apply(&StatusUpdate::of(&callback)).is_nothing());
    assert_eq!(state, PaymentState::default());
}

fn any_callback() -> impl Strategy<Value = ShortCallback> {
    let statuses: Vec<&'static str> =
        PaymentStatus::KNOWN.iter().map(PaymentStatus::as_str).chain(["new word", "ж"]).collect();
    let operations: Vec<&'static str> =
        OperationStatus::KNOWN.iter().map(OperationStatus::as_str).chain(["new word"]).collect();
    let kinds = vec!["sale", "payout", "refund", "reversal", "refund reverse", "no such type"];
    (select(statuses), 1..4_u64, select(kinds), select(operations), 0..3_i64, 0..3_u8).prop_map(
        |(payment, id, kind, operation, left, second)| {
            callback(payment, (id, kind, operation), left * 500, second)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..<_>::default() })]

    /// Any history, shuffled and with repeated parts, ends alike; and what is stored reads
    /// back.
    #[test]
    fn any_order_and_repetition_ends_alike(
        history in proptest::collection::vec(
            (any_callback(), select(vec!["EUR", "EUR", "EUR", "USD"]), select(vec!["purchase", "payout"])),
            1..24,
        ),
        swaps in proptest::collection::vec((any::<Index>(), any::<Index>()), 0..48),
        again in proptest::collection::vec((any::<Index>(), any::<Index>()), 0..16),
    ) {
        let history: Vec<StatusUpdate> = history
            .into_iter()
            .map(|(callback, currency, kind)| callback.update_in(currency, kind))
            .collect();
        let mut other = history.clone();
        for (one, another) in swaps {
            let (one, another) = (one.index(other.len()), another.index(other.len()));
            other.swap(one, another);
        }
        for (from, to) in again {
            let callback = other[from.index(other.len())].clone();
            other.insert(to.index(other.len()), callback);
        }
        let ended = state(&history);
        prop_assert_eq!(&ended, &state(&other));
        let stored = serde_json::to_string(&ended).unwrap();
        prop_assert_eq!(serde_json::from_str::<PaymentState>(&stored).unwrap(), ended);
    }

    /// What is final stays final, and a change says exactly what changed.
    #[test]
    fn a_payment_only_moves_on(history in proptest::collection::vec(any_callback(), 1..24)) {
        let mut state = PaymentState::default();
        for callback in history {
            let before = state.status().cloned();
            let change = state.apply(&callback.update());
            let after = state.status().cloned();
            let moved = (before != after).then_some((before.as_ref(), after.as_ref()));
            prop_assert_eq!(change.moved().map(|(from, to)| (from, Some(to))), moved);
            if before.as_ref().is_some_and(PaymentStatus::is_final) {
                prop_assert!(after.as_ref().is_some_and(PaymentStatus::is_final));
            }
            let stored = serde_json::to_string(&change).unwrap();
            prop_assert_eq!(serde_json::from_str::<Change>(&stored).unwrap(), change);
        }
    }
}
