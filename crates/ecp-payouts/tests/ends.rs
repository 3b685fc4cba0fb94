//! What a run makes of what the platform answers, word by word.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "ends/platform.rs"]
pub(crate) mod platform;

use ecp_payouts::{Counts, State, Stop};
use platform::{Platform, Run, ended, plan, plan_to};
use serde_json::json;

#[tokio::test]
async fn an_end_in_an_error_is_no_decline_and_is_never_sent_again() {
    for word in ["internal error", "external error", "error"] {
        let platform = Platform::new(move |_, _| ended(word));
        let run = Run::new(&platform);
        let counts = run.pay(1).await;
        assert_eq!((counts.error, counts.is_complete()), (1, true), "{word}: {counts:?}");
        let entry = run.entry("P-0");
        assert_eq!((entry.state, entry.state.is_final()), (State::Error, false), "{word}");
        let row = run.result(1, 1);
        assert!(row.starts_with(&format!("2,P-0,jeton,1000,EUR,error,{word},20000,")), "{row}");
        assert!(row.contains("ask technical support"), "{row}");

        // Each run asks once more, and sends nothing.
        let questions = platform.questions();
        let again = run.pay(1).await;
        assert_eq!((again.error, again.before), (1, 0), "{word}");
        assert_eq!((platform.payouts(), platform.questions()), (1, questions + 1), "{word}");
    }
}

#[tokio::test]
async fn what_support_has_corrected_is_written_down_by_the_next_run() {
    let table = [
        ("success", State::Success),
        ("decline", State::Decline),
        ("processing", State::Registered),
        ("internal error", State::Error),
    ];
    for (word, state) in table {
        let platform = Platform::new(move |_, question| match question {
            0 => ended("internal error"),
            _ => ended(word),
        });
        let run = Run::new(&platform);
        assert_eq!(run.pay(1).await.error, 1);
        let _: Counts = run.pay(1).await;
        assert_eq!((run.entry("P-0").state, platform.payouts()), (state, 1), "{word}");
    }
}

#[tokio::test]
async fn an_error_stays_one_while_the_platform_says_less_than_before() {
    let unknown = json!({"status": "error"});
    let unknown = json!({"payment": unknown, "errors": [{"code": "3061", "message": "none"}]});
    let platform = Platform::new(move |_, question| match question {
        0 => ended("internal error"),
        _ => unknown.clone(),
    });
    let run = Run::new(&platform);
    assert_eq!(run.pay(1).await.error, 1);
    let evidence = run.entry("P-0").evidence;
    assert_eq!(run.pay(1).await.error, 1);
    assert_eq!((run.entry("P-0").evidence, platform.payouts()), (evidence, 1));
}

#[tokio::test]
async fn a_payout_that_came_back_is_neither_paid_nor_declined() {
    for word in ["reversed", "partially reversed", "refunded", "partially refunded"] {
        let platform = Platform::new(move |_, _| ended(word));
        let run = Run::new(&platform);
        assert_eq!(run.pay(1).await.error, 1, "{word}");
        assert_eq!(run.entry("P-0").state, State::Error, "{word}");
    }
}

/// A status answer about a payment that the platform does not know.
fn unknown_payment() -> serde_json::Value {
    json!({"payment": {"status": "error"}, "errors": [{"code": "3061", "message": "none"}]})
}

#[tokio::test]
async fn a_refusal_about_the_project_stops_the_run_and_ends_no_row() {
    for code in [2426, 2442, 2541, 3023, 3123, 3261, 3262] {
        let platform = Platform::new(|_, _| ended("success"));
        platform.refuse(Some(code));
        let (run, stop) = (Run::new(&platform), Stop::new());
        // More rows than are at work at once, for one of the codes.
        let rows = if code == 3261 { 1500 } else { 20 };
        let counts = run.pay_until(&plan(rows), &stop).await;
        let of_all = rows as u64;
        let entries: Vec<_> = run.entries();
        let odd: Vec<_> = entries.iter().filter(|entry| entry.state != State::NotSent).collect();
        assert_eq!(
            (counts.not_sent, counts.done()),
            (of_all, of_all),
            "{code}: {counts:?} {odd:?}"
        );
        assert!(platform.payouts() < 1000, "{code}: {} were sent", platform.payouts());
        let cause = stop.cause().unwrap();
        assert!(cause.contains(&format!("refused with code {code}: ")), "{cause}");
        assert!(cause.starts_with("payout P-") && cause.contains(", then try again"), "{cause}");
        assert_eq!(run.entry("P-0").state, State::NotSent, "{code}");
        let row = run.result(rows, 1);
        assert!(row.starts_with(&format!("2,P-0,jeton,1000,EUR,not sent,,{code},,")), "{row}");

        // The cause is mended: all of them go, each once.
        let sent = platform.payouts();
        platform.refuse(None);
        let (counts, stop) = (run.pay(rows).await, Stop::new());
        assert_eq!((counts.success, counts.before, stop.cause()), (of_all, 0, None), "{code}");
        assert_eq!(platform.payouts() - sent, rows, "{code}");
    }
}

#[tokio::test]
async fn an_answer_from_elsewhere_that_every_row_would_get_stops_the_run() {
    for (status, stops) in
        [(301, true), (401, true), (403, true), (404, true), (409, false), (500, false)]
    {
        let platform = Platform::new(|_, _| ended("success"));
        platform.block(Some(status));
        let (run, stop) = (Run::new(&platform), Stop::new());
        // More rows than are at work at once, where the run stops.
        let rows = if stops { 1500 } else { 5 };
        let counts = run.pay_until(&plan(rows), &stop).await;
        // Nothing says that what has left did not arrive.
        assert_eq!((counts.done(), counts.decline), (counts.rows, 0), "{status}: {counts:?}");
        assert_eq!(run.entry("P-0").state, State::Unknown, "{status}");
        assert_eq!(counts.not_sent > 0, stops, "{status}: {counts:?}");
        let cause = stop.cause();
        assert_eq!(cause.is_some(), stops, "{status}");
        if let Some(cause) = cause {
            assert!(cause.contains(&format!("HTTP status {status}")), "{cause}");
        }
        platform.block(None);
        assert_eq!(run.pay(5).await.success, 5, "{status}");
    }
}

#[tokio::test]
async fn a_decline_for_the_projects_balance_stops_the_run() {
    let declined = |code: &str| {
        let mut answer = ended("decline");
        answer["operations"][0]["code"] = json!(code);
        answer
    };
    for (code, stops) in [("3028", true), ("20105", false), ("31337", false)] {
        let platform = Platform::new(move |_, _| declined(code));
        let (run, stop) = (Run::new(&platform), Stop::new());
        let rows = if stops { 1500 } else { 5 };
        let counts = run.pay_until(&plan(rows), &stop).await;
        assert_eq!(counts.not_sent > 0, stops, "{code}: {counts:?}");
        assert!(counts.decline > 0, "{code}: {counts:?}");
        assert_eq!(stop.cause().is_some_and(|cause| cause.contains(code)), stops, "{code}");
        assert_eq!(run.entry("P-0").state, State::Decline, "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_denies_a_payment_and_shows_it_frees_no_id() {
    let operation = json!({"id": 1, "type": "payout", "status": "success"});
    let sum = json!({"amount": 1000, "currency": "EUR"});
    for payment in [
        json!({"payment": {"type": "payout"}}),
        json!({"payment": {"sum": sum}}),
        json!({"payment": {}, "operations": [operation]}),
    ] {
        for code in [2124, 3041] {
            let mut answer = payment.clone();
            answer["payment"]["status"] = json!("error");
            answer["errors"] = json!([{"code": "3061", "message": "none"}]);
            let platform = Platform::new(move |_, _| answer.clone());
            platform.refuse(Some(code));
            let run = Run::new(&platform);
            let counts = run.pay(1).await;
            let entry = run.entry("P-0");
            assert_eq!(counts.decline, 0, "{code} {payment}: {}", entry.evidence);
            assert!(!matches!(entry.state, State::NotSent), "{code} {payment}");
            let sent = platform.payouts();
            run.pay(1).await;
            assert_eq!(platform.payouts(), sent, "{code} {payment}: sent again");
        }
    }
}

#[tokio::test]
async fn a_payment_of_an_earlier_request_is_said_to_be_one_to_its_end() {
    // Refused as a duplicate, or for the payment itself, and there all the same.
    for code in [3041, 2124] {
        let platform = Platform::new(|_, question| match question {
            0..3 => ended("processing"),
            _ => ended("success"),
        });
        platform.refuse(Some(code));
        let run = Run::new(&platform);
        for _ in 0..4 {
            run.pay(1).await;
        }
        let entry = run.entry("P-0");
        assert_eq!((entry.state, entry.sends), (State::Success, 1), "{code}: {}", entry.evidence);
        assert!(entry.evidence.contains("account was not compared"), "{code}: {}", entry.evidence);
    }
    // Whose request it was is known where this journal sent it.
    let platform = Platform::new(|_, _| ended("success"));
    let run = Run::new(&platform);
    run.pay(1).await;
    let evidence = run.entry("P-0").evidence;
    assert!(!evidence.contains("account was not compared"), "{evidence}");
}

#[tokio::test]
async fn a_row_that_was_not_sent_may_be_corrected_under_its_id() {
    let platform = Platform::new(|_, _| ended("success"));
    platform.refuse(Some(2426));
    let run = Run::new(&platform);
    assert_eq!(run.pay(1).await.not_sent, 1);
    platform.refuse(None);
    let counts = run.pay_until(&plan_to(1, "8"), &Stop::new()).await;
    assert_eq!(counts.success, 1);
    let entry = run.entry("P-0");
    assert_eq!((entry.state, entry.sends), (State::Success, 2));
    // From now on it may not be changed.
    let again = run.pay_until(&plan_to(1, "8"), &Stop::new()).await;
    assert_eq!((again.success, again.before), (1, 1));
}

#[tokio::test]
async fn a_key_that_is_wrong_later_on_stops_the_run_and_keeps_what_is_known() {
    let platform = Platform::new(|_, _| ended("processing"));
    let run = Run::new(&platform);
    assert_eq!(run.pay(1).await.unknown, 1);
    platform.refuse(Some(3261));
    let stop = Stop::new();
    let counts = run.pay_until(&plan(2), &stop).await;
    assert_eq!((counts.unknown, counts.not_sent), (1, 1));
    assert!(stop.cause().unwrap().contains("3261"));
    assert_eq!((run.entry("P-0").state, run.entry("P-0").sends), (State::Registered, 1));
}

#[tokio::test]
async fn a_lost_journal_over_paid_rows_calls_none_of_them_declined() {
    // Of the key, of the payment, of what is there already, and of nothing that says.
    for code in [3261, 2004, 2124, 3060, 3061, 3041, 702, 31_337] {
        let platform = Platform::new(|_, _| ended("success"));
        let run = Run::new(&platform);
        assert_eq!(run.pay(3).await.success, 3);
        run.lose_journal().await;
        platform.refuse(Some(code));
        let counts = run.pay(3).await;
        assert_eq!(counts.decline, 0, "{code}: {counts:?}");
        platform.refuse(None);
        run.pay(3).await;
        assert_eq!(run.pay(3).await.success, 3, "{code}");
    }
}

#[tokio::test]
async fn a_refusal_about_the_payment_ends_the_row_that_the_platform_does_not_know() {
    let table = [
        // Correct the request.
        (2004, State::Decline),
        (2124, State::Decline),
        // Nothing was registered, and nothing says why it should not be sent again.
        (702, State::NotSent),
        (2003, State::NotSent),
        // Codes that prove nothing.
        (501, State::Unknown),
        (3060, State::Unknown),
        (3061, State::Unknown),
        (31_337, State::Unknown),
    ];
    for (code, state) in table {
        let platform = Platform::new(|_, _| unknown_payment());
        platform.refuse(Some(code));
        let run = Run::new(&platform);
        let counts = run.pay(1).await;
        assert_eq!(run.entry("P-0").state, state, "{code}: {counts:?}");
    }
}

#[tokio::test]
async fn rows_that_an_older_version_ended_for_a_wrong_key_are_sent() {
    let platform = Platform::new(|_, _| ended("success"));
    let run = Run::new(&platform);
    assert_eq!(run.pay(3).await.success, 3);
    let sql = "UPDATE payouts SET state = 'decline', status = NULL, code = '3261' WHERE payment_id = 'P-0';
        UPDATE payouts SET state = 'decline', status = 'decline', code = '3028' WHERE payment_id = 'P-1';
        UPDATE payouts SET state = 'decline', status = NULL, code = '2004' WHERE payment_id = 'P-2'";
    while rusqlite::Connection::open(run.journal()).unwrap().execute_batch(sql).is_err() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(run.entry("P-0").state, State::NotSent);
    assert_eq!((run.entry("P-1").state, run.entry("P-2").state), (State::Decline, State::Decline));
    let counts = run.pay(3).await;
    assert_eq!((counts.success, counts.decline, counts.before), (1, 2, 2));
}

/// A status answer with these members of the payment, and this status of its operation.
#[expect(clippy::needless_pass_by_value, reason = "the table makes each payment in its place")]
fn said(payment: serde_json::Value, operation: &str) -> serde_json::Value {
    json!({"payment": payment, "operations": [{"id": 7, "type": "payout", "status": operation,
        "request_id": "r", "code": "0", "message": "as the test says"}]})
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table of answers")]
async fn a_success_that_is_not_the_rows_is_a_contradiction_and_one_without_a_sum_is_none() {
    let sum = |amount: i64, currency: &str| json!({"amount": amount, "currency": currency});
    let paid =
        |kind: &str, sum: serde_json::Value| json!({"type": kind, "status": "success", "sum": sum});
    let declined = json!({"type": "payout", "status": "decline", "sum": sum(0, "EUR")});
    let expired = json!({"type": "payout", "status": "expired", "sum": sum(1000, "EUR")});
    let with = |payment, operations| json!({"payment": payment, "operations": operations});
    let one =
        |amount| json!({"type": "payout", "status": "success", "sum_initial": sum(amount, "EUR")});
    let table = [
        (said(paid("payout", sum(1000, "EUR")), "success"), State::Success, ""),
        (
            said(paid("payout", sum(1001, "EUR")), "success"),
            State::Error,
            "of 1001 minor units of EUR",
        ),
        (
            said(paid("payout", sum(1000, "USD")), "success"),
            State::Error,
            "of 1000 minor units of USD",
        ),
        (
            said(paid("payout", sum(1000, "XXQ")), "success"),
            State::Error,
            "of 1000 minor units of XXQ",
        ),
        (said(paid("purchase", sum(1000, "EUR")), "success"), State::Error, "of type `purchase`"),
        (said(paid("payout", sum(1000, "EUR")), "decline"), State::Error, "none of its payouts"),
        (said(declined.clone(), "decline"), State::Decline, ""),
        (said(declined.clone(), "success"), State::Error, "one of its payouts"),
        (
            said(json!({"type": "payout", "status": "success"}), "success"),
            State::Registered,
            "and names no sum",
        ),
        // A payment is declined only where all that belongs to it is.
        (said(declined.clone(), "processing"), State::Registered, "operations says `processing`"),
        (said(declined.clone(), "a new word"), State::Registered, "operations says `a new word`"),
        (
            said(declined.clone(), "internal error"),
            State::Error,
            "operations says `internal error`",
        ),
        (said(declined.clone(), "expired"), State::Decline, ""),
        (said(expired, "external processing"), State::Registered, "`external processing`"),
        (
            with(declined.clone(), json!([{"id": 1, "status": "success"}])),
            State::Error,
            "`success`",
        ),
        (
            with(declined.clone(), json!([{"type": "Payout", "status": "success"}])),
            State::Error,
            "`success`",
        ),
        (
            with(declined.clone(), json!([{"type": "sale", "status": "success"}])),
            State::Error,
            "`success`",
        ),
        (with(declined.clone(), json!([])), State::Decline, ""),
        (
            with(json!({"status": "decline"}), json!([{"type": "sale", "status": "decline"}])),
            State::Error,
            "none of its operations is a payout",
        ),
        (
            with(json!({"status": "decline", "sum": sum(500, "USD")}), json!([])),
            State::Error,
            "of 500 minor units of USD",
        ),
        // Paid once, with the row's sum.
        (
            with(paid("payout", sum(1000, "EUR")), json!([one(1000), one(1000)])),
            State::Error,
            "and 2 of its payouts say so",
        ),
        (
            with(paid("payout", sum(1000, "EUR")), json!([one(100)])),
            State::Error,
            "of 100 minor units of EUR",
        ),
        (
            with(
                paid("payout", sum(1000, "EUR")),
                json!([{"type": "payout", "status": "internal error"}, one(1000)]),
            ),
            State::Error,
            "`internal error`",
        ),
        (
            with(
                paid("payout", sum(1000, "EUR")),
                json!([{"type": "payout", "status": "decline"}, one(1000)]),
            ),
            State::Success,
            "",
        ),
        (
            with(
                paid("payout", sum(1000, "EUR")),
                json!([one(1000), {"type": "payout", "status": "processing"}]),
            ),
            State::Registered,
            "operations says `processing`",
        ),
        (
            with(json!({"status": "success", "sum": sum(1000, "EUR")}), json!([])),
            State::Registered,
            "names no type",
        ),
        (
            with(json!({"status": "success", "sum": sum(1000, "EUR")}), json!([one(1000)])),
            State::Success,
            "",
        ),
    ];
    for (answer, state, words) in table {
        let answered = answer.clone();
        let platform = Platform::new(move |_, _| answered.clone());
        let run = Run::new(&platform);
        let counts = run.pay(1).await;
        let entry = run.entry("P-0");
        assert_eq!(entry.state, state, "{answer}: {}", entry.evidence);
        assert!(entry.evidence.contains(words), "{answer}: {}", entry.evidence);
        let is_contradiction = entry.evidence.starts_with("contradiction: ");
        assert_eq!(is_contradiction, state == State::Error, "{}", entry.evidence);
        assert_eq!(counts.success, u64::from(state == State::Success), "{answer}");
        // Whatever it is, it is not sent again.
        run.pay(1).await;
        assert_eq!(platform.payouts(), 1, "{answer}");
    }
}
