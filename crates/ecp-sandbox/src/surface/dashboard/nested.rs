//! Gate documents out of tables and forms.

/// Returns a Gate document with the values at these dotted paths, as tables of payouts have them.
/// Only the amount and the project become numbers. Paths deeper than any path of Gate are left out.
pub(super) fn nested<'r>(cells: impl IntoIterator<Item = (&'r str, &'r str)>) -> serde_json::Value {
    use serde_json::{Map, Value};

    const DEEPEST: usize = 8;

    /// A path that leads through a value is dropped; the checks of Gate name the missing field.
    fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
        match path.split_once('.') {
            None => {
                object.insert(path.to_owned(), value);
            }
            Some((name, rest)) => {
                let inner = object.entry(name).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(inner) = inner {
                    put(inner, rest, value);
                }
            }
        }
    }

    let mut document = Map::new();
    for (path, text) in cells {
        let text = text.trim();
        let value = match (path, text.parse::<i64>()) {
            ("payment.amount" | "general.project_id", Ok(number)) => Value::from(number),
            _ => Value::from(text),
        };
        if !text.is_empty() && path.split('.').count() <= DEEPEST {
            put(&mut document, path, value);
        }
    }
    Value::Object(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dotted_cells_become_a_gate_document() {
        let cells = [
            ("general.payment_id", "X1"),
            ("payment.amount", " 1000 "),
            ("payment.currency", "EUR"),
            ("customer.id", "7"),
            ("account.number", ""),
            ("customer.id.deeper", "lost"),
        ];
        let expected = json!({
            "general": {"payment_id": "X1"},
            "payment": {"amount": 1000, "currency": "EUR"},
            "customer": {"id": "7"},
        });
        assert_eq!(nested(cells), expected);
        assert_eq!(nested([("payment.amount", "10.00")])["payment"]["amount"], "10.00");
        let bottomless = "a.".repeat(1_000_000);
        assert_eq!(nested([(bottomless.as_str(), "x")]), json!({}));
    }
}
