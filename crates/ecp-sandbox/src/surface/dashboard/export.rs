//! Lists as files: CSV for programs, XLSX for people.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ecp_table::{for_workbook, neutral};
use http::{HeaderName, StatusCode, header};
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::forms::Pairs;
use super::search::Search;
use super::shell::when;
use crate::engine::Engine;
use crate::engine::view::{OperationView, Paging, PaymentView};
use crate::surface::page::missing;

/// A row a payment or operation.
struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

enum Cell {
    Number(i64),
    Text(String),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

pub(super) async fn download(
    State(engine): State<Engine>,
    Path(file): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let filter = Search::new(pairs).filter();
    let (name, ending) = file.split_once('.').unwrap_or((&file, ""));
    let table = match name {
        "payments" => Table::of(PAYMENTS, &engine.payments(&filter, Paging::ALL).items),
        "operations" => Table::of(OPERATIONS, &engine.operations(&filter, Paging::ALL).items),
        _ => return missing(),
    };
    let (media_type, bytes) = match ending {
        "csv" => ("text/csv; charset=utf-8", table.csv().ok()),
        "xlsx" => (XLSX, table.xlsx().ok()),
        _ => return missing(),
    };
    let Some(bytes) = bytes else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let headers: [(HeaderName, String); 3] = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.{ending}\"")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
    ];
    (headers, bytes).into_response()
}

/// A column: its name, and its cell of a row.
type Column<T> = (&'static str, fn(&T) -> Cell);

const PAYMENTS: &[Column<PaymentView>] = &[
    ("project_id", |payment| payment.project_id.to_string().into()),
    ("payment_id", |payment| payment.payment_id.as_str().into()),
    ("method", |payment| payment.method.code().into()),
    ("type", |payment| payment.kind.as_str().into()),
    ("status", |payment| payment.status.as_str().into()),
    ("code", |payment| payment.code.as_str().into()),
    ("message", |payment| payment.message.into()),
    ("amount_minor", |payment| Cell::Number(payment.amount.minor())),
    ("amount", |payment| payment.amount.decimal().into()),
    ("currency", |payment| payment.amount.currency().code().into()),
    ("left", |payment| payment.left.decimal().into()),
    ("description", |payment| payment.description.as_str().into()),
    ("customer_id", |payment| payment.customer_id.clone().unwrap_or_default().into()),
    ("account_number", |payment| payment.account_number.clone().unwrap_or_default().into()),
    ("created", |payment| when(payment.created).into()),
    ("changed", |payment| when(payment.changed).into()),
    ("ended", |payment| payment.ended.map(when).unwrap_or_default().into()),
];

const OPERATIONS: &[Column<OperationView>] = &[
    ("project_id", |operation| operation.project_id.to_string().into()),
    ("payment_id", |operation| operation.payment_id.as_str().into()),
    ("operation_id", |operation| operation.id.to_string().into()),
    ("method", |operation| operation.method.code().into()),
    ("type", |operation| operation.kind.into()),
    ("status", |operation| operation.status.as_str().into()),
    ("code", |operation| operation.code.as_str().into()),
    ("message", |operation| operation.message.into()),
    ("amount_minor", |operation| Cell::Number(operation.sum.minor())),
    ("amount", |operation| operation.sum.decimal().into()),
    ("currency", |operation| operation.sum.currency().code().into()),
    ("request_id", |operation| operation.request_id.as_str().into()),
    ("provider_payment_id", |operation| operation.provider_payment_id.as_str().into()),
    ("merchant_refund_id", |operation| {
        operation.merchant_refund_id.clone().unwrap_or_default().into()
    }),
    ("created", |operation| when(operation.created).into()),
    ("changed", |operation| when(operation.changed).into()),
];

impl Table {
    fn of<T>(columns: &[Column<T>], items: &[T]) -> Self {
        let row = |item: &T| columns.iter().map(|(_, cell)| cell(item)).collect();
        Self {
            header: columns.iter().map(|&(name, _)| name).collect(),
            rows: items.iter().map(row).collect(),
        }
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| match cell {
                Cell::Number(number) => number.to_string(),
                Cell::Text(text) => neutral(text).into_owned(),
            }))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// Text is written as text, so nothing of it is a formula here.
    fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let bold = Format::new().set_bold();
        let sheet = workbook.add_worksheet();
        for (column, name) in (0..).zip(&self.header) {
            sheet.write_string_with_format(0, column, *name, &bold)?;
        }
        for (place, row) in (1..).zip(&self.rows) {
            for (column, cell) in (0..).zip(row) {
                match cell {
                    #[expect(clippy::cast_precision_loss, reason = "spreadsheets count in doubles")]
                    Cell::Number(number) => sheet.write_number(place, column, *number as f64)?,
                    Cell::Text(text) => sheet.write_string(place, column, for_workbook(text).0)?,
                };
            }
        }
        sheet.set_freeze_panes(1, 0)?;
        workbook.save_to_buffer()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_holds_what_the_table_holds() {
        let table = Table {
            header: vec!["id", "amount"],
            rows: vec![
                vec!["a,\"b\"\nc".into(), Cell::Number(-5)],
                vec!["=1".into(), "-0.35".into()],
            ],
        };
        let csv = table.csv().unwrap();
        assert_eq!(
            String::from_utf8(csv).unwrap(),
            "id,amount\n\"a,\"\"b\"\"\nc\",-5\n'=1,-0.35\n"
        );
        assert!(table.xlsx().unwrap().starts_with(b"PK"));
        let long = Table { header: vec!["text"], rows: vec![vec!["x".repeat(40_000).into()]] };
        assert!(long.xlsx().unwrap().starts_with(b"PK"));
    }
}
