//! Traits of payment methods.

use std::fmt::Debug;

use crate::flow::Flow;
use crate::reason::Reason;
use crate::request::Draft;
use crate::spec::{MethodSpec, Spec};

/// A payment method, such as a wallet or a kind of voucher: a type whose [`Spec`] declares its
/// names, operations, limits and fields. Implement it for a type of your own to add a method that
/// this library lacks.
///
/// ```
/// use ecp_core::Currency;
/// use ecp_methods::request::Field;
/// use ecp_methods::spec::Interface;
/// use ecp_methods::{PaymentMethod, Registry, Rule, Sale, Spec, Supports};
///
/// #[derive(Debug)]
/// struct Acme;
///
/// impl Supports<Sale> for Acme {}
/// impl PaymentMethod for Acme {
///     const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
///         .gate_path("wallet/acme")
///         .callback_names(&["Acme"])
///         .currencies(&[Currency::EUR])
///         .flow::<Sale>(
///             Rule::new()
///                 .amount("0.50", "100.00")
///                 .on(&[Interface::Gate])
///                 .needs(&[Field::CUSTOMER_ID]),
///         );
/// }
///
/// let registry = Registry::builtin().with(Acme)?;
/// assert_eq!(registry.get("acme")?.spec().title(), "Acme Wallet");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait PaymentMethod: Debug + Send + Sync + Sized + 'static {
    /// The spec of the payment method: its names, operations, limits and fields as data.
    const SPEC: Spec<Self>;

    /// Checks rules that the spec cannot express. This check is called last, on a request that
    /// satisfies the spec: before the request is sent, and by the sandbox when the request is
    /// received. For the Payment Page it is called too, and fields may then be missing that the
    /// customer enters there ([`Draft::interface`]).
    fn check(&self, request: &Draft<'_>) -> Result<(), Reason> {
        let _ = request;
        Ok(())
    }
}

/// Marks the type of a payment method as having the operation `F`, such as [`Sale`](crate::Sale).
/// It has no functions to implement. A [`Spec`] can declare an operation only if the method's type
/// has this marker, and calls such as `gate.sale(&method, ..)` compile only for methods that have
/// it.
#[diagnostic::on_unimplemented(
    message = "payment method `{Self}` does not support the `{F}` flow",
    label = "no `{F}` with this method",
    note = "the operations of a method are listed in its spec and in its documentation; a method \
            of your own needs `impl Supports<..>` for each of them"
)]
pub trait Supports<F: Flow>: PaymentMethod {}

/// The object-safe form of [`PaymentMethod`], as `&dyn DynMethod`, for code that chooses payment
/// methods at run time, such as by [`Registry::get`](crate::Registry::get). Every [`PaymentMethod`]
/// implements this trait, and no other type can.
pub trait DynMethod: Debug + Send + Sync + sealed::Sealed {
    /// The spec of the payment method: its names, operations, limits and fields as data.
    fn spec(&self) -> &'static MethodSpec;

    /// Runs the method's own check, [`PaymentMethod::check`], on a request.
    fn check_draft(&self, request: &Draft<'_>) -> Result<(), Reason>;
}

impl<M: PaymentMethod> DynMethod for M {
    fn spec(&self) -> &'static MethodSpec {
        const {
            M::SPEC.check();
            &M::SPEC
        }
        .untyped()
    }

    fn check_draft(&self, request: &Draft<'_>) -> Result<(), Reason> {
        self.check(request)
    }
}

mod sealed {
    pub trait Sealed {}
    impl<M: super::PaymentMethod> Sealed for M {}
}
