//! Lists as files: CSV for programs, XLSX for people.

use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use ecp_core::Money;
use http::{HeaderName, StatusCode, header};
use rust_xlsxwriter::{Format, Workbook, XlsxError};

use super::search::Search;
use super::{Pairs, when};
use crate::platform::Sandbox;
use crate::view::{OperationView, Paging, PaymentView};
use crate::web::missing;

/// A row a payment or operation.
struct Table {
    header: &'static [&'static str],
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
    State(sandbox): State<Sandbox>,
    Path(file): Path<String>,
    Query(pairs): Query<Pairs>,
) -> Response {
    const XLSX: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
    let filter = Search::new(pairs).filter();
    let (name, ending) = file.split_once('.').unwrap_or((&file, ""));
    let table = match name {
        "payments" => Table::of_payments(&sandbox.payments(&filter, Paging::ALL).items),
        "operations" => Table::of_operations(&sandbox.operations(&filter, Paging::ALL).items),
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

impl Table {
    fn of_payments(payments: &[PaymentView]) -> Self {
        let row = |payment: &PaymentView| {
            let ended = payment.ended.map(when).unwrap_or_default();
            let mut cells = vec![
                payment.project_id.to_string().into(),
                payment.payment_id.as_str().into(),
                payment.method.code().into(),
                payment.kind.as_str().into(),
                payment.status.as_str().into(),
                payment.code.as_str().into(),
                payment.message.into(),
            ];
            cells.extend(amount(payment.amount));
            cells.extend([
                payment.left.decimal().into(),
                payment.description.as_str().into(),
                payment.customer_id.clone().unwrap_or_default().into(),
                payment.account_number.clone().unwrap_or_default().into(),
                when(payment.created).into(),
                when(payment.changed).into(),
                ended.into(),
            ]);
            cells
        };
        Self {
            header: &[
                "project_id",
                "payment_id",
                "method",
                "type",
                "status",
                "code",
                "message",
                "amount_minor",
                "amount",
                "currency",
                "left",
                "description",
                "customer_id",
                "account_number",
                "created",
                "changed",
                "ended",
            ],
            rows: payments.iter().map(row).collect(),
        }
    }

    fn of_operations(operations: &[OperationView]) -> Self {
        let row = |operation: &OperationView| {
            let mut cells = vec![
                operation.project_id.to_string().into(),
                operation.payment_id.as_str().into(),
                operation.id.to_string().into(),
                operation.method.code().into(),
                operation.kind.into(),
                operation.status.as_str().into(),
                operation.code.as_str().into(),
                operation.message.into(),
            ];
            cells.extend(amount(operation.sum));
            cells.extend([
                operation.request_id.as_str().into(),
                operation.provider_payment_id.as_str().into(),
                operation.merchant_refund_id.clone().unwrap_or_default().into(),
                when(operation.created).into(),
                when(operation.changed).into(),
            ]);
            cells
        };
        Self {
            header: &[
                "project_id",
                "payment_id",
                "operation_id",
                "method",
                "type",
                "status",
                "code",
                "message",
                "amount_minor",
                "amount",
                "currency",
                "request_id",
                "provider_payment_id",
                "merchant_refund_id",
                "created",
                "changed",
            ],
            rows: operations.iter().map(row).collect(),
        }
    }

    fn csv(&self) -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(self.header)?;
        for row in &self.rows {
            writer.write_record(row.iter().map(|cell| match cell {
                Cell::Number(number) => number.to_string(),
                Cell::Text(text) => harmless(text),
            }))?;
        }
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// Text is written as text, so nothing of it is a formula here.
    fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut workbook = Workbook::new();
        let bold = Format::new().set_bold();
        let sheet = workbook.add_worksheet();
        for (column, name) in (0..).zip(self.header) {
            sheet.write_string_with_format(0, column, *name, &bold)?;
        }
        for (place, row) in (1..).zip(&self.rows) {
            for (column, cell) in (0..).zip(row) {
                match cell {
                    #[expect(clippy::cast_precision_loss, reason = "spreadsheets count in doubles")]
                    Cell::Number(number) => sheet.write_number(place, column, *number as f64)?,
                    Cell::Text(text) => sheet.write_string(place, column, text)?,
                };
            }
        }
        sheet.set_freeze_panes(1, 0)?;
        workbook.save_to_buffer()
    }
}

fn amount(money: Money) -> [Cell; 3] {
    [Cell::Number(money.minor()), money.decimal().into(), money.currency().code().into()]
}

/// Spreadsheets take text that begins with these for a formula, whatever quotes are around it.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_become_text_and_everything_else_stays() {
        let table = [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("\r=1", "'\r=1"),
            ("X-1=2", "X-1=2"),
            ("", ""),
        ];
        for (text, expected) in table {
            assert_eq!(harmless(text), expected);
        }
    }

    #[test]
    fn a_file_holds_what_the_table_holds() {
        let table = Table {
            header: &["id", "amount"],
            rows: vec![vec!["a,\"b\"\nc".into(), Cell::Number(-5)], vec!["=1".into(), "x".into()]],
        };
        let csv = table.csv().unwrap();
        assert_eq!(String::from_utf8(csv).unwrap(), "id,amount\n\"a,\"\"b\"\"\nc\",-5\n'=1,x\n");
        assert!(table.xlsx().unwrap().starts_with(b"PK"));
    }
}
