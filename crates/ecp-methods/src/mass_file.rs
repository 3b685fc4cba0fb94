//! The platform's file of mass payments: its columns, and files to begin with.
//!
//! CSV in UTF-8 without a byte order mark, with `;` between the cells. The first line names the
//! columns, in any order; amounts are whole minor units (sources: mass file).

use ecp_core::{Money, ProjectId};

use crate::flow::Operation;
use crate::request::Field;
use crate::spec::{MethodSpec, Rule};

/// The character between two cells in the platform's mass payment files.
pub const DELIMITER: u8 = b';';

/// The greatest amount in a row of the platform's mass payment files, in minor units;
/// [`amount_problem`] reports a greater one. The least amount is 1.
pub const MAX_AMOUNT: i64 = 10_000_000_000_000;

/// The name of the column of a mass payment file for the type of operation: `payout`, `refund`,
/// `capture` or `cancel`.
pub const OPERATION_TYPE: &str = "operation_type";

/// The name of the column of a mass payment file for the payment method, which holds the method's
/// [Dashboard code](MethodSpec::dashboard_code), such as `jeton-wallet`.
pub const METHOD: &str = "method";

/// The name of the column of a mass payment file for an operation's id. A row can identify its
/// payment by the id of one of the payment's operations, instead of by the payment's own id.
pub const OPERATION_ID: &str = "general.operation_id";

/// The names of all columns that the platform accepts in a mass payment file. A name with a dot is
/// the path of the value in the Gate request.
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

/// The operation that a row of a mass payment file requests: payout or refund, the two that this
/// library supports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKind {
    /// A payment by the merchant to the customer.
    Payout,
    /// A return of a payment's money to the customer, in full or in part.
    Refund,
}

impl RowKind {
    /// The operation that the row requests, such as [`Operation::PAYOUT`].
    pub const fn operation(self) -> Operation {
        match self {
            Self::Payout => Operation::PAYOUT,
            Self::Refund => Operation::REFUND,
        }
    }

    /// The operation's value in the column `operation_type` of a mass payment file: `payout` or
    /// `refund`.
    pub const fn name(self) -> &'static str {
        self.operation().name()
    }
}

impl std::fmt::Display for RowKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// Returns the operation that a row of a mass payment file requests, by the row's value in the
/// column `operation_type`. The error says what is wrong with the value; `capture` and `cancel` are
/// errors too, because they are for card payments, which this library does not support.
///
/// ```
/// use ecp_methods::mass_file::{self, RowKind};
///
/// assert_eq!(mass_file::flow("refund"), Ok(RowKind::Refund));
/// assert!(mass_file::flow("capture").unwrap_err().starts_with("is `capture`"));
/// assert_eq!(mass_file::flow("Payout").unwrap_err(), "must be `payout` or `refund`");
/// ```
pub fn flow(operation_type: &str) -> Result<RowKind, &'static str> {
    match operation_type {
        "payout" => Ok(RowKind::Payout),
        "refund" => Ok(RowKind::Refund),
        "capture" => Err("is `capture`, which only cards have; use `payout` or `refund`"),
        "cancel" => Err("is `cancel`, which only cards have; use `payout` or `refund`"),
        _ => Err("must be `payout` or `refund`"),
    }
}

/// Returns the problem with the text of an amount in a mass payment file, as the part of a sentence
/// after the column's name; `None` if there is no problem. Amounts in the file are whole minor
/// units, such as `1905` for 19.05 EUR. `currency` is used only to suggest a corrected amount. Zero
/// and negative amounts are no problem here; [`prepare`](crate::prepare) refuses them later.
///
/// This function does not know the method. Where the method counts the currency in major units
/// ([`MethodSpec::major_units`]), refuse a decimal point yourself before the call: the suggestion
/// would be too large.
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

/// Makes an example of a mass payment file, as a list of records: write each as a line with `;`
/// between its cells ([`DELIMITER`]). The first record has the column names. Each payment method
/// and operation in `rows` becomes a record with example values in all required fields. A method
/// that does not have the operation is left out.
///
/// A field that is required only under a condition has a column, and so does the field that the
/// condition depends on. The cell in this column is empty if the record does not satisfy the
/// condition.
///
/// The payment ids are examples; in a record of a refund, replace the example by the id of the
/// payment to refund.
pub fn template<'s>(
    project: ProjectId,
    rows: impl IntoIterator<Item = (&'s MethodSpec, RowKind)>,
) -> Vec<Vec<String>> {
    const USUAL: [&str; 6] = [
        OPERATION_TYPE,
        "general.project_id",
        METHOD,
        "general.payment_id",
        "payment.amount",
        "payment.currency",
    ];
    let rule = |(spec, kind): (&'s MethodSpec, RowKind)| {
        spec.rule(kind.operation()).map(|rule| (spec, kind, rule))
    };
    let rows: Vec<(&MethodSpec, RowKind, &Rule)> = rows.into_iter().filter_map(rule).collect();
    // Refunds have a description in the platform's files, whatever the method.
    let always = |flow: RowKind, rule: &Rule| {
        let description = (flow == RowKind::Refund).then_some(Field::DESCRIPTION);
        description.into_iter().chain(rule.needed_fields().iter().copied()).collect::<Vec<_>>()
    };
    let mut fields: Vec<Field> = Vec::new();
    for (spec, flow, rule) in &rows {
        let possible = rule
            .conditional_needs()
            .iter()
            .filter(|need| need.can_apply(spec.regions(), spec.currencies()));
        let conditional =
            possible.flat_map(|need| need.depends_on().into_iter().chain(need.fields().to_vec()));
        for field in always(*flow, rule).into_iter().chain(conditional) {
            if fields.iter().all(|known| known.path() != field.path()) {
                fields.push(field);
            }
        }
    }
    let names = USUAL.into_iter().chain(fields.iter().map(|field| field.path()));
    let mut records = vec![names.map(str::to_owned).collect::<Vec<_>>()];
    for (number, (spec, flow, rule)) in (1..).zip(rows) {
        let sum = spec.currencies_of(flow.operation()).first().filter(|_| flow == RowKind::Payout);
        let sum = sum.map(|currency| rule.example_amount(*currency));
        let id = match flow {
            RowKind::Refund => format!("order-{}-{number}", spec.code()),
            RowKind::Payout => format!("payout-{}-{number}", spec.code()),
        };
        let mut examples =
            spec.example_values(flow.operation(), sum.map(Money::currency), |_| None);
        examples.extend(always(flow, rule).into_iter().map(|field| (field, field.example())));
        let values = fields.iter().map(|column| {
            let example = examples.iter().find(|(field, _)| field.path() == column.path());
            example.map_or("", |(_, value)| *value)
        });
        let usual = [
            flow.name().to_owned(),
            project.to_string(),
            spec.dashboard_code().unwrap_or(spec.code()).to_owned(),
            id,
            sum.and_then(|sum| spec.sent_amount(sum))
                .map(|number| number.to_string())
                .unwrap_or_default(),
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
        let lines = |rows: &[(&MethodSpec, RowKind)]| {
            let records = template(project, rows.iter().copied());
            records.into_iter().map(|record| record.join(";")).collect::<Vec<_>>()
        };
        let head = "operation_type;general.project_id;method;general.payment_id;payment.amount;\
                    payment.currency";
        let rows: [(&MethodSpec, RowKind); 3] = [
            (&Jeton::SPEC, RowKind::Payout),
            (&TouchNGo::SPEC, RowKind::Payout),
            (&WalletPartner::SPEC, RowKind::Refund),
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
        // The method does not have the operation.
        let none: [(&MethodSpec, RowKind); 1] = [(&Jeton::SPEC, RowKind::Refund)];
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
