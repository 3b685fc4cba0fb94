//! Operations in the Data API's answers.

use ecp_core::{Money, Timestamp};
use ecp_methods::MethodSpec;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::Value;

use super::request::DATE;
use crate::engine::view::OperationView;

/// The names of all members of an operation, in the order of the answer.
pub(super) const FIELDS: [&str; 15] = [
    "project_id",
    "payment_id",
    "operation_id",
    "operation_type",
    "operation_status",
    "operation_code",
    "operation_message",
    "operation_created_at",
    "operation_completed_at",
    "payment_method_name",
    "payment_method_type",
    "sum_initial",
    "sum_converted",
    "provider_payment_id",
    "merchant_refund_id",
];

#[derive(Serialize)]
pub(super) struct Row<'o> {
    project_id: u64,
    payment_id: &'o str,
    operation_id: u64,
    operation_type: &'static str,
    operation_status: &'o str,
    operation_code: &'o str,
    operation_message: &'static str,
    operation_created_at: String,
    /// Time at which the operation ended, such as `2026-11-22 10:00:00`, in the time zone of the
    /// query; `null` while it has not ended.
    operation_completed_at: Option<String>,
    payment_method_name: &'static str,
    payment_method_type: &'static str,
    sum_initial: Sum,
    sum_converted: Sum,
    provider_payment_id: &'o str,
    merchant_refund_id: Option<&'o str>,
}

#[derive(Serialize)]
struct Sum {
    amount: i64,
    currency: &'static str,
}

impl<'o> Row<'o> {
    pub(super) fn of(operation: &'o OperationView, zone: &TimeZone) -> Self {
        let date = |moment| date(moment, zone);
        let spec = operation.method;
        // The first part of the method's Gate path names its kind.
        let group = spec.gate_path().and_then(|path| path.split('/').next());
        Self {
            project_id: operation.project_id.get(),
            payment_id: operation.payment_id.as_str(),
            operation_id: operation.id,
            operation_type: operation.kind,
            operation_status: &operation.status,
            operation_code: operation.code.as_str(),
            operation_message: operation.message,
            operation_created_at: date(operation.created),
            operation_completed_at: operation.is_final.then(|| date(operation.changed)),
            payment_method_name: spec.title(),
            payment_method_type: group.unwrap_or(spec.code()),
            sum_initial: Sum::of(spec, operation.sum),
            sum_converted: Sum::of(spec, operation.sum),
            provider_payment_id: &operation.provider_payment_id,
            merchant_refund_id: operation.merchant_refund_id.as_deref(),
        }
    }

    /// Returns the operation as JSON with only the members `fields`; `None` for all members.
    pub(super) fn json(&self, fields: Option<&[String]>) -> Value {
        let Ok(mut row) = serde_json::to_value(self) else {
            unreachable!("maps with text keys always serialise")
        };
        if let (Some(fields), Some(members)) = (fields, row.as_object_mut()) {
            members.retain(|name, _| fields.contains(name));
        }
        row
    }
}

impl Sum {
    fn of(spec: &MethodSpec, money: Money) -> Self {
        Self {
            amount: spec.sent_amount(money).unwrap_or_default(),
            currency: money.currency().code(),
        }
    }
}

fn date(moment: Timestamp, zone: &TimeZone) -> String {
    let moment = jiff::Timestamp::from_second(moment.unix_seconds()).unwrap_or_default();
    moment.to_zoned(zone.clone()).strftime(DATE).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_reported_in_the_requested_zone() {
        let moment = "2020-01-30T05:53:59+0000".parse().unwrap();
        let zone = TimeZone::fixed(jiff::tz::offset(8));
        assert_eq!(date(moment, &zone), "2020-01-30 13:53:59");
        assert_eq!(date(moment, &TimeZone::UTC), "2020-01-30 05:53:59");
    }
}
