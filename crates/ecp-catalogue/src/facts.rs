//! Facts that several methods share.

use ecp_methods::spec::Fact;

/// No method of this crate has the two names.
pub(crate) const NAMES: Fact = Fact::new(
    "other names",
    "the code of the Payment Page and the name in callbacks are not known: use Gate, and match callbacks by \
     the payment's id",
);
