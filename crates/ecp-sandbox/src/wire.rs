//! The wire format: how messages are signed, written and read.

pub(crate) mod address;
pub(crate) mod answer;
pub(crate) mod callback;
pub(crate) mod codes;
pub(crate) mod document;
pub(crate) mod members;
mod parts;
mod php;
pub(crate) mod redirect;
pub(crate) mod refusal;
pub mod signature;
pub(crate) mod status;
pub(crate) mod steps;
pub(crate) mod tamper;
