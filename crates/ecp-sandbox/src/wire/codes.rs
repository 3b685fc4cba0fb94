//! The platform's codes for refusals, and its messages.

use ecp_core::model::Code;

pub(crate) const AMOUNT_REQUIRED: u32 = 3286;
pub(crate) const CURRENCY_DISABLED: u32 = 3023;
pub(crate) const CURRENCY_REQUIRED: u32 = 3287;
pub(crate) const DUPLICATE_PAYMENT: u32 = 3041;
pub(crate) const DUPLICATE_REFUND: u32 = 3230;
pub(crate) const EMPTY_SIGNATURE: u32 = 3262;
pub(crate) const INVALID_CURRENCY: u32 = 3121;
pub(crate) const INVALID_JSON: u32 = 2003;
pub(crate) const INVALID_PAYMENT_ID: u32 = 3024;
pub(crate) const INVALID_SIGNATURE: u32 = 3261;
pub(crate) const MALFORMED: u32 = 702;
pub(crate) const NOT_FOUND: u32 = 3061;
pub(crate) const REFUND_UNAVAILABLE: u32 = 3610;
pub(crate) const REQUIRED: u32 = 2004;
pub(crate) const WRONG_STATUS: u32 = 3060;
pub(crate) const UNKNOWN_METHOD: u32 = 2541;
pub(crate) const UNKNOWN_PROJECT: u32 = 2442;

/// Returns the platform's message for a code.
pub(crate) fn message_of(code: &Code) -> &'static str {
    code.info().map_or("", |info| info.message)
}
