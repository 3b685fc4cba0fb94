//! Money, identifiers, secrets, wire models and the signature of the ecommpay platform.
//!
//! This crate does no I/O and knows no payment method. It has the parts of a
//! request and the models of a callback:
//!
//! - [`Money`] welds minor units to a [`Currency`] with a known exponent;
//! - [`PaymentId`] and its like are checked where they are made;
//! - [`SecretKey`] and [`Sensitive`] cannot be printed;
//! - [`signature`] signs and verifies raw JSON bytes;
//! - [`model`] reads callbacks, responses and redirects, keeping what it does not know;
//! - [`json`] is the strict reader under both;
//! - [`Clock`] is how the crates above take the time. Nothing in this one asks for it;
//! - [`observe`] is how the crates above report metrics. This one reports none.
//!
//! ```
//! use ecp_core::signature::{Place, Rules, SigningKey, sign_document};
//! use ecp_core::{Money, SecretKey};
//!
//! let price: Money = "100.00 EUR".parse()?;
//! assert_eq!(price.minor(), 10_000);
//! assert!("100.001 EUR".parse::<Money>().is_err(), "nothing is rounded");
//!
//! let key = SigningKey::new(&SecretKey::new("secret")?);
//! let body = br#"{"project_id": 1236, "payment_id": "X03936"}"#;
//! let signed = sign_document(&key, body, Place::Root, Rules::private())?;
//! assert!(signed.starts_with(br#"{"project_id": 1236, "payment_id": "X03936""#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Facts about the platform carry a note of their source, as in "(sources: dates)": a row of
//! `docs/sources.md`, which says where it was read and how sure it is. *Documents* are the public
//! method pages and articles of the platform, *measured* means observed by running its SDKs.

mod clock;
mod currency;
mod id;
pub mod json;
pub mod model;
mod money;
pub mod observe;
mod reuse;
mod secret;
pub mod signature;
mod time;

pub use self::clock::{Clock, SteppedClock, SystemClock};
pub use self::currency::{Currency, UnknownCurrency};
pub use self::id::{
    InvalidId, OperationId, PaymentId, PaymentIdRef, ProjectId, RequestId, RequestIdRef,
};
pub use self::money::{Money, MoneyError};
pub use self::secret::{
    EmptySecret, SecretEdges, SecretKey, Sensitive, SensitiveRef, SensitiveValue,
};
pub use self::time::{InvalidTimestamp, Timestamp};
