//! Every test of `ecp-methods` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod fields;
mod gate_requests;
mod methods;
mod operations;
