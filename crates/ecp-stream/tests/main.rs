//! Every test of `ecp-stream` from outside, in one program. A file that is not named here is not run;
//! `xtask/tests` looks for such.

mod metrics;
mod nats;
mod outbox;
