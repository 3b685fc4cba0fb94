//! Every test of `ecp-console` from outside, in one program: linking one is quicker than linking many.
//! A file that is not named here is not run; `xtask/tests` looks for such.

mod browser;
mod callbacks;
mod comparisons;
mod files;
mod protection;
