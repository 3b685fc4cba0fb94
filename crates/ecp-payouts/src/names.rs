//! Names of columns that hold no field which is known here.

use ecp_methods::request::Field;
use ecp_table::{Hidden, look};

use crate::columns::{AMOUNT, CURRENCY, METHOD, PAYMENT_ID, PROJECT_ID};

/// The members of a request that have a column, except for fields.
pub(crate) const MEMBERS: [&str; 5] = [METHOD, PAYMENT_ID, PROJECT_ID, AMOUNT, CURRENCY];

/// What is wrong with a column whose value would be sent at this path, as a field that is not known
/// here.
pub(crate) fn problem(name: &str, path: &str) -> Option<String> {
    if let Some(hidden) = Hidden::find(path) {
        return Some(format!("the name holds {hidden}"));
    }
    let looks = look(path);
    let mut known = MEMBERS.into_iter().chain(Field::ALL.iter().map(|field| field.path()));
    if let Some(known) = known.find(|known| look(known) == looks) {
        return Some(if name == path {
            format!("is not `{known}`, and looks like it: write it so, or ignore it")
        } else {
            format!(
                "is mapped to `{path}`, which is not `{known}` and looks like it: map it to that"
            )
        });
    }
    let segments: Vec<&str> = looks.split('.').collect();
    let is_about_all = matches!(segments[0], "general" | "operation" | "payment");
    let has = |names: &[&str]| {
        let searched = if is_about_all { &segments[..] } else { &segments[..1] };
        searched.iter().any(|segment| names.contains(segment))
    };
    if segments.contains(&"payment_id") || has(&["id"]) {
        let text = "is no place for the id of a payment: `general.payment_id` is, and nothing else \
                    of a request; ignore it";
        return Some(text.to_owned());
    }
    if has(&["amount", "currency", "sum"]) {
        let text = "is no place for a sum: `payment.amount` and `payment.currency` are; ignore it";
        return Some(text.to_owned());
    }
    (!path.contains('.')).then(|| "is no path of a Gate request; map it or ignore it".to_owned())
}
