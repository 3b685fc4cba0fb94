//! The outbox: callbacks to be published.

use tokio_postgres::Row;

use super::accept::digest;
use super::schema::LOCK;
use super::session::{column, failed, typed};
use super::store::PostgresInbox;
use crate::accept::{from_json, payment_id, project};
use crate::clock::{milliseconds, timestamp};
use crate::entry::{EntryId, Raw};
use crate::error::InboxError;
use crate::outbox::{LEASE, Publication, PublisherId, of_content};

/// Whether the outbox is kept: both triggers are there.
const IS_KEPT: &str = "
    SELECT count(*) = 2 FROM pg_trigger
    WHERE tgrelid = 'ecp_inbox.callbacks'::regclass AND tgname IN ('outbox_new', 'outbox_released')";

const KEEP: &str = "
    DROP TRIGGER IF EXISTS outbox_new ON ecp_inbox.callbacks;
    DROP TRIGGER IF EXISTS outbox_released ON ecp_inbox.callbacks;
    CREATE TRIGGER outbox_new AFTER INSERT ON ecp_inbox.callbacks
        REFERENCING NEW TABLE AS inserted
        FOR EACH STATEMENT EXECUTE FUNCTION ecp_inbox.outbox_new();
    CREATE TRIGGER outbox_released AFTER UPDATE ON ecp_inbox.callbacks
        FOR EACH ROW WHEN (OLD.state = 'held' AND NEW.state = 'waiting')
        EXECUTE FUNCTION ecp_inbox.outbox_released();";

const DROP: &str = "
    DROP TRIGGER IF EXISTS outbox_new ON ecp_inbox.callbacks;
    DROP TRIGGER IF EXISTS outbox_released ON ecp_inbox.callbacks;
    DELETE FROM ecp_inbox.outbox;";

const LOOK: &str = "
    SELECT EXISTS (SELECT FROM ecp_inbox.outbox) AS filled, holder, until FROM ecp_inbox.publisher";

/// A time beyond two leases shows that a clock was set back.
const TAKE: &str = "
    UPDATE ecp_inbox.publisher SET holder = $1, until = $2
    WHERE holder = $1 OR until <= $3 OR until > $4";

const READ: &str = "
    SELECT place, id, project, payment, change, received, raw, content
    FROM ecp_inbox.outbox JOIN ecp_inbox.callbacks ON callbacks.id = outbox.callback
    WHERE raw IS NOT NULL ORDER BY place LIMIT $1";

/// After a failover that lost the last writes, a place may be given to another callback.
const REMOVE: &str = "
    DELETE FROM ecp_inbox.outbox USING unnest($1::bigint[], $2::bigint[]) AS done (place, callback)
    WHERE outbox.place = done.place AND outbox.callback = done.callback";

const READING: &str = "reading the outbox";
const REMOVING: &str = "removing what was published from the outbox";

pub(super) async fn keep(inbox: &PostgresInbox, keep: bool) -> Result<(), InboxError> {
    let context = failed("turning the outbox on or off");
    let session = inbox.session().await?;
    if keep {
        // Making triggers needs the tables' owner, and waits for all writers.
        let row = session.query_one(IS_KEPT, &[]).await.map_err(&context)?;
        if row.get(0) {
            session.keep();
            return Ok(());
        }
    }
    let statements = if keep { KEEP } else { DROP };
    let sql = format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {statements} COMMIT");
    session.batch_execute(&sql).await.map_err(&context)?;
    session.end().map_err(failed("turning the outbox on or off"))
}

pub(super) async fn read(
    inbox: &PostgresInbox,
    publisher: PublisherId,
    limit: usize,
) -> Result<Vec<Publication>, InboxError> {
    let session = inbox.session().await?;
    let row = session.query_one(LOOK, &[]).await.map_err(failed(READING))?;
    let (filled, holder, until): (bool, i64, i64) = (row.get(0), row.get(1), row.get(2));
    if !filled {
        session.keep();
        return Ok(Vec::new());
    }
    // A lease is renewed when half of it is over.
    let (now, lease) = (inbox.now(), milliseconds(LEASE));
    if holder != publisher.0 || !(now + lease / 2..=now + lease).contains(&until) {
        let (until, beyond) = (now + lease, now + 2 * lease);
        let values = [typed(&publisher.0), typed(&until), typed(&now), typed(&beyond)];
        let taken = session.alone(TAKE, session.execute(TAKE, &values)).await;
        if taken.map_err(failed(READING))? == 0 {
            session.keep();
            return Ok(Vec::new());
        }
    }
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = session.query(READ, &[typed(&limit)]).await.map_err(failed(READING))?;
    // Other transactions are visible when their wait for the standby is over, so that what is
    // published is not lost in a failover, unless that wait was cancelled.
    session.keep();
    rows.iter().map(publication).collect()
}

fn publication(row: &Row) -> Result<Publication, InboxError> {
    Ok(Publication {
        place: row.get("place"),
        id: EntryId::new(row.get("id")),
        project: project(row.get("project"))?,
        payment: row.get::<_, Option<&[u8]>>("payment").map(payment_id).transpose()?,
        change: from_json(row.get("change"), "reading a callback's change")?,
        received: timestamp(row.get("received")),
        raw: Raw::from(row.get::<_, Vec<u8>>("raw")),
        message_id: of_content(&digest(row.get("content"), "reading the digest of a callback")?),
    })
}

pub(super) async fn remove(
    inbox: &PostgresInbox,
    publications: &[Publication],
) -> Result<(), InboxError> {
    let places: Vec<i64> = publications.iter().map(|one| one.place).collect();
    let ids: Vec<i64> = publications.iter().map(|one| one.id.get()).collect();
    let session = inbox.session().await?;
    let values = [column(&places), column(&ids)];
    let removed = session.alone(REMOVE, session.execute(REMOVE, &values)).await;
    removed.map_err(failed(REMOVING))?;
    session.end().map_err(failed(REMOVING))
}
