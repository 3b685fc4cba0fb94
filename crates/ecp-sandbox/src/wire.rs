//! What goes over the wire: how messages are signed, written and read.

pub(crate) mod message;
pub(crate) mod redirect;
pub mod signature;
