//! The platform's file of mass payments: its columns, and files to begin with.
//!
//! CSV in UTF-8 without a byte order mark, with `;` between the cells. The first line names the
//! columns, in any order; amounts are whole minor units (sources: mass file).

use ecp_core::ProjectId;

use crate::flow::FlowKind;
use crate::request::Field;
use crate::spec::{MethodSpec, Rule};

/// The character between two cells in the platform's mass payment files.
pub const DELIMITER: u8 = b';';

/// The greatest amount in a row of a mass file, in minor units. The least amount is 1.
pub const MAX_AMOUNT: i64 = 10_000_000_000_000;

/// The name of the column for the type of operation: `payout`, `refund`, `capture` or `cancel`.
pub const OPERATION_TYPE: &str = "operation_type";

/// The name of the column for the payment method, which holds its [Dashboard
/// code](MethodSpec::dashboard_code).
pub const METHOD: &str = "method";

/// The name of the column for an operation's id. It identifies the payment by one of its
/// operations, instead of by the payment's own id.
pub const OPERATION_ID: &str = "general.operation_id";

/// The names of all columns that the platform accepts in a mass file. A name with a dot is a path
/// in the Gate request.
pub const COLUMNS: &[&str] = &[
    OPERATION_TYPE,
    "general.project_id",
    METHOD,
    "general.payment_id",
    OPERATION_ID,
    "payment.amount",
    "payment.currency",
    "payment.description",
    "account.number",
    "account.bank_id",
    "account.customer_name",
    "account.branch",
    "account.city",
    "account.region_id",
    "card.pan",
    "card.year",
    "card.month",
    "card.card_holder",
    "token",
    "customer.id",
    "customer.country",
    "customer.city",
    "customer.state",
    "customer.zip",
    "customer.street",
    "customer.first_name",
    "customer.last_name",
    "customer.day_of_birth",
    "customer.phone",
    "customer.email",
    "customer.ip_address",
];

/// Returns the flow for a value of the column `operation_type`. The error is the problem with the
/// value; `capture` and `cancel` are for card payments, which this library does not support.
///
/// ```
/// use ecp_methods::{FlowKind, mass_file};
///
/// assert_eq!(mass_file::flow("refund"), Ok(FlowKind::Refund));
/// assert!(mass_file::flow("capture").unwrap_err().starts_with("is `capture`"));
/// assert_eq!(mass_file::flow("Payout").unwrap_err(), "must be `payout` or `refund`");
/// ```
pub fn flow(operation_type: &str) -> Result<FlowKind, &'static str> {
    match operation_type {
        "payout" => Ok(FlowKind::Payout),
        "refund" => Ok(FlowKind::Refund),
        "capture" => Err("is `capture`, which only cards have; use `payout` or `refund`"),
        "cancel" => Err("is `cancel`, which only cards have; use `payout` or `refund`"),
        _ => Err("must be `payout` or `refund`"),
    }
}

/// Returns the problem with the text of an amount in a mass file, `None` if there is none. Amounts
/// in the file are whole minor units. The currency is used only to suggest a corrected amount.
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::mass_file::amount_problem;
///
/// assert_eq!(amount_problem("1905", Some(Currency::EUR)), None);
/// assert_eq!(
///     amount_problem("19.05", Some(Currency::EUR)).unwrap(),
///     "has a decimal point, and amounts are whole minor units: write 1905 for 19.05 EUR"
/// );
/// ```
pub fn amount_problem(amount: &str, currency: Option<ecp_core::Currency>) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let digits = amount.strip_prefix('-').unwrap_or(amount);
    let has_point = digits
        .split_once('.')
        .is_some_and(|(whole, fraction)| is_number(whole) && is_number(fraction));
    if has_point {
        let money =
            currency.and_then(|currency| ecp_core::Money::from_decimal(amount, currency).ok());
        let what = "has a decimal point, and amounts are whole minor units";
        return Some(match money {
            Some(money) => format!("{what}: write {} for {money}", money.minor()),
            None => format!("{what}: 1905 for 19.05 EUR, 1905 for 1905 JPY"),
        });
    }
    match amount.parse::<i64>() {
        Err(_) => Some("is not a whole number of minor units: write 1905 for 19.05 EUR".to_owned()),
        Ok(minor) if minor > MAX_AMOUNT => {
            Some(format!("is above {MAX_AMOUNT}, the greatest amount of the platform's files"))
        }
        Ok(_) => None,
    }
}

/// Makes an example of a mass file, as a list of records; the first record has the column names. A
/// method and a flow in `rows` become a record with example values in all required fields, unless
/// the flow is a sale or the method does not have the flow. The payment ids are examples; in a
/// record of a refund, replace the example by the id of the payment to refund.
pub fn template<'s>(
    project: ProjectId,
    rows: impl IntoIterator<Item = (&'s MethodSpec, FlowKind)>,
) -> Vec<Vec<String>> {
    const USUAL: [&str; 6] = [
        OPERATION_TYPE,
        "general.project_id",
        METHOD,
        "general.payment_id",
        "payment.amount",
        "payment.currency",
    ];
    let rule = |(spec, flow): (&'s MethodSpec, FlowKind)| {
        let is_possible = matches!(flow, FlowKind::Payout | FlowKind::Refund);
        spec.rule(flow).filter(|_| is_possible).map(|rule| (spec, flow, rule))
    };
    let rows: Vec<(&MethodSpec, FlowKind, &Rule)> = rows.into_iter().filter_map(rule).collect();
    let mut fields: Vec<Field> = Vec::new();
    for (_, flow, rule) in &rows {
        // Refunds have a description in the platform's files, whatever the method.
        let description = (*flow == FlowKind::Refund).then_some(Field::DESCRIPTION);
        for field in description.into_iter().chain(rule.needed_fields().iter().copied()) {
            if !fields.contains(&field) {
                fields.push(field);
            }
        }
    }
    let names = USUAL.into_iter().chain(fields.iter().map(|field| field.path()));
    let mut records = vec![names.map(str::to_owned).collect::<Vec<_>>()];
    for (number, (spec, flow, rule)) in (1..).zip(rows) {
        let sum = spec.currencies().first().filter(|_| flow == FlowKind::Payout);
        let sum = sum.map(|currency| rule.example_amount(*currency));
        let id = match flow {
            FlowKind::Refund => format!("order-{}-{number}", spec.code()),
            _ => format!("payout-{}-{number}", spec.code()),
        };
        let is_needed = |field: &Field| {
            rule.needed_fields().contains(field)
                || (flow == FlowKind::Refund && *field == Field::DESCRIPTION)
        };
        let values = fields.iter().map(|field| if is_needed(field) { field.example() } else { "" });
        let usual = [
            flow.as_str().to_owned(),
            project.to_string(),
            spec.dashboard_code().unwrap_or(spec.code()).to_owned(),
            id,
            sum.map(|sum| sum.minor().to_string()).unwrap_or_default(),
            sum.map(|sum| sum.currency().code().to_owned()).unwrap_or_default(),
        ];
        records.push(usual.into_iter().chain(values.map(str::to_owned)).collect());
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Jeton, PaymentMethod, TouchNGo, WalletPartner};

    #[test]
    fn a_template_has_what_each_row_needs_and_nothing_else() {
        let project = ProjectId::new(7).unwrap();
        let lines = |rows: &[(&MethodSpec, FlowKind)]| {
            let records = template(project, rows.iter().copied());
            records.into_iter().map(|record| record.join(";")).collect::<Vec<_>>()
        };
        let head = "operation_type;general.project_id;method;general.payment_id;payment.amount;\
                    payment.currency";
        let rows: [(&MethodSpec, FlowKind); 3] = [
            (&Jeton::SPEC, FlowKind::Payout),
            (&TouchNGo::SPEC, FlowKind::Payout),
            (&WalletPartner::SPEC, FlowKind::Refund),
        ];
        assert_eq!(
            lines(&rows),
            [
                format!(
                    "{head};customer.ip_address;account.number;customer.id;payment.description"
                ),
                "payout;7;jeton-wallet;payout-jeton-1;10000;EUR;192.0.2.1;93017949;;".to_owned(),
                "payout;7;wallet/touchngo;payout-touchngo-2;10000;MYR;192.0.2.1;93017949;\
                 customer-1;"
                    .to_owned(),
                "refund;7;wallet-partner;order-wallet-partner-3;;;;;;An example".to_owned(),
            ]
        );
        // Neither a sale nor a flow that the method does not have.
        let none: [(&MethodSpec, FlowKind); 2] =
            [(&Jeton::SPEC, FlowKind::Sale), (&Jeton::SPEC, FlowKind::Refund)];
        assert_eq!(lines(&none), [head]);
    }

    #[test]
    fn the_columns_of_known_fields_are_their_paths() {
        let own = [OPERATION_TYPE, METHOD, "token"];
        for column in COLUMNS {
            assert!(own.contains(column) || column.contains('.'), "{column}");
        }
        for field in [Field::ACCOUNT_NUMBER, Field::CUSTOMER_ID, Field::DESCRIPTION] {
            assert!(COLUMNS.contains(&field.path()), "{field}");
        }
    }
}
