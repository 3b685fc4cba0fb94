//! Problems of a file.

use std::fmt;

/// All problems of a file of payouts and refunds, in the order of their lines. Nothing of such a
/// file is sent: show the problems, and read the corrected file again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

/// Problem of a file of payouts and refunds: of one row, or of the columns. It prints as a line
/// such as ``line 3, `customer.ip_address`: is required``.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The line in the file, from 1. The first non-empty line has the names of the columns.
    pub line: u64,
    /// The path of the field in the Gate request, such as `payment.amount`, or the name of the
    /// column; `None` if the problem is about the whole line.
    pub field: Option<String>,
    /// Description of the problem. It quotes a value only if that is not personal data.
    pub text: String,
}

impl Problems {
    /// All problems of the file, in the order of their lines.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Problem> {
        self.0.iter()
    }

    pub(crate) fn all(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    pub(crate) fn one(line: u64, field: Option<&str>, text: impl fmt::Display) -> Self {
        let field = field.map(str::to_owned);
        Self(vec![Problem { line, field, text: text.to_string() }])
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, problem) in self.0.iter().enumerate() {
            let line_break = if place > 0 { "\n" } else { "" };
            write!(f, "{line_break}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.field {
            Some(field) => write!(f, "line {}, `{field}`: {}", self.line, self.text),
            None => write!(f, "line {}: {}", self.line, self.text),
        }
    }
}

impl From<ecp_table::Problem> for Problem {
    fn from(problem: ecp_table::Problem) -> Self {
        let ecp_table::Problem { line, column, text, .. } = problem;
        Self { line, field: column, text }
    }
}
