//! The platform on your machine.
