//! A payment's state is independent of the order of its updates.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use ecp_core::model::{Callback, FromJson, OperationStatus, OperationType, PaymentStatus};
use ecp_inbox::{PaymentState, StatusUpdate};

/// Reads up to 16 callbacks from the bytes, four for each, and applies them forwards, backwards,
/// interleaved and twice. Bytes that are themselves a callback are one.
pub fn state(bytes: &[u8]) {
    let mut history: Vec<Rc<StatusUpdate>> = bytes.chunks_exact(4).take(16).map(update).collect();
    history.extend(
        Callback::from_slice(bytes).ok().map(|callback| StatusUpdate::of(&callback).into()),
    );
    let middle = history.len() / 2;
    let ended = apply(&history);
    let forwards = || history.iter();
    assert_eq!(ended, apply(forwards().rev()));
    assert_eq!(ended, apply(forwards().chain(forwards())));
    assert_eq!(ended, apply(history[middle..].iter().chain(&history[..middle])));
    let (even, odd) = (forwards().step_by(2), forwards().skip(1).step_by(2));
    assert_eq!(ended, apply(odd.chain(even)));

    let stored = serde_json::to_string(&ended).unwrap_or_default();
    assert_eq!(serde_json::from_str::<PaymentState>(&stored).ok(), Some(ended));
}

fn apply<'n>(history: impl IntoIterator<Item = &'n Rc<StatusUpdate>>) -> PaymentState {
    let mut state = PaymentState::default();
    for update in history {
        let before = state.status().cloned();
        let change = state.apply(update);
        assert_eq!(change.moved().is_some(), before.as_ref() != state.status());
        let was_final = before.as_ref().is_some_and(PaymentStatus::is_final);
        assert!(!was_final || state.status().is_some_and(PaymentStatus::is_final));
    }
    state
}

thread_local! {
    /// Cache of read callbacks: reading costs more than applying, and is not tested here.
    static READ: RefCell<HashMap<Event, Rc<StatusUpdate>>> = RefCell::default();
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Event {
    payment: &'static str,
    operation: &'static str,
    kind: &'static str,
    numbers: u8,
}

fn update(bytes: &[u8]) -> Rc<StatusUpdate> {
    let event = Event {
        payment: pick(PaymentStatus::KNOWN, bytes[0]).map_or("new", PaymentStatus::as_str),
        operation: pick(OperationStatus::KNOWN, bytes[1]).map_or("new", OperationStatus::as_str),
        kind: pick(OperationType::KNOWN, bytes[2]).map_or("new", OperationType::as_str),
        numbers: bytes[3],
    };
    READ.with_borrow_mut(|read| {
        let news = read.entry(event).or_insert_with(|| Rc::new(event.read()));
        Rc::clone(news)
    })
}

impl Event {
    fn read(self) -> StatusUpdate {
        let Self { payment, operation, kind, numbers } = self;
        let (id, second, amount) = (numbers & 3, numbers >> 2 & 3, numbers >> 4 & 7);
        let (currency, method) = if numbers >> 7 == 0 { ("EUR", "A") } else { ("USD", "B") };
        let json = format!(
            r#"{{"payment":{{"id":"X","status":"{payment}","date":"2026-01-01T00:00:0{second}+0000",
                "sum":{{"amount":{amount},"currency":"{currency}"}},"type":"{method}","method":"{method}"}},
                "operation":{{"id":{id},"type":"{kind}","status":"{operation}",
                "sum_initial":{{"amount":{second},"currency":"{currency}"}},"date":"2026-01-01T00:00:0{second}+0000"}}}}"#
        );
        let callback = Callback::from_slice(json.as_bytes());
        StatusUpdate::of(&callback.unwrap_or_else(|error| unreachable!("{error}")))
    }
}

/// One of the words, or none of them.
fn pick<T>(known: &'static [T], byte: u8) -> Option<&'static T> {
    known.get(usize::from(byte) % (known.len() + 1))
}
