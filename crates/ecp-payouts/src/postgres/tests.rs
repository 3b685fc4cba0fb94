//! Reservations, over a real server.

use std::sync::LazyLock;
use std::time::Duration;

use ecp_core::{Money, PaymentId, ProjectId};
use ecp_testkit::postgres::Server;
use ecp_transport::Booking;
use tokio::time::sleep;

use super::{PostgresJournal, PostgresJournalOptions};
use crate::journal::{Entry, Held, JournalError, Owner, State, Store, Taken};
use crate::row::RowId;

type Done = Result<(), Box<dyn std::error::Error>>;

static SERVER: LazyLock<Option<Server>> =
    LazyLock::new(|| Server::start_or_skip("the reservations of a shared journal"));

/// The shortest one.
const LEASE: Duration = Duration::from_secs(1);

async fn open(database: &str, job: &str) -> Result<PostgresJournal, Box<dyn std::error::Error>> {
    let owner = Owner::new(ProjectId::new(1)?, "http://localhost");
    let options = PostgresJournalOptions::new().lease(LEASE).patience(Duration::from_secs(20));
    Ok(options.open(database.parse()?, &owner, job).await?)
}

fn row(id: &str) -> Result<RowId, Box<dyn std::error::Error>> {
    Ok(PaymentId::new(id)?.into())
}

fn entry(state: State) -> Result<Entry, Box<dyn std::error::Error>> {
    let amount: Money = "3.00 EUR".parse()?;
    // The platform's texts may hold what Postgres takes for no text.
    let evidence = "zero \0 character".to_owned();
    Ok(Entry { state, sends: 1, evidence, ..Entry::first([7; 32], Some(amount)) })
}

async fn take(journal: &PostgresJournal, id: &RowId) -> Result<Taken, JournalError> {
    Ok(journal.take(std::slice::from_ref(id)).await?.remove(0))
}

fn held(taken: Taken) -> Result<Held, String> {
    match taken {
        Taken::Held(held) => Ok(held),
        other => Err(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_payer_that_was_taken_for_dead_stores_nothing_more() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let (first, second) = (open(&database, "job").await?, open(&database, "job").await?);
    let id = row("P-1")?;
    let Held { token, entry: before, .. } = held(take(&first, &id).await?)?;
    assert_eq!((before, token), (None, 1));
    assert!(matches!(take(&second, &id).await?, Taken::Busy(None)));
    assert!(matches!(take(&first, &id).await?, Taken::Busy(None)), "by another task of its own");
    first.keep(&id, token, &entry(State::Intended)?).await?;
    assert!(matches!(take(&second, &id).await?, Taken::Busy(Some(_))));

    // While it renews its lease, the row stays its own.
    sleep(LEASE + LEASE / 5).await;
    assert!(matches!(take(&second, &id).await?, Taken::Busy(Some(_))));
    first.stop_renewing();
    sleep(LEASE + LEASE / 5).await;
    let over = held(take(&second, &id).await?)?;
    let found = over.entry.ok_or("no entry")?;
    assert_eq!((found.state, found.sends, over.token), (State::Intended, 1, 2));
    assert!(over.age.is_some_and(|age| (LEASE * 2..LEASE * 10).contains(&age)), "{:?}", over.age);

    for state in [State::Intended, State::Registered] {
        let late = first.keep(&id, token, &entry(state)?).await;
        assert!(matches!(late, Err(JournalError::Lost { row }) if row == id));
    }
    second.keep(&id, over.token, &entry(State::Success)?).await?;
    assert!(matches!(take(&first, &id).await?, Taken::Ended(it) if it.state == State::Success));
    assert_eq!(first.entry(&id).await?.ok_or("no entry")?.evidence, "zero \u{fffd} character");
    Ok(())
}

#[tokio::test]
async fn an_intent_after_the_lease_is_not_carried_out_even_if_nobody_took_over() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let journal = open(&server.database()?, "job").await?;
    let id = row("P-1")?;
    let Held { token, .. } = held(take(&journal, &id).await?)?;
    journal.stop_renewing();
    sleep(LEASE + LEASE / 10).await;
    let late = journal.keep(&id, token, &entry(State::Intended)?).await;
    assert!(matches!(late, Err(JournalError::Lost { .. })), "{late:?}");
    // That nothing was sent can be said.
    journal.keep(&id, token, &entry(State::NotSent)?).await?;
    assert_eq!(journal.entry(&id).await?.map(|entry| entry.state), Some(State::NotSent));
    Ok(())
}

#[tokio::test]
async fn rows_of_a_payer_that_ended_are_free_at_once_and_rows_are_given_back() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let (first, second) = (open(&database, "job").await?, open(&database, "another").await?);
    let (one, two) = (row("P-1")?, row("P-2")?);
    let refund = RowId::refund(PaymentId::new("P-1")?, "");
    let ids = [two.clone(), one.clone(), refund.clone()];
    let tokens: Vec<i64> = first
        .take(&ids)
        .await?
        .into_iter()
        .map(|it| held(it).map(|it| it.token))
        .collect::<Result<_, _>>()?;
    first.keep(&one, tokens[1], &entry(State::Unknown)?).await?;
    first.release(&two, tokens[0], false);
    // The write is after the release, in the same queue.
    first.keep(&one, tokens[1], &entry(State::Unknown)?).await?;
    tokio::time::timeout(Duration::from_secs(5), async {
        while !matches!(take(&second, &two).await?, Taken::Held(_)) {
            sleep(Duration::from_millis(10)).await;
        }
        Ok::<_, JournalError>(())
    })
    .await??;
    assert!(matches!(take(&second, &one).await?, Taken::Busy(_)));
    assert_eq!((first.read().await?.len(), second.read().await?.len()), (1, 0));
    assert_eq!(first.abandoned().await?, []);

    let begun = std::time::Instant::now();
    drop(first);
    loop {
        match take(&second, &one).await? {
            Taken::Held(held) => {
                assert_eq!(held.entry.map(|entry| entry.state), Some(State::Unknown));
                break;
            }
            _ => sleep(Duration::from_millis(10)).await,
        }
    }
    assert!(begun.elapsed() < LEASE / 2, "{:?}", begun.elapsed());
    drop(second);
    // The row is of the job in which it was first.
    let third = open(&database, "job").await?;
    while third.abandoned().await? != [one.clone()] {
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

#[tokio::test]
async fn rows_that_nobody_waits_for_any_more_are_given_back() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let (first, second) = (open(&database, "job").await?, open(&database, "job").await?);
    let id = row("P-1")?;
    // As if the server had reserved the row and its answer was lost: it is the first payer's, and no
    // task of that has it.
    let Held { token, .. } = held(take(&first, &id).await?)?;
    first.release(&id, token, true);
    assert!(matches!(take(&second, &id).await?, Taken::Busy(_)));
    let not_waited_for = tokio::time::timeout(Duration::ZERO, take(&first, &id)).await;
    assert!(not_waited_for.is_err());
    let free = async {
        while !matches!(take(&second, &id).await?, Taken::Held(_)) {
            sleep(Duration::from_millis(10)).await;
        }
        Ok::<_, JournalError>(())
    };
    tokio::time::timeout(Duration::from_secs(5), free).await??;
    Ok(())
}

#[tokio::test]
async fn many_payers_take_each_row_once() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let ids: Vec<RowId> =
        (0..200).map(|number| row(&format!("P-{number}"))).collect::<Result<_, _>>()?;
    let mut payers = Vec::new();
    for number in 0..4 {
        let journal = open(&database, "job").await?;
        let mut ids = ids.clone();
        ids.rotate_left(number * 10);
        payers.push(tokio::spawn(async move {
            let mut count = 0;
            for ids in ids.chunks(25) {
                let taken = journal.take(ids).await?;
                count += taken.iter().filter(|it| matches!(it, Taken::Held(_))).count();
            }
            Ok::<_, JournalError>((count, journal))
        }));
    }
    let (mut sum, mut journals) = (0, Vec::new());
    for payer in payers {
        let (count, journal) = payer.await??;
        sum += count;
        journals.push(journal);
    }
    assert_eq!(sum, ids.len());
    Ok(())
}

#[tokio::test]
async fn payers_share_the_turns_of_one_rate() -> Done {
    const INTERVAL: Duration = Duration::from_millis(5);
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let mut senders = tokio::task::JoinSet::new();
    let begun = std::time::Instant::now();
    for job in ["one", "two"] {
        let journal = open(&database, job).await?;
        let limits = journal.limits().ok_or("no limits")?;
        for _ in 0..10 {
            let (journal, limits) = (journal.clone(), std::sync::Arc::clone(&limits));
            senders.spawn(async move {
                let mut turns = Vec::new();
                for _ in 0..5 {
                    limits.turn(INTERVAL).await.map_err(|error| error.to_string())?;
                    turns.push(std::time::Instant::now());
                }
                drop(journal);
                Ok::<_, String>(turns)
            });
        }
    }
    let mut turns = Vec::new();
    while let Some(sender) = senders.join_next().await {
        turns.extend(sender??);
    }
    // The last of a hundred turns is 99 intervals after the first one; timers have milliseconds.
    let took = turns.iter().max().ok_or("no turns")?.duration_since(begun);
    assert_eq!(turns.len(), 100);
    assert!(took + Duration::from_millis(2) >= INTERVAL * 99, "{took:?}");
    Ok(())
}

#[tokio::test]
async fn payers_share_one_budget_that_counts_as_the_budget_of_one() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let (one, two) = (open(&database, "one").await?, open(&database, "two").await?);
    let both = [one.limits().ok_or("no limits")?, two.limits().ok_or("no limits")?];
    // In hundredths: deposits, given back, and how many requests can be taken out then.
    let table = [
        (0, 0, 10),
        (900, 0, 0),
        (100, 0, 0),
        (250, 0, 2),
        (50, 0, 1),
        (99_999, 0, 10),
        (0, 100, 1),
    ];
    for (number, (deposits, given_back, expected)) in table.into_iter().enumerate() {
        let mut first = Some((deposits, given_back));
        let mut count = 0;
        for limits in both.iter().cycle().skip(number).take(30) {
            let (deposits, given_back) = first.take().unwrap_or_default();
            let booking =
                Booking::new(10 * Booking::REQUEST).deposited(deposits).returned(given_back);
            if limits.withdraw(&booking).await.map_err(|error| error.to_string())? {
                count += 1;
            }
        }
        assert_eq!(count, expected, "line {number}");
    }
    Ok(())
}

/// As it is while a commit waits for a standby that hangs.
#[tokio::test]
async fn an_intent_that_took_long_to_store_is_not_carried_out() -> Done {
    let Some(server) = &*SERVER else { return Ok(()) };
    let database = server.database()?;
    let owner = Owner::new(ProjectId::new(1)?, "http://localhost");
    let journal = PostgresJournalOptions::new().open(database.parse()?, &owner, "job").await?;
    let id = row("P-1")?;
    let Held { token, .. } = held(take(&journal, &id).await?)?;
    let config: tokio_postgres::Config = database.parse()?;
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("BEGIN; SELECT FROM ecp_payouts.rows FOR UPDATE").await?;
    let intent = entry(State::Intended)?;
    let kept = async { journal.keep(&id, token, &intent).await };
    let unlock = async {
        sleep(Duration::from_millis(3500)).await;
        client.batch_execute("COMMIT").await
    };
    let (kept, unlocked) = tokio::join!(kept, unlock);
    unlocked?;
    let error = kept.err().ok_or("it is carried out")?.to_string();
    assert!(error.contains("its request was not sent"), "{error}");
    // It is in the journal, and this payer may say what became of it.
    assert_eq!(journal.entry(&id).await?.ok_or("no entry")?.state, State::Intended);
    journal.keep(&id, token, &entry(State::NotSent)?).await?;
    Ok(())
}
