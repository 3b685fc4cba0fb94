//! Formats of a report's file.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Format of a report's file.
///
/// ```
/// use ecp_reports::Format;
///
/// assert_eq!(Format::of_name("January.XLSX")?, Format::Xlsx);
/// let error = Format::of_name("january.xls").unwrap_err().to_string();
/// assert!(error.starts_with("cannot write XLS files: no maintained library"), "{error}");
/// # Ok::<(), ecp_reports::UnwritableFormat>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Format {
    /// Comma-separated values in UTF-8.
    #[default]
    Csv,
    /// A workbook of Excel 2007 and later.
    Xlsx,
}

/// A file format in which a report cannot be written, such as XLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnwritableFormat {
    /// XLS, the format of Excel before 2007.
    #[error(
        "cannot write XLS files: no maintained library writes them. XLSX opens in the same programs: \
         use xlsx"
    )]
    Xls,
    /// A format that is neither CSV nor XLSX, by its name or file ending, such as `pdf`.
    #[error("cannot write `{0}` files: use csv or xlsx")]
    Other(String),
    /// A file name without an ending, which does not say in which format to write. End it in `.csv`
    /// or `.xlsx`.
    #[error("the file name has no ending: end it in .csv or .xlsx")]
    NoEnding,
}

impl Format {
    /// All formats in which a report can be written.
    pub const ALL: [Self; 2] = [Self::Csv, Self::Xlsx];

    /// The format of a file by the ending of its name, in upper or lower case, such as
    /// `january.csv`. An ending other than `csv` and `xlsx`, or none, is an error.
    pub fn of_name(name: &str) -> Result<Self, UnwritableFormat> {
        match name.rsplit_once('.') {
            Some((_, ending)) if !ending.is_empty() => ending.parse(),
            _ => Err(UnwritableFormat::NoEnding),
        }
    }

    /// The ending of the name of a file in this format, without the point, such as `csv`.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Xlsx => "xlsx",
        }
    }

    /// The media type of the format, such as `text/csv; charset=utf-8`.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }
}

impl FromStr for Format {
    type Err = UnwritableFormat;

    fn from_str(text: &str) -> Result<Self, UnwritableFormat> {
        match text.to_ascii_lowercase().as_str() {
            "csv" => Ok(Self::Csv),
            "xlsx" => Ok(Self::Xlsx),
            "xls" => Err(UnwritableFormat::Xls),
            other => Err(UnwritableFormat::Other(other.to_owned())),
        }
    }
}

impl TryFrom<String> for Format {
    type Error = UnwritableFormat;

    fn try_from(text: String) -> Result<Self, UnwritableFormat> {
        text.parse()
    }
}

impl From<Format> for String {
    fn from(format: Format) -> Self {
        format.ending().to_owned()
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.ending())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_that_cannot_be_written_is_refused_with_the_reason() {
        for (name, reason) in [
            ("january.xls", "cannot write XLS files: no maintained library writes them."),
            ("january.XLS", "cannot write XLS files: no maintained library writes them."),
            ("january.pdf", "cannot write `pdf` files: use csv or xlsx"),
            ("january.xlsx.ods", "cannot write `ods` files: use csv or xlsx"),
            ("january", "the file name has no ending: end it in .csv or .xlsx"),
            ("january.", "the file name has no ending: end it in .csv or .xlsx"),
        ] {
            let error = Format::of_name(name).unwrap_err().to_string();
            assert!(error.starts_with(reason), "{name}: {error}");
        }
        for format in Format::ALL {
            assert_eq!(Format::of_name(&format!("a.b.{format}")), Ok(format));
        }
    }
}
