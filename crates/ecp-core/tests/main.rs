//! Every test of `ecp-core` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod models;
mod samples;
mod serde_json_features;
mod signature;
mod steps;
