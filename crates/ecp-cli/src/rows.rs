//! Operations of the Data API as a table.

use std::collections::BTreeSet;

use ecp_reports::{Cell, Table, Warning};
use ecp_transport::DataOperation;

/// Returns a table of the operations. Its columns are the paths of all members, in the order in
/// which they first occur. All cells are text, so that no long number loses digits; only amounts
/// are numbers.
pub(crate) fn table(operations: &[DataOperation]) -> Table {
    let mut seen = BTreeSet::new();
    let paths = operations.iter().flat_map(DataOperation::iter).map(|(path, _)| path);
    let columns: Vec<&str> = paths.filter(|path| seen.insert(*path)).collect();
    let amounts: Vec<bool> = columns.iter().map(|path| is_amounts(operations, path)).collect();
    let mut table = Table::new(columns.iter().copied()).title("Operations");
    for operation in operations {
        table.push(columns.iter().zip(&amounts).map(|(path, is_amount)| {
            let value = operation.get(path).unwrap_or_default().to_owned();
            if *is_amount { Cell::Decimal(value) } else { Cell::Text(value) }
        }));
    }
    table
}

/// Whether a column holds nothing but amounts.
fn is_amounts(operations: &[DataOperation], path: &str) -> bool {
    let mut values = operations.iter().filter_map(|operation| operation.get(path));
    path.rsplit('.').next() == Some("amount") && values.all(Cell::is_decimal)
}

/// Describes a cell or column that the written file does not hold unchanged.
pub(crate) fn describe(warning: &Warning, table: &Table) -> String {
    let Warning { row, column, problem, .. } = warning;
    let Some(row) = *row else { return format!("column `{column}`: {problem}") };
    let ids = table.columns().iter().position(|name| name == "operation_id");
    let id = ids.and_then(|place| table.rows().get(row)?.get(place)).map(Cell::to_text);
    match id.filter(|id| !id.is_empty()) {
        Some(id) => {
            let id: String = id.chars().take(40).collect();
            format!("operation {}, column `{column}`: {problem}", id.escape_debug())
        }
        None => {
            format!("operation number {} of this export, column `{column}`: {problem}", row + 1)
        }
    }
}
