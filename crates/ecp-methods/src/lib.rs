//! Payment methods as data, and the one check that every request passes before it is sent.
//!
//! A method is a type with a [`Spec`]: its names, operations (flows), currencies, limits and
//! required fields. [`prepare`] checks a request against the spec and is the only maker of
//! [`Prepared`], the only thing that the transport sends.
//!
//! ```
//! use ecp_core::PaymentId;
//! use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
//! use ecp_methods::{Jeton, prepare};
//!
//! let request = SaleRequest::new(PaymentId::new("X03936")?, "100.00 EUR".parse()?)
//!     .customer(Customer::new().id("customer1").ip_address("192.0.2.1"))
//!     .return_urls(ReturnUrls::new().success("https://shop.example/ok"));
//!
//! let rejection = prepare(&Jeton, request).unwrap_err();
//! assert_eq!(rejection.to_string(), "jeton sale: `return_url.decline` is required");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A new method is one file in `src/methods` and one line in `src/methods.rs`; from another crate
//! it is one type and [`Registry::with`].
//!
//! A note such as "(sources: operations)" names the row of `docs/sources.md` that says where a fact
//! about the platform was read and how sure it is.

mod by_path;
mod check;
mod flow;
pub mod mass_file;
mod method;
mod methods;
pub mod page;
mod reason;
mod registry;
pub mod request;
mod selection;
pub mod spec;
mod warning;

pub use self::by_path::with_text;
pub use self::check::{
    Prepared, PreparedRequest, Rejection, check_received, prepare, prepare_as, prepare_as_dyn,
    prepare_dyn, prepare_operation,
};
pub use self::flow::{
    AccountVerification, Auth, Cancel, Capture, Effect, Flow, Operation, Payout, Recurring, Refund,
    Sale,
};
pub use self::method::{DynMethod, PaymentMethod, Supports};
pub use self::methods::*;
pub use self::reason::Reason;
pub use self::registry::{Registry, RegistryError, UnknownMethod};
pub use self::selection::Selection;
pub use self::spec::{MethodSpec, Rule, Spec};
pub use self::warning::Warning;
