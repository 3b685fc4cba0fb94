//! Facts that the specs of several payment methods have.

use ecp_methods::spec::Fact;

/// For every method of this crate: its code on the Payment Page and its name in callbacks are not
/// known.
pub(crate) const NAMES: Fact = Fact::new(
    "Payment Page code and name in callbacks",
    "not known: send requests to Gate, and match callbacks by the payment's id",
);
