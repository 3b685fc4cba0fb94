//! Places where a test can stop the process, or make it wait.

/// Names a place. Expands to nothing unless the feature `failpoints` is on.
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
}
pub(crate) use failpoint;
