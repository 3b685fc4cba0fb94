//! Layout of a payout file.

use std::collections::BTreeMap;

/// The delimiter and the columns of a file of payouts and refunds.
///
/// The default is the platform's mass file (sources: mass file, [`ecp_methods::mass_file`]):
///
/// - The name of a column is the path of a field in the Gate request, such as `general.payment_id`,
///   `payment.amount` or `account.number`.
/// - The column `operation_type` holds `payout` or `refund`. Without it, all rows are payouts.
/// - The column `method` holds the payment method: its Dashboard code, its Gate path or its code in
///   this library.
///
/// If your columns have other names, map them to the paths.
///
/// ```
/// use ecp_payouts::{AmountUnit, Layout};
///
/// let layout = Layout::new()
///     .delimiter(b';')
///     .column("Wallet", "account.number")
///     .ignore("Comment")
///     .method("wallet/jeton")
///     .amounts(AmountUnit::Major);
/// # let _ = layout;
/// ```
#[derive(Clone, Debug)]
pub struct Layout {
    /// `None` to find it from the line of names.
    pub(crate) delimiter: Option<u8>,
    /// The path of a field in the Gate request by the name of the column; `None` for a column that
    /// is ignored.
    columns: BTreeMap<String, Option<String>>,
    pub(crate) method: Option<String>,
    pub(crate) amounts: AmountUnit,
    pub(crate) items_in_texts: bool,
}

/// Unit of the amounts in a payout file, minor units by default, as in the platform's own files
/// (sources: mass file).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmountUnit {
    /// Whole minor units, as in Gate requests: 30000 is 300.00 EUR. If the platform counts the
    /// currency in major units for the row's method (`MethodSpec::major_units`), the numbers are
    /// whole major units: 300 is 300.00 HUF.
    #[default]
    Minor,
    /// Major units: 300.00 is 300.00 EUR.
    Major,
}

impl Layout {
    /// Returns the layout of the platform's own files: its columns, and amounts in minor units. The
    /// delimiter (`;`, `,`, a tab or `|`) is found from the line of column names.
    pub fn new() -> Self {
        Self {
            delimiter: None,
            columns: BTreeMap::new(),
            method: None,
            amounts: AmountUnit::Minor,
            items_in_texts: false,
        }
    }

    /// Sets the delimiter, the character between two cells. By default, `;`, `,`, a tab or `|` is
    /// found from the line of column names.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter: Some(delimiter), ..self }
    }

    /// Maps the column with this name to the field of the Gate request at this path, such as
    /// `account.number`. A later call for the same column, also of [`ignore`](Self::ignore),
    /// replaces this one.
    pub fn column(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        self.columns.insert(name.into(), Some(path.into()));
        self
    }

    /// Ignores the column with this name: its values are not sent. Otherwise a column that is
    /// neither mapped nor named by a path of the Gate request is a problem.
    pub fn ignore(mut self, name: impl Into<String>) -> Self {
        self.columns.insert(name.into(), None);
        self
    }

    /// Sets the payment method of rows that name none, by its code (`jeton`) or its path on Gate
    /// (`wallet/jeton`). Without this setting such a row is a problem, and the whole file is
    /// refused.
    pub fn method(self, method: impl Into<String>) -> Self {
        Self { method: Some(method.into()), ..self }
    }

    /// Sets the unit of the amounts in the file. By default they are in minor units: 30000 is
    /// 300.00 EUR.
    pub fn amounts(self, unit: AmountUnit) -> Self {
        Self { amounts: unit, ..self }
    }

    /// Allows texts in the file, such as a description, that hold a `;`, a name and a `:`, such as
    /// `size:M;colour:red`. By default they are refused, because the signed string has the same
    /// form: a callback that repeats such a text can be read in more than one way.
    pub fn allow_items_in_texts(self) -> Self {
        Self { items_in_texts: true, ..self }
    }

    /// Whether a column of that name is mapped or ignored.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// Path of a column by its name, `None` if it is ignored.
    pub(crate) fn path<'l>(&'l self, name: &'l str) -> Option<&'l str> {
        match self.columns.get(name) {
            Some(path) => path.as_deref(),
            None => Some(name),
        }
    }
}

impl Default for Layout {
    fn default() -> Self {
        Self::new()
    }
}
