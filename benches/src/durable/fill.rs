//! Fills an inbox quickly: in SQL, with random digests, as if the callbacks had been accepted.

use std::path::Path;

use ecp_inbox::postgres::tokio_postgres::NoTls;
use ecp_inbox::sqlite::rusqlite::Connection;

/// A state as long as that of a payment with one successful operation.
pub(super) const STATE: &str = r#"{"status":{"word":"success","since":1700000000},"paid":{"amount":10000,"currency":"EUR"},"left":null,"kind":"purchase","method":"Jeton","currency":"EUR","operations":[{"id":1,"kind":"sale","status":{"word":"success"},"sum":{"amount":10000,"currency":"EUR"},"contradicted":false}],"unknown":[]}"#;

/// A change as long as that of a first callback.
pub(super) const CHANGE: &str =
    r#"{"from":null,"to":"success","operations":[1234567890],"reports":[]}"#;

pub(super) fn sqlite(path: &Path, count: u64) {
    let connection = Connection::open(path).unwrap();
    let fill = format!(
        "PRAGMA synchronous = OFF; PRAGMA cache_size = -2000000; PRAGMA wal_autocheckpoint = 100000;
         BEGIN;
         INSERT INTO ecp_inbox_payments (project, payment, state, updated)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i <= {count} / 3)
             SELECT 1236, CAST('filled-' || i AS BLOB), '{STATE}', 0 FROM n;
         INSERT INTO ecp_inbox_callbacks (project, payment, content, meaning, state, status,
                 received, last_received, due, change, ambiguous, raw)
             WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count})
             SELECT 1236, (i + 2) / 3, randomblob(32), randomblob(32), 'waiting', CAST('success' AS BLOB),
                 1700000000000 + i, 1700000000000 + i, 1700000000000 + i, '{CHANGE}', '[]',
                 randomblob(780)
             FROM n;
         COMMIT;
         PRAGMA wal_checkpoint(TRUNCATE);"
    );
    connection.execute_batch(&fill).unwrap();
    // Who inserts rows counts them, if the version of the tables has counts.
    let counts = format!(
        "UPDATE ecp_inbox_counts SET count = CASE name WHEN 'waiting' THEN {count}
             WHEN 'payments' THEN {count} / 3 + 1 ELSE 0 END;"
    );
    if connection.table_exists(None, "ecp_inbox_counts").unwrap() {
        connection.execute_batch(&counts).unwrap();
    }
}

pub(super) async fn postgres(address: &str, count: u64) {
    let config: ecp_inbox::postgres::tokio_postgres::Config = address.parse().unwrap();
    let (client, connection) = config.connect(NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let fill = format!(
        "SET synchronous_commit = off;
         INSERT INTO ecp_inbox.payments (number, key, project, payment, state, status, updated)
             SELECT i, sha256(convert_to('p' || i, 'UTF8')), 1236, convert_to('filled-' || i, 'UTF8'),
                 '{STATE}', 'success', 0
             FROM generate_series(1, {count} / 3 + 1) AS i;
         INSERT INTO ecp_inbox.callbacks (project, payment_number, payment, content, meaning, state,
                 status, received, last_received, due, change, ambiguous, raw)
             SELECT 1236, (i + 2) / 3,
                 convert_to('filled-' || (i + 2) / 3, 'UTF8'), sha256(convert_to('c' || i, 'UTF8')),
                 sha256(convert_to('m' || i, 'UTF8')), 'waiting', 'success'::bytea,
                 1700000000000 + i, 1700000000000 + i, 1700000000000 + i, '{CHANGE}', '[]',
                 convert_to(repeat(md5(i::text), 25), 'UTF8')
             FROM generate_series(1, {count}) AS i;
         "
    );
    client.batch_execute(&fill).await.unwrap();
    client.batch_execute("VACUUM ANALYZE").await.unwrap();
    client.batch_execute("CHECKPOINT").await.unwrap();
    drop(client);
    let _ = connection.await;
}
