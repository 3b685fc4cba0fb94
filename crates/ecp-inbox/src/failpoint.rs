//! Places where a test can end the process, or have it wait.

/// Names a place. Nothing is there unless the feature `failpoints` is on.
macro_rules! failpoint {
    ($name:expr) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
}
pub(crate) use failpoint;
