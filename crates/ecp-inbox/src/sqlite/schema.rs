//! The tables and their migrations.

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior};

use super::error::Error;
use crate::error::{InboxError, InboxErrorKind};

/// Migrations from each version to the next. They are never edited, only added to.
const MIGRATIONS: &[&str] = &[
    include_str!("schema.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];

/// Permitted change to a database whose tables are not of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Tables are created if there are none, and older ones are migrated to this version.
    Allowed,
    /// Older tables are migrated to this version; a database without an inbox is an error.
    Upgrade,
    /// No change: a database without an inbox, or with older tables, is an error.
    Refused,
}

/// Makes sure that the tables are of this version.
pub(super) fn prepare(connection: &mut Connection, change: Change) -> Result<(), Error> {
    bring_to_date(connection, MIGRATIONS, change)
}

fn bring_to_date(
    connection: &mut Connection,
    migrations: &[&str],
    change: Change,
) -> Result<(), Error> {
    let problem = |kind| Err(InboxError::plain(kind, "opening the inbox").into());
    match version(connection)? {
        Some(version) if version == migrations.len() => return Ok(()),
        Some(version) if version > migrations.len() => return problem(InboxErrorKind::Newer),
        Some(_) if change == Change::Refused => return problem(InboxErrorKind::Older),
        None if change != Change::Allowed => return problem(InboxErrorKind::NoInbox),
        _ => {}
    }
    // A table that is made anew keeps the rows that others refer to. Inside of a transaction this
    // cannot be set.
    let enforced: bool = connection.pragma_query_value(None, "foreign_keys", |row| row.get(0))?;
    connection.pragma_update(None, "foreign_keys", false)?;
    let migrated = migrate(connection, migrations);
    connection.pragma_update(None, "foreign_keys", enforced)?;
    migrated
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), Error> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have migrated first.
    let version = version(&transaction)?;
    if version.is_none() {
        transaction.execute_batch(
            "CREATE TABLE ecp_inbox_schema (version INTEGER NOT NULL) STRICT;
             INSERT INTO ecp_inbox_schema VALUES (0);",
        )?;
    }
    for migration in migrations.iter().skip(version.unwrap_or(0)) {
        transaction.execute_batch(migration)?;
    }
    let newest = u32::try_from(migrations.len().max(version.unwrap_or(0))).unwrap_or(u32::MAX);
    transaction.execute("UPDATE ecp_inbox_schema SET version = ?1", [newest])?;
    transaction.commit()?;
    Ok(())
}

/// Version of the tables; `None` if there is no inbox.
fn version(connection: &Connection) -> Result<Option<usize>, Error> {
    let tables = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'ecp_inbox_schema'";
    if connection.query_row(tables, [], |_| Ok(())).optional()?.is_none() {
        return Ok(None);
    }
    let version: u32 =
        connection.query_row("SELECT version FROM ecp_inbox_schema", [], |row| row.get(0))?;
    Ok(Some(version as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1);";
    const SECOND: &str = "ALTER TABLE t ADD COLUMN b INTEGER NOT NULL DEFAULT 2;";

    fn kind(result: Result<(), Error>) -> InboxErrorKind {
        result.unwrap_err().doing("testing").kind()
    }

    #[test]
    fn each_version_is_brought_to_the_next_and_keeps_what_it_holds() {
        let mut connection = Connection::open_in_memory().unwrap();
        bring_to_date(&mut connection, &[FIRST], Change::Allowed).unwrap();
        bring_to_date(&mut connection, &[FIRST, SECOND], Change::Allowed).unwrap();
        bring_to_date(&mut connection, &[FIRST, SECOND], Change::Refused).unwrap();
        let row = connection.query_row("SELECT a, b FROM t", [], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
        });
        assert_eq!(row.unwrap(), (1, 2));
        assert_eq!(version(&connection).unwrap(), Some(2));
    }

    #[test]
    fn what_may_not_be_changed_is_refused_and_left_as_it_is() {
        let mut connection = Connection::open_in_memory().unwrap();
        let refused = bring_to_date(&mut connection, &[FIRST], Change::Refused);
        assert_eq!(kind(refused), InboxErrorKind::NoInbox);
        assert_eq!(version(&connection).unwrap(), None);
        bring_to_date(&mut connection, &[FIRST], Change::Allowed).unwrap();
        let older = bring_to_date(&mut connection, &[FIRST, SECOND], Change::Refused);
        assert_eq!(kind(older), InboxErrorKind::Older);
        assert_eq!(version(&connection).unwrap(), Some(1));
        bring_to_date(&mut connection, &[FIRST, SECOND], Change::Allowed).unwrap();
        let newer = bring_to_date(&mut connection, &[FIRST], Change::Allowed);
        assert_eq!(kind(newer), InboxErrorKind::Newer);
    }

    #[test]
    fn a_migration_that_fails_leaves_the_version_before() {
        let mut connection = Connection::open_in_memory().unwrap();
        bring_to_date(&mut connection, &[FIRST], Change::Allowed).unwrap();
        let broken = "INSERT INTO t VALUES (7); CREATE TABLE t (a INTEGER);";
        bring_to_date(&mut connection, &[FIRST, broken], Change::Allowed).unwrap_err();
        assert_eq!(version(&connection).unwrap(), Some(1));
        let rows = connection.query_row("SELECT count(*) FROM t", [], |row| row.get::<_, i64>(0));
        assert_eq!(rows.unwrap(), 1);
    }
}
