//! Checks of values that the spec of a payment method cannot express, such as the number of digits.

use ecp_methods::Reason;
use ecp_methods::request::Draft;
#[cfg(any(feature = "latin-america", feature = "south-asia", feature = "southeast-asia"))]
use ecp_methods::request::Field;

/// Refuses a field that is set and is not `least` to `most` digits.
#[cfg(any(feature = "latin-america", feature = "south-asia", feature = "southeast-asia"))]
pub(crate) fn digits(
    request: &Draft<'_>,
    field: Field,
    least: usize,
    most: usize,
) -> Result<(), Reason> {
    let Some(value) = request.value(field.path()) else { return Ok(()) };
    if (least..=most).contains(&value.len()) && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let problem = if least == most {
        format!("must be {most} digits")
    } else {
        format!("must be {least} to {most} digits")
    };
    Err(Reason::Invalid { path: field.path().to_owned(), problem })
}

/// Refuses an account that is not a mobile number of the Philippines: 11 digits that begin with 09.
#[cfg(feature = "southeast-asia")]
pub(crate) fn philippine_account(request: &Draft<'_>) -> Result<(), Reason> {
    let field = Field::ACCOUNT_NUMBER;
    digits(request, field, 11, 11)?;
    match request.value(field.path()) {
        Some(value) if !value.starts_with("09") => {
            let problem = "must be 11 digits that begin with 09".to_owned();
            Err(Reason::Invalid { path: field.path().to_owned(), problem })
        }
        _ => Ok(()),
    }
}

/// Refuses an amount that is not a whole number of major units.
#[cfg(feature = "europe")]
pub(crate) fn whole_amount(request: &Draft<'_>) -> Result<(), Reason> {
    match request.amount() {
        Some(amount) if amount.minor() % 10_i64.pow(amount.currency().exponent()) != 0 => {
            let path = "payment.amount".to_owned();
            let problem = format!("must be whole {}, without a fraction", amount.currency());
            Err(Reason::Invalid { path, problem })
        }
        _ => Ok(()),
    }
}
