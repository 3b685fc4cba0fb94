//! Paths of Gate requests that documents have, beside those of [`Field`](super::Field).

/// Whether a path is inside an object, as `account.number` is inside `account`.
pub(crate) fn is_inside(path: &str, object: &str) -> bool {
    path.strip_prefix(object).is_some_and(|rest| rest.starts_with('.'))
}

/// Whether two paths are the same, or one is inside the other.
pub(crate) fn overlap(one: &str, other: &str) -> bool {
    one == other || is_inside(one, other) || is_inside(other, one)
}

/// Paths of single values, in alphabetical order (sources: request fields, catalogue).
pub(crate) const DOCUMENTED: &[&str] = &[
    "account.bank_branch_name",
    "account.bank_code",
    "account.bank_id",
    "account.bank_name",
    "account.branch",
    "account.branch_code",
    "account.branch_name",
    "account.city",
    "account.crypto_currency",
    "account.crypto_payway",
    "account.customer_name",
    "account.document_number",
    "account.native_customer_name",
    "account.province",
    "account.region_id",
    "account.secret",
    "account.security_code",
    "account.service_provider",
    "account.type",
    "account.wallet_address",
    "callback.delay",
    "callback.force_disable",
    "customer.account_id",
    "customer.birthplace",
    "customer.browser",
    "customer.citizenship",
    "customer.datetime",
    "customer.device_id",
    "customer.device_type",
    "customer.district",
    "customer.language",
    "customer.middle_name",
    "customer.postal",
    "customer.region",
    "customer.screen_res",
    "customer.session_id",
    "customer.ssn",
    "customer.street",
    "general.display_name",
    "general.domain_name",
    "general.referrer_url",
    "general.terminal_callback_url",
    "general.type",
    "general.validation_url",
    "identify.doc_number",
    "identify.doc_type",
    "identify.street",
    "payment.best_before",
    "payment.by_method",
    "payment.extra_param",
    "payment.get_route",
    "payment.recipient_amount",
    "payment.recipient_currency",
    "payment.sender_amount",
    "payment.sender_currency",
    "qr_code.height",
    "qr_code.width",
];

/// Paths of objects and values of which the documents that were read do not list all members, in
/// alphabetical order.
pub(crate) const OPEN: &[&str] = &[
    "acs_return_url",
    "addendum",
    "additional_data",
    "authentication_data",
    "avs_data",
    "card",
    "card_operation_type",
    "cash_voucher_data",
    "destination",
    "directions",
    "etoken",
    "interface_type",
    "merchant",
    "object_info",
    "payment_data",
    "payment_method",
    "payment_methods_options",
    "receipt_data",
    "recipient",
    "recurring",
    "recurring_id",
    "recurring_register",
    "saved_account_id",
    "send_email",
    "sender",
    "service_provider",
    "token",
];

/// The number of single bytes to insert, remove or replace, or of neighbours to swap, that makes one
/// path of another.
pub(crate) fn distance(one: &str, other: &str) -> usize {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for at in 0..one.len() {
        let mut next = vec![at + 1];
        for place in 0..other.len() {
            let replaced = row[place] + usize::from(one[at] != other[place]);
            let mut least = replaced.min(row[place + 1] + 1).min(next[place] + 1);
            if at > 0 && place > 0 && one[at] == other[place - 1] && one[at - 1] == other[place] {
                least = least.min(before[place - 1] + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_single_changes() {
        let table = [
            ("", "abc", 3),
            ("customer.id", "customer.id", 0),
            ("customer.fisrt_name", "customer.first_name", 1),
            ("customer.emial", "customer.email", 1),
            ("account.bankid", "account.bank_id", 1),
            ("customer.mail", "customer.email", 1),
            ("kitten", "sitting", 3),
        ];
        for (one, other, changes) in table {
            assert_eq!(distance(one, other), changes, "{one} {other}");
            assert_eq!(distance(other, one), changes, "{other} {one}");
        }
    }

    #[test]
    fn no_path_is_listed_twice() {
        assert!(DOCUMENTED.is_sorted_by(|one, other| one < other));
        assert!(OPEN.is_sorted_by(|one, other| one < other));
        for path in DOCUMENTED {
            assert!(super::super::Field::KNOWN.iter().all(|field| field.path() != *path), "{path}");
            assert!(!OPEN.contains(&path.split('.').next().unwrap()), "{path}");
        }
    }
}
