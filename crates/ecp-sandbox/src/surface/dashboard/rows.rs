//! Payments and operations as tables, for exports and reports.

use ecp_reports::{Cell, Table};

use super::shell::when;
use crate::engine::Engine;
use crate::engine::view::{Filter, OperationView, Paging, PaymentView};

/// A list of the Dashboard that can be exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum List {
    Payments,
    Operations,
}

impl List {
    pub(super) const ALL: [Self; 2] = [Self::Payments, Self::Operations];

    /// Returns the name of the list in URLs and forms.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Payments => "payments",
            Self::Operations => "operations",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|list| list.name() == name)
    }

    /// Returns the names of the list's columns, in their order.
    pub(super) fn columns(self) -> Vec<&'static str> {
        match self {
            Self::Payments => PAYMENTS.iter().map(|(name, _)| *name).collect(),
            Self::Operations => OPERATIONS.iter().map(|(name, _)| *name).collect(),
        }
    }

    /// Returns a table of all rows that the filter selects.
    pub(super) fn table(self, engine: &Engine, filter: &Filter) -> Table {
        match self {
            Self::Payments => {
                table(PAYMENTS, &engine.payments(filter, Paging::ALL).items).title("Payments")
            }
            Self::Operations => {
                table(OPERATIONS, &engine.operations(filter, Paging::ALL).items).title("Operations")
            }
        }
    }
}

/// A column: its name, and its cell of a row.
type Column<T> = (&'static str, fn(&T) -> Cell);

const PAYMENTS: &[Column<PaymentView>] = &[
    ("project_id", |payment| Cell::text(payment.project_id.to_string())),
    ("payment_id", |payment| Cell::text(payment.payment_id.as_str())),
    ("method", |payment| Cell::text(payment.method.code())),
    ("type", |payment| Cell::text(payment.kind.name())),
    ("status", |payment| Cell::text(payment.status.as_str())),
    ("code", |payment| Cell::text(payment.code.as_str())),
    ("message", |payment| Cell::text(payment.message)),
    ("amount_minor", |payment| Cell::Number(payment.amount.minor())),
    ("amount", |payment| Cell::Decimal(payment.amount.decimal())),
    ("currency", |payment| Cell::text(payment.amount.currency().code())),
    ("left", |payment| Cell::Decimal(payment.left.decimal())),
    ("description", |payment| Cell::text(payment.description.as_str())),
    ("customer_id", |payment| Cell::text(payment.customer_id.clone().unwrap_or_default())),
    ("account_number", |payment| Cell::text(payment.account_number.clone().unwrap_or_default())),
    ("created", |payment| Cell::text(when(payment.created))),
    ("changed", |payment| Cell::text(when(payment.changed))),
    ("ended", |payment| Cell::text(payment.ended.map(when).unwrap_or_default())),
];

const OPERATIONS: &[Column<OperationView>] = &[
    ("project_id", |operation| Cell::text(operation.project_id.to_string())),
    ("payment_id", |operation| Cell::text(operation.payment_id.as_str())),
    ("operation_id", |operation| Cell::text(operation.id.to_string())),
    ("method", |operation| Cell::text(operation.method.code())),
    ("type", |operation| Cell::text(operation.kind)),
    ("status", |operation| Cell::text(operation.status.as_str())),
    ("code", |operation| Cell::text(operation.code.as_str())),
    ("message", |operation| Cell::text(operation.message)),
    ("amount_minor", |operation| Cell::Number(operation.sum.minor())),
    ("amount", |operation| Cell::Decimal(operation.sum.decimal())),
    ("currency", |operation| Cell::text(operation.sum.currency().code())),
    ("request_id", |operation| Cell::text(operation.request_id.as_str())),
    ("provider_payment_id", |operation| Cell::text(operation.provider_payment_id.as_str())),
    ("merchant_refund_id", |operation| {
        Cell::text(operation.merchant_refund_id.clone().unwrap_or_default())
    }),
    ("created", |operation| Cell::text(when(operation.created))),
    ("changed", |operation| Cell::text(when(operation.changed))),
];

fn table<T>(columns: &[Column<T>], items: &[T]) -> Table {
    let mut table = Table::new(columns.iter().map(|(name, _)| *name));
    for item in items {
        table.push(columns.iter().map(|(_, cell)| cell(item)));
    }
    table
}
