-- What is recent stands together: the keys of digests, which are random, begin with the payment. Most
-- callbacks are done, and no index holds those by their state.

CREATE TABLE ecp_inbox_callbacks_3 (
    id INTEGER PRIMARY KEY,
    project INTEGER NOT NULL,
    payment INTEGER REFERENCES ecp_inbox_payments (number),
    content BLOB NOT NULL,
    meaning BLOB,
    first INTEGER REFERENCES ecp_inbox_callbacks (id),
    state TEXT NOT NULL,
    status BLOB,
    received INTEGER NOT NULL,
    times INTEGER NOT NULL DEFAULT 1,
    last_received INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    due INTEGER,
    since INTEGER,
    lease INTEGER,
    error TEXT,
    change TEXT NOT NULL,
    ambiguous TEXT NOT NULL,
    raw BLOB
) STRICT;

INSERT INTO ecp_inbox_callbacks_3
SELECT id, project, payment, content, meaning, first, state, status, received, times, last_received,
    attempts, due, since, lease, error, change, ambiguous, raw
FROM ecp_inbox_callbacks;

DROP TABLE ecp_inbox_callbacks;
ALTER TABLE ecp_inbox_callbacks_3 RENAME TO ecp_inbox_callbacks;

CREATE UNIQUE INDEX ecp_inbox_contents ON ecp_inbox_callbacks (payment, content)
    WHERE payment IS NOT NULL;
CREATE UNIQUE INDEX ecp_inbox_contents_without_payment ON ecp_inbox_callbacks (content)
    WHERE payment IS NULL;
CREATE UNIQUE INDEX ecp_inbox_meanings ON ecp_inbox_callbacks (payment, meaning)
    WHERE meaning IS NOT NULL;
CREATE INDEX ecp_inbox_by_state ON ecp_inbox_callbacks (state, id) WHERE state <> 'done';
CREATE INDEX ecp_inbox_waiting ON ecp_inbox_callbacks (due, id) WHERE state = 'waiting';
CREATE INDEX ecp_inbox_waiting_of_payment ON ecp_inbox_callbacks (payment, id)
    WHERE state = 'waiting';

-- Numbers of callbacks by state, and of payments, kept so that no statement has to count them. Who inserts
-- rows counts them; triggers count what is changed or deleted, by hand too.
CREATE TABLE ecp_inbox_counts (name TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO ecp_inbox_counts VALUES ('waiting', 0), ('done', 0), ('dead', 0), ('held', 0),
    ('repeated', 0), ('payments', (SELECT count(*) FROM ecp_inbox_payments));
UPDATE ecp_inbox_counts SET count = counted.count
FROM (SELECT state, count(*) AS count FROM ecp_inbox_callbacks GROUP BY state) AS counted
WHERE name = counted.state;

CREATE TRIGGER ecp_inbox_callback_changed AFTER UPDATE OF state ON ecp_inbox_callbacks
WHEN old.state <> new.state BEGIN
    UPDATE ecp_inbox_counts SET count = count + (name = new.state) - (name = old.state)
    WHERE name IN (new.state, old.state);
END;
CREATE TRIGGER ecp_inbox_callback_deleted AFTER DELETE ON ecp_inbox_callbacks BEGIN
    UPDATE ecp_inbox_counts SET count = count - 1 WHERE name = old.state;
END;
CREATE TRIGGER ecp_inbox_payment_deleted AFTER DELETE ON ecp_inbox_payments BEGIN
    UPDATE ecp_inbox_counts SET count = count - 1 WHERE name = 'payments';
END;
