//! Names of columns without a known field.

use ecp_methods::mass_file;
use ecp_methods::request::Field;
use ecp_table::{Hidden, look};

use crate::columns::{
    AMOUNT, CURRENCY, METHOD, OPERATION_ID, OPERATION_TYPE, PAYMENT_ID, PROJECT_ID,
};

/// The members of a request that have a column and are not fields.
pub(crate) const MEMBERS: [&str; 7] =
    [OPERATION_TYPE, METHOD, PAYMENT_ID, OPERATION_ID, PROJECT_ID, AMOUNT, CURRENCY];

/// Advice for a column that is neither a field nor ignored.
const MAP: &str = "is not a path of a Gate request: map it (`Layout::column`, `--column NAME=PATH`) or \
                   ignore it (`Layout::ignore`, `--column NAME=`)";

/// The problem with a column whose value would be sent at this path, as an unknown field.
pub(crate) fn problem(name: &str, path: &str) -> Option<String> {
    if let Some(hidden) = Hidden::find(path) {
        return Some(format!("the name holds {hidden}; remove it"));
    }
    let looks = look(path);
    let mut known = MEMBERS.into_iter().chain(Field::KNOWN.iter().map(|field| field.path()));
    if let Some(known) = known.find(|known| look(known) == looks) {
        return Some(if name == path {
            format!("is not `{known}` but looks like it: correct the name, or ignore the column")
        } else {
            format!(
                "is mapped to `{path}`, which is not `{known}` but looks like it: map it to `{known}`"
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
        let text = "must not hold a payment id: only `general.payment_id` does; ignore the column";
        return Some(text.to_owned());
    }
    if has(&["amount", "currency", "sum"]) {
        let text = "must not hold a sum: only `payment.amount` and `payment.currency` do; ignore the \
                    column";
        return Some(text.to_owned());
    }
    let is_own = path.contains('.') || mass_file::COLUMNS.contains(&path);
    (!is_own).then(|| MAP.to_owned())
}
