//! More wallets and vouchers of the platform as payment methods for [`ecp_methods`]: GCash, bKash,
//! DANA, Skrill, OXXO and over sixty others.
//!
//! Their facts come from a public copy of the platform's documentation, from which the brand was
//! removed. Each method names its source ([`Spec::source`](ecp_methods::Spec::source)) and how
//! certain its facts are ([`Certainty`](ecp_methods::spec::Certainty)). Before you rely on a
//! method, ask your account manager whether it is connected to your project, and with which fields
//! and limits.
//!
//! The copy contains neither Payment Page codes nor the names that methods have in callbacks.
//! Therefore the methods of this crate can be used by Gate only, and their callbacks are matched by
//! the payment's id.
//!
//! Methods are grouped into families by the region where customers use them. Each family is a Cargo
//! feature, because most shops need only a few regions. No feature is on by default.
//!
//! ```toml
//! ecp-catalogue = { version = "0.1", features = ["southeast-asia"] }
//! ```
//!
#![cfg_attr(feature = "southeast-asia", doc = "```")]
#![cfg_attr(not(feature = "southeast-asia"), doc = "```ignore")]
//! use ecp_catalogue::southeast_asia::{self, GCash};
//! use ecp_methods::request::{Customer, ReturnUrls, SaleRequest};
//! use ecp_methods::{Registry, prepare};
//!
//! // One method, by its type:
//! let request = SaleRequest::new("X03936".parse()?, "500.00 PHP".parse()?)
//!     .customer(Customer::new().id("customer-1").ip_address("192.0.2.1"))
//!     .return_urls(ReturnUrls::new().success("https://shop.example/paid"));
//! let rejection = prepare(&GCash, request).unwrap_err();
//! assert_eq!(
//!     rejection.to_string(),
//!     "gcash sale: `customer.first_name`, `customer.last_name`, `customer.email` and \
//!      `return_url.decline` are required"
//! );
//!
//! // A family, by the codes of its methods:
//! let registry = southeast_asia::all(Registry::builtin())?;
//! assert_eq!(registry.get("gcash")?.spec().gate_path(), Some("wallet/gcash"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A method is one file, as in [`ecp_methods`], and the file is edited by hand: correct it if your
//! account manager or the platform's documentation says otherwise.
//!
//! # Features
//!
//! - `africa-middle-east`, `europe`, `latin-america`, `south-asia`, `southeast-asia`: wallets and
//!   vouchers of these regions.
//! - `worldwide`: wallets and vouchers of no particular region, such as those of crypto exchanges.
//! - `all`: all of these features.

/// Declares the payment methods of a family, each with its file, and the family's function `all`.
#[cfg(any(
    feature = "africa-middle-east",
    feature = "europe",
    feature = "latin-america",
    feature = "south-asia",
    feature = "southeast-asia",
    feature = "worldwide"
))]
macro_rules! methods {
    ($($module:ident => $method:ident,)*) => {
        $(
            mod $module;
            pub use self::$module::$method;
        )*

        /// Adds all payment methods of this family (one region, or crypto exchanges and the like)
        /// to a registry, and returns it. Fails if a name of one of them, such as its code or Gate
        /// path, already belongs to another method of the registry; the error has this name and the
        /// codes of both methods.
        pub fn all(
            registry: ecp_methods::Registry,
        ) -> Result<ecp_methods::Registry, ecp_methods::RegistryError> {
            $(let registry = registry.with($method)?;)*
            Ok(registry)
        }
    };
}

#[cfg(feature = "africa-middle-east")]
pub mod africa_middle_east;
#[cfg(feature = "europe")]
pub mod europe;
#[cfg(feature = "latin-america")]
pub mod latin_america;
#[cfg(feature = "south-asia")]
pub mod south_asia;
#[cfg(feature = "southeast-asia")]
pub mod southeast_asia;
#[cfg(feature = "worldwide")]
pub mod worldwide;

#[cfg(any(
    feature = "europe",
    feature = "latin-america",
    feature = "south-asia",
    feature = "southeast-asia"
))]
mod checks;
#[cfg(any(
    feature = "africa-middle-east",
    feature = "europe",
    feature = "latin-america",
    feature = "south-asia",
    feature = "southeast-asia",
    feature = "worldwide"
))]
mod facts;
pub mod fields;

use ecp_methods::{Registry, RegistryError};

/// Adds the payment methods of this crate to a registry, and returns it: those of all families
/// whose Cargo features are on, such as `europe`. Without such a feature, nothing is added. Fails
/// if a name of one of them, such as its code or Gate path, already belongs to another method of
/// the registry; the error has this name and the codes of both methods.
///
/// ```
/// let registry = ecp_catalogue::all(ecp_methods::Registry::builtin())?;
/// assert!(registry.get("jeton").is_ok());
/// # Ok::<(), ecp_methods::RegistryError>(())
/// ```
pub fn all(registry: Registry) -> Result<Registry, RegistryError> {
    #[cfg(feature = "africa-middle-east")]
    let registry = africa_middle_east::all(registry)?;
    #[cfg(feature = "europe")]
    let registry = europe::all(registry)?;
    #[cfg(feature = "latin-america")]
    let registry = latin_america::all(registry)?;
    #[cfg(feature = "south-asia")]
    let registry = south_asia::all(registry)?;
    #[cfg(feature = "southeast-asia")]
    let registry = southeast_asia::all(registry)?;
    #[cfg(feature = "worldwide")]
    let registry = worldwide::all(registry)?;
    Ok(registry)
}
