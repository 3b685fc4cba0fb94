//! The body of a callback: what in it is no personal data, and all of it.

use ecp_core::model::{Callback, FromJson, Operation};

/// A member of a callback that is no personal data.
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) value: String,
}

/// The members of a callback that help to find out what happened, without personal data.
pub(super) fn facts(raw: &[u8]) -> Vec<Fact> {
    let Ok(callback) = Callback::from_slice(raw) else { return Vec::new() };
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| {
        facts.extend(value.map(|value| Fact { name, value }));
    };
    if let Some(payment) = &callback.payment {
        add("Method", payment.method.clone());
        add("Payment type", payment.kind.as_ref().map(ToString::to_string));
    }
    let operation: Option<&Operation> = callback.operation.as_ref();
    if let Some(operation) = operation {
        add("Operation", operation.id.map(|id| id.to_string()));
        add("Operation type", operation.kind.as_ref().map(ToString::to_string));
        add("Operation status", operation.status.as_ref().map(ToString::to_string));
        let sum = operation.sum_initial.as_ref().map(ecp_reconcile::Sum::from);
        add("Operation sum", sum.map(|sum| sum.to_string()));
        add("Code", operation.code.as_ref().map(ToString::to_string));
        add("Message", operation.message.clone());
        add("Request", operation.request_id.as_ref().map(ToString::to_string));
    }
    facts
}

/// The body with line breaks and spaces between its JSON tokens, and every token as it was received:
/// numbers and texts are part of what was signed.
pub(super) fn indented(raw: &[u8]) -> String {
    let text = String::from_utf8_lossy(raw);
    let (mut out, mut depth, mut in_text, mut is_escaped) = (String::new(), 0_usize, false, false);
    let line_break = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth.min(40)));
    };
    for c in text.chars() {
        if in_text {
            out.push(c);
            in_text = is_escaped || c != '"';
            is_escaped = c == '\\' && !is_escaped;
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                out.push(c);
            }
            '{' | '[' => {
                depth += 1;
                out.push(c);
                line_break(&mut out, depth);
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                line_break(&mut out, depth);
                out.push(c);
            }
            ',' => {
                out.push(c);
                line_break(&mut out, depth);
            }
            ':' => out.push_str(": "),
            c if c.is_ascii_whitespace() => {}
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_indented_and_its_tokens_stay() {
        let raw = br#"{"a": [1.50,{"b":"x:{,\"\\"}],"c":true}"#;
        let text = indented(raw);
        let expected = "{\n  \"a\": [\n    1.50,\n    {\n      \"b\": \"x:{,\\\"\\\\\"\n    }\n  ],\n  \"c\": true\n}";
        assert_eq!(text, expected);
        assert_eq!(indented(b"\xff{"), "\u{fffd}{\n  ");
    }

    #[test]
    fn facts_are_without_personal_data() {
        let raw = br#"{"payment":{"id":"1","description":"sentinel","method":"A"},"customer":{"id":"sentinel"},
            "account":{"number":"sentinel"},"operation":{"id":7,"code":"20000","provider":{"payment_id":"sentinel"}}}"#;
        let facts: Vec<_> =
            facts(raw).into_iter().map(|fact| format!("{}={}", fact.name, fact.value)).collect();
        assert_eq!(facts, ["Method=A", "Operation=7", "Code=20000"]);
    }
}
