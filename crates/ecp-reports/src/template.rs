//! Templates of reports.

use std::collections::BTreeMap;

use crate::table::{Cell, Table};

/// Template of a report: it selects the columns and rows of a table that the report has.
/// [`apply`](Self::apply) makes the selection.
///
/// ```
/// use ecp_reports::{Cell, Table, Template};
///
/// let mut table = Table::new(["id", "status"]);
/// table.push([Cell::text("P-1"), Cell::text("success")]);
/// let found = Template::new().columns(["id", "arn"]).only("status", "success").apply(&table);
/// assert_eq!(found.table.columns(), ["id", "arn"]);
/// assert_eq!(found.missing, ["arn"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    columns: Vec<String>,
    only: BTreeMap<String, Vec<String>>,
}

/// The part of a table that a [`Template`] selects.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Selection {
    /// The selected columns and rows.
    pub table: Table,
    /// Names in the template that no column of the table has. Such a column is empty, and a filter
    /// by such a column leaves no row.
    pub missing: Vec<String>,
}

impl Template {
    /// Makes a template that selects all columns and all rows.
    pub fn new() -> Self {
        Self::default()
    }

    /// Selects these columns of a table, in this order, instead of those of an earlier call. An
    /// empty list of names selects all columns.
    pub fn columns<C: Into<String>>(self, names: impl IntoIterator<Item = C>) -> Self {
        Self { columns: names.into_iter().map(Into::into).collect(), ..self }
    }

    /// Selects only rows with this value in this column. The value must be exactly the cell's text
    /// ([`Cell::to_text`]): upper and lower case differ. Several values of one column are
    /// alternatives; if several columns have values, a row must match in each column.
    pub fn only(mut self, column: impl Into<String>, value: impl Into<String>) -> Self {
        self.only.entry(column.into()).or_default().push(value.into());
        self
    }

    /// The filters of rows: the name of each filtered column, and the values that it may have in a
    /// selected row.
    pub fn filters(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.only.iter().map(|(column, values)| (column.as_str(), values.as_slice()))
    }

    /// The names of the selected columns; empty if all columns are selected.
    pub fn column_names(&self) -> &[String] {
        &self.columns
    }

    /// The rows of a table that pass the template's filters, in the table's order and with the
    /// template's columns. A column that the table does not have is empty, and a filter by such a
    /// column passes no row; both are named in [`Selection::missing`].
    pub fn apply(&self, table: &Table) -> Selection {
        let place = |name: &str| table.columns().iter().position(|column| column == name);
        let names = if self.columns.is_empty() { table.columns() } else { &self.columns };
        let places: Vec<Option<usize>> = names.iter().map(|name| place(name)).collect();
        let filters: Vec<(Option<usize>, &[String])> =
            self.filters().map(|(column, values)| (place(column), values)).collect();
        let is_wanted = |row: &[Cell]| {
            filters.iter().all(|(place, values)| {
                let value = place.and_then(|place| row.get(place)).map(Cell::to_text);
                value.is_some_and(|value| values.contains(&value))
            })
        };
        let mut selected = Table::new(names.iter().map(String::as_str)).title(table.sheet());
        for row in table.rows().iter().filter(|row| is_wanted(row)) {
            let cell = |place: &Option<usize>| place.and_then(|place| row.get(place)).cloned();
            selected.push(places.iter().map(|p| cell(p).unwrap_or(Cell::Text(String::new()))));
        }
        let mut missing: Vec<String> = Vec::new();
        let wanted = names.iter().map(String::as_str).chain(self.filters().map(|(name, _)| name));
        for name in wanted.filter(|name| place(name).is_none()) {
            if !missing.iter().any(|known| known == name) {
                missing.push(name.to_owned());
            }
        }
        Selection { table: selected, missing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payments() -> Table {
        let mut table = Table::new(["id", "status", "amount", "type"]);
        for (id, status, amount, kind) in [
            ("P-1", "success", 100, "sale"),
            ("P-2", "decline", 200, "sale"),
            ("P-3", "decline", 300, "payout"),
            ("P-4", "error", 300, "payout"),
        ] {
            let cells = [Cell::text(id), Cell::text(status), Cell::Number(amount)];
            table.push(cells.into_iter().chain([Cell::text(kind)]));
        }
        table
    }

    fn ids(template: &Template) -> Vec<String> {
        let found = template.apply(&payments()).table;
        found.rows().iter().map(|row| row[0].to_text()).collect()
    }

    #[test]
    fn columns_come_in_the_templates_order_and_rows_in_the_tables() {
        let found = Template::new().columns(["amount", "id"]).apply(&payments());
        assert_eq!(found.table.columns(), ["amount", "id"]);
        assert!(found.table.rows()[0] == [Cell::Number(100), Cell::text("P-1")]);
        assert_eq!(found.table.rows().len(), 4);
        assert!(found.missing.is_empty());
    }

    #[test]
    fn any_value_of_a_column_and_every_column_must_fit() {
        let template = Template::new().only("status", "decline").only("status", "error");
        assert_eq!(ids(&template), ["P-2", "P-3", "P-4"]);
        let template = template.only("amount", "300").only("type", "payout");
        assert_eq!(ids(&template), ["P-3", "P-4"]);
        assert_eq!(ids(&template.only("status", "success")), ["P-3", "P-4"]);
    }

    #[test]
    fn a_name_that_no_column_has_is_reported() {
        let template = Template::new().columns(["id", "arn"]).only("stats", "decline");
        let found = template.only("arn", "1").apply(&payments());
        assert_eq!(found.missing, ["arn", "stats"]);
        assert!(found.table.rows().is_empty());
        let found = Template::new().columns(["id", "arn"]).apply(&payments());
        assert!(found.table.rows()[0] == [Cell::text("P-1"), Cell::text("")]);
    }
}
