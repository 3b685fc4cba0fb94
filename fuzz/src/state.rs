//! A payment ends alike in whatever order it is heard of.

use ecp_core::model::{Callback, FromJson, OperationStatus, OperationType, PaymentStatus};
use ecp_inbox::{News, PaymentState};

/// Reads callbacks off the bytes, four for each, and hears them forwards, backwards, interleaved
/// and twice. Bytes that are themselves a callback are one.
pub fn state(bytes: &[u8]) {
    let mut history: Vec<News> = bytes.chunks_exact(4).take(64).map(news).collect();
    history.extend(Callback::from_slice(bytes).ok().map(|callback| News::of(&callback)));
    let middle = history.len() / 2;
    let ended = hear(&history);
    let forwards = || history.iter();
    assert_eq!(ended, hear(forwards().rev()));
    assert_eq!(ended, hear(forwards().chain(forwards())));
    assert_eq!(ended, hear(history[middle..].iter().chain(&history[..middle])));
    let (even, odd) = (forwards().step_by(2), forwards().skip(1).step_by(2));
    assert_eq!(ended, hear(odd.chain(even)));

    let stored = serde_json::to_string(&ended).unwrap_or_default();
    assert_eq!(serde_json::from_str::<PaymentState>(&stored).ok(), Some(ended));
}

fn hear<'n>(history: impl IntoIterator<Item = &'n News>) -> PaymentState {
    let mut state = PaymentState::default();
    for news in history {
        let before = state.status().cloned();
        let change = state.hear(news);
        assert_eq!(change.moved().is_some(), before.as_ref() != state.status());
        let was_final = before.as_ref().is_some_and(PaymentStatus::is_final);
        assert!(!was_final || state.status().is_some_and(PaymentStatus::is_final));
    }
    state
}

fn news(bytes: &[u8]) -> News {
    let [payment, operation, kind, numbers] = [bytes[0], bytes[1], bytes[2], bytes[3]];
    let payment = pick(PaymentStatus::KNOWN, payment).map_or("new", PaymentStatus::as_str);
    let operation = pick(OperationStatus::KNOWN, operation).map_or("new", OperationStatus::as_str);
    let kind = pick(OperationType::KNOWN, kind).map_or("new", OperationType::as_str);
    let (id, second, amount) = (numbers & 3, numbers >> 2 & 3, numbers >> 4);
    let json = format!(
        r#"{{"payment":{{"id":"X","status":"{payment}","date":"2026-01-01T00:00:0{second}+0000",
            "sum":{{"amount":{amount},"currency":"EUR"}}}},"operation":{{"id":{id},"type":"{kind}",
            "status":"{operation}","date":"2026-01-01T00:00:0{second}+0000"}}}}"#
    );
    let callback = Callback::from_slice(json.as_bytes());
    News::of(&callback.unwrap_or_else(|error| unreachable!("{error}")))
}

/// One of the words, or none of them.
fn pick<T>(known: &[T], byte: u8) -> Option<&T> {
    known.get(usize::from(byte) % (known.len() + 1))
}
