//! Payout jobs in Postgres, which payers share.

use ecp_payouts::postgres::{PostgresJob, PostgresJournalReader};
use ecp_payouts::{JournalError, State};

use super::job::{Content, Job, PAGE, Rows, Unreadable};
use crate::page::Parameters;
use crate::parts::Parts;

/// Adds the jobs of the databases.
pub(super) async fn jobs(parts: &Parts, jobs: &mut Vec<Job>) {
    for (place, reader) in parts.shared.iter().enumerate() {
        match reader.jobs().await {
            Ok(found) => {
                for job in found {
                    jobs.push(read(reader, place, &job, |_| false, 0).await.0);
                }
            }
            Err(error) => jobs.push(unreadable(place, &error)),
        }
    }
}

/// The job that an address names.
pub(super) async fn find(
    parts: &Parts,
    database: &str,
    query: &Parameters,
    takes: impl Fn(State) -> bool + Send,
    page: usize,
) -> Option<(Job, Rows)> {
    let place: usize = database.parse().ok()?;
    let reader = parts.shared.get(place)?;
    let found = match reader.jobs().await {
        Ok(found) => found,
        Err(error) => return Some((unreadable(place, &error), Rows::default())),
    };
    let is_named = |job: &PostgresJob| {
        let project = job.owner.project.to_string();
        query.get("job") == Some(&job.name)
            && query.get("project") == Some(&project)
            && query.get("gate") == Some(&job.owner.gate_url)
    };
    let job = found.into_iter().find(is_named)?;
    Some(read(reader, place, &job, takes, page).await)
}

/// Reads one job and a page of its rows.
async fn read(
    reader: &PostgresJournalReader,
    place: usize,
    job: &PostgresJob,
    takes: impl Fn(State) -> bool + Send,
    page: usize,
) -> (Job, Rows) {
    let mut rows = Rows::default();
    let content = read_content(reader, job, takes, page, &mut rows).await;
    let content = content.map_err(|error| Unreadable::Other(error.to_string()));
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("database", &place.to_string())
        .append_pair("project", &job.owner.project.to_string())
        .append_pair("gate", &job.owner.gate_url)
        .append_pair("job", &job.name)
        .finish();
    (Job { name: job.name.clone(), query, content }, rows)
}

async fn read_content(
    reader: &PostgresJournalReader,
    job: &PostgresJob,
    takes: impl Fn(State) -> bool + Send,
    page: usize,
    rows: &mut Rows,
) -> Result<Content, JournalError> {
    let mut content = Content::new(job.owner.clone());
    content.payers = reader.at_work(&job.owner, &job.name).await?.payers;
    let mut before = page.saturating_mul(PAGE);
    let mut stored = reader.rows(&job.owner, Some(&job.name)).await?;
    loop {
        let found = stored.next_page().await?;
        if found.is_empty() {
            content.odd = stored.odd().len();
            return Ok(content);
        }
        for (id, entry) in found {
            content.add(&entry);
            if takes(entry.state) {
                rows.add(id, entry, &mut before);
            }
        }
    }
}

/// Stands for the jobs of a database that cannot be read now.
fn unreadable(place: usize, error: &JournalError) -> Job {
    let content = Err(Unreadable::Other(error.to_string()));
    Job { name: "jobs in Postgres".to_owned(), query: format!("database={place}"), content }
}
