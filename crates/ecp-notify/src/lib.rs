//! Bytes in, [`Verified`] callbacks out.
//!
//! A [`Verifier`] holds the keys of your projects. What it lets through was signed with one of
//! them; there is no other way to own a `Verified<Callback>`, so a function that takes one need
//! not ask where it came from.
//!
//! ```
//! use ecp_core::{ProjectId, SecretKey};
//! use ecp_notify::Verifier;
//!
//! let verifier = Verifier::new()
//!     .key(ProjectId::new(1236)?, &SecretKey::new("this year's key")?)
//!     .key(ProjectId::new(1236)?, &SecretKey::new("last year's key")?);
//!
//! // The body of the POST, byte for byte: parsing and printing it again may change it.
//! let body = br#"{"project_id":1236,"payment":{"id":"X1","status":"success"},"signature":""}"#;
//! let error = verifier.verify(body).unwrap_err();
//! assert_eq!(error.to_string(), "the signature is not 88 characters of Base64");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Answer 200 when a callback is stored, and 4xx when it is not genuine: the platform repeats
//! whatever is not answered with exactly 200 (sources: callback delivery). Expect each one more
//! than once and in any order.

mod confirmation;
mod expected;
mod verified;
mod verifier;

pub use self::confirmation::{Confirmations, Decision, DepositHandler, Reply};
pub use self::expected::{Expected, Unexpected};
pub use self::verified::{Reading, Verified, VerifiedRef};
pub use self::verifier::{Verifier, VerifyError};
