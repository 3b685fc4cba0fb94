//! Reasons for refusing a request.

use std::fmt;

use ecp_core::{Currency, Money};

use crate::request::Field;
use crate::spec::Interface;

/// The reason why this library refused a request before it was sent, such as a missing field.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// The amount is above the method's maximum.
    AmountAbove {
        /// The amount of the request.
        amount: Money,
        /// The maximum amount of the method for this request.
        greatest: Money,
    },
    /// The amount is below the method's minimum.
    AmountBelow {
        /// The amount of the request.
        amount: Money,
        /// The minimum amount of the method for this request.
        least: Money,
    },
    /// The amount of the request, the value here, is negative, or is zero and the payment method
    /// does not allow zero for the operation.
    AmountNotPositive(Money),
    /// The payment method does not accept the currency of the request, the first value. The second
    /// value lists the accepted currencies.
    CurrencyUnsupported(Currency, &'static [Currency]),
    /// The payment method does not have the requested operation, such as a refund, or the request
    /// has a type for another operation, such as a payout request for a sale
    /// ([`OperationRequest::EFFECTS`](crate::request::OperationRequest::EFFECTS)).
    FlowUnsupported,
    /// The payment method has the requested operation, but not on this interface of the platform,
    /// such as the Payment Page.
    InterfaceUnsupported(Interface),
    /// A field has a value that the platform would refuse, or that cannot be sent or signed safely.
    Invalid {
        /// The field's path in the Gate request, such as `customer.phone`; for a sale on the
        /// Payment Page it can also be the name of a parameter, such as `language_code`.
        path: String,
        /// The problem with the value, as the part of a sentence after the path: `must be 4 to 24
        /// digits`.
        problem: String,
    },
    /// The fields that are required and missing, in the order in which the method's spec lists
    /// them. Set all of them.
    Missing(Vec<Field>),
    /// The payment method allows full refunds only, and the request is a partial refund.
    PartialRefundUnsupported,
    /// The payment method can capture or release only all of the money that an earlier hold keeps
    /// for the merchant, and the request is about a part of it. A request without an amount is
    /// about all of it.
    PartUnsupported,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AmountAbove { amount, greatest } => {
                write!(f, "`payment.amount`: {amount} is above the maximum of {greatest}")
            }
            Self::AmountBelow { amount, least } => {
                write!(f, "`payment.amount`: {amount} is below the minimum of {least}")
            }
            Self::AmountNotPositive(amount) => {
                write!(f, "`payment.amount`: {amount} is not positive")
            }
            Self::CurrencyUnsupported(currency, supported) => {
                write!(f, "`payment.currency`: {currency} is not supported")?;
                supported.iter().enumerate().try_for_each(|(place, currency)| {
                    let before = match place {
                        0 => "; use",
                        _ if place + 1 == supported.len() => " or",
                        _ => ",",
                    };
                    write!(f, "{before} {currency}")
                })
            }
            Self::FlowUnsupported => f.write_str("the method does not have this operation"),
            Self::InterfaceUnsupported(interface) => {
                write!(f, "the method does not have this operation on {interface}")
            }
            Self::Invalid { path, problem } => write!(f, "`{path}` {problem}"),
            Self::Missing(fields) => {
                fields.iter().enumerate().try_for_each(|(place, field)| {
                    let before = match place {
                        0 => "",
                        _ if place + 1 == fields.len() => " and ",
                        _ => ", ",
                    };
                    write!(f, "{before}`{field}`")
                })?;
                f.write_str(if fields.len() == 1 { " is required" } else { " are required" })
            }
            Self::PartialRefundUnsupported => {
                f.write_str("`payment.amount`: this method refunds a payment as a whole only; ask for a full refund")
            }
            Self::PartUnsupported => {
                f.write_str(
                    "`payment.amount`: this method captures or releases only all money that the \
                     payment holds; to take or release all of it, leave the amount out",
                )
            }
        }
    }
}
