//! What a run makes of what the platform answers, word by word.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "ends/platform.rs"]
mod platform;

use ecp_payouts::{Counts, State};
use platform::{Platform, Run, ended};
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
