//! The first page: what needs a person.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use ecp_core::Timestamp;
use ecp_inbox::{InboxError, Stats};
use ecp_payouts as payouts;
use http::StatusCode;

use crate::page::{Shell, duration, html};
use crate::parts::{Parts, Shared};
use crate::payouts::{Content, Job, Unreadable, jobs};
use crate::reconciliation::{Comparisons, Report, newest};

/// Age of a waiting callback at which a person should look. A worker takes callbacks at once, and a
/// failed one waits alone.
const LATE: u64 = 5 * 60;

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    shell: Shell,
    inbox: Option<Result<Stats, InboxError>>,
    todo: Vec<Item>,
}

/// Something that needs a person.
struct Item {
    title: String,
    action: &'static str,
    /// Path of the page about what needs a person, below the path of the console, such as
    /// `/callbacks`.
    link: String,
}

pub(crate) async fn show(State(parts): State<Shared>) -> Response {
    let shell = Shell::new(&parts, "overview");
    let inbox = match &parts.inbox {
        Some(inbox) => Some(inbox.stats().await),
        None => None,
    };
    let mut todo = Vec::new();
    match &inbox {
        Some(Ok(stats)) => of_inbox(&parts, stats, &mut todo),
        Some(Err(error)) => {
            tracing::error!(
                "error.type" = error.kind().as_str(),
                "the console cannot use the inbox"
            );
            todo.push(Item {
                title: format!("The inbox cannot be read: {error}"),
                action: "Until it can be written, the receiver answers 503, and the platform sends \
                         its callbacks again later.",
                link: "/callbacks".to_owned(),
            });
        }
        None => {}
    }
    for job in jobs(&parts).await {
        of_job(&job, &mut todo);
    }
    // A comparison of other days does not hide what the newest report says.
    todo.extend(newest(&parts).await.as_ref().and_then(of_report));
    let compared = parts.comparisons.as_ref().and_then(Comparisons::newest);
    todo.extend(compared.as_ref().and_then(of_report));
    html(StatusCode::OK, &Overview { shell, inbox, todo })
}

fn of_inbox(parts: &Parts, stats: &Stats, todo: &mut Vec<Item>) {
    let list = |state| format!("/callbacks?state={state}");
    if stats.unconfirmed > 0 {
        todo.push(Item {
            title: format!("{} held, and not confirmed by Gate", callbacks(stats.unconfirmed)),
            action: "Deliver nothing by them. Open each: Gate contradicts it, or did not decide.",
            link: list("held"),
        });
    }
    if stats.dead > 0 {
        todo.push(Item {
            title: format!("{} dead", callbacks(stats.dead)),
            action: match stats.dead {
                1 => "Its effect is missing. Correct the handler, then replay it.",
                _ => "Their effect is missing. Correct the handler, then replay them.",
            },
            link: list("dead"),
        });
    }
    let age = |oldest: Option<Timestamp>| {
        let seconds = parts.now().unix_seconds() - oldest?.unix_seconds();
        u64::try_from(seconds).ok()
    };
    if let Some(age) = age(stats.oldest_waiting).filter(|age| *age > LATE) {
        todo.push(Item {
            title: format!(
                "{} waiting, the oldest for {}",
                callbacks(stats.waiting),
                duration(age)
            ),
            action: "Look whether a worker runs, and what its handler fails by.",
            link: list("waiting"),
        });
    }
    let certain = stats.held.saturating_sub(stats.unconfirmed);
    if let Some(age) = age(stats.oldest_held).filter(|age| certain > 0 && *age > LATE) {
        todo.push(Item {
            title: format!("{} held, the oldest for {}", callbacks(stats.held), duration(age)),
            action: "A worker with questions asks Gate by itself. Without one, have Gate asked on \
                     each one's page.",
            link: list("held"),
        });
    }
}

fn callbacks(count: u64) -> String {
    if count == 1 { "1 callback is".to_owned() } else { format!("{count} callbacks are") }
}

/// `1 row was`, or `2 rows were`.
fn rows(count: u64, one: &str, more: &str) -> String {
    if count == 1 { format!("1 row {one}") } else { format!("{count} rows {more}") }
}

fn of_job(job: &Job, todo: &mut Vec<Item>) {
    match &job.content {
        // The payers of the job are at work: what is unclear now may not be for long.
        Ok(content) if content.payers > 0 => todo.extend(of_odd(job, content)),
        Ok(content) => {
            todo.extend(of_rows(job, content));
            todo.extend(of_odd(job, content));
        }
        // The run that has it open reports to the person who started it.
        Err(Unreadable::InUse) => {}
        Err(Unreadable::Other(why)) => todo.push(Item {
            title: format!("{}: the journal cannot be read: {why}", job.name),
            action: "Start no run before the journal is back: it is the only record of what was \
                     sent.",
            link: format!("/payouts/job?{}", job.query),
        }),
    }
}

fn of_odd(job: &Job, content: &Content) -> Option<Item> {
    let odd = match content.odd {
        0 => return None,
        1 => "1 entry".to_owned(),
        count => format!("{count} entries"),
    };
    Some(Item {
        title: format!("{}: {odd} cannot be read in full by this version", job.name),
        action: "Update this program, and start no run with an older one.",
        link: format!("/payouts/job?{}&show=all", job.query),
    })
}

fn of_rows(job: &Job, content: &Content) -> Option<Item> {
    let link = |show: &str| format!("/payouts/job?{}&show={show}", job.query);
    let awaited = content.count(payouts::State::Registered);
    let not_sent = content.count(payouts::State::NotSent);
    Some(match content.unclear() {
        0 if not_sent > 0 => Item {
            title: format!("{}: {} not sent", job.name, rows(not_sent, "was", "were")),
            action: "Read why, and run the same ecp payouts command again.",
            link: link("not+sent"),
        },
        0 if awaited > 0 => Item {
            title: format!("{}: {} awaited", job.name, rows(awaited, "is", "are")),
            action: "Run the same ecp payouts command again: it asks for the results.",
            link: link("registered"),
        },
        0 => return None,
        unclear => Item {
            title: format!(
                "{}: {} unclear: money may have moved ({})",
                job.name,
                rows(unclear, "is", "are"),
                content.unclear_sum()
            ),
            action: "Pay none of them in another way. Each has its next step.",
            link: link("unclear"),
        },
    })
}

fn of_report(report: &Report) -> Option<Item> {
    let link = format!("/reconciliation/report?{}", report.query);
    let (title, action) = match report.content.as_ref().map(|content| &content.summary) {
        Ok(Some(summary)) if summary.agrees => return None,
        Ok(Some(summary)) => {
            let (found, action) = match (summary.differing(), summary.not_compared()) {
                (Some(differing), Some(not_compared)) => (
                    format!("{differing} from the platform, {not_compared}"),
                    "Each difference has its next step. Of a payout that was not compared, money \
                     may have left: look in the platform’s Dashboard.",
                ),
                (None, Some(not_compared)) => {
                    (not_compared, "Money may have left: look in the platform’s Dashboard.")
                }
                (differing, None) => (
                    format!("{} from the platform", differing.unwrap_or_default()),
                    "Each has its next step.",
                ),
            };
            (format!("{}: {found}", report.name), action)
        }
        Ok(None) => (
            format!("{}: the comparison did not come to its end", report.name),
            "Run it again: it changes nothing.",
        ),
        Err(error) => (
            format!("{}: the newest report cannot be read: {error}", report.name),
            "Run the comparison again: it changes nothing.",
        ),
    };
    Some(Item { title, action, link })
}
