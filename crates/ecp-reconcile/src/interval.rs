//! Time intervals.

use ecp_core::Timestamp;

/// The range of time that a comparison is about, both ends included, to the second. Operations that
/// the Data API lists for it, payouts that were sent in it and callbacks that were received in it
/// are compared. The platform's documents do not say which time of an operation the Data API goes
/// by.
///
/// ```
/// use ecp_reconcile::Interval;
///
/// let day = Interval::new("2024-01-01T00:00:00+0000".parse()?, "2024-01-01T23:59:59+0000".parse()?);
/// assert!(day.contains("2024-01-01T12:00:00+0000".parse()?));
/// assert!(!day.contains("2024-01-02T00:00:00+0000".parse()?));
/// # Ok::<(), ecp_core::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    from: Timestamp,
    to: Timestamp,
}

impl Interval {
    /// Makes an interval from its first and its last second. If it ends before it begins, it is
    /// empty, and a comparison over it fails with
    /// [`ReconcileError::Interval`](crate::ReconcileError::Interval).
    pub const fn new(from: Timestamp, to: Timestamp) -> Self {
        Self { from, to }
    }

    /// The first second of the interval.
    pub const fn from(self) -> Timestamp {
        self.from
    }

    /// The last second of the interval, which is still part of the interval.
    pub const fn to(self) -> Timestamp {
        self.to
    }

    /// Whether the interval contains a time.
    pub fn contains(self, moment: Timestamp) -> bool {
        (self.from..=self.to).contains(&moment)
    }
}

/// A time in UTC in the form of the Data API: `2020-01-01 14:53:55`.
pub(crate) fn in_words(moment: Timestamp) -> String {
    moment.to_string().replace('T', " ").chars().take("2020-01-01 14:53:55".len()).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn moments_are_written_as_the_data_api_wants_them() {
        let moment = "2020-01-01T15:53:55+0100".parse().unwrap();
        assert_eq!(super::in_words(moment), "2020-01-01 14:53:55");
    }
}
