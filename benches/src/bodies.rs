//! Bodies of any size, friendly and hostile.

use std::fmt::Write as _;

/// An object of about that many bytes with the members that a callback may have, again and again.
pub fn friendly(bytes: usize) -> String {
    let operation = |place: usize| {
        format!(
            "\"step_{}\":{{\"type\":\"sale\",\"status\":\"success\",\"date\":\"2019-04-15T16:31:44+0000\",\
             \"sum_initial\":{{\"amount\":10000,\"currency\":\"EUR\"}},\"message\":\"Success\"}}",
            letters(place)
        )
    };
    members(bytes, operation)
}

/// A body that causes work: its name, and a function of its size in bytes.
pub type Hostile = (&'static str, fn(bytes: usize) -> String);

/// Bodies of an attacker who looks for a path that takes quadratic time.
pub const HOSTILE: &[Hostile] = &[
    ("keys that begin alike", |bytes| {
        members(bytes, |place| format!("\"{}{}\":1", "a".repeat(64), letters(place)))
    }),
    ("keys with digits, against their order", |bytes| {
        members(bytes, |place| format!("\"k{}\":1", bytes.saturating_sub(place)))
    }),
    ("keys that begin each other", |bytes| {
        members(bytes, |place| format!("\"{}{}\":1", "b".repeat(place % 100), letters(place)))
    }),
    ("keys that are there twice", |bytes| {
        let many = bytes / 16;
        members(bytes, |place| format!("\"{}\":1", letters(place % many.max(1))))
    }),
    ("a list of small items", |bytes| {
        format!("{{\"list\":[{}1]}}", "1,".repeat(bytes.saturating_sub(12) / 2))
    }),
    ("lists inside one another", |bytes| {
        let nest = format!("{}1{}", "[".repeat(400), "]".repeat(400));
        members(bytes, |place| format!("\"{}\":{nest}", letters(place)))
    }),
    ("escapes", |bytes| format!("{{\"text\":\"{}\"}}", "\\u00e9".repeat(bytes / 6))),
    ("separators in texts", |bytes| format!("{{\"text\":\"{}\"}}", ";a:".repeat(bytes / 3))),
];

/// An object of members until there are that many bytes.
fn members(bytes: usize, member: impl Fn(usize) -> String) -> String {
    let mut text = String::from("{");
    for place in 0.. {
        if text.len() + 1 >= bytes && place > 0 {
            break;
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "{}{}", if place > 0 { "," } else { "" }, member(place));
    }
    text.push('}');
    text
}

/// A number in letters.
fn letters(mut number: usize) -> String {
    let mut text = String::new();
    loop {
        text.push(char::from(b"abcdefghijklmnopqrstuvwxyz"[number % 26]));
        number /= 26;
        if number == 0 {
            return text;
        }
    }
}
