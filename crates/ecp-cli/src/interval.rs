//! A range of time on the command line.

use anyhow::{Context, anyhow};
use clap::Args;
use ecp_core::Timestamp;
use ecp_reconcile::Interval;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Options that name a range of time.
#[derive(Args)]
pub(crate) struct IntervalOptions {
    /// The first moment, as 2024-01-31 14:53:55
    #[arg(long, value_name = "TIME")]
    pub(crate) from: String,

    /// The last moment
    #[arg(long, value_name = "TIME")]
    pub(crate) to: String,

    /// The IANA name of the time zone of both
    #[arg(long, value_name = "NAME", default_value = "UTC")]
    pub(crate) tz: String,
}

impl IntervalOptions {
    /// The moments.
    pub(crate) fn read(&self) -> anyhow::Result<Interval> {
        let zone = TimeZone::get(&self.tz).with_context(|| format!("--tz {}", self.tz))?;
        let moment = |text: &str| -> anyhow::Result<Timestamp> {
            let date = DateTime::strptime("%Y-%m-%d %H:%M:%S", text)
                .map_err(|_| anyhow!("`{text}` is no time such as 2024-01-31 14:53:55"))?;
            let seconds = date.to_zoned(zone.clone())?.timestamp().as_second();
            Ok(Timestamp::from_unix_seconds(seconds)?)
        };
        Ok(Interval::new(moment(&self.from)?, moment(&self.to)?))
    }
}
