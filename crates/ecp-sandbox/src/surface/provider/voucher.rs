//! The voucher's data that the customer enters on the page.
//!
//! No document says what a number looks like, so the vouchers are the sandbox's own. A form without
//! any of the fields is that of a program which presses a button in the customer's place; the page
//! always sends them.

use ecp_core::Sensitive;

use crate::surface::i18n::Texts;

pub(super) const NUMBER: &str = "voucher_number";
pub(super) const CODE: &str = "voucher_code";
pub(super) const EXPIRY: &str = "voucher_expiry";

/// Form fields with a test voucher that pays any amount, as pairs of name and value. A test sends
/// them in place of a customer, with the decision `success`, to the page of the voucher's provider.
/// The voucher exists only in the sandbox.
pub const TEST_VOUCHER: [(&str, &str); 3] =
    [(NUMBER, "1000000000000001"), (CODE, "123"), (EXPIRY, "12/99")];

/// A test voucher of the sandbox, with the result of paying with it.
pub(super) struct TestVoucher {
    pub(super) number: &'static str,
    pub(super) code: &'static str,
    pub(super) expiry: &'static str,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    Used,
    Expired,
}

/// All test vouchers of the sandbox.
pub(super) const VOUCHERS: [TestVoucher; 3] = [
    TestVoucher {
        number: TEST_VOUCHER[0].1,
        code: TEST_VOUCHER[1].1,
        expiry: TEST_VOUCHER[2].1,
        state: State::Good,
    },
    TestVoucher { number: "1000000000000002", code: "456", expiry: "12/99", state: State::Used },
    TestVoucher { number: "1000000000000003", code: "789", expiry: "01/20", state: State::Expired },
];

impl TestVoucher {
    /// Returns the result of paying with the voucher, in words for the page.
    pub(super) fn result(&self, t: &Texts) -> &'static str {
        match self.state {
            State::Good => t.voucher_pays,
            State::Used => t.voucher_used,
            State::Expired => t.voucher_expired,
        }
    }
}

/// The voucher's data that the customer entered. The page never shows the security code again, and
/// `Debug` prints none of the data.
#[derive(Debug)]
pub(super) struct Entered {
    number: Sensitive<String>,
    code: Sensitive<String>,
    expiry: Sensitive<String>,
}

/// Kind of mistake in one field of the voucher's form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Empty,
    Expired,
    Mismatch,
    Unknown,
    Used,
}

impl Wrong {
    pub(super) const fn text(self, t: &Texts) -> &'static str {
        match self {
            Self::Empty => t.voucher_empty,
            Self::Expired => t.voucher_expired,
            Self::Mismatch => t.voucher_mismatch,
            Self::Unknown => t.voucher_unknown,
            Self::Used => t.voucher_used,
        }
    }
}

/// The mistakes in the fields of the voucher's form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Problems {
    pub(super) number: Option<Wrong>,
    pub(super) code: Option<Wrong>,
    pub(super) expiry: Option<Wrong>,
}

impl Entered {
    /// Reads the voucher's fields from a form; `None` if the form has none of them.
    pub(super) fn read(form: &[(String, String)]) -> Option<Self> {
        let given = |name: &str| form.iter().find(|(given, _)| given == name);
        let fields = [NUMBER, CODE, EXPIRY].map(given);
        if fields.iter().all(Option::is_none) {
            return None;
        }
        let [number, code, expiry] = fields.map(|field| {
            Sensitive::new(field.map(|(_, value)| value.trim().to_owned()).unwrap_or_default())
        });
        Some(Self { number, code, expiry })
    }

    /// Returns the entered number, for the page that shows the form again.
    pub(super) fn number(&self) -> &str {
        self.number.expose()
    }

    /// Returns the entered expiry, for the page that shows the form again.
    pub(super) fn expiry(&self) -> &str {
        self.expiry.expose()
    }

    /// Checks whether the voucher pays. Spaces and signs between digits do not matter.
    pub(super) fn check(&self) -> Result<(), Problems> {
        let empty = |text: &Sensitive<String>| text.expose().is_empty().then_some(Wrong::Empty);
        let mut problems = Problems {
            number: empty(&self.number),
            code: empty(&self.code),
            expiry: empty(&self.expiry),
        };
        let number = digits(self.number.expose());
        let voucher = VOUCHERS.iter().find(|voucher| number.as_deref() == Some(voucher.number));
        match voucher {
            Some(voucher) => {
                let differs = |entered: &Sensitive<String>, right: &str| {
                    (digits(entered.expose()) != digits(right)).then_some(Wrong::Mismatch)
                };
                let used = (voucher.state == State::Used).then_some(Wrong::Used);
                let expired = (voucher.state == State::Expired).then_some(Wrong::Expired);
                problems.number = used;
                problems.code = problems.code.or_else(|| differs(&self.code, voucher.code));
                problems.expiry =
                    problems.expiry.or_else(|| differs(&self.expiry, voucher.expiry)).or(expired);
            }
            None => problems.number = problems.number.or(Some(Wrong::Unknown)),
        }
        if problems == Problems::default() { Ok(()) } else { Err(problems) }
    }
}

/// The digits of a text, `None` if it has anything else but spaces and signs between them.
fn digits(text: &str) -> Option<String> {
    let between = |c: char| c.is_whitespace() || matches!(c, '-' | '/' | '.');
    let digits: String = text.chars().filter(|&c| !between(c)).collect();
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entered(number: &str, code: &str, expiry: &str) -> Entered {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let form = [field(NUMBER, number), field(CODE, code), field(EXPIRY, expiry)];
        Entered::read(&form).unwrap()
    }

    #[test]
    fn each_field_that_is_wrong_is_named() {
        use Wrong::{Empty, Expired, Mismatch, Unknown, Used};
        let table = [
            ("1000000000000001", "123", "12/99", [None; 3]),
            (" 1000 0000-0000 0001 ", "123", "1299", [None; 3]),
            ("", "", "", [Some(Empty); 3]),
            ("1000000000000009", "123", "12/99", [Some(Unknown), None, None]),
            ("1000000000000001x", "123", "12/99", [Some(Unknown), None, None]),
            ("1000000000000001", "124", "12/99", [None, Some(Mismatch), None]),
            ("1000000000000001", "123", "11/99", [None, None, Some(Mismatch)]),
            ("1000000000000001", "abc", "", [None, Some(Mismatch), Some(Empty)]),
            ("1000000000000002", "456", "12/99", [Some(Used), None, None]),
            ("1000000000000003", "789", "01/20", [None, None, Some(Expired)]),
        ];
        for (number, code, expiry, [wrong_number, wrong_code, wrong_expiry]) in table {
            let problems =
                Problems { number: wrong_number, code: wrong_code, expiry: wrong_expiry };
            let expected = if problems == Problems::default() { Ok(()) } else { Err(problems) };
            assert_eq!(entered(number, code, expiry).check(), expected, "{number} {code} {expiry}");
        }
    }

    #[test]
    fn nothing_that_was_entered_is_printed() {
        let printed = format!("{:?}", entered("1000000000000001", "123", "12/99"));
        assert!(!printed.contains("100000") && !printed.contains("12"), "{printed}");
        assert!(Entered::read(&[("decision".to_owned(), "success".to_owned())]).is_none());
    }
}
