//! How a file is laid out.

use std::collections::BTreeMap;

/// The delimiter and the columns of a file.
///
/// The columns have the names of the Gate request's paths (`general.payment_id`, `payment.amount`,
/// `account.number`), and one more, `method`, has the method's code or Gate path. The layout of the
/// platform's own mass payout files is not public (sources: mass payouts); where yours has other
/// names, map them.
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
    /// None for the one of the line of names.
    pub(crate) delimiter: Option<u8>,
    /// Path by name; none for a column that is passed over.
    columns: BTreeMap<String, Option<String>>,
    pub(crate) method: Option<String>,
    pub(crate) amounts: AmountUnit,
    pub(crate) items_in_texts: bool,
}

/// Unit of amounts. The unit in the platform's own files is not documented (sources:
/// mass payouts).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AmountUnit {
    /// Whole minor units, as in Gate requests: 30000 is 300.00 EUR.
    #[default]
    Minor,
    /// Major units: 300.00 is 300.00 EUR.
    Major,
}

impl Layout {
    /// The delimiter of the line of names (`,`, `;`, a tab or `|`), Gate's paths, and minor units.
    pub fn new() -> Self {
        Self {
            delimiter: None,
            columns: BTreeMap::new(),
            method: None,
            amounts: AmountUnit::Minor,
            items_in_texts: false,
        }
    }

    /// This delimiter, whatever the line of names looks like.
    pub fn delimiter(self, delimiter: u8) -> Self {
        Self { delimiter: Some(delimiter), ..self }
    }

    /// The column of that name holds the field at that path.
    pub fn column(mut self, name: impl Into<String>, path: impl Into<String>) -> Self {
        self.columns.insert(name.into(), Some(path.into()));
        self
    }

    /// The column of that name is passed over.
    pub fn ignore(mut self, name: impl Into<String>) -> Self {
        self.columns.insert(name.into(), None);
        self
    }

    /// The method of the rows that name none.
    pub fn method(self, method: impl Into<String>) -> Self {
        Self { method: Some(method.into()), ..self }
    }

    /// Unit of amounts.
    pub fn amounts(self, unit: AmountUnit) -> Self {
        Self { amounts: unit, ..self }
    }

    /// Lets texts hold a `;`, a name and a `:`, which is refused otherwise: see
    /// [`PayoutRequest::allow_items_in_texts`](ecp_methods::request::PayoutRequest::allow_items_in_texts).
    pub fn allow_items_in_texts(self) -> Self {
        Self { items_in_texts: true, ..self }
    }

    /// Whether a column of that name is mapped or passed over.
    pub(crate) fn is_named(&self, name: &str) -> bool {
        self.columns.contains_key(name)
    }

    /// What the column of that name holds: a path, or nothing that counts.
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
