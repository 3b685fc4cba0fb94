//! When a callback is sent again.

use std::time::Duration;

/// Schedule by which a callback is sent again until the merchant answers with HTTP status 200: the
/// number of attempts and the pauses between them. It also applies to operations that the Data API
/// sends to an address. Pass it to [`Config::schedule`](crate::Config::schedule).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Every { pause: Duration, attempts: u32 },
    Platform,
}

impl Schedule {
    /// Returns the platform's schedule, as an older version of its article on callbacks gives it.
    /// The first six attempts are made every 10 seconds; then the pauses grow from about 84 seconds
    /// to 4 hours. There are 120 attempts in all, within 11 days.
    pub const fn platform() -> Self {
        Self(Kind::Platform)
    }

    /// Returns a schedule with the same pause between all attempts to send a callback. `attempts`
    /// is the maximum number of attempts and includes the first: with 1 (or 0) nothing is sent
    /// again.
    pub const fn every(pause: Duration, attempts: u32) -> Self {
        Self(Kind::Every { pause, attempts })
    }

    /// Returns the pause between this attempt to send a callback (a number, counted from 1) and the
    /// next attempt; `None` if this attempt is the last.
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use ecp_sandbox::Schedule;
    ///
    /// assert_eq!(Schedule::platform().pause_after(1), Some(Duration::from_secs(10)));
    /// assert_eq!(Schedule::platform().pause_after(119), Some(Duration::from_secs(4 * 3600)));
    /// assert_eq!(Schedule::platform().pause_after(120), None);
    /// ```
    pub fn pause_after(self, attempt: u32) -> Option<Duration> {
        match self.0 {
            Kind::Every { pause, attempts } => (attempt < attempts).then_some(pause),
            Kind::Platform => platform_pause_before(attempt.checked_add(1)?),
        }
    }
}

/// For attempt `n` above 6 the documents give `70 + 10 * 1.12^(n - 4)` seconds, up to 4 hours.
fn platform_pause_before(attempt: u32) -> Option<Duration> {
    const LONGEST: f64 = 4.0 * 3600.0;
    match attempt {
        0..=6 => Some(Duration::from_secs(10)),
        7..=120 => {
            let seconds = 70.0 + 10.0 * 1.12_f64.powf(f64::from(attempt - 4));
            Some(Duration::from_secs_f64(seconds.min(LONGEST)))
        }
        121.. => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds_after(attempt: u32) -> Option<u64> {
        Schedule::platform().pause_after(attempt).map(|pause| pause.as_secs())
    }

    #[test]
    fn the_platform_begins_every_ten_seconds_and_slows_down_to_four_hours() {
        let table = [
            (1, Some(10)),
            (5, Some(10)),
            (6, Some(84)),
            (7, Some(85)),
            (20, Some(138)),
            (66, Some(12_680)),
            (67, Some(14_193)),
            (68, Some(14_400)),
            (119, Some(14_400)),
            (120, None),
            (u32::MAX, None),
        ];
        for (attempt, seconds) in table {
            assert_eq!(seconds_after(attempt), seconds, "after attempt {attempt}");
        }
    }

    #[test]
    fn pauses_never_shrink_and_all_attempts_fit_eleven_days() {
        let pauses: Vec<u64> = (1..).map_while(seconds_after).collect();
        assert_eq!(pauses.len(), 119);
        assert!(pauses.is_sorted());
        let days = pauses.iter().sum::<u64>() / 86_400;
        assert_eq!(days, 10);
    }

    #[test]
    fn a_plain_schedule_ends_after_its_attempts() {
        let pause = Duration::from_millis(5);
        let schedule = Schedule::every(pause, 3);
        assert_eq!(
            [1, 2, 3].map(|attempt| schedule.pause_after(attempt)),
            [Some(pause), Some(pause), None]
        );
    }
}
