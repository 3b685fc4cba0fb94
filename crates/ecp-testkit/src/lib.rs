//! The conformance suite for payment methods.
//!
//! It generates tests from a method's spec, positive and negative: every declared flow is taken to
//! a success and to a decline against the sandbox, and everything that the spec does not allow must
//! be refused with the path of the field, on Gate and on the Payment Page. A method crate runs it
//! with one line:
//!
//! ```
//! use ecp_core::Currency;
//! use ecp_methods::request::Field;
//! use ecp_methods::spec::Interface;
//! use ecp_methods::{PaymentMethod, Rule, Sale, Spec, Supports};
//!
//! #[derive(Clone, Debug)]
//! struct Acme;
//!
//! impl Supports<Sale> for Acme {}
//! impl PaymentMethod for Acme {
//!     const SPEC: Spec<Self> = Spec::new("acme", "Acme Wallet")
//!         .gate_path("wallet/acme")
//!         .callback_names(&["Acme"])
//!         .currencies(&[Currency::EUR])
//!         .flow::<Sale>(
//!             Rule::new().amount("0.50", "100.00").on(&[Interface::Gate]).needs(&[
//!                 Field::CUSTOMER_ID,
//!             ]),
//!         );
//! }
//!
//! ecp_testkit::assert_conforms(Acme);
//! ```
//!
//! [`FaultTransport`] and [`FaultServer`] put failures between a client and its platform, in the
//! same process or over sockets.
//!
//! # Features
//!
//! - `sentinels`: marked secrets and personal data, searched for in a service's logs, metrics and
//!   output, in the module `sentinels`.

mod conformance;
mod failure;
mod fault_transport;
#[cfg(unix)]
pub mod nats;
#[cfg(unix)]
pub mod postgres;
#[cfg(feature = "sentinels")]
pub mod sentinels;
mod stage;

pub use self::conformance::{
    Case, Conformance, Difference, Sample, assert_conforms, conformance, differences,
};
pub use self::failure::Failure;
pub use self::fault_transport::server::FaultServer;
pub use self::fault_transport::{Exchange, Fault, FaultTransport};
