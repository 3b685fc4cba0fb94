//! Capabilities of a method, and sets of them.

use std::fmt;

use super::data::MethodSpec;
use super::{Interface, Rule};
use crate::flow::Operation;

macro_rules! capabilities {
    ($($(#[$doc:meta])* $capability:ident = $text:literal,)*) => {
        /// A capability of a payment method, such as refunds, or an interface of the platform that
        /// offers the method, such as Gate. Ask [`MethodSpec::states`] whether a method has it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Capability {
            $($(#[$doc])* $capability,)*
        }

        impl Capability {
            /// All capabilities that a payment method can have.
            pub const ALL: &'static [Self] = &[$(Self::$capability),*];

            /// The short English name of the payment method's capability, such as `full refunds`.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$capability => $text,)*
                }
            }
        }
    };
}

capabilities! {
    /// Payments by the customer to the merchant.
    Sale = "sales",
    /// Payments by the merchant to the customer.
    Payout = "payouts",
    /// A payment can be refunded in full.
    FullRefund = "full refunds",
    /// A payment can be refunded in part.
    PartialRefund = "partial refunds",
    /// Customers can dispute payments.
    Chargebacks = "chargebacks",
    /// Payments in a series, which the merchant repeats without the customer.
    Recurring = "recurring payments",
    /// Payments for which the customer's data was saved in an earlier payment.
    SavedCredentials = "saved credentials",
    /// A sale may have the amount 0, because the customer chooses it.
    ZeroAmount = "zero amount",
    /// The platform asks the merchant to confirm the amount of each sale (a `check_deposit`
    /// request, which `ecp-notify` can answer). A sale is declined if the answer refuses the amount
    /// or is HTTP 4xx or 5xx; the documents do not say what follows if there is no answer.
    AmountConfirmation = "amount confirmation",
    /// At least one operation of the method is offered on the Payment Page, the platform's hosted
    /// form.
    PaymentPage = "Payment Page",
    /// At least one operation of the method is offered in the platform's plug-ins for shop systems.
    CmsPlugins = "CMS plug-ins",
    /// At least one operation of the method is offered on Gate, the platform's server API.
    Gate = "Gate",
    /// At least one operation of the method is offered in the Dashboard, the platform's back
    /// office.
    Dashboard = "Dashboard",
    /// At least one operation of the method is offered by payment links, which are made in the
    /// Dashboard or by Gate.
    PaymentLinks = "payment links",
}

impl Capability {
    /// Whether the spec has the capability, `None` if its tables do not say.
    pub(super) fn stated_by(self, spec: &MethodSpec) -> Option<bool> {
        Some(match self {
            Self::Sale => spec.rule(Operation::SALE).is_some(),
            Self::Payout => spec.rule(Operation::PAYOUT).is_some(),
            Self::FullRefund => spec.rule(Operation::REFUND).is_some(),
            Self::PartialRefund => spec.rule(Operation::REFUND).is_some_and(Rule::allows_partial),
            Self::Chargebacks => return spec.chargebacks,
            Self::Recurring => return spec.recurring,
            Self::SavedCredentials => return spec.saved_credentials,
            Self::ZeroAmount => spec.rule(Operation::SALE).is_some_and(Rule::allows_zero_amount),
            Self::AmountConfirmation => spec.confirms_amount,
            Self::PaymentPage => offered(spec, Interface::PaymentPage),
            Self::CmsPlugins => offered(spec, Interface::CmsPlugins),
            Self::Gate => offered(spec, Interface::Gate),
            Self::Dashboard => offered(spec, Interface::Dashboard),
            Self::PaymentLinks => offered(spec, Interface::PaymentLinks),
        })
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The set of [capabilities](Capability) that a payment method has, such as refunds.
/// [`MethodSpec::capabilities`] makes it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Capabilities(u16);

impl Capabilities {
    pub(super) fn of(spec: &MethodSpec) -> Self {
        let present = Capability::ALL.iter();
        let present = present.filter(|&&capability| spec.states(capability) == Some(true));
        Self(present.fold(0, |set, &capability| set | bit(capability)))
    }

    /// Whether the payment method has the capability. `false` also if the method's documentation
    /// page does not mention it; [`MethodSpec::states`] distinguishes the two.
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & bit(capability) != 0
    }

    /// The capabilities that the payment method has, in the order of [`Capability::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |&capability| self.has(capability))
    }
}

fn offered(spec: &MethodSpec, interface: Interface) -> bool {
    spec.flows()
        .filter_map(|flow| spec.rule(flow))
        .any(|rule| rule.interfaces().contains(&interface))
}

const fn bit(capability: Capability) -> u16 {
    1 << capability as u16
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, capability) in self.iter().enumerate() {
            let separator = if position > 0 { ", " } else { "" };
            write!(f, "{separator}{capability}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Capabilities({self})")
    }
}
