//! Problems of a cell's text, before it is read as a value.

use ecp_methods::request::Field;
use ecp_table::{Hidden, Trace, is_garbled};

use crate::columns::Holds;

/// Kind of a cell's text.
enum Kind {
    /// Names the payee or the payment, such as an account number: every character counts.
    Identity,
    /// A word or number of a known form, such as a currency or an amount, which is checked later.
    Code,
    /// Free text, such as a description or a customer's name.
    Words,
    /// The value of a field that this library does not know, so that its form is not known either.
    Unknown,
}

/// Problem of a cell. The text holds no part of the cell.
pub(crate) fn problem(held: &Holds, text: &str) -> Option<String> {
    let kind = kind(held)?;
    if text.trim().is_empty() {
        return None;
    }
    let padded = text.trim_matches(' ');
    let (hidden, trace) = match kind {
        Kind::Identity => (Hidden::find(text), Trace::in_id(text)),
        Kind::Code => (Hidden::find(padded), Trace::find(text)),
        Kind::Words => (None, Trace::in_text(text)),
        Kind::Unknown => {
            let trace = Trace::in_id(text).filter(|trace| match trace {
                Trace::Error | Trace::Formula | Trace::Rounded => true,
                Trace::Apostrophe => {
                    padded.chars().nth(1).is_some_and(|next| next.is_ascii_digit())
                }
                _ => false,
            });
            (Hidden::find(padded), trace)
        }
    };
    if is_garbled(text) {
        let lost = "holds characters that an earlier conversion lost: it was read in another \
                    encoding than it was written in; write it again";
        return Some(lost.to_owned());
    }
    let hidden = hidden.map(|hidden| {
        format!("holds {hidden}, which makes it another value than the one that is seen; remove it")
    });
    hidden.or_else(|| trace.map(|trace| trace.to_string()))
}

fn kind(held: &Holds) -> Option<Kind> {
    Some(match held {
        Holds::Nothing | Holds::Nameless => return None,
        Holds::OperationType
        | Holds::Method
        | Holds::ProjectId
        | Holds::Amount
        | Holds::Currency => Kind::Code,
        Holds::PaymentId | Holds::OperationId => Kind::Identity,
        Holds::Extra(path) => match path.as_str() {
            "account.bank_id" | "card.pan" | "token" => Kind::Identity,
            "account.customer_name" | "card.card_holder" | "customer.street" => Kind::Words,
            _ => Kind::Unknown,
        },
        Holds::Field(field) => match *field {
            Field::ACCOUNT_NUMBER
            | Field::CUSTOMER_EMAIL
            | Field::CUSTOMER_ID
            | Field::CUSTOMER_PHONE
            | Field::MERCHANT_REFUND_ID => Kind::Identity,
            Field::CUSTOMER_ADDRESS
            | Field::CUSTOMER_CITY
            | Field::CUSTOMER_FIRST_NAME
            | Field::CUSTOMER_LAST_NAME
            | Field::CUSTOMER_STATE
            | Field::DESCRIPTION => Kind::Words,
            _ => Kind::Unknown,
        },
    })
}

/// Why an amount has more than one reading, or none.
pub(crate) fn separators(amount: &str) -> Option<&'static str> {
    if amount.contains([',', '٫', '٬', '，']) {
        return Some(
            "holds a comma, which is a decimal comma to one and a separator of thousands to \
             another; write digits, and in major units a decimal point",
        );
    }
    if amount.contains([' ', '\'', '’', '_']) || amount.matches('.').count() > 1 {
        return Some(
            "holds separators of thousands; write digits, and in major units a decimal point",
        );
    }
    let is_digit_of_another_script = |digit: char| digit.is_numeric() && !digit.is_ascii();
    if amount.contains(is_digit_of_another_script) || amount.contains('−') {
        return Some("holds digits or a sign that are not ASCII; write it in ASCII");
    }
    None
}

/// Whether a decimal text may also be whole thousands: `1.234`.
pub(crate) fn may_be_thousands(amount: &str) -> bool {
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    fraction.len() == 3 && (1..=3).contains(&whole.len()) && !whole.starts_with('0')
}
