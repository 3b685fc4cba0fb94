//! Making reports, by hand and on schedule, and sending them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use ecp_core::{Clock as _, Timestamp};
use ecp_reports::{Delivery, MailError, Schedule};
use tokio::sync::oneshot;

use super::store::{Report, Reports, Saved};
use crate::engine::view::Filter;
use crate::engine::{Engine, WeakEngine};

/// Longest sleep by the machine's clock, which may be set or stop while the machine rests.
const LONGEST_SLEEP: Duration = Duration::from_mins(1);

/// Makes and stores a report from a template, and sends it to the template's recipients. Returns
/// the report's number.
pub(super) fn make(
    engine: &Engine,
    reports: &Arc<Reports>,
    saved: &Saved,
    scheduled: Option<Timestamp>,
) -> Result<u64, String> {
    let now = engine.now();
    let period = saved.schedule.map(|schedule| schedule.period());
    let of_period = period.map(|period| period.days(scheduled.unwrap_or(now), &saved.zone));
    let days = of_period.or(saved.days);
    let range = days.map(|days| days.range(&saved.zone));
    let filter = Filter {
        from: range.map(|(from, _)| from),
        to: range.map(|(_, to)| to),
        ..saved.filter.clone()
    };
    let table = saved.template.apply(&saved.list.table(engine, &filter)).table;
    let written = table.write(saved.format).map_err(|error| error.to_string())?;
    let recipients = saved.to.len();
    let number = reports.keep(Report {
        number: 0,
        template: saved.name.clone(),
        file: file_name(saved, days.map(|days| (days.first(), days.last())), now),
        format: saved.format,
        days,
        zone: saved.zone.name().to_owned(),
        rows: table.rows().len(),
        made: now,
        by_schedule: scheduled.is_some(),
        by_link: saved.by_link,
        bytes: written.bytes.into(),
        deliveries: saved.to.iter().cloned().map(Delivery::new).collect(),
    });
    if recipients > 0 {
        send(engine, reports, number, recipients);
    }
    Ok(number)
}

/// Makes a report at every time of a template's schedule, until the template is removed.
pub(super) fn watch(
    engine: &Engine,
    reports: &Arc<Reports>,
    saved: Arc<Saved>,
    schedule: Schedule,
    mut removed: oneshot::Receiver<Infallible>,
) {
    let (time, mut busy) = (engine.time().clone(), engine.time().begin());
    let mut stop = engine.stop_signal();
    // It does not keep the sandbox alive.
    let (engine, reports): (WeakEngine, _) = (engine.downgrade(), Arc::clone(reports));
    tokio::spawn(async move {
        loop {
            let now = time.timestamp();
            let next = schedule.after(now, &saved.zone);
            if next <= now {
                // The last moment of year 9999 is over.
                return;
            }
            loop {
                let wait = next.unix_seconds().saturating_sub(time.timestamp().unix_seconds());
                let Ok(wait @ 1..) = u64::try_from(wait) else { break };
                let wait = Duration::from_secs(wait);
                let wait = if time.is_virtual() { wait } else { wait.min(LONGEST_SLEEP) };
                busy = tokio::select! {
                    biased;
                    _ = stop.wait_for(|&stop| stop) => return,
                    _ = &mut removed => return,
                    busy = time.pause(wait, busy) => busy,
                };
            }
            let Some(engine) = engine.upgrade() else { return };
            // The latest, if the machine slept through several.
            let moment = schedule.up_to(time.timestamp(), &saved.zone);
            if let Err(error) = make(&engine, &reports, &saved, Some(moment)) {
                tracing::error!(
                    template = saved.name,
                    "a scheduled report was not made, and is not tried again: {error}; its template \
                     in the Dashboard (/dashboard/reports) can make it now"
                );
            }
        }
    });
}

/// Sends a report to its recipients, one after the other, and tries again where that may help.
fn send(engine: &Engine, reports: &Arc<Reports>, number: u64, recipients: usize) {
    let (time, mut busy) = (engine.time().clone(), engine.time().begin());
    let mut stop = engine.stop_signal();
    let (url, mailer) = (engine.public_url().to_owned(), engine.config().mailer.clone());
    let reports = Arc::clone(reports);
    tokio::spawn(async move {
        loop {
            let mut pause = None;
            for place in 0..recipients {
                let Some(letter) = reports.letter(number, place, &url) else { continue };
                let sent = match mailer.clone() {
                    None => Err(MailError::permanent(super::NO_SERVER)),
                    Some(mailer) => {
                        let sending = tokio::task::spawn_blocking(move || mailer.send(&letter));
                        let broken = |_| {
                            Err(MailError::temporary(
                                "sending the e-mail was interrupted, and it may have arrived",
                            ))
                        };
                        sending.await.unwrap_or_else(broken)
                    }
                };
                if let Err(error) = &sent {
                    tracing::warn!(
                        report = number,
                        recipient = place + 1,
                        "a report was not sent to a recipient: {error}; /dashboard/reports shows \
                         whether the e-mail is sent again"
                    );
                }
                pause = pause.max(reports.record(number, place, sent));
            }
            let Some(pause) = pause else { break };
            busy = tokio::select! {
                _ = stop.wait_for(|&stop| stop) => return,
                busy = time.pause(pause, busy) => busy,
            };
        }
        drop(busy);
    });
}

/// `declines-2026-11-27.csv`
fn file_name(saved: &Saved, days: Option<(String, String)>, now: Timestamp) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let name: String = saved.name.chars().map(plain).collect();
    let name = name.trim_matches('-');
    let name = if name.is_empty() { "report" } else { name };
    let days = match days {
        Some((first, last)) if first == last => first,
        Some((first, last)) => format!("{first}-to-{last}"),
        None => now.to_string().chars().take(10).collect(),
    };
    format!("{name}-{days}.{}", saved.format)
}
