//! What a Postgres server and the role of the service promise, and what is missing.

use std::fmt::Display;

use tokio_postgres::{Config, Row};

use super::accept::Accepts;
use super::session::{Parameter, Session, failed};
use super::store::PostgresInbox;
use super::{PostgresOptions, pool, schema};
use crate::checkup::{CLOCK_WARNING, Finding, Findings, Topic};
use crate::clock::now;
use crate::error::InboxError;

const EXAMINING: &str = "examining the inbox's database";

/// The oldest version of the server that the inbox is for.
const OLDEST: i32 = 12;

/// Settings that decide what survives a crash.
const SETTINGS: &str = "
    SELECT current_setting('server_version') AS version,
        current_setting('server_version_num')::integer / 10000 AS major,
        pg_is_in_recovery() AS is_standby,
        current_setting('fsync') AS fsync,
        current_setting('full_page_writes') AS full_page_writes,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('synchronous_standby_names') AS standby_names,
        current_user::text AS role,
        pg_has_role('pg_read_all_stats', 'USAGE') AS sees_replicas";

const REPLICAS: &str = "
    SELECT coalesce(application_name, '') AS name, coalesce(state, '') AS state,
        coalesce(sync_state, '') AS sync_state,
        coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn), 0)::bigint AS behind
    FROM pg_stat_replication ORDER BY sync_state DESC, application_name";

/// Rights of the current role, one row each; only where the schema may be used.
const RIGHTS: &str = "
    SELECT needed.name, needed.privilege, CASE
        WHEN needed.kind = 'function' THEN (
            SELECT bool_and(has_function_privilege(oid, needed.privilege)) FROM pg_proc
            WHERE pronamespace = to_regnamespace('ecp_inbox')
                AND proname = split_part(needed.name, '.', 2))
        WHEN to_regclass(needed.name) IS NULL THEN NULL
        WHEN needed.kind = 'sequence' THEN has_sequence_privilege(needed.name, needed.privilege)
        ELSE has_table_privilege(needed.name, needed.privilege) END AS given
    FROM (VALUES
        ('table', 'ecp_inbox.migrations', 'SELECT'),
        ('table', 'ecp_inbox.payments', 'SELECT'),
        ('table', 'ecp_inbox.payments', 'INSERT'),
        ('table', 'ecp_inbox.payments', 'UPDATE'),
        ('table', 'ecp_inbox.callbacks', 'SELECT'),
        ('table', 'ecp_inbox.callbacks', 'INSERT'),
        ('table', 'ecp_inbox.callbacks', 'UPDATE'),
        ('table', 'ecp_inbox.counts', 'SELECT'),
        ('table', 'ecp_inbox.counts', 'INSERT'),
        ('table', 'ecp_inbox.counts', 'UPDATE'),
        ('table', 'ecp_inbox.counts', 'DELETE'),
        ('table', 'ecp_inbox.outbox', 'SELECT'),
        ('table', 'ecp_inbox.outbox', 'INSERT'),
        ('table', 'ecp_inbox.outbox', 'DELETE'),
        ('table', 'ecp_inbox.publisher', 'SELECT'),
        ('table', 'ecp_inbox.publisher', 'UPDATE'),
        ('sequence', 'ecp_inbox.callbacks_id_seq', 'USAGE'),
        ('function', 'ecp_inbox.begin_batch', 'EXECUTE'),
        ('function', 'ecp_inbox.end_batch', 'EXECUTE'),
        ('function', 'ecp_inbox.add_up_counts', 'EXECUTE')
    ) AS needed (kind, name, privilege)";

const SCHEMA: &str = "
    SELECT has_schema_privilege(oid, 'USAGE') AS usage, has_schema_privilege(oid, 'CREATE')
        AND has_database_privilege(current_database(), 'CREATE') AS migrates
    FROM pg_namespace WHERE nspname = 'ecp_inbox'";

impl PostgresOptions {
    /// Examines the inbox in a database: durability, replicas, a pooler in between, clocks, the
    /// role's rights, and versions. Changes nothing. Whatever cannot be examined is a [`Finding`]
    /// too, so there is always a result. Use the address and the role of the service: settings and
    /// rights may be those of the role.
    pub async fn examine(mut self, config: Config) -> Vec<Finding> {
        self.connections = 2;
        let mut findings = Findings::default();
        if let Err(error) = self.examine_all(config, &mut findings).await {
            findings.error(Topic::Connection, &error);
        }
        findings.0
    }

    /// Examines the inbox in the database at an address: durability, replicas, rights and more, as
    /// [`PostgresOptions::examine`] does. Changes nothing.
    #[cfg(feature = "postgres-tls")]
    pub async fn examine_at(mut self, address: super::PostgresAddress) -> Vec<Finding> {
        match self.secured(address) {
            Ok(config) => self.examine(config).await,
            Err(error) => {
                let mut findings = Findings::default();
                findings.error(Topic::Connection, &error);
                findings.0
            }
        }
    }

    async fn examine_all(self, config: Config, to: &mut Findings) -> Result<(), InboxError> {
        let pool = pool(config, &self)?;
        let session = Session::open(&pool, false).await?;
        let other = Session::open(&pool, false).await?;
        to.fine(Topic::Connection, "the database can be reached");

        let settings = rows(&session, SETTINGS, &[]).await?;
        let settings = settings.first().ok_or_else(|| InboxError::damaged(EXAMINING))?;
        version(settings, to);
        let has_tables = tables(&session, settings.get("role"), to).await?;
        durability(settings, to);
        replicas(&session, settings, to).await?;
        pooler(&session, &other, to).await?;
        clock(&session, &*self.clock, to).await?;
        session.keep();
        other.keep();
        if has_tables {
            let inbox = PostgresInbox {
                pool,
                named_statements: false,
                clock: self.clock.clone(),
                set_back: <_>::default(),
                wakeup: <_>::default(),
                hold: self.hold,
                accepts: std::sync::Arc::<Accepts>::default(),
                finishes: <_>::default(),
            };
            to.newest(&inbox, &*self.clock).await;
        }
        Ok(())
    }
}

async fn rows(
    session: &Session,
    sql: &str,
    values: &[Parameter<'_>],
) -> Result<Vec<Row>, InboxError> {
    session.query(sql, values).await.map_err(failed(EXAMINING))
}

fn version(settings: &Row, to: &mut Findings) {
    let (version, major): (&str, i32) = (settings.get("version"), settings.get("major"));
    if major < OLDEST {
        to.problem(
            Topic::Versions,
            format!("the server is Postgres {version}"),
            "upgrade it: the inbox needs Postgres 12 or newer",
        );
    } else {
        to.fine(Topic::Versions, format!("the server is Postgres {version}"));
    }
}

/// Version of the tables, and the role's rights on them. Returns whether the inbox can be read.
async fn tables(session: &Session, role: &str, to: &mut Findings) -> Result<bool, InboxError> {
    let schema = rows(session, SCHEMA, &[]).await?;
    let Some(schema) = schema.first() else {
        to.problem(
            Topic::Versions,
            "there is no schema ecp_inbox",
            "name the database of the service; a service makes the schema when it starts",
        );
        return Ok(false);
    };
    if !schema.get::<_, bool>("usage") {
        to.problem(
            Topic::Permissions,
            format!("the role {role} may not use the schema ecp_inbox"),
            &format!("as its owner: GRANT USAGE ON SCHEMA ecp_inbox TO {role}"),
        );
        return Ok(false);
    }
    let mut missing = Vec::new();
    let mut may_read = true;
    for row in rows(session, RIGHTS, &[]).await? {
        let (name, right): (&str, &str) = (row.get("name"), row.get("privilege"));
        // A table that is missing is a matter of versions.
        if row.get::<_, Option<bool>>("given") == Some(false) {
            may_read &= right != "SELECT";
            let kind = match right {
                "USAGE" => "SEQUENCE ",
                "EXECUTE" => "FUNCTION ",
                _ => "",
            };
            missing.push(format!("GRANT {right} ON {kind}{name} TO {role}"));
        }
    }
    if missing.is_empty() {
        to.fine(Topic::Permissions, format!("the role {role} may read and write the inbox"));
    } else {
        to.problem(
            Topic::Permissions,
            format!("the role {role} lacks rights on the inbox"),
            &format!("as its owner: {}", missing.join("; ")),
        );
    }
    if !schema.get::<_, bool>("migrates") {
        to.warning(
            Topic::Permissions,
            format!("the role {role} may not change the tables, which a new version may have to"),
            "open the inbox with `PostgresOptions::existing_only` in services, and once with \
             another role after an update",
        );
    }
    if !may_read {
        return Ok(false);
    }
    match schema::check(session).await {
        Ok(()) => to.fine(Topic::Versions, "the tables are those of this version"),
        Err(error) => to.error(Topic::Versions, &error),
    }
    Ok(true)
}

fn durability(settings: &Row, to: &mut Findings) {
    let topic = Topic::Durability;
    let (fsync, pages, commit): (&str, &str, &str) = (
        settings.get("fsync"),
        settings.get("full_page_writes"),
        settings.get("synchronous_commit"),
    );
    if fsync == "on" {
        to.fine(topic, "fsync is on: commits are written to the disk");
    } else {
        to.problem(
            topic,
            "fsync is off: a crash of the server's machine loses or damages callbacks that were \
             answered with 200",
            "set fsync = on and reload the server",
        );
    }
    if pages != "on" {
        to.warning(
            topic,
            "full_page_writes is off: a crash of the server's machine can damage pages",
            "set full_page_writes = on, unless the file system writes pages whole (ZFS)",
        );
    }
    let has_standby = !settings.get::<_, &str>("standby_names").is_empty();
    match commit {
        "off" => to.fine(
            topic,
            "synchronous_commit is off for this role: the inbox sets it to on in its own \
             transactions, and yours may be lost",
        ),
        "local" if has_standby => to.warning(
            topic,
            "synchronous_commit is local: commits do not wait for the synchronous standby",
            "set it to on for this role and database, or a failover loses callbacks that were \
             answered with 200",
        ),
        "remote_write" if has_standby => to.warning(
            topic,
            "synchronous_commit is remote_write: the standby has callbacks in memory when they are \
             answered with 200",
            "set it to on, if primary and standby can lose power together",
        ),
        other => to.fine(topic, format!("synchronous_commit is {other}")),
    }
}

async fn replicas(session: &Session, settings: &Row, to: &mut Findings) -> Result<(), InboxError> {
    let topic = Topic::Replicas;
    if settings.get("is_standby") {
        to.problem(
            topic,
            "the server is a standby, which stores nothing",
            "use the address of the primary; with several hosts in it, \
             target_session_attrs=read-write finds the primary",
        );
        return Ok(());
    }
    let names: &str = settings.get("standby_names");
    let replicas = rows(session, REPLICAS, &[]).await?;
    let sees: bool = settings.get("sees_replicas");
    let mut synchronous = 0;
    for replica in replicas.iter().filter(|_| sees) {
        let (name, state): (&str, &str) = (replica.get("name"), replica.get("state"));
        let (sync, behind): (&str, i64) = (replica.get("sync_state"), replica.get("behind"));
        synchronous += usize::from(matches!(sync, "sync" | "quorum") && state == "streaming");
        to.fine(topic, format!("replica {name}: {state}, {sync}, {behind} bytes behind"));
    }
    let count = replicas.len();
    if names.is_empty() {
        let text = match count {
            0 => "there is no replica: callbacks are on one server only".to_owned(),
            count => format!(
                "{count} replicas and no synchronous one: a failover loses what they have not \
                 received"
            ),
        };
        to.warning(
            topic,
            text,
            "set synchronous_standby_names to two standbys of which one must answer \
             ('ANY 1 (a, b)'), or keep backups and reconcile with the platform after a failover",
        );
    } else if count == 0 || sees && synchronous == 0 {
        to.problem(
            topic,
            format!(
                "synchronous_standby_names is '{names}', and no such standby is connected: commits \
                 wait, and callbacks are answered with 503"
            ),
            "start the standby, or set synchronous_standby_names to those that are there",
        );
    } else if !sees {
        to.warning(
            topic,
            format!("synchronous_standby_names is '{names}'; this role cannot see the replicas"),
            "GRANT pg_monitor to the role, or examine with one that has it",
        );
    } else {
        to.fine(topic, format!("commits wait for a standby (synchronous_standby_names '{names}')"));
    }
    Ok(())
}

/// A pooler in transaction mode gives the transactions of one connection to several sessions of the
/// server, and those of several connections to one.
async fn pooler(session: &Session, other: &Session, to: &mut Findings) -> Result<(), InboxError> {
    let pid = async |session| {
        let rows = rows(session, "SELECT pg_backend_pid() AS pid", &[]).await?;
        Ok::<i32, InboxError>(rows.first().map_or(0, |row| row.get("pid")))
    };
    let mut is_shared = false;
    let first = pid(session).await?;
    for _ in 0..3 {
        let others = pid(other).await?;
        is_shared |= others == first || pid(session).await? != first;
    }
    let text = if is_shared {
        "a pooler in transaction mode is in between: do not set `PostgresOptions::named_statements`, \
         unless it tracks them (pgbouncer 1.21 or newer with max_prepared_statements)"
    } else {
        "no pooler in transaction mode was noticed"
    };
    to.fine(Topic::Pooler, text);
    Ok(())
}

async fn clock(
    session: &Session,
    clock: &dyn ecp_core::Clock,
    to: &mut Findings,
) -> Result<(), InboxError> {
    let before = now(clock);
    let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now";
    let rows = rows(session, sql, &[]).await?;
    let after = now(clock);
    let Some(server) = rows.first().map(|row| row.get::<_, i64>("now")) else { return Ok(()) };
    // The server's time lies between the two, if the clocks agree.
    let ahead = if server < before { server - before } else { (server - after).max(0) };
    let difference = |direction: &dyn Display| {
        format!("the server's clock is {} ms {direction} this machine's", ahead.abs())
    };
    if ahead.abs() <= CLOCK_WARNING * 1000 {
        let text = if ahead == 0 {
            "this machine's clock agrees with the server's".to_owned()
        } else {
            difference(if ahead > 0 { &"ahead of" } else { &"behind" })
        };
        to.fine(Topic::Clock, text);
    } else {
        to.warning(
            Topic::Clock,
            difference(if ahead > 0 { &"ahead of" } else { &"behind" }),
            "synchronize the clocks of all machines that share the inbox (chrony, \
             systemd-timesyncd): leases are by the clocks of the services",
        );
    }
    Ok(())
}
