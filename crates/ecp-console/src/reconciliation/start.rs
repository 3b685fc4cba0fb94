//! Comparing the platform with what the pages show.
//!
//! A comparison reads the platform, the inbox and the journals, and changes none of them.

use ecp_payouts::Owner;
use ecp_reconcile::Reconcile;
use tokio::task::spawn_blocking;

use super::comparisons::{Comparisons, Days, Started};
use crate::files;
use crate::parts::{Parts, Shared};
use crate::payouts::journals;

/// Starts a comparison of what the console shows, on a task of its own.
pub(crate) fn start(parts: &Shared, comparisons: &Comparisons, days: Days) -> Started {
    let started = comparisons.enter(days);
    if let Started::New(number) = started {
        let (work, watch) = (parts.clone(), parts.clone());
        let work = tokio::spawn(async move { compare(&work, number, days).await });
        tokio::spawn(async move {
            let ended = work.await.unwrap_or_else(|_| {
                Err("an error of this program ended the comparison: start it again, and report this error"
                    .to_owned())
            });
            if let Some(comparisons) = &watch.comparisons {
                comparisons.end(number, watch.now(), ended.err());
            }
        });
    }
    started
}

/// The error says why the comparison did not come to its end.
async fn compare(parts: &Parts, number: u64, days: Days) -> Result<(), String> {
    let Some(comparisons) = &parts.comparisons else { return Ok(()) };
    let sides = sides(parts, comparisons.owner(), days).await;
    let mut begun = comparisons.begin(sides).await.map_err(|error| error.to_string())?;
    while let Some(found) = begun.next().await.map_err(|error| error.to_string())? {
        // The form that reports have in files: there is one reader of it.
        comparisons.add(number, &found.to_json());
    }
    comparisons.add(number, &begun.to_json());
    Ok(())
}

/// What the pages show: the inbox and all journals.
async fn sides(parts: &Parts, owner: &Owner, days: Days) -> Reconcile {
    let mut sides = Reconcile::new(owner.clone(), days.interval());
    if let Some(inbox) = &parts.inbox {
        sides = sides.inbox(inbox.clone());
    }
    let paths = journals(parts).await;
    let given = paths.clone();
    let distinct = spawn_blocking(move || files::distinct(given)).await.unwrap_or(paths);
    sides = distinct.into_iter().fold(sides, Reconcile::journal);
    #[cfg(feature = "postgres")]
    for reader in &parts.shared {
        sides = sides.shared_journal(reader.clone());
    }
    sides
}
