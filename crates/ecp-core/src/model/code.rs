//! Result codes: their meaning and the recommended action.

mod about;
mod table;

use std::fmt;

pub use self::about::About;
use super::{FromJson, ModelError};
use crate::json::Value;

/// A result code of the platform, such as 0 for success or 3041 for `Payment ID already exists`.
/// The platform sends codes as text in callbacks and as numbers elsewhere; both forms are read, and
/// an unknown code is kept as it was sent (sources: codes).
///
/// ```
/// use ecp_core::model::{Advice, Code};
///
/// let code = Code::from(3041);
/// let info = code.info().unwrap();
/// assert_eq!((info.message, info.advice), ("Payment ID already exists", Advice::Correct));
/// assert!(!code.is_success() && Code::from(0).is_success());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Code(Box<str>);

impl Code {
    /// The text of the code, as it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code as a number, `None` if its text is not a number.
    pub fn number(&self) -> Option<u32> {
        self.0.parse().ok()
    }

    /// The platform's message for the code and the recommended action, from the platform's table of
    /// codes; `None` for a code that is not in the table.
    pub fn info(&self) -> Option<&'static CodeInfo> {
        let number = self.number()?;
        let place = CodeInfo::ALL.binary_search_by_key(&number, |info| info.number).ok()?;
        CodeInfo::ALL.get(place)
    }

    /// Whether the code is exactly `0`, which means success.
    pub fn is_success(&self) -> bool {
        &*self.0 == "0"
    }
}

impl From<u32> for Code {
    fn from(number: u32) -> Self {
        Self(number.to_string().into())
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}

/// A result code of the platform, with its text borrowed from the JSON document.
/// [`into_owned`](Self::into_owned) copies it into a [`Code`], which tells what the code means.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeRef<'d>(&'d str);

impl<'d> CodeRef<'d> {
    /// The text of the code, as it was sent.
    pub const fn as_str(self) -> &'d str {
        self.0
    }

    /// Whether the code is exactly `0`, which means success.
    pub fn is_success(self) -> bool {
        self.0 == "0"
    }

    /// Copies the code's text into a [`Code`], which tells what the code means ([`Code::info`],
    /// [`Code::about`]).
    pub fn into_owned(self) -> Code {
        Code(self.0.into())
    }
}

impl fmt::Debug for CodeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Code({})", self.0)
    }
}

impl FromJson for Code {
    type Borrowed<'d> = CodeRef<'d>;

    fn borrow_from(value: Value<'_>) -> Result<CodeRef<'_>, ModelError> {
        let text = value.text_or_literal();
        text.map(CodeRef).ok_or_else(|| ModelError::expected("a code as text or number", value))
    }

    fn from_borrowed(borrowed: CodeRef<'_>) -> Self {
        borrowed.into_owned()
    }
}

/// A row of the platform's table of result codes: a code, its message and the recommended action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CodeInfo {
    /// The code as a number.
    pub number: u32,
    /// The platform's message for the code, word for word.
    pub message: &'static str,
    /// The action that the platform recommends for the code.
    pub advice: Advice,
}

impl CodeInfo {
    /// All 378 codes of the platform's table, sorted by number (sources: codes).
    pub const ALL: &'static [Self] = &table::CODES;
}

/// Action that the platform's table recommends for a result code.
///
/// A retry of a payment needs a new `payment_id`, and one of a refund a new `merchant_refund_id`.
/// Before it, make sure that the first attempt cannot move money any more: Gate refused to register
/// it, or it ended as [`End::Decline`](super::End::Decline). The advice does not know that: for
/// codes 3041 and 3230, which say that the id exists already, it is [`Correct`](Self::Correct), and
/// a new id could move money twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Advice {
    /// The platform recommends no action.
    Nothing,
    /// Correct the request. Before it is sent under a new id, make sure that the first attempt
    /// cannot move money any more.
    Correct,
    /// Try again with a new id, once the first attempt cannot move money any more.
    Retry,
    /// Try again later with a new id, once the first attempt cannot move money any more.
    RetryLater,
    /// Wait for the next callback or request the status: the result is not final.
    Wait,
    /// Ask the platform's technical support.
    AskSupport,
    /// The platform recommends no action, or to ask its technical support.
    NothingOrAskSupport,
    /// The platform's documents have a separate rule for this code, which is not in the table: look
    /// the code up in their article on payment information codes.
    SeeDocuments,
}

impl Advice {
    /// The recommended action as a few words for people, such as `try again later`.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Nothing => "nothing can be done",
            Self::Correct => "correct the request",
            Self::Retry => "try again",
            Self::RetryLater => "try again later",
            Self::Wait => "wait, this is not final",
            Self::AskSupport => "ask technical support",
            Self::NothingOrAskSupport => "nothing can be done, or ask technical support",
            Self::SeeDocuments => "see the platform's documents on this code",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_whole() {
        assert_eq!(CodeInfo::ALL.len(), 378);
        assert!(CodeInfo::ALL.is_sorted_by(|a, b| a.number < b.number));
        for info in CodeInfo::ALL {
            assert_eq!(Code::from(info.number).info(), Some(info));
        }
    }

    /// Every code, what it is about, and where that is read.
    #[test]
    fn every_code_is_about_what_the_table_of_the_snapshot_says() {
        let rows: Vec<String> = CodeInfo::ALL
            .iter()
            .map(|info| {
                let CodeInfo { number, message, .. } = info;
                let (about, source) = (info.about(), info.about_source());
                assert_eq!(source.is_empty(), about == About::Unknown, "{number}");
                format!("{number:<5} {about:<7} {source:<9} {message}\n")
            })
            .collect();
        insta::assert_snapshot!(rows.concat());
    }

    #[test]
    fn codes_of_keys_and_projects_are_not_about_a_payment() {
        for number in [303, 310, 2154, 2426, 2442, 3023, 3028, 3123, 3124, 3261, 3262, 3299] {
            assert_eq!(Code::from(number).about(), About::Project, "{number}");
        }
        assert_eq!(Code::from(2541).about(), About::Method);
        for text in ["", "00", "3261 ", "31337", "success"] {
            assert_eq!(Code(text.into()).about(), About::Unknown, "{text}");
        }
    }

    #[test]
    fn unknown_codes_are_kept_and_are_no_success() {
        for text in ["", "00", "0 ", "success", "31337"] {
            let code = Code(text.into());
            assert_eq!(code.as_str(), text);
            assert!(!code.is_success(), "{text}");
        }
        assert_eq!(Code(Box::from("31337")).info(), None);
    }
}
